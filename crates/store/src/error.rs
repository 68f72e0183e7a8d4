//! Why storage did not do what it was asked.

use crate::CommitError;

/// Why storage did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Other transactions changed what this one had read, every time it was tried.
    #[error("too much contention; try again")]
    Contended,
    /// What the transaction [required](crate::WriteTx::require_unchanged) to be unchanged was changed, or that cannot be
    /// found out any more.
    #[error("what the transaction had read has changed")]
    Changed,
    /// A key, a value or a transaction is over its limit.
    #[error("{0} is too large")]
    TooLarge(&'static str),
    /// A space that only the store itself writes.
    #[error("the space `{0}` is not written by transactions")]
    Reserved(&'static str),
    /// Storage cannot be reached, or has no place; nothing was written.
    #[error("storage is not available: {0}")]
    Unavailable(String),
    /// The snapshot was kept for longer than [`SNAPSHOT_AGE_MAX`](crate::limits::SNAPSHOT_AGE_MAX).
    #[error("the transaction was open for too long")]
    SnapshotExpired,
    /// A read time of which the history is gone.
    #[error("the read time is too old")]
    ReadTimeTooOld,
    /// The engine cannot promise durability any more. No write is taken until the process starts again.
    #[error("storage failed and takes no more writes: {0}")]
    Fatal(String),
    /// Stored bytes are not what was written.
    #[error("stored data is damaged: {0}")]
    Corrupt(String),
    /// The data was written by a newer version of the program.
    #[error(
        "the data has format {found}, and this version knows formats up to {known}; \
         start the newer version that wrote it"
    )]
    NewerFormat {
        /// The format of the data.
        found: u32,
        /// The newest format this program knows.
        known: u32,
    },
    /// The engine cannot do this.
    #[error("this engine has no {0}")]
    Unsupported(&'static str),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The file system refused.
    #[error("the file system refused")]
    Io(#[from] std::io::Error),
}

impl From<CommitError> for Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Unavailable(cause) => Self::Unavailable(cause),
            CommitError::Unknown(_) => {
                Self::Unavailable("the outcome of a commit is not known".to_owned())
            }
            CommitError::TooLarge(what) => Self::TooLarge(what),
            CommitError::Fatal(cause) => Self::Fatal(cause),
        }
    }
}
