//! One Firestore database while it is open.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use firekeep_documents::Error as DocumentError;
use firekeep_documents::index::{Catalog, Indexes};
use firekeep_model::{DatabaseName, Timestamp};
use firekeep_store::{CommitTime, Committed, ReadTx, Store, Tried, WriteTx};

use super::building::Building;
use super::expiry::LookedThrough;
use super::indexes::Hints;
use super::promised::Promised;
use crate::Error;

/// One Firestore database while it is open. Who holds it keeps it open.
pub(crate) struct Database {
    pub(crate) name: DatabaseName,
    /// What there was before is not its past, but that of an earlier database of its name.
    pub(super) since: CommitTime,
    pub(crate) store: Arc<Store>,
    /// True when reads must not happen on the async threads.
    pub(crate) remote: bool,
    promised: Arc<Promised>,
    indexes: Arc<Indexes>,
    used: AtomicI64,
    /// Who builds indexes.
    pub(super) building: Building,
    /// When it was last looked through for expired documents.
    pub(super) looked_through: LookedThrough,
    /// Indexes that the log has named.
    pub(super) hints: Hints,
    /// Times that something long still reads at.
    kept: Mutex<Vec<CommitTime>>,
}

/// Keeps the history of a time until it is dropped.
pub(super) struct Kept<'a> {
    database: &'a Database,
    at: CommitTime,
}

impl Database {
    pub(super) fn new(
        name: DatabaseName,
        since: CommitTime,
        store: Arc<Store>,
        remote: bool,
        promised: Arc<Promised>,
    ) -> Self {
        Self {
            name,
            since,
            store,
            remote,
            promised,
            indexes: Arc::default(),
            used: AtomicI64::new(i64::MIN),
            kept: Mutex::default(),
            building: Building::default(),
            looked_through: LookedThrough::default(),
            hints: Hints::default(),
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

    /// Keeps the history of a time, for what reads longer than [`HISTORY_KEPT`](crate::limits::HISTORY_KEPT).
    pub(super) fn keep(&self, at: CommitTime) -> Kept<'_> {
        self.kept().push(at);
        Kept { database: self, at }
    }

    /// The oldest time that is kept.
    pub(super) fn oldest_kept(&self) -> Option<CommitTime> {
        self.kept().iter().min().copied()
    }

    fn kept(&self) -> MutexGuard<'_, Vec<CommitTime>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A view of now, or of a time.
    pub(super) fn view(&self, at: Option<CommitTime>) -> Result<ReadTx<'_>, Error> {
        let view = match at {
            Some(time) => self.store.read_at(time),
            None => self.store.read(),
        };
        view.map_err(Error::of_storage)
    }

    /// Its indexes, which give every transaction the catalogue that it sees.
    pub(super) fn indexes(&self) -> Arc<Indexes> {
        Arc::clone(&self.indexes)
    }

    /// The catalogue of indexes as it is now.
    pub(super) fn catalog(&self) -> Result<Arc<Catalog>, Error> {
        Ok(self.indexes.catalog(&self.view(None)?)?)
    }

    /// The time of the newest commit.
    pub(super) async fn now(self: &Arc<Self>) -> Result<CommitTime, Error> {
        if !self.remote {
            return Ok(self.view(None)?.time());
        }
        let database = Arc::clone(self);
        off_async(move || Ok(database.view(None)?.time())).await
    }

    /// Makes now a snapshot that clients may be told of, or what is later: the newest commit, and what was told before.
    /// Blocks.
    pub(super) fn settle(&self, now: CommitTime) -> Result<CommitTime, Error> {
        let settled = self.store.settle(now).map_err(Error::of_storage)?;
        let newest = self.view(None)?.time();
        if settled <= newest {
            return Ok(newest);
        }
        match self.promised.keep(settled) {
            Ok(()) => Ok(settled),
            // A full disk: what there is can still be listened to.
            Err(error) => {
                tracing::warn!(%error, "the time that listeners are told stands still");
                Ok(newest.max(settled.min(self.promised.newest())))
            }
        }
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

    /// The same for a small work: run here, where the engine is, and without a thread that waits for the commit.
    pub(super) async fn commit_small<T: Send + 'static>(
        self: &Arc<Self>,
        now: Timestamp,
        work: impl Fn(&mut WriteTx<'_>) -> Result<T, DocumentError> + Send + 'static,
    ) -> Result<(T, Timestamp), Error> {
        if self.remote {
            return self.commit(now, work).await;
        }
        let mut seen = CommitTime::ZERO;
        let tried = self.store.try_write(|tx| {
            seen = tx.time();
            work(tx)
        });
        let committed = match tried? {
            Tried::Idle(value) => Some((value, None)),
            Tried::Behind => None,
            Tried::InLine(value, line) => match line.await.map_err(DocumentError::from)? {
                Committed::At(time) => Some((value, time)),
                Committed::Lost => None,
            },
        };
        let Some((value, time)) = committed else {
            return self.commit(now, work).await;
        };
        let time = time.unwrap_or_else(|| seen.max(CommitTime(now.micros())));
        Ok((value, Timestamp::from_micros(time.0)))
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        let mut kept = self.database.kept();
        if let Some(found) = kept.iter().position(|at| *at == self.at) {
            kept.swap_remove(found);
        }
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
