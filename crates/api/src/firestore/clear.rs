//! Emptying a database: the emulator's endpoint, and the end of one that is deleted.

use std::sync::Arc;

use firekeep_documents::{Operation, Precondition, Write, commit, keys};
use firekeep_model::{Caller, DatabaseName, OpContext};
use firekeep_store::{Direction, Key, KeyRange, PageLimit, Read as _, Space};

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
    pub(super) fn delete_documents(
        self: &Arc<Self>,
        now: firekeep_model::Timestamp,
    ) -> Result<(), Error> {
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
            let writes = writes?;
            self.store.write(|tx| {
                let mut rng = SystemRng;
                let cx = OpContext { now, rng: &mut rng };
                let catalog = indexes.catalog(tx)?;
                commit::apply(tx, &cx, &writes, catalog.as_ref())
            })?;
            match page.next {
                Some(next) => range = range.after(&next),
                None => return Ok(()),
            }
        }
    }
}

fn delete(key: &Key) -> Result<Write, firekeep_documents::Error> {
    Ok(Write {
        path: keys::path(key)?,
        operation: Operation::Delete,
        transforms: Vec::new(),
        precondition: Precondition::None,
    })
}
