//! The error tables of Identity Toolkit and of the account server. Source: auth specification, sections 4.5, 14 and 23.

use axum::http::StatusCode;
use firekeep_api::{AccountError, Error, StoreError, TokenError};
use firekeep_wire_http::Envelope;
use schemars::JsonSchema;
use serde::Serialize;

/// The text of a client that tried too often.
const TOO_MANY: &str = "TOO_MANY_ATTEMPTS_TRY_LATER : Access to this account has been temporarily disabled due to \
                        many failed login attempts. Try again later.";

/// The text of a server whose storage takes no writes.
const NO_STORAGE: &str = "The server cannot store data at the moment. Try again later.";

/// What Identity Toolkit answers for an error.
pub(crate) fn envelope(error: Error) -> Envelope {
    match error {
        Error::Account(cause) => of_account(cause),
        Error::CustomToken(cause) => Envelope::business(custom_token(&cause)),
        Error::Assertion(_) => Envelope::bad_credential(),
        Error::KeyFile(cause) => Envelope::invalid_argument(cause.to_string()),
        Error::Signing(cause) => internal(&cause),
        Error::IdToken(cause) => Envelope::business(id_token(&cause)),
        Error::IdTokenRevoked => Envelope::business("TOKEN_EXPIRED"),
        Error::WrongPassword => Envelope::business("INVALID_LOGIN_CREDENTIALS"),
        Error::InvalidPassword => Envelope::business("INVALID_PASSWORD"),
        Error::EmailNotFound => Envelope::business("EMAIL_NOT_FOUND"),
        Error::TooManyAttempts { .. } => Envelope::business(TOO_MANY),
        Error::Busy => Envelope::unavailable("The server is busy. Try again in a second."),
        Error::UnknownApiKey => {
            Envelope::invalid_argument("API key not valid. Please pass a valid API key.")
        }
        Error::Unauthenticated => Envelope::bad_credential(),
        Error::CredentialMissing => Envelope::missing_credential(),
        Error::ApiKeyMissing => Envelope::forbidden("The request is missing a valid API key."),
        Error::Forbidden => Envelope::forbidden("The caller does not have permission."),
        Error::AdminOnly(_) => Envelope::business("INSUFFICIENT_PERMISSION"),
        Error::ProjectNotTheirs => Envelope::business(
            "INSUFFICIENT_PERMISSION : Only authenticated requests can specify target_project_id.",
        ),
        Error::TenantNotFound => Envelope::business("TENANT_NOT_FOUND"),
        Error::NotAllowed(why) => Envelope::business(format!("OPERATION_NOT_ALLOWED : {why}")),
        Error::NotEnabled(what) => Envelope::not_implemented(what),
        Error::NothingSelected => {
            Envelope::business("INVALID_REQ_TYPE : Unsupported request parameters.")
        }
        Error::UidMissing => Envelope::business("MISSING_LOCAL_ID"),
        Error::InvalidUid(cause) => Envelope::invalid_argument(format!("localId: {cause}")),
        Error::UidsOutOfRange => Envelope::business("LOCAL_ID_LIST_EXCEEDS_LIMIT"),
        Error::PageSelection => Envelope::business("INVALID_PAGE_SELECTION"),
        Error::Invalid(sentence) => Envelope::invalid_argument(sentence),
        Error::NotFound(message) => Envelope::not_found(message),
        Error::Store(cause) => of_store(&cause),
        // Of databases, which the command line asks for.
        error @ Error::DatabaseNotFound(_) => Envelope::not_found(error.to_string()),
        error @ (Error::DatabaseProtected(_) | Error::Exists(_)) => {
            Envelope::invalid_argument(error.to_string())
        }
        Error::Documents(error) if error.is_answer() => {
            Envelope::invalid_argument(error.to_string())
        }
        // Of documents, which no endpoint here asks for.
        error @ (Error::MadeInDevMode
        | Error::Documents(_)
        | Error::PermissionDenied
        | Error::TransactionExpired
        | Error::InvalidTransaction
        | Error::ReadOnlyTransaction
        | Error::Aborted
        | Error::ReadTimeTooOld
        | Error::IndexRequired(_)
        | Error::TooLarge(_)
        | Error::Exhausted(_)
        | Error::Unavailable(_)) => internal(&error),
        Error::Internal(cause) => internal(&cause),
    }
}

fn internal(cause: &dyn std::fmt::Display) -> Envelope {
    tracing::error!(%cause, "request failed");
    Envelope::internal()
}

fn of_store(cause: &StoreError) -> Envelope {
    let envelope = internal(cause);
    if comes_back(cause) {
        return Envelope::unavailable(NO_STORAGE);
    }
    envelope
}

