//! Why an algorithm gave no result.

/// Why an algorithm gave no result. No text names a secret or quotes foreign input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A text is not what its format says; the reason completes "malformed: …".
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// A JWS header has a member that makes a verifier fetch or trust something, or that changes what is signed.
    #[error("the header member `{0}` is not allowed")]
    ForbiddenHeader(&'static str),
    /// A signature is not the key's for that text.
    #[error("the signature does not match")]
    Signature,
    /// A key cannot be read or is not acceptable.
    #[error("the key cannot be used: {0}")]
    Key(&'static str),
    /// A certificate could not be made.
    #[error("the certificate could not be made: {0}")]
    Certificate(String),
    /// A password is longer than [`crate::password::PASSWORD_BYTES_MAX`].
    #[error("the password is longer than 4096 bytes")]
    PasswordTooLong,
    /// The algorithm itself failed, such as for want of memory.
    #[error("{0} failed")]
    Failed(&'static str),
}
