//! Why an operation did not happen, in the words that an edge translates.

use firekeep_accounts as accounts;
use firekeep_store as store;
use firekeep_token as token;

/// Why an operation did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The account operation was refused.
    #[error(transparent)]
    Account(#[from] accounts::Error),
    /// A custom token was refused.
    #[error("custom token refused: {0}")]
    CustomToken(#[source] token::Error),
    /// An ID token was refused.
    #[error("ID token refused: {0}")]
    IdToken(#[source] token::Error),
    /// The ID token's session or user was revoked since it was issued.
    #[error("the ID token was revoked; sign in again")]
    IdTokenRevoked,
    /// The combination of name and password is wrong, or there is no such account.
    #[error("wrong name or password")]
    WrongPassword,
    /// No account has the email address; only said where accounts are not hidden.
    #[error("there is no account with that email address")]
    EmailNotFound,
    /// Too many attempts from one place or at one account.
    #[error("too many attempts; try again in {retry_after_secs} seconds")]
    TooManyAttempts {
        /// When to try again.
        retry_after_secs: u64,
    },
    /// All workers that hash passwords are busy.
    #[error("the server is busy; try again in a second")]
    Busy,
    /// The API key is not registered.
    #[error("API key not valid. Please pass a valid API key.")]
    UnknownApiKey,
    /// The bearer credential is no administrator's.
    #[error("the credential is not valid for this server")]
    Unauthenticated,
    /// The caller needs a credential, and has none.
    #[error("the request needs an administrator's credential")]
    CredentialMissing,
    /// The caller needs an API key, and has none.
    #[error("The request is missing a valid API key.")]
    ApiKeyMissing,
    /// The caller's credential is good, but not for this.
    #[error("the credential does not allow this")]
    Forbidden,
    /// Only administrators may name the project.
    #[error("Only authenticated requests can specify target_project_id.")]
    ProjectNotTheirs,
    /// There is no such tenant.
    #[error("there is no such tenant")]
    TenantNotFound,
    /// The operation is switched off for this project.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// The caller's request lacks something or says something wrong.
    #[error("{0}")]
    Invalid(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The data folder was made in dev mode, and the server is to run in safe mode.
    #[error(
        "this data folder was made in dev mode, where anybody could have made its accounts; \
         start with --dev, or with another --data folder"
    )]
    MadeInDevMode,
    /// Storage failed.
    #[error("storage failed: {0}")]
    Store(#[from] store::Error),
    /// Something that should not happen.
    #[error("internal error: {0}")]
    Internal(String),
}

impl From<firekeep_crypto::Error> for Error {
    fn from(error: firekeep_crypto::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(format!(
            "a stored record cannot be read or written: {error}"
        ))
    }
}
