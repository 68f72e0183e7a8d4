//! The error table of Identity Toolkit. Source: auth specification, sections 4.5 and 23.

use axum::http::StatusCode;
use firekeep_api::{AccountError, Error, TokenError};
use firekeep_wire_http::Envelope;

/// The text of a client that tried too often.
const TOO_MANY: &str = "TOO_MANY_ATTEMPTS_TRY_LATER : Access to this account has been temporarily disabled due to \
                        many failed login attempts. Try again later.";

/// What Identity Toolkit answers for an error.
pub(crate) fn envelope(error: Error) -> Envelope {
    match error {
        Error::Account(cause) => of_account(cause),
        Error::CustomToken(cause) => Envelope::business(custom_token(&cause)),
        Error::IdToken(cause) => Envelope::business(id_token(&cause)),
        Error::IdTokenRevoked => Envelope::business("TOKEN_EXPIRED"),
        Error::WrongPassword => Envelope::business("INVALID_LOGIN_CREDENTIALS"),
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
        Error::ProjectNotTheirs => Envelope::business(
            "INSUFFICIENT_PERMISSION : Only authenticated requests can specify target_project_id.",
        ),
        Error::TenantNotFound => Envelope::business("TENANT_NOT_FOUND"),
        Error::NotAllowed(why) => Envelope::business(format!("OPERATION_NOT_ALLOWED : {why}")),
        Error::Invalid(message) => Envelope::business(message),
        Error::NotFound(message) => Envelope::not_found(message),
        Error::Store(cause) => internal(&cause),
        Error::MadeInDevMode => internal(&Error::MadeInDevMode),
        Error::Internal(cause) => internal(&cause),
    }
}

fn internal(cause: &dyn std::fmt::Display) -> Envelope {
    tracing::error!(%cause, "request failed");
    Envelope::internal()
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
        AccountError::Store(cause) => return internal(&cause),
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

/// An error of the account server: HTTP code, its own code, and the text. Source: auth specification, section 14.
pub(crate) fn of_account_server(error: Error) -> (StatusCode, &'static str, String) {
    let text = error.to_string();
    let bad = StatusCode::BAD_REQUEST;
    let unauthorized = StatusCode::UNAUTHORIZED;
    match error {
        Error::Account(cause) => match cause {
            AccountError::UserDisabled => (StatusCode::FORBIDDEN, "user_disabled", text),
            AccountError::EmailExists | AccountError::UsernameExists => {
                (StatusCode::CONFLICT, "already_exists", text)
            }
            AccountError::WeakPassword | AccountError::PasswordTooLong => {
                (bad, "weak_password", text)
            }
            AccountError::InvalidEmail
            | AccountError::InvalidPhone
            | AccountError::InvalidUsername
            | AccountError::TooLong(_)
            | AccountError::InvalidClaims
            | AccountError::ClaimsTooLarge
            | AccountError::ForbiddenClaim(_)
            | AccountError::DuplicateUid
            | AccountError::PhoneExists
            | AccountError::FederatedLinked => (bad, "invalid_request", text),
            AccountError::UserNotFound
            | AccountError::InvalidRefreshToken
            | AccountError::SessionEnded
            | AccountError::Token(_) => (unauthorized, "unauthenticated", text),
            AccountError::Corrupt(_) | AccountError::Store(_) => server_error(&text),
        },
        Error::WrongPassword | Error::EmailNotFound => (
            unauthorized,
            "invalid_credentials",
            Error::WrongPassword.to_string(),
        ),
        Error::IdToken(_)
        | Error::IdTokenRevoked
        | Error::CustomToken(_)
        | Error::Unauthenticated
        | Error::CredentialMissing
        | Error::ApiKeyMissing => (unauthorized, "unauthenticated", text),
        Error::TooManyAttempts { .. } => (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", text),
        Error::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", text),
        Error::Forbidden | Error::NotAllowed(_) => (StatusCode::FORBIDDEN, "forbidden", text),
        Error::UnknownApiKey
        | Error::ProjectNotTheirs
        | Error::TenantNotFound
        | Error::Invalid(_) => (bad, "invalid_request", text),
        Error::NotFound(_) => (StatusCode::NOT_FOUND, "not_found", text),
        Error::MadeInDevMode | Error::Store(_) | Error::Internal(_) => server_error(&text),
    }
}

fn server_error(cause: &str) -> (StatusCode, &'static str, String) {
    tracing::error!(%cause, "request failed");
    let text = "the server could not do this; its log says why".to_owned();
    (StatusCode::INTERNAL_SERVER_ERROR, "internal", text)
}
