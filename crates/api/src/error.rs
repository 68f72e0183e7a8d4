//! Why an operation did not happen, in the words that an edge translates.

use firekeep_accounts as accounts;
use firekeep_documents as documents;
use firekeep_documents::plan::RequiredIndex;
use firekeep_model as model;
use firekeep_model::DatabaseName;
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
    /// An administrator's assertion was refused.
    #[error("assertion refused: {0}")]
    Assertion(#[source] token::Error),
    /// A key file cannot be used.
    #[error(transparent)]
    KeyFile(token::Error),
    /// A token of ours could not be signed.
    #[error("a token could not be signed: {0}")]
    Signing(#[source] token::Error),
    /// An ID token was refused.
    #[error("ID token refused: {0}")]
    IdToken(#[source] token::Error),
    /// The ID token's session or user was revoked since it was issued.
    #[error("the ID token was revoked; sign in again")]
    IdTokenRevoked,
    /// The combination of name and password is wrong, or there is no such account.
    #[error("wrong name or password")]
    WrongPassword,
    /// The account has another password; only said where accounts are not hidden.
    #[error("the password is wrong")]
    InvalidPassword,
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
    /// Only administrators may ask for this.
    #[error("`{0}` is for administrators")]
    AdminOnly(&'static str),
    /// Only administrators may name the project.
    #[error("Only authenticated requests can specify target_project_id.")]
    ProjectNotTheirs,
    /// There is no such tenant.
    #[error("there is no such tenant")]
    TenantNotFound,
    /// The operation is switched off for this project.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// The request asks for something that this server does not do.
    #[error("{0} is not enabled on this server")]
    NotEnabled(&'static str),
    /// The request names no user by what the caller may use.
    #[error("the request names no user")]
    NothingSelected,
    /// The request names no uid.
    #[error("the request names no uid")]
    UidMissing,
    /// The uid of a new user has not the form of one.
    #[error("uid: {0}")]
    InvalidUid(#[source] model::IdError),
    /// A bulk operation names no uid, or too many.
    #[error("a bulk operation names 1 to 1000 uids")]
    UidsOutOfRange,
    /// A list is to begin after what is no uid.
    #[error("the page does not begin after a uid")]
    PageSelection,
    /// The caller's request lacks something or says something wrong: a sentence for people.
    #[error("{0}")]
    Invalid(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The data folder was used in dev mode, and the server is to run in safe mode.
    #[error(
        "this data folder was used in dev mode, where anybody could have made its accounts; \
         start with --dev, or with another --data folder"
    )]
    MadeInDevMode,
    /// A document operation was refused. Never for a failure of storage.
    #[error(transparent)]
    Documents(documents::Error),
    /// There is no such database, and it is not made on first use.
    #[error(
        "The database {} does not exist for project {}. Create it with the command line or the administration API.",
        .0.database(), .0.project()
    )]
    DatabaseNotFound(DatabaseName),
    /// The database is protected against deletion.
    #[error(
        "The database {} is protected against deletion. Take that back first, with UpdateDatabase or `firekeep databases protect {} --off`.",
        .0.database(), .0.database()
    )]
    DatabaseProtected(DatabaseName),
    /// There is something of that name already.
    #[error("{0} is there already")]
    Exists(String),
    /// The caller may not do this to documents. The same text for everybody, whatever is there.
    #[error("Missing or insufficient permissions.")]
    PermissionDenied,
    /// The transaction is unknown, finished or expired.
    ///
    /// COMPAT: the Node SDK tries again when the text says `transaction has expired`.
    #[error(
        "The referenced transaction has expired or is no longer valid. The referenced transaction has expired."
    )]
    TransactionExpired,
    /// The bytes are not those of a transaction.
    #[error("Invalid transaction.")]
    InvalidTransaction,
    /// A transaction that only reads is to write.
    #[error("Cannot modify entities in a read-only transaction.")]
    ReadOnlyTransaction,
    /// What the transaction read was changed by others, or there was too much contention.
    #[error("Transaction aborted: another one changed what it read. Try again.")]
    Aborted,
    /// A read time in the future, or of which the history is gone.
    #[error("The requested snapshot version is too old.")]
    ReadTimeTooOld,
    /// A query needs an index that was not declared, in a database that refuses such queries.
    #[error("{0}")]
    IndexRequired(Box<RequiredIndex>),
    /// What a commit writes is more than storage takes at once.
    #[error("{0} is too large")]
    TooLarge(&'static str),
    /// A limit of the server is reached that has nothing to do with this request.
    #[error("too many {0}; try again later")]
    Exhausted(&'static str),
    /// The server cannot go on with this now; it may later.
    #[error("{0}; try again")]
    Unavailable(&'static str),
    /// Storage failed.
    #[error("storage failed: {0}")]
    Store(#[from] store::Error),
    /// Something that should not happen.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    /// Why a token was not made: claims that are too much are those of the custom token that asks for a session.
    pub(crate) fn of_signing(error: token::Error) -> Self {
        match error {
            token::Error::ClaimsTooLarge => Self::CustomToken(error),
            other => Self::Signing(other),
        }
    }
}

impl Error {
    /// What a failure of storage means for documents.
    pub(crate) fn of_storage(error: store::Error) -> Self {
        match error {
            store::Error::Contended | store::Error::Changed => Self::Aborted,
            store::Error::TooLarge(what) => Self::TooLarge(what),
            store::Error::ReadTimeTooOld => Self::ReadTimeTooOld,
            other => Self::Store(other),
        }
    }
}

impl From<documents::Error> for Error {
    /// Takes failures of storage out of the operation that met them.
    fn from(error: documents::Error) -> Self {
        match error {
            documents::Error::Store(cause) => Self::of_storage(cause),
            other => Self::Documents(other),
        }
    }
}

impl From<documents::Invalid> for Error {
    fn from(error: documents::Invalid) -> Self {
        Self::Documents(error.into())
    }
}

impl From<documents::query::InvalidQuery> for Error {
    fn from(error: documents::query::InvalidQuery) -> Self {
        Self::Documents(error.into())
    }
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
