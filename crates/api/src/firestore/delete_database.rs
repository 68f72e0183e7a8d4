//! `DeleteDatabase`: nobody finds it from then on, and its data goes away page by page. What was begun before a restart
//! is gone on with after it.

use std::sync::Arc;

use firekeep_model::{Caller, DatabaseName};
use firekeep_store::{
    CommitTime, DbId, Direction, Error as StoreError, Key, KeyRange, META_CLOCK, META_FORMAT,
    META_TRIM, PageLimit, Read as _, Space, Store, WriteTx,
};

use super::Firestore;
use super::database::{Database, off_async};
use super::databases::{Record, State};
use super::watch::End;
use crate::core::Round;
use crate::limits::EMPTYING_WAIT;
use crate::{Core, Error};

impl Firestore {
    /// Deletes a database. What is in it goes away in the background, where that takes longer than a moment.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`], [`Error::DatabaseNotFound`], [`Error::DatabaseProtected`].
    pub async fn delete_database(
        &self,
        caller: &Caller,
        database: &DatabaseName,
    ) -> Result<(), Error> {
        self.check_administrator(caller, database.project())?;
        let name = database.clone();
        let mark = self.0.write(move |tx, _| {
            let found = Record::find(tx, &name)?.filter(Record::is_live);
            let record = found.ok_or_else(|| Error::DatabaseNotFound(name.clone()))?;
            if record.protected {
                return Err(Error::DatabaseProtected(name.clone()));
            }
            let state = State::Emptying;
            Record { state, ..record }.put(tx, &name)
        });
        mark.await?;
        let (core, name) = (Arc::clone(&self.0), database.clone());
        off_async(move || {
            core.watches.end(&name, End::Deleted);
            core.databases.close_one(&name);
            Ok(())
        })
        .await?;
        let core = Arc::clone(&self.0);
        let emptying = tokio::task::spawn_blocking(move || core.finish_deletions());
        match tokio::time::timeout(EMPTYING_WAIT, emptying).await {
            Ok(emptied) => emptied
                .map_err(|_| Error::Internal("a task on documents did not end".to_owned()))?,
            // It goes on, after a restart too.
            Err(_) => Ok(()),
        }
    }
}

impl Core {
    /// Has deleted databases emptied in the background, if there are any and nobody does it.
    ///
    /// # Errors
    /// Storage errors.
    pub(super) fn go_on_emptying(self: &Arc<Self>) -> Result<(), Error> {
        let records = Record::list(&self.read()?, None)?;
        let some = (records.iter()).any(|(_, record)| record.state == State::Emptying);
        if some && !self.databases.is_emptying() {
            let core = Arc::clone(self);
            // What fails is logged, and tried again in the next round.
            tokio::task::spawn_blocking(move || core.finish_deletions());
        }
        Ok(())
    }

    /// Empties what was deleted, and is not empty yet. Blocks; ends early when the server does.
    ///
    /// # Errors
    /// The first storage error, once the others are emptied.
    pub(super) fn finish_deletions(&self) -> Result<(), Error> {
        let _alone = self.databases.empty_alone();
        let records = Record::list(&self.read()?, None)?;
        let deleted = (records.into_iter()).filter(|(_, record)| record.state == State::Emptying);
        let mut round = Round::default();
        for (name, record) in deleted {
            let emptied = self.empty(&name, &record).and_then(|()| {
                let state = State::Deleted;
                self.write_here(|tx, _| {
                    let record = record.clone();
                    Record { state, ..record }.put(tx, &name)
                })
            });
            match emptied {
                Err(Error::Store(StoreError::Closed)) => return Ok(()),
                emptied => round.note(&name.to_string(), emptied),
            };
        }
        round.end()
    }

    fn empty(&self, name: &DatabaseName, record: &Record) -> Result<(), Error> {
        let (engine, clock) = self.databases.engine();
        let remote = engine.remote();
        let store = Store::open(engine, DbId(record.number), clock)?;
        let promised = Arc::clone(self.databases.promised());
        let database = Database::new(name.clone(), CommitTime::ZERO, store, remote, promised);
        let database = Arc::new(database);
        self.databases.set_emptied(Some(Arc::clone(&database)))?;
        let emptied = database
            .delete_documents(self.now())
            // What is declared for it, and what of that was left half done.
            .and_then(|()| database.wipe(Space::Idx))
            .and_then(|()| database.wipe(Space::Meta));
        database.store.close();
        self.databases.set_emptied(None)?;
        emptied
    }
}

impl Database {
    fn wipe(&self, space: Space) -> Result<(), Error> {
        let mut range = KeyRange::all();
        loop {
            let page = (self.view(None)?)
                .scan(space, &range, Direction::Forward, PageLimit::default())
                .map_err(Error::of_storage)?;
            self.store
                .write(|tx: &mut WriteTx<'_>| -> Result<(), Error> {
                    let own = |key: &Key| {
                        space == Space::Meta
                            && [META_CLOCK, META_FORMAT, META_TRIM].contains(&key.as_slice())
                    };
                    for (key, _) in page.rows.iter().filter(|(key, _)| !own(key)) {
                        tx.delete(space, key.clone())?;
                    }
                    Ok(())
                })?;
            match page.next {
                Some(next) => range = range.after(&next),
                None => return Ok(()),
            }
        }
    }
}
