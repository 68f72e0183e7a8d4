//! Databases, as administrators make and list them.
//!
//! Firestore specification, section 14.

use firekeep_model::{Caller, DatabaseName, ProjectId, Timestamp};

use super::Firestore;
use super::databases::{IfLive, Record};
use crate::Error;

/// A database, as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseSummary {
    /// Its name.
    pub name: DatabaseName,
    /// Its other name, which no later database of that name has.
    pub uid: String,
    /// When it was made.
    pub create_time: Timestamp,
    /// If it is protected against deletion.
    pub protected: bool,
}

/// What is to become of a database; `None` for what is to stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatabaseChange {
    /// If it is to be protected against deletion.
    pub protected: Option<bool>,
}

impl Firestore {
    /// Makes a database.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`]; [`Error::Exists`].
    pub async fn create_database(
        &self,
        caller: &Caller,
        database: &DatabaseName,
    ) -> Result<DatabaseSummary, Error> {
        self.check_administrator(caller, database.project())?;
        let name = database.clone();
        let record = self
            .0
            .write(move |tx, cx| Record::create(tx, cx, &name, IfLive::Refuse));
        Ok(record.await?.summary(database.clone()))
    }

    /// A database; one that is made on first use is there afterwards.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`], [`Error::DatabaseNotFound`].
    pub async fn database(
        &self,
        caller: &Caller,
        database: &DatabaseName,
    ) -> Result<DatabaseSummary, Error> {
        self.check_administrator(caller, database.project())?;
        self.0.database(database).await?;
        let found = Record::find(&self.0.read()?, database)?;
        let found = found.filter(Record::is_live);
        let found = found.ok_or_else(|| Error::DatabaseNotFound(database.clone()))?;
        Ok(found.summary(database.clone()))
    }

    /// Changes what can be changed of a database.
    ///
    /// # Errors
    /// As [`database`](Self::database).
    pub async fn update_database(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        change: DatabaseChange,
    ) -> Result<DatabaseSummary, Error> {
        // It is made by this, where it is made on first use.
        self.database(caller, database).await?;
        let name = database.clone();
        let changed = self.0.write(move |tx, _| {
            let found = Record::find(tx, &name)?.filter(Record::is_live);
            let mut record = found.ok_or_else(|| Error::DatabaseNotFound(name.clone()))?;
            record.protected = change.protected.unwrap_or(record.protected);
            record.put(tx, &name)?;
            Ok(record)
        });
        Ok(changed.await?.summary(database.clone()))
    }

    /// The databases of a project, by their ids.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`].
    pub async fn list_databases(
        &self,
        caller: &Caller,
        project: &ProjectId,
    ) -> Result<Vec<DatabaseSummary>, Error> {
        self.check_administrator(caller, project)?;
        let found = Record::list(&self.0.read()?, Some(project))?.into_iter();
        let live = found.filter(|(_, record)| record.is_live());
        Ok(live.map(|(name, record)| record.summary(name)).collect())
    }

    /// Refuses everybody but administrators of the project.
    pub(super) fn check_administrator(
        &self,
        caller: &Caller,
        project: &ProjectId,
    ) -> Result<(), Error> {
        match self.0.administers(caller, project) {
            true => Ok(()),
            false => Err(Error::PermissionDenied),
        }
    }
}

impl Record {
    fn summary(self, name: DatabaseName) -> DatabaseSummary {
        DatabaseSummary {
            name,
            uid: self.uid,
            create_time: Timestamp::from_micros(self.created_micros),
            protected: self.protected,
        }
    }
}
