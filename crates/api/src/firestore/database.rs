//! One Firestore database while it is open.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use firekeep_documents::Error as DocumentError;
use firekeep_model::{DatabaseName, Timestamp};
use firekeep_store::{CommitTime, ReadTx, Store, WriteTx};

use crate::Error;

/// One Firestore database while it is open. Who holds it keeps it open.
pub(crate) struct Database {
    pub(crate) name: DatabaseName,
    pub(crate) store: Arc<Store>,
    /// True when reads must not happen on the async threads.
    pub(crate) remote: bool,
    used: AtomicI64,
}

impl Database {
    pub(super) fn new(name: DatabaseName, store: Arc<Store>, remote: bool) -> Self {
        Self {
            name,
            store,
            remote,
            used: AtomicI64::new(i64::MIN),
        }
    }

    /// Notes that the database is used.
    pub(super) fn touch(&self, now: Timestamp) {
        self.used.fetch_max(now.micros(), Ordering::Relaxed);
    }

    /// When it was used last.
    pub(super) fn used(&self) -> Timestamp {
        Timestamp::from_micros(self.used.load(Ordering::Relaxed))
    }

    /// A view of now, or of a time.
    pub(super) fn view(&self, at: Option<CommitTime>) -> Result<ReadTx<'_>, Error> {
        let view = match at {
            Some(time) => self.store.read_at(time),
            None => self.store.read(),
        };
        view.map_err(Error::of_storage)
    }

    /// Commits, off the async threads. `work` may run several times. Also gives the time of the commit, or one at which
    /// everything is visible that the transaction saw when there was nothing to commit.
    pub(super) async fn commit<T: Send + 'static>(
        self: &Arc<Self>,
        now: Timestamp,
        work: impl Fn(&mut WriteTx<'_>) -> Result<T, DocumentError> + Send + 'static,
    ) -> Result<(T, Timestamp), Error> {
        let database = Arc::clone(self);
        off_async(move || {
            let mut seen = CommitTime::ZERO;
            let (value, time) = database
                .store
                .write_timed(|tx| -> Result<T, DocumentError> {
                    seen = tx.time();
                    work(tx)
                })?;
            let time = time.unwrap_or_else(|| seen.max(CommitTime(now.micros())));
            Ok((value, Timestamp::from_micros(time.0)))
        })
        .await
    }
}

/// Runs what may block on a thread for that.
pub(super) async fn off_async<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let task = tokio::task::spawn_blocking(work);
    task.await
        .map_err(|_| Error::Internal("a task on documents did not end".to_owned()))?
}
