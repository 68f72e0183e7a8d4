//! Where a request reads: in which database, at which time, for which transaction.

use std::sync::Arc;

use firekeep_documents::Error as DocumentError;
use firekeep_model::{Caller, DatabaseName, Timestamp};
use firekeep_store::{CommitTime, Read};

use super::database::{Database, off_async};
use super::{Consistency, Firestore};
use crate::Error;
use crate::limits::HISTORY_KEPT;

/// Where a request reads. The first read fixes the time for those that follow.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) database: Arc<Database>,
    at: Option<CommitTime>,
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
        let database = self.admit(caller, database).await?;
        let at = match consistency {
            Consistency::Strong => None,
            Consistency::At(time) => Some(self.read_time(time)?),
            Consistency::Transaction(_) => return Err(Error::TransactionExpired),
            Consistency::New(_) => return Err(Error::NotEnabled("a transaction")),
        };
        Ok(Reading { database, at })
    }

    /// A time that a client wants to read at.
    ///
    /// # Errors
    /// [`Error::ReadTimeTooOld`].
    pub(super) fn read_time(&self, time: Timestamp) -> Result<CommitTime, Error> {
        let now = self.0.now().micros();
        let kept = i64::try_from(HISTORY_KEPT.as_micros()).unwrap_or(i64::MAX);
        match (now.saturating_sub(kept)..=now).contains(&time.micros()) {
            true => Ok(CommitTime(time.micros())),
            false => Err(Error::ReadTimeTooOld),
        }
    }
}

impl Reading {
    /// The time that everything is read at, once something was.
    pub(super) fn time(&self) -> Timestamp {
        Timestamp::from_micros(self.at.unwrap_or_default().0)
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
        let tx = self.database.view(self.at)?;
        let value = work(&tx)?;
        // A time after the newest commit stays what it is.
        Ok((value, self.at.unwrap_or_else(|| tx.time())))
    }
}
