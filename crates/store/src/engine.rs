//! The contract of a storage engine: an ordered map of bytes with an atomic durable batch, short snapshots and a log.
//!
//! An engine knows no documents, no transactions and no history. Storage design, section 3; the rules there are
//! numbered, and `conformance` tests each of them.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;

use crate::limits::TRIM_BYTES_MAX;
use crate::{
    ClockView, CommitId, CommitTime, DbId, Direction, Error, Key, KeyRange, LogRow, Page,
    PageLimit, Space,
};

/// A storage engine.
pub trait Engine: Send + Sync + 'static {
    /// True when a read may wait for a network. `api` then moves *every* read off the async threads.
    fn remote(&self) -> bool;

    /// A consistent view of everything visible now. Short-lived: one request slice, never one client transaction.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    fn snapshot(&self, db: DbId) -> Result<Box<dyn Snapshot + '_>, Error>;

    /// Applies the batches of one group in order, atomically and durably, or not at all. Called by one committer per
    /// database. `decide` runs once, under the database's clock; it sees what was committed elsewhere since `known`
    /// and returns the batches. Gives the clock's time afterwards: that of the last batch.
    ///
    /// `Ok` means the data survives `kill -9` and power loss; nothing is visible to snapshots or `tail` before that.
    /// An engine keeps a [`ClockState`](crate::ClockState) per database, and writes with the batches the rows of
    /// [`ClockState::stamp`](crate::ClockState::stamp).
    ///
    /// # Errors
    /// See [`CommitError`]. A failed fsync is [`CommitError::Fatal`]; it is never tried again.
    fn commit(
        &self,
        db: DbId,
        known: CommitTime,
        decide: &mut dyn FnMut(&ClockView<'_>) -> Decision,
    ) -> Result<CommitTime, CommitError>;

    /// Log rows with a time after `after`, in order, at most `limit`. Blocks up to `wait` when there are none, and may
    /// give none earlier.
    /// Never skips: a row is given only when no row of an earlier time can still appear.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    fn tail(
        &self,
        db: DbId,
        after: CommitTime,
        limit: usize,
        wait: Duration,
    ) -> Result<Vec<LogRow>, Error>;

    /// Writes a consistent copy of all databases into the folder `to`, which must not exist.
    ///
    /// # Errors
    /// [`Error::Unsupported`] from engines in memory or on other machines; [`Error::Io`].
    fn checkpoint(&self, to: &Path) -> Result<CheckpointInfo, Error>;

    /// Removes log rows with a time below `below`, oldest first, and the history rows they name
    /// ([`LogRow::history_keys`]), and moves the mark [`META_TRIM`](crate::META_TRIM) to the time up to which nothing
    /// is left. Keeps the newest log row, which the clock is checked against.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    fn trim(&self, db: DbId, below: CommitTime, budget: TrimBudget) -> Result<Trimmed, Error>;

    /// How the engine is.
    fn health(&self) -> Health;
}

/// A consistent view. With `time() == T` it shows every commit up to T whole, and none after.
pub trait Snapshot: Send {
    /// The newest commit it contains; [`CommitTime::ZERO`] before the first.
    fn time(&self) -> CommitTime;

    /// The values of keys, in their order.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    fn get(&self, space: Space, keys: &[&[u8]]) -> Result<Vec<Option<Bytes>>, Error>;

    /// One page of the rows in `range`; empty for an empty or inverted range. Made with
    /// [`KeyRange::physical`] and [`PageBuilder`](crate::PageBuilder).
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    fn scan(
        &self,
        space: Space,
        range: &KeyRange,
        direction: Direction,
        limit: PageLimit,
    ) -> Result<Page, Error>;

    /// Calls `visit` with the rows in `range`, in order, until it answers false. By pages, unless the engine can do it
    /// without copying rows.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    fn visit(
        &self,
        space: Space,
        range: &KeyRange,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), Error> {
        let mut rest = range.clone();
        loop {
            let page = self.scan(space, &rest, direction, PageLimit::default())?;
            let more = page.rows.iter().all(|(key, value)| visit(key, value));
            match page.next {
                Some(next) if more => rest = rest.rest(direction, &next),
                _ => return Ok(()),
            }
        }
    }
}

/// Takes the key and the value of a row, and says whether to go on.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> bool + 'a;

/// What one commit writes. No key is in it twice.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Rows to write.
    pub puts: Vec<(Space, Key, Bytes)>,
    /// Rows to remove, which need not exist.
    pub deletes: Vec<(Space, Key)>,
    /// The commit's log row. The engine writes it, at [`log_key`](crate::log_key), with the batch.
    pub log: LogRow,
}

/// What a group does, once the clock is held.
#[derive(Debug)]
pub enum Decision {
    /// Nothing: every transaction of the group was refused.
    Nothing,
    /// Apply these batches in order.
    Apply(Vec<Batch>),
}

/// Why a group was not committed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// The engine cannot be reached or has no place; nothing was applied.
    #[error("the engine is not available: {0}")]
    Unavailable(String),
    /// The group was applied or not: look up its first commit, this one, in the log.
    #[error("the outcome of the commit is not known")]
    Unknown(CommitId),
    /// A row or the batch is over its limit; nothing was applied.
    #[error("{0} is too large")]
    TooLarge(&'static str),
    /// Durability cannot be promised any more, or data is damaged. No commit is taken until the process starts again.
    #[error("the engine failed: {0}")]
    Fatal(String),
}

/// A finished checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointInfo {
    /// The bytes of its files.
    pub bytes: u64,
    /// The number of its files.
    pub files: u64,
}

/// How much one call of [`Engine::trim`] may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrimBudget {
    /// The most log rows to remove. The first one is taken in any case.
    pub log_rows: usize,
    /// The most bytes of log rows and of keys of the history to remove. The first log row is taken whatever its size.
    pub bytes: usize,
}

impl TrimBudget {
    /// At most `log_rows` log rows and [`TRIM_BYTES_MAX`] bytes.
    #[must_use]
    pub const fn rows(log_rows: usize) -> Self {
        Self {
            log_rows,
            bytes: TRIM_BYTES_MAX,
        }
    }
}

/// What one call of [`Engine::trim`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trimmed {
    /// Log rows removed.
    pub log_rows: usize,
    /// Their bytes, and those of the keys of the history rows removed.
    pub bytes: usize,
    /// True when nothing below the asked time is left but the newest log row.
    pub done: bool,
}

/// How an engine is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Why it takes no commits, if it does not.
    pub fatal: Option<String>,
    /// True while writes wait for compaction.
    pub stalled: bool,
    /// Free bytes on its disk, where it knows.
    pub disk_free_bytes: Option<u64>,
}
