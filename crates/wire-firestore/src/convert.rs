//! Between the messages of `wire-proto` and the nouns of `model`.
//!
//! Whatever a client may have sent comes in as an error with a text for it; what goes out cannot fail.

pub mod document;
pub mod value;

use firekeep_model::{
    DocumentError, FieldPathError, NameError, PathError, TimestampError, ValueError,
};

/// What a client sent and cannot mean. Its text is for the client: INVALID_ARGUMENT.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    /// A member that has to be there is not.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A value of a kind that only pipelines have, or of one that this server does not know.
    #[error("a value is of a type that documents and queries cannot hold")]
    ValueType,
    /// A value that cannot be.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// A time that cannot be.
    #[error(transparent)]
    Timestamp(#[from] TimestampError),
    /// A name that cannot be.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A path that cannot be.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A field path that cannot be.
    #[error(transparent)]
    FieldPath(#[from] FieldPathError),
    /// A document that cannot be.
    #[error(transparent)]
    Document(#[from] DocumentError),
}
