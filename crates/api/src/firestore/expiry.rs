//! Documents that expire: declared by administrators, deleted in the background.
//!
//! They are deleted within minutes of their time where an index finds them, and else by a look at all of their group every
//! few hours. Whoever listens sees deletes like any others. Firestore specification, section 13.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use firekeep_documents::index::{Expiry, change};
use firekeep_documents::{Error as DocumentError, Execution, Write, commit, expiry};
use firekeep_model::{Caller, DatabaseName, OpContext, Timestamp};
use firekeep_store::Error as StoreError;

use super::Firestore;
use super::database::Database;
use super::databases::Record;
use crate::core::Round;
use crate::limits::{EXPIRY_LOOK_EVERY, EXPIRY_TIME_MAX, QUERY_PAGE};
use crate::{Core, Error, SystemRng};

/// When a database was last looked through for what has expired, in microseconds.
pub(super) struct LookedThrough(AtomicI64);

impl Default for LookedThrough {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl LookedThrough {
    /// Whether it is time to look again; asked again, it is not.
    fn is_due(&self, now: Timestamp) -> bool {
        let every = i64::try_from(EXPIRY_LOOK_EVERY.as_micros()).unwrap_or(i64::MAX);
        let due = self.0.load(Ordering::Relaxed).saturating_add(every) <= now.micros();
        if due {
            self.0.store(now.micros(), Ordering::Relaxed);
        }
        due
    }
}

impl Firestore {
    /// Declares that the documents of a group of collections expire.
    ///
    /// # Errors
    /// [`InvalidIndex::OtherExpiry`](super::InvalidIndex::OtherExpiry), [`InvalidIndex::Busy`](super::InvalidIndex::Busy);
    /// as [`index_catalog`](Self::index_catalog).
    pub async fn set_expiry(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        expiry: Expiry,
    ) -> Result<(), Error> {
        // The database is there afterwards.
        self.index_catalog(caller, database).await?;
        let name = database.clone();
        let noted = self.0.write(move |tx, _| {
            let found = Record::find(tx, &name)?.filter(Record::is_live);
            let record = found.ok_or_else(|| Error::DatabaseNotFound(name.clone()))?;
            let expires = true;
            Record { expires, ..record }.put(tx, &name)
        });
        noted.await?;
        self.change_indexes(caller, database, move |tx| {
            change::set_expiry(tx, expiry.clone())
        })
        .await
    }

    /// Takes that back. Without effect where it was not declared of this field.
    ///
    /// # Errors
    /// As [`index_catalog`](Self::index_catalog).
    pub async fn remove_expiry(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        expiry: Expiry,
    ) -> Result<(), Error> {
        self.change_indexes(caller, database, move |tx| {
            change::remove_expiry(tx, &expiry)
        })
        .await
    }
}

impl Core {
    /// Deletes what has expired in a database, as far as the round has time. Blocks.
    pub(super) fn delete_expired(&self, database: &Arc<Database>) -> Result<(), Error> {
        let catalog = database.catalog()?;
        let now = self.now();
        let mut round = Round::default();
        let all = catalog.expiries().iter();
        let (found, others): (Vec<_>, Vec<_>) = all.partition(|one| catalog.finds_expired(one));
        let looks = !others.is_empty() && database.looked_through.is_due(now);
        let others = others.into_iter().filter(|_| looks);
        for expiry in found.into_iter().chain(others) {
            let what = format!("expired documents of `{}`", expiry.collection.as_str());
            round.note(&what, self.delete_expired_of(database, expiry, now));
        }
        round.end()
    }

    fn delete_expired_of(
        &self,
        database: &Arc<Database>,
        expiry: &Expiry,
        now: Timestamp,
    ) -> Result<(), Error> {
        let begun = Instant::now();
        let at = database.view(None)?.time();
        let _kept = database.keep(at);
        let mut all = Execution::new(expiry::expired(expiry, now), database.catalog()?)?;
        let mut deleted = 0;
        loop {
            let page = all.next_page(&database.view(Some(at))?, QUERY_PAGE)?;
            let writes: Vec<_> = page.documents.into_iter().map(expiry::delete).collect();
            deleted += self.delete_each(database, &writes)?;
            if page.done || begun.elapsed() > EXPIRY_TIME_MAX {
                break;
            }
        }
        if deleted > 0 {
            let collection = expiry.collection.as_str();
            tracing::debug!(database = %database.name, collection, deleted, "documents have expired");
        }
        Ok(())
    }

    /// Deletes those that nobody wrote meanwhile, in several commits where one is too much. Gives how many.
    fn delete_each(&self, database: &Database, writes: &[Write]) -> Result<usize, Error> {
        if writes.is_empty() {
            return Ok(0);
        }
        let (now, indexes) = (self.now(), database.indexes());
        let deleted = database.store.write(|tx| {
            let mut rng = SystemRng;
            let cx = OpContext { now, rng: &mut rng };
            let catalog = indexes.catalog(tx)?;
            commit::apply_each(tx, &cx, writes, catalog.as_ref())
        });
        match deleted {
            Err(DocumentError::Store(StoreError::TooLarge(_))) if writes.len() > 1 => {
                let (first, second) = writes.split_at(writes.len() / 2);
                Ok(self.delete_each(database, first)? + self.delete_each(database, second)?)
            }
            deleted => Ok(deleted?.iter().filter(|one| one.is_ok()).count()),
        }
    }
}
