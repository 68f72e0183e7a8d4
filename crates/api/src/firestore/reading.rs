//! Where a request reads: in which database, at which time, for which transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use firekeep_documents::Error as DocumentError;
use firekeep_documents::index::Catalog;
use firekeep_model::{Caller, DatabaseName, Timestamp};
use firekeep_store::{CommitTime, Read, ReadLog, Recording};

use super::database::{Database, off_async};
use super::transactions::Transaction;
use super::{Consistency, Firestore};
use crate::limits::HISTORY_KEPT;
use crate::{Core, Error};

/// Where a request reads. The first read fixes the time for those that follow.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) database: Arc<Database>,
    core: Arc<Core>,
    /// The transaction that the request began.
    begun: Option<Arc<Begun>>,
    at: Option<CommitTime>,
    transaction: Option<Arc<Transaction>>,
}

/// A transaction that a request began. It ends when the request fails before it could tell the id.
struct Begun {
    core: Arc<Core>,
    id: Bytes,
    told: AtomicBool,
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.told.load(Ordering::Relaxed) {
            self.core.transactions.forget(&self.id);
        }
    }
}

impl Firestore {
    /// Where a caller's request reads.
    ///
    /// # Errors
    /// Those of [`Firestore`]'s doc, up to the read time.
    pub(super) async fn reading(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        consistency: Consistency,
    ) -> Result<Reading, Error> {
        let open = self.admit(caller, database).await?;
        let asker = self.asker(caller, database);
        let core = Arc::clone(&self.0);
        Ok(match consistency {
            Consistency::Strong => Reading::new(core, open),
            Consistency::At(time) => Reading {
                at: Some(self.read_time(&open, time).await?),
                ..Reading::new(core, open)
            },
            Consistency::Transaction(id) => {
                let transaction = self.0.transactions.find(asker, &id)?;
                Reading::of(core, open, transaction)
            }
            Consistency::New(options) => {
                let begun = self.begin(asker, Arc::clone(&open), options);
                let (id, transaction) = begun.await?;
                Reading {
                    begun: Some(Arc::new(Begun {
                        core: Arc::clone(&core),
                        id,
                        told: AtomicBool::new(false),
                    })),
                    ..Reading::of(core, open, transaction)
                }
            }
        })
    }

    /// A time that a client wants to read at: from then on no commit changes what is read there. One after now is good
    /// if there was a commit since: its time may be ahead of a clock that was set back.
    ///
    /// # Errors
    /// [`Error::ReadTimeTooOld`]; storage errors.
    pub(super) async fn read_time(
        &self,
        database: &Arc<Database>,
        time: Timestamp,
    ) -> Result<CommitTime, Error> {
        let now = self.0.now().micros();
        let kept = i64::try_from(HISTORY_KEPT.as_micros()).unwrap_or(i64::MAX);
        let time = CommitTime(time.micros());
        let visible = database.now().await?;
        let oldest = now.saturating_sub(kept).max(database.since.0);
        if time.0 > now.max(visible.0) || time.0 < oldest {
            return Err(Error::ReadTimeTooOld);
        }
        if time > visible {
            // Commits may be under way that have earlier times.
            let database = Arc::clone(database);
            let settle = move || database.store.settle(time).map_err(Error::of_storage);
            off_async(settle).await?;
        }
        Ok(time)
    }

    /// Reads the next page of a list: at the time of the first page while that can be read, or where the request says.
    ///
    /// # Errors
    /// Those of [`reading`](Self::reading) and of `read`.
    pub(super) async fn go_on<T, F: Future<Output = Result<T, Error>>>(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        consistency: Consistency,
        first_page: Option<Timestamp>,
        read: impl Fn(Reading) -> F,
    ) -> Result<T, Error> {
        if let (Consistency::Strong, Some(time)) = (&consistency, first_page) {
            let then = Consistency::At(time);
            let page = match self.reading(caller, database, then).await {
                Ok(reading) => read(reading).await,
                Err(error) => Err(error),
            };
            if !matches!(page, Err(Error::ReadTimeTooOld)) {
                return page;
            }
        }
        read(self.reading(caller, database, consistency).await?).await
    }
}

impl Reading {
    fn new(core: Arc<Core>, database: Arc<Database>) -> Self {
        Self {
            database,
            core,
            begun: None,
            at: None,
            transaction: None,
        }
    }

    fn of(core: Arc<Core>, database: Arc<Database>, transaction: Arc<Transaction>) -> Self {
        Self {
            at: Some(transaction.read_time),
            transaction: Some(transaction),
            ..Self::new(core, database)
        }
    }

    /// The id of the transaction that the request began, for its first answer.
    pub(super) fn tell_begun(&self) -> Option<Bytes> {
        let begun = self.begun.as_ref()?;
        begun.told.store(true, Ordering::Relaxed);
        Some(begun.id.clone())
    }

    /// The time that everything is read at, once something was.
    pub(super) fn time(&self) -> Timestamp {
        Timestamp::from_micros(self.at.unwrap_or_default().0)
    }

    /// Gives the catalogue of indexes that holds where this reads, in the transaction of the first read.
    pub(super) fn catalog(
        &self,
    ) -> impl Fn(&dyn Read) -> Result<Arc<Catalog>, DocumentError> + Send + Sync + 'static {
        let (indexes, at) = (self.database.indexes(), self.at);
        move |tx| {
            let now = indexes.catalog(tx)?;
            let changed = !now.groups().is_empty()
                || !now.all_composites().is_empty()
                || !now.overrides().is_empty();
            Ok(match at.filter(|_| changed) {
                Some(time) => Arc::new(now.as_of(time)),
                None => now,
            })
        }
    }

    /// Reads something short: on this thread, where the engine is here.
    pub(super) async fn here<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&dyn Read) -> Result<T, DocumentError> + Send + 'static,
    ) -> Result<T, Error> {
        if self.database.remote {
            return self.off(work).await;
        }
        let (value, at) = self.read(work)?;
        self.at = Some(at);
        Ok(value)
    }

    /// Reads something long, off the async threads.
    pub(super) async fn off<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&dyn Read) -> Result<T, DocumentError> + Send + 'static,
    ) -> Result<T, Error> {
        let reading = self.clone();
        let (value, at) = off_async(move || reading.read(work)).await?;
        self.at = Some(at);
        Ok(value)
    }

    fn read<T>(
        &self,
        work: impl FnOnce(&dyn Read) -> Result<T, DocumentError>,
    ) -> Result<(T, CommitTime), Error> {
        let tx = self.database.view(self.at).map_err(|error| match error {
            // What a transaction began with is gone: it has to begin anew.
            Error::ReadTimeTooOld if self.transaction.is_some() => Error::Aborted,
            error => error,
        })?;
        if let Some(transaction) = &self.transaction {
            transaction.touch(self.core.now());
        }
        let value = match self.transaction.as_ref().filter(|it| it.may_write) {
            None => work(&tx)?,
            Some(transaction) => {
                let recording = Recording::new(&tx, ReadLog::default());
                let value = work(&recording);
                // Also of a read that failed: it may say that something is not there.
                transaction.add(recording.into_log())?;
                value?
            }
        };
        // A time after the newest commit stays what it is.
        Ok((value, self.at.unwrap_or_else(|| tx.time())))
    }
}
