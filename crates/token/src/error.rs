//! Why a token or a key file was refused, or not made.

use firekeep_crypto as crypto;

/// Why a token or a key file was refused, or not made. A client reads the text after the wire code, so each says what is
/// wrong and what to do, and none quotes a token.
///
/// COMPAT: texts that the auth specification fixes begin as it says, with a capital letter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no token.
    #[error("the token is missing; send the token that the backend or the SDK made")]
    Missing,
    /// The text is no token; the reason completes it.
    #[error("Invalid assertion format: {0}; send the token exactly as it was made")]
    Malformed(&'static str),
    /// The header's `alg` is another one.
    #[error(
        "the header's `alg` must be `RS256`; sign with a service account's key, \
         and without FIREBASE_AUTH_EMULATOR_HOST"
    )]
    Algorithm,
    /// The header's `typ` is another one.
    #[error("the header's `typ` must be `JWT` or absent")]
    Type,
    /// The header has a member that must not be there.
    #[error("the header member `{0}` is not allowed; make the token without it")]
    ForbiddenHeader(&'static str),
    /// No such service account.
    #[error(
        "`iss` is no service account of this project; import its key file, \
         or sign with a key file of this server"
    )]
    UnknownIssuer,
    /// The service account is disabled.
    #[error("the service account in `iss` is disabled; enable it, or sign with another one")]
    AccountDisabled,
    /// `sub` is not `iss`.
    #[error("`sub` must equal `iss`; both are the service account's `client_email`")]
    IssuerSubject,
    /// The signature is not one of the expected keys'.
    #[error(
        "the signature does not match; the token was changed, \
         or its key is not the one registered for `iss`"
    )]
    Signature,
    /// The header's `kid` names no key, or the key is not unique.
    #[error("the header's `kid` names no key of this server; sign in again to get a new token")]
    UnknownKey,
    /// `aud` is another one; this is the expected one.
    #[error("Invalid aud (audience): it must be the text `{0}`")]
    Audience(String),
    /// `iss` of an ID token is another one; this is the expected one.
    #[error("`iss` must be `{0}`; the token is another project's, or no ID token")]
    Issuer(String),
    /// `sub` of an ID token is no uid, or differs from `user_id`.
    #[error("`sub` must be a uid of 1 to 128 characters, and equal to `user_id`")]
    Subject,
    /// A time is missing or no whole number.
    #[error("`{0}` must be a whole number of seconds since 1970")]
    Time(&'static str),
    /// `iat` lies in the future.
    #[error(
        "`iat` lies in the future; set the clock of the machine that made the token, \
         and write seconds, not milliseconds"
    )]
    IssuedInFuture,
    /// The token has expired.
    #[error("Token expired; make a new one")]
    Expired,
    /// `exp` is too far from `iat`, or before it.
    #[error("`exp` must be 1 to 3600 seconds after `iat`")]
    Lifetime,
    /// The token is for another tenant, or for none.
    #[error("`tenant_id` must be the tenant that the request names")]
    TenantMismatch,
    /// There is no uid.
    #[error("`uid` is missing; it says whom the token signs in")]
    MissingUid,
    /// The uid has not the form of one.
    #[error("`uid` must be a string of 1 to 128 characters")]
    BadUid,
    /// The developer claims are no object.
    #[error("`claims` must be a JSON object")]
    ClaimsNotObject,
    /// A developer claim has a reserved name.
    #[error("the claim `{0}` is reserved; choose another name")]
    ForbiddenClaim(String),
    /// The developer claims are too long.
    #[error("`claims` must be at most 1000 characters of JSON")]
    ClaimsTooLarge,
    /// Dev mode: a token that is neither a JWT nor strict JSON.
    #[error("((Invalid JSON: {0}; send a JWT or one strict JSON object with `uid` and `claims`))")]
    UnsignedJson(&'static str),
    /// Dev mode: the `aud` of an unsigned token.
    #[error(
        "((Invalid aud (audience): it must be the custom-token audience; \
         ID tokens and foreign tokens are not accepted))"
    )]
    UnsignedAudience,
    /// A key file cannot be used.
    #[error("the key file cannot be used: {0}")]
    KeyFile(String),
    /// The algorithm failed.
    #[error("the token's cryptography failed: {0}")]
    Crypto(#[source] crypto::Error),
}

impl From<crypto::Error> for Error {
    fn from(error: crypto::Error) -> Self {
        match error {
            crypto::Error::Malformed(reason) => Self::Malformed(reason),
            crypto::Error::ForbiddenHeader(name) => Self::ForbiddenHeader(name),
            crypto::Error::Signature => Self::Signature,
            crypto::Error::Key(_)
            | crypto::Error::Certificate(_)
            | crypto::Error::PasswordTooLong
            | crypto::Error::Failed(_) => Self::Crypto(error),
        }
    }
}
