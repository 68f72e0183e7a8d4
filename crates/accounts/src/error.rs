//! Why an account operation did not happen.

use firekeep_token as token;

/// Why an account operation did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The account is disabled.
    #[error("the account is disabled")]
    UserDisabled,
    /// No such user.
    #[error("there is no such user")]
    UserNotFound,
    /// Another user has the email address.
    #[error("the email address belongs to another account")]
    EmailExists,
    /// Another user has the uid.
    #[error("the uid belongs to another account")]
    DuplicateUid,
    /// Another user has the phone number.
    #[error("the phone number belongs to another account")]
    PhoneExists,
    /// Another user has the username.
    #[error("the username belongs to another account")]
    UsernameExists,
    /// Another user has the provider's identity.
    #[error("the provider's identity belongs to another account")]
    FederatedLinked,
    /// The identity to link has no provider.
    #[error("the identity to link names no provider")]
    ProviderIdMissing,
    /// The identity to link has no id at its provider.
    #[error("the identity to link has no id at its provider")]
    RawIdMissing,
    /// The provider's name stands for what a user record itself has.
    #[error("`{0}` is not a provider whose identities can be linked")]
    ReservedProvider(String),
    /// The email address has not the form of one.
    #[error("the email address is not valid")]
    InvalidEmail,
    /// The phone number is not in E.164 form.
    #[error("the phone number must be `+` and 6 to 15 digits")]
    InvalidPhone,
    /// The username has not the form of one.
    #[error("the username must be 3 to 64 of letters, digits, `.`, `_` and `-`")]
    InvalidUsername,
    /// The password is too short.
    #[error("the password should be at least 6 characters")]
    WeakPassword,
    /// The password is too long.
    #[error("the password must be at most 4096 bytes")]
    PasswordTooLong,
    /// A profile field is too long.
    #[error("`{0}` is too long")]
    TooLong(&'static str),
    /// Custom attributes are no JSON object.
    #[error("custom attributes must be the text of a JSON object")]
    InvalidClaims,
    /// Custom attributes are too long.
    #[error("custom attributes must be at most 1000 characters")]
    ClaimsTooLarge,
    /// Custom attributes use a reserved name.
    #[error("the claim `{0}` is reserved")]
    ForbiddenClaim(String),
    /// The refresh token is not one of ours, or its user is gone.
    #[error("the refresh token is not valid")]
    InvalidRefreshToken,
    /// The session was ended: signed out, or the password changed.
    #[error("the session was ended; sign in again")]
    SessionEnded,
    /// A token was refused.
    #[error(transparent)]
    Token(#[from] token::Error),
    /// A stored user cannot be read.
    #[error("a stored account cannot be read: {0}")]
    Corrupt(&'static str),
    /// Storage failed.
    #[error("account storage failed")]
    Store(#[from] firekeep_store::Error),
}
