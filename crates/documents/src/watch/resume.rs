//! Where a target goes on.

use bytes::Bytes;
use firekeep_model::Timestamp;
use firekeep_store::CommitTime;

/// Where a client wants to go on, as it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resume {
    /// Behind the snapshot that a token names.
    Token(Bytes),
    /// Behind the snapshot of a time.
    At(Timestamp),
}

/// Which life of a database: another one after it was wiped or restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Incarnation(pub [u8; 16]);

/// What a resume token says. It holds no secret and proves nothing. Source: specification, section 11.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumeToken {
    /// Of which database.
    pub incarnation: Incarnation,
    /// The snapshot that the client has.
    pub time: CommitTime,
}

/// What a client has when a target begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Nothing.
    Fresh,
    /// The target as of a time.
    After {
        /// When. One after the time that the target is loaded at is as [`Lost`](Self::Lost): whoever gives out times
        /// ahead of the newest commit takes care to load at such a time.
        time: CommitTime,
        /// How many documents it holds, if it says so.
        expected_count: Option<u32>,
    },
    /// Something that nobody knows: a token of another life, or one that cannot be read. It has to forget it.
    Lost,
}
