//! Between the messages of `wire-proto` and the nouns of `model` and `api`.
//!
//! Whatever a client may have sent comes in as an error with a text for it; what goes out cannot fail.

pub mod aggregation;
pub mod document;
pub mod explain;
pub mod name;
pub mod order;
pub mod query;
pub(crate) mod stored;
pub mod transaction;
pub mod value;
pub mod write;

use firekeep_api::firestore::InvalidQuery;
use firekeep_model::{
    DocumentError, FieldPathError, NameError, PathError, TimestampError, ValueError,
};

/// What a client sent and cannot mean. Its text is for the client: INVALID_ARGUMENT.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    /// A member that has to be there is not.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A member that has no meaning beside the others.
    #[error("`{0}` is allowed in updates only")]
    UpdatesOnly(&'static str),
    /// An enum's number that is not in the protocol, or stands for nothing.
    #[error("`{0}` has no known value")]
    Enum(&'static str),
    /// A number that cannot be negative.
    #[error("`{0}` is negative")]
    Negative(&'static str),
    /// A number that must be more than zero.
    #[error("`{0}` must be positive")]
    NotPositive(&'static str),
    /// A new document that names itself.
    #[error("`document.name` must be empty: the id of a new document is `document_id`")]
    NameOfNew,
    /// A read time that is no commit's.
    #[error("`read_time` must be in whole microseconds")]
    ReadTimePrecision,
    /// A list's order that is none.
    #[error("`order_by` is not a list of field paths, each with `asc` or `desc` or neither")]
    OrderBy,
    /// A name of something in another database than the request's.
    #[error("a name is of another database than the request")]
    OtherDatabase,
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
    /// A query that cannot be.
    #[error(transparent)]
    Query(#[from] InvalidQuery),
}

/// A number that the protocol gives a sign and that has none.
///
/// # Errors
/// [`Fault::Negative`].
pub fn read_count(name: &'static str, number: i32) -> Result<u32, Fault> {
    u32::try_from(number).map_err(|_| Fault::Negative(name))
}