/// Whether the same request may do better later, at the latest when the server was started again.
fn comes_back(cause: &StoreError) -> bool {
    match cause {
        StoreError::Contended
        | StoreError::Changed
        | StoreError::Unavailable(_)
        | StoreError::SnapshotExpired
        | StoreError::Fatal(_)
        | StoreError::Closed => true,
        StoreError::TooLarge(_)
        | StoreError::Reserved(_)
        | StoreError::ReadTimeTooOld
        | StoreError::Corrupt(_)
        | StoreError::NewerFormat { .. }
        | StoreError::Unsupported(_)
        | StoreError::Io(_) => false,
    }
}

fn of_account(error: AccountError) -> Envelope {
    let message = match error {
        AccountError::UserDisabled => "USER_DISABLED".to_owned(),
        AccountError::UserNotFound => "USER_NOT_FOUND".to_owned(),
        AccountError::EmailExists => "EMAIL_EXISTS".to_owned(),
        AccountError::DuplicateUid => "DUPLICATE_LOCAL_ID".to_owned(),
        AccountError::PhoneExists => "PHONE_NUMBER_EXISTS".to_owned(),
        AccountError::UsernameExists => "USERNAME_EXISTS".to_owned(),
        AccountError::FederatedLinked => "FEDERATED_USER_ID_ALREADY_LINKED".to_owned(),
        AccountError::ProviderIdMissing => "MISSING_PROVIDER_ID".to_owned(),
        AccountError::RawIdMissing => "MISSING_RAW_ID".to_owned(),
        AccountError::ReservedProvider(_) => format!("INVALID_PROVIDER_ID : {error}"),
        AccountError::InvalidEmail => "INVALID_EMAIL".to_owned(),
        AccountError::InvalidPhone => "INVALID_PHONE_NUMBER : Invalid format.".to_owned(),
        AccountError::InvalidUsername => "INVALID_USERNAME".to_owned(),
        AccountError::WeakPassword => {
            "WEAK_PASSWORD : Password should be at least 6 characters".to_owned()
        }
        AccountError::PasswordTooLong => {
            "WEAK_PASSWORD : Password should be at most 4096 bytes".to_owned()
        }
        AccountError::TooLong(field) => {
            return Envelope::invalid_argument(format!("`{field}` is too long."));
        }
        AccountError::InvalidClaims => "INVALID_CLAIMS".to_owned(),
        AccountError::ClaimsTooLarge => "CLAIMS_TOO_LARGE".to_owned(),
        AccountError::ForbiddenClaim(name) => format!("FORBIDDEN_CLAIM : {name}"),
        AccountError::InvalidRefreshToken => "INVALID_REFRESH_TOKEN".to_owned(),
        AccountError::SessionEnded => "TOKEN_EXPIRED".to_owned(),
        AccountError::Token(cause) => id_token(&cause),
        AccountError::Corrupt(cause) => return internal(&cause),
        AccountError::Store(cause) => return of_store(&cause),
    };
    Envelope::business(message)
}

/// The code and reason of a refused custom token. Source: auth specification, section 6.
fn custom_token(error: &TokenError) -> String {
    match error {
        TokenError::Missing => "MISSING_CUSTOM_TOKEN".to_owned(),
        TokenError::UnknownIssuer | TokenError::AccountDisabled => {
            format!("CREDENTIAL_MISMATCH : {error}")
        }
        TokenError::TenantMismatch => "TENANT_ID_MISMATCH".to_owned(),
        TokenError::MissingUid => format!("MISSING_IDENTIFIER : {error}"),
        TokenError::ClaimsNotObject => format!("INVALID_CLAIMS : {error}"),
        TokenError::ForbiddenClaim(name) => format!("FORBIDDEN_CLAIM : {name}"),
        TokenError::ClaimsTooLarge => "CLAIMS_TOO_LARGE".to_owned(),
        // COMPAT: a text that the specification fixes whole.
        TokenError::Expired => "INVALID_CUSTOM_TOKEN : Token expired".to_owned(),
        other => format!("INVALID_CUSTOM_TOKEN : {other}"),
    }
}

/// The code and reason of a refused ID token. Source: auth specification, section 7.
fn id_token(error: &TokenError) -> String {
    match error {
        TokenError::Missing => "MISSING_ID_TOKEN".to_owned(),
        // COMPAT: clients compare these codes whole, so no reason follows.
        TokenError::Expired => "TOKEN_EXPIRED".to_owned(),
        TokenError::TenantMismatch => "TENANT_ID_MISMATCH".to_owned(),
        other => format!("INVALID_ID_TOKEN : {other}"),
    }
}

/// Why the account server refuses, for programs. Source: auth specification, section 14.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ErrorCode")]
pub(crate) enum Code {
    AlreadyExists,
    Busy,
    Forbidden,
    Internal,
    InvalidCredentials,
    InvalidRequest,
    NotFound,
    NotImplemented,
    TooManyAttempts,
    Unauthenticated,
    UserDisabled,
    WeakPassword,
}

