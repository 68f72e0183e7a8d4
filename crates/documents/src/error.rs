//! Why a document operation did not happen.

use firekeep_model::{DocumentError, DocumentPath, FieldPath, Timestamp, ValueError};

use crate::index::InvalidIndex;
use crate::limits::{
    BATCH_WRITES_MAX, FIELD_TRANSFORMS_MAX, INDEX_ENTRIES_BYTES_MAX, REPLACED_BYTES_MAX,
};
use crate::query::InvalidQuery;

/// Why a document operation did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A write needs a document that is not there.
    #[error("no document to update: {path}")]
    NotFound {
        /// The document.
        path: DocumentPath,
    },
    /// A write needs a document not to be there.
    #[error("document already exists: {path}")]
    AlreadyExists {
        /// The document.
        path: DocumentPath,
    },
    /// A write needs another version of its document than there is.
    #[error(
        "the stored version ({}) does not match the required base version ({})",
        stored.micros(), required.micros()
    )]
    StaleVersion {
        /// When the document changed last; the epoch when it is not there.
        stored: Timestamp,
        /// The time asked for.
        required: Timestamp,
    },
    /// The request breaks a rule, whatever is stored.
    #[error(transparent)]
    InvalidArgument(#[from] Invalid),
    /// A stored document cannot be read.
    #[error("a stored document cannot be read: {0}")]
    Corrupt(&'static str),
    /// Storage failed.
    #[error("document storage failed")]
    Store(#[from] firekeep_store::Error),
}

impl Error {
    /// If stored bytes are not what was written.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Corrupt(_) | Self::Store(firekeep_store::Error::Corrupt(_))
        )
    }

    /// If this is an answer to the request, and not a failure of the storage below.
    #[must_use]
    pub const fn is_answer(&self) -> bool {
        match self {
            Self::NotFound { .. }
            | Self::AlreadyExists { .. }
            | Self::StaleVersion { .. }
            | Self::InvalidArgument(_) => true,
            Self::Corrupt(_) | Self::Store(_) => false,
        }
    }
}

/// Which rule a request breaks.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Invalid {
    /// The document that a write would leave is too large or too deep.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// An operand cannot be stored.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// A query that cannot be carried out.
    #[error(transparent)]
    Query(#[from] InvalidQuery),
    /// An index that cannot be declared, or not now.
    #[error(transparent)]
    Index(#[from] InvalidIndex),

    /// A numeric transform with another operand than a number.
    #[error("the operand of the transform of `{0}` must be a number")]
    OperandNotNumber(FieldPath),
    /// Transforms beside a delete or verify.
    #[error("transforms are allowed in updates only")]
    TransformsWithoutUpdate,
    /// A field is transformed together with one that it is in.
    #[error("cannot transform the field `{0}` and one inside it at the same time")]
    TransformsOverlap(FieldPath),
    /// A verify that verifies nothing.
    #[error("a verify must contain a precondition")]
    VerifyWithoutPrecondition,
    /// A verify beside a write of the same document.
    #[error("the document `{0}` cannot be verified and written in a single request")]
    VerifiedAndWritten(DocumentPath),
    /// A precondition with a version that is later than the stored one.
    #[error("the required base version of `{0}` is later than the stored version")]
    VersionAhead(DocumentPath),
    /// More than [`FIELD_TRANSFORMS_MAX`].
    #[error(
        "at most {FIELD_TRANSFORMS_MAX} fields of the document `{0}` can be transformed in one commit"
    )]
    TooManyTransforms(DocumentPath),
    /// More than [`REPLACED_BYTES_MAX`].
    #[error(
        "the documents that one commit changes have together more than {REPLACED_BYTES_MAX} bytes"
    )]
    TooMuchReplaced,
    /// More than [`INDEX_ENTRIES_MAX`](crate::limits::INDEX_ENTRIES_MAX).
    ///
    /// COMPAT: the text of the cloud.
    #[error("too many index entries for entity /{0}")]
    TooManyIndexEntries(DocumentPath),
    /// More than [`INDEX_ENTRIES_BYTES_MAX`].
    #[error(
        "the index entries of the document `{0}` have together more than {INDEX_ENTRIES_BYTES_MAX} bytes; exempt long or large fields from indexing"
    )]
    IndexEntriesTooLarge(DocumentPath),
    /// More than [`BATCH_WRITES_MAX`].
    #[error("a batch has at most {BATCH_WRITES_MAX} writes")]
    TooManyWrites,
    /// One document twice in a batch of writes that are independent.
    #[error("the document `{0}` cannot be written more than once in one batch")]
    WrittenTwice(DocumentPath),
}

impl From<DocumentError> for Error {
    fn from(error: DocumentError) -> Self {
        Invalid::from(error).into()
    }
}

impl From<InvalidQuery> for Error {
    fn from(error: InvalidQuery) -> Self {
        Invalid::from(error).into()
    }
}

impl From<InvalidIndex> for Error {
    fn from(error: InvalidIndex) -> Self {
        Invalid::from(error).into()
    }
}

impl From<ValueError> for Error {
    fn from(error: ValueError) -> Self {
        Invalid::from(error).into()
    }
}
