//! Emptying a database: the emulator's endpoint, and the end of one that is deleted.

use std::sync::Arc;

use firekeep_documents::index::Indexes;
use firekeep_documents::{Error as DocumentError, Operation, Precondition, Write, commit, keys};
use firekeep_model::{Caller, DatabaseName, DocumentPath, OpContext, Timestamp};
use firekeep_store::{Direction, Error as StoreError, Key, KeyRange, PageLimit, Read as _, Space};

use super::Firestore;
use super::database::{Database, off_async};
use crate::{Error, SystemRng};

impl Firestore {
    /// Deletes all documents, in many commits. In dev mode for everybody, as the emulator does.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`]; storage errors.
    pub async fn clear(&self, caller: &Caller, database: &DatabaseName) -> Result<(), Error> {
        let open = match self.0.policy.open() {
            true => self.0.database(database).await?,
            false => {
                self.check_administrator(caller, database.project())?;
                self.0.database(database).await?
            }
        };
        let now = self.0.now();
        off_async(move || open.delete_documents(now)).await
    }
}

impl Database {
    /// Deletes all documents, page by page. Blocks.
    pub(super) fn delete_documents(self: &Arc<Self>, now: Timestamp) -> Result<(), Error> {
        let indexes = self.indexes();
        let mut range = KeyRange::all();
        loop {
            let tx = self.view(None)?;
            let page = tx.scan(
                Space::Docs,
                &range,
                Direction::Forward,
                PageLimit::default(),
            );
            let page = page.map_err(Error::of_storage)?;
            drop(tx);
            let writes: Result<Vec<_>, _> = page.rows.iter().map(|(key, _)| delete(key)).collect();
            self.delete_some(&indexes, now, &writes?)?;
            match page.next {
                Some(next) => range = range.after(&next),
                None => return Ok(()),
            }
        }
    }

    /// Commits deletes, in several parts where one is too much: a document has up to 40 000 index entries.
    pub(super) fn delete_some(
        &self,
        indexes: &Indexes,
        now: Timestamp,
        writes: &[Write],
    ) -> Result<(), Error> {
        let deleted = self.store.write(|tx| {
            let mut rng = SystemRng;
            let cx = OpContext { now, rng: &mut rng };
            let catalog = indexes.catalog(tx)?;
            commit::apply(tx, &cx, writes, catalog.as_ref()).map(drop)
        });
        match deleted {
            Err(DocumentError::Store(StoreError::TooLarge(_))) if writes.len() > 1 => {
                let (first, second) = writes.split_at(writes.len() / 2);
                self.delete_some(indexes, now, first)?;
                self.delete_some(indexes, now, second)
            }
            deleted => Ok(deleted?),
        }
    }
}

fn delete(key: &Key) -> Result<Write, firekeep_documents::Error> {
    Ok(delete_of(keys::path(key)?))
}

pub(super) fn delete_of(path: DocumentPath) -> Write {
    Write {
        path,
        operation: Operation::Delete,
        transforms: Vec::new(),
        precondition: Precondition::None,
    }
}
