//! Reading the log as it grows, without a hole.

use std::sync::Arc;
use std::time::Duration;

use crate::{
    CommitTime, DbId, Direction, Engine, Error, KeyRange, LogRow, META_TRIM, PageLimit, Snapshot,
    Space, read_log, row,
};

/// A reader of the log. Many may read at once, each from where it likes.
pub struct Feed {
    engine: Arc<dyn Engine>,
    db: DbId,
    after: CommitTime,
    /// The number of the newest commit up to `after`; `None` while that is still to come.
    seq: Option<u64>,
}

impl Feed {
    pub(crate) fn open(
        engine: Arc<dyn Engine>,
        db: DbId,
        after: CommitTime,
    ) -> Result<Self, Error> {
        let snapshot = engine.snapshot(db)?;
        check_kept(snapshot.as_ref(), after)?;
        let seq = number_at(snapshot.as_ref(), after)?;
        drop(snapshot);
        Ok(Self {
            engine,
            db,
            after,
            seq,
        })
    }

    /// The next commits, in order, at most `limit`; empty when there were none for as long as `wait`.
    ///
    /// # Errors
    /// [`Error::ReadTimeTooOld`] when log rows behind the newest commit given were trimmed meanwhile; [`Error::Corrupt`]
    /// naming both ends when commits are missing between two; [`Error::Unavailable`].
    pub fn next(&mut self, limit: usize, wait: Duration) -> Result<Vec<LogRow>, Error> {
        let rows = self.engine.tail(self.db, self.after, limit, wait)?;
        for row in &rows {
            if let Some(seq) = self.seq.filter(|seq| seq + 1 != row.seq) {
                // Asked behind the reading, so that it knows of every trim before it.
                check_kept(self.engine.snapshot(self.db)?.as_ref(), self.after)?;
                let text = format!("the log has no commits between {seq} and {}", row.seq);
                return Err(Error::Corrupt(text));
            }
            self.seq = Some(row.seq);
            self.after = row.time;
        }
        Ok(rows)
    }

    /// The newest commit given so far, or where the feed began: where another feed would go on.
    #[must_use]
    pub fn position(&self) -> CommitTime {
        self.after
    }
}

/// The number of the newest commit up to a time, of which the log row may have been trimmed. `None` for a time that is
/// still to come: more commits may get times before it.
fn number_at(snapshot: &dyn Snapshot, time: CommitTime) -> Result<Option<u64>, Error> {
    if time > snapshot.time() {
        return Ok(None);
    }
    if let Some(next) = read_log(snapshot, time, 1)?.first() {
        return Ok(next.seq.checked_sub(1));
    }
    // Trims leave the newest row.
    let newest = PageLimit::rows(1);
    let page = snapshot.scan(Space::Log, &KeyRange::all(), Direction::Reverse, newest)?;
    let newest = page.rows.first();
    newest.map_or(Ok(Some(0)), |(_, row)| Ok(Some(LogRow::decode(row)?.seq)))
}

/// Refuses a time of which the log and the history were trimmed.
pub(crate) fn check_kept(snapshot: &dyn Snapshot, time: CommitTime) -> Result<(), Error> {
    let stored = snapshot.get(Space::Meta, &[META_TRIM])?;
    let Some(stored) = stored.into_iter().next().flatten() else {
        return Ok(());
    };
    let value = row::decode(stored)?.value;
    let mark = value.as_ref().try_into().map(CommitTime::from_key);
    let mark = mark.map_err(|_| Error::Corrupt("a trim mark".to_owned()))?;
    match time < mark {
        true => Err(Error::ReadTimeTooOld),
        false => Ok(()),
    }
}
