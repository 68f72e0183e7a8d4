//! What is wrong with a request.

use crate::limits::{HEADERS_MAX, MESSAGES_PER_POST_MAX};

/// Why a request is none of this protocol. Each is 400 on the wire (WebChannel specification, section 7.3).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// `VER` is not 8, or is not there.
    #[error("`VER` must be 8")]
    Version,
    /// A parameter that is a number is none.
    #[error("`{0}` must be a whole number")]
    Number(&'static str),
    /// A parameter has a value that nobody knows.
    #[error("`{0}` has no known value")]
    Unknown(&'static str),
    /// A parameter has to be there, and is not.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// Text that is not UTF-8 once it is decoded.
    #[error("`{0}` is not UTF-8")]
    NotUtf8(&'static str),
    /// A header line without a colon.
    #[error("a line of `headers` has no colon")]
    HeaderLine,
    /// Too many header lines.
    #[error("`headers` has more than {HEADERS_MAX} lines")]
    TooManyHeaders,
    /// Too many messages in one POST.
    #[error("the form has more than {MESSAGES_PER_POST_MAX} messages")]
    TooManyMessages,
}
