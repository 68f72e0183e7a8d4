//! What a client's transaction read, checked against the log where the keys of its time are remembered no more.
//!
//! The ring of recent keys holds what it has memory for: a bulk load goes through it in seconds, and a client's transaction
//! may last for minutes. The log has the same keys on the disk, for as long as the history is kept. Whoever asks for the
//! commit reads it, and not the committer, for whom others wait. Storage design, section 7.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::limits::{OLDER_BYTES_MAX, OLDER_ROWS};
use crate::recent::{Footprint, Footprints};
use crate::write_tx::Required;
use crate::{CommitTime, Error, Feed};

/// Since when the keys of every commit are remembered: what the committer knows, for those who ask for commits.
#[derive(Clone, Debug)]
pub(crate) struct Remembered(Arc<AtomicI64>);

impl Remembered {
    pub(crate) fn since(time: CommitTime) -> Self {
        Self(Arc::new(AtomicI64::new(time.0)))
    }

    pub(crate) fn set(&self, time: CommitTime) {
        self.0.store(time.0, Ordering::Release);
    }

    pub(crate) fn get(&self) -> CommitTime {
        CommitTime(self.0.load(Ordering::Acquire))
    }
}

/// Checks what a transaction requires against the commits that are remembered no more, and notes how far that is checked.
///
/// # Errors
/// [`Error::Changed`] when it was changed, or that would be too much to read; those of reading the log.
pub(crate) fn check(
    feed: impl FnOnce(CommitTime) -> Result<Feed, Error>,
    remembered: &Remembered,
    required: &mut Required,
) -> Result<(), Error> {
    let is_blind = required.points.is_empty() && required.ranges.is_empty();
    if is_blind || required.since >= remembered.get() {
        return Ok(());
    }
    let mut feed = match feed(required.since) {
        Err(Error::ReadTimeTooOld) => return Err(Error::Changed),
        feed => feed?,
    };
    let mut bytes = 0;
    // More may be forgotten while this reads.
    while required.since < remembered.get() {
        let rows = feed.next(OLDER_ROWS, Duration::ZERO)?;
        if rows.is_empty() {
            break;
        }
        let mut commits = Footprints::default();
        for row in rows {
            let places = row.changes.iter();
            let places = places.map(|change| (change.space, change.key.as_slice()));
            let commit = Footprint::new(places).at(row.time);
            bytes += commit.bytes();
            commits.push(commit);
        }
        let points = required.points.iter().map(|(place, hash)| (place, *hash));
        let conflict = commits.conflict(required.since, points, &required.ranges);
        if conflict.is_some() || bytes > OLDER_BYTES_MAX {
            return Err(Error::Changed);
        }
        required.since = feed.position();
    }
    Ok(())
}