impl Code {
    /// The HTTP code that it comes with.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest | Self::WeakPassword => StatusCode::BAD_REQUEST,
            Self::InvalidCredentials | Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::UserDisabled => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::AlreadyExists => StatusCode::CONFLICT,
            Self::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What it means, for the OpenAPI document.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::AlreadyExists => "another account has the email address or username",
            Self::Busy => "the server is busy; try again",
            Self::Forbidden => "the caller may not do this",
            Self::Internal => "something is wrong with the server",
            Self::InvalidCredentials => "wrong name or password",
            Self::InvalidRequest => "the request lacks something, or says something wrong",
            Self::NotFound => "there is no such thing",
            Self::NotImplemented => "not enabled on this server",
            Self::TooManyAttempts => "too many attempts; try again later",
            Self::Unauthenticated => "the ID token is missing, not valid, or revoked",
            Self::UserDisabled => "the account is disabled",
            Self::WeakPassword => "the password is too short, or too long",
        }
    }

    /// Whether the answer says in `Retry-After` when to try again.
    pub(crate) fn can_be_retried(self) -> bool {
        matches!(self, Self::Busy | Self::TooManyAttempts)
    }
}

/// An error of the account server: its code, and the text. Source: auth specification, section 14.
pub(crate) fn of_account_server(error: Error) -> (Code, String) {
    let text = error.to_string();
    let code = match error {
        Error::Account(cause) => match cause {
            AccountError::UserDisabled => Code::UserDisabled,
            AccountError::EmailExists | AccountError::UsernameExists => Code::AlreadyExists,
            AccountError::WeakPassword | AccountError::PasswordTooLong => Code::WeakPassword,
            AccountError::InvalidEmail
            | AccountError::InvalidPhone
            | AccountError::InvalidUsername
            | AccountError::TooLong(_)
            | AccountError::InvalidClaims
            | AccountError::ClaimsTooLarge
            | AccountError::ForbiddenClaim(_)
            | AccountError::DuplicateUid
            | AccountError::PhoneExists
            | AccountError::ProviderIdMissing
            | AccountError::RawIdMissing
            | AccountError::ReservedProvider(_)
            | AccountError::FederatedLinked => Code::InvalidRequest,
            AccountError::UserNotFound
            | AccountError::InvalidRefreshToken
            | AccountError::SessionEnded
            | AccountError::Token(_) => Code::Unauthenticated,
            AccountError::Store(cause) if comes_back(&cause) => return no_storage(&text),
            AccountError::Corrupt(_) | AccountError::Store(_) => return server_error(&text),
        },
        Error::WrongPassword | Error::InvalidPassword | Error::EmailNotFound => {
            return (Code::InvalidCredentials, Error::WrongPassword.to_string());
        }
        Error::IdToken(_)
        | Error::IdTokenRevoked
        | Error::CustomToken(_)
        | Error::Assertion(_)
        | Error::Unauthenticated
        | Error::CredentialMissing
        | Error::ApiKeyMissing => Code::Unauthenticated,
        Error::TooManyAttempts { .. } => Code::TooManyAttempts,
        Error::Busy => Code::Busy,
        Error::Forbidden | Error::AdminOnly(_) | Error::NotAllowed(_) => Code::Forbidden,
        Error::NotEnabled(_) => Code::NotImplemented,
        Error::UnknownApiKey
        | Error::ProjectNotTheirs
        | Error::TenantNotFound
        | Error::NothingSelected
        | Error::UidMissing
        | Error::InvalidUid(_)
        | Error::UidsOutOfRange
        | Error::PageSelection
        | Error::KeyFile(_)
        | Error::Invalid(_) => Code::InvalidRequest,
        Error::NotFound(_) => Code::NotFound,
        Error::Store(cause) if comes_back(&cause) => return no_storage(&text),
        Error::MadeInDevMode
        | Error::Signing(_)
        | Error::Store(_)
        | Error::Internal(_)
        // Of documents, which no endpoint here asks for.
        | Error::Documents(_)
        | Error::DatabaseNotFound(_)
        | Error::DatabaseProtected(_)
        | Error::Exists(_)
        | Error::PermissionDenied
        | Error::TransactionExpired
        | Error::InvalidTransaction
        | Error::ReadOnlyTransaction
        | Error::Aborted
        | Error::ReadTimeTooOld
        | Error::IndexRequired(_)
        | Error::TooLarge(_)
        | Error::Exhausted(_)
        | Error::Unavailable(_) => {
            return server_error(&text);
        }
    };
    (code, text)
}

fn no_storage(cause: &str) -> (Code, String) {
    tracing::error!(%cause, "request failed");
    (Code::Busy, NO_STORAGE.to_owned())
}

/// The account server's code for a request that never came to it.
pub(crate) fn code_of(envelope: &Envelope) -> Code {
    match envelope.code() {
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::SERVICE_UNAVAILABLE => Code::Busy,
        _ => Code::InvalidRequest,
    }
}

fn server_error(cause: &str) -> (Code, String) {
    tracing::error!(%cause, "request failed");
    let text = "the server could not do this; its log says why".to_owned();
    (Code::Internal, text)
}
