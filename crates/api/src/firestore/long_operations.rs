//! Operations that go on in the background, as administrators see, stop and forget them.
//!
//! Source: Firestore specification, section 14.

use firekeep_model::{Caller, DatabaseName};

use super::{Firestore, LongOperation};
use crate::Error;

impl Firestore {
    /// An operation that goes on, or ended not long ago.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::PermissionDenied`].
    pub fn operation(&self, caller: &Caller, id: &str) -> Result<LongOperation, Error> {
        let missing = || Error::NotFound(format!("there is no operation `{id}`"));
        let found = self.0.operations.find(id).ok_or_else(missing)?;
        self.check_administrator(caller, found.database.project())?;
        Ok(found)
    }

    /// The operations of a database that go on, or ended not long ago.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`].
    pub fn operations(
        &self,
        caller: &Caller,
        database: &DatabaseName,
    ) -> Result<Vec<LongOperation>, Error> {
        self.check_administrator(caller, database.project())?;
        Ok(self.0.operations.list(database))
    }

    /// Tells an operation to stop. What it did stays done.
    ///
    /// # Errors
    /// As [`operation`](Self::operation).
    pub fn cancel_operation(&self, caller: &Caller, id: &str) -> Result<(), Error> {
        let found = self.operation(caller, id)?;
        self.0.operations.stop(&found.id);
        Ok(())
    }

    /// Forgets an operation that has ended.
    ///
    /// # Errors
    /// [`Error::Invalid`] while it goes on; as [`operation`](Self::operation).
    pub fn delete_operation(&self, caller: &Caller, id: &str) -> Result<(), Error> {
        let found = self.operation(caller, id)?;
        match self.0.operations.forget(&found.id) {
            true => Ok(()),
            false => Err(Error::Invalid(
                "the operation goes on: cancel it, or wait for its end".to_owned(),
            )),
        }
    }
}
