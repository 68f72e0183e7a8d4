//! Who may use documents: decided here, for every operation.
//!
//! Until there are security rules, administrators may do everything; others nothing, or in dev mode everything.
//! Firestore specification, section 5.

use std::sync::Arc;

use firekeep_accounts::Pool;
use firekeep_crypto::jws::Compact;
use firekeep_model::{Caller, DatabaseName, ProjectId};
use firekeep_token::custom;

use super::Firestore;
use super::database::Database;
use crate::{AccountError, Core, Error};

/// Who may use documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Everybody, without any credential. Dev mode only.
    Open,
    /// Administrators.
    #[default]
    Administrators,
}

impl Core {
    /// The caller of a request for documents, as its bearer credential proves it: nobody, an administrator, or a
    /// signed-in user of the database's project whose session still stands.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for a credential that proves nothing; storage errors.
    pub fn documents_caller(
        &self,
        bearer: Option<&str>,
        database: &DatabaseName,
    ) -> Result<Caller, Error> {
        let Some(bearer) = bearer else {
            return Ok(Caller::Anonymous);
        };
        if self.policy.admits(bearer) || self.is_admin(bearer) {
            let project = self.project_id.clone();
            return Ok(Caller::Privileged { project });
        }
        match self.user_of_token(bearer, database) {
            Ok(caller) => Ok(caller),
            Err(
                error @ (Error::Store(_)
                | Error::Account(AccountError::Store(_) | AccountError::Corrupt(_))),
            ) => Err(error),
            Err(_) => Err(Error::Unauthenticated),
        }
    }

    fn user_of_token(&self, token: &str, database: &DatabaseName) -> Result<Caller, Error> {
        let project = database.project().clone();
        let pool = Pool::of(&project);
        // COMPAT: the users of unsigned tokens need not exist; `rules-unit-testing` makes them up. Safe mode refuses
        // such a token like any bad one.
        let uid = match custom::is_unsigned(token) {
            true => self.claims(&pool, token)?.sub.clone(),
            false => self.authenticate(&pool, token)?.user.uid,
        };
        // Parsed once more, for what it says beside what every token says.
        let parsed = Compact::parse(token).map_err(|_| Error::Unauthenticated)?;
        Ok(Caller::User {
            project,
            uid,
            claims: Arc::new(parsed.payload),
        })
    }
}

impl Firestore {
    /// The database of a request, for a caller who may use it.
    ///
    /// # Errors
    /// [`Error::DatabaseNotFound`], [`Error::PermissionDenied`]; storage errors.
    pub(super) async fn admit(
        &self,
        caller: &Caller,
        database: &DatabaseName,
    ) -> Result<Arc<Database>, Error> {
        match self.may(caller, database) {
            true => self.0.database(database).await,
            // Nobody makes a database by asking for what is refused.
            false => Err(self.0.refusal(database)),
        }
    }

    fn may(&self, caller: &Caller, database: &DatabaseName) -> bool {
        self.0.documents == Access::Open || self.0.administers(caller, database.project())
    }
}

impl Core {
    /// Whether a caller administers a project.
    pub(super) fn administers(&self, caller: &Caller, project: &ProjectId) -> bool {
        match caller {
            Caller::Privileged { project: own } => self.policy.open() || own == project,
            Caller::Anonymous | Caller::ApiKey { .. } | Caller::User { .. } => false,
        }
    }

    /// Why somebody who may not use a database gets nothing.
    fn refusal(&self, database: &DatabaseName) -> Error {
        match self.has_database(database) {
            Ok(true) => Error::PermissionDenied,
            Ok(false) => Error::DatabaseNotFound(database.clone()),
            Err(error) => error,
        }
    }
}
