//! Reading the log as it grows, without a hole.

use std::sync::Arc;
use std::time::Duration;

use crate::{CommitTime, DbId, Engine, Error, LogRow, META_TRIM, Snapshot, Space, row};

/// A reader of the log. Many may read at once, each from where it likes.
pub struct Feed {
    engine: Arc<dyn Engine>,
    db: DbId,
    after: CommitTime,
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
        drop(snapshot);
        Ok(Self {
            engine,
            db,
            after,
            seq: None,
        })
    }

    /// The next commits, in order, at most `limit`; empty when there were none for as long as `wait`.
    ///
    /// # Errors
    /// [`Error::ReadTimeTooOld`] when log rows behind the newest commit given were trimmed meanwhile; [`Error::Corrupt`]
    /// naming both ends when commits are missing between two; [`Error::Unavailable`].
    pub fn next(&mut self, limit: usize, wait: Duration) -> Result<Vec<LogRow>, Error> {
        let rows = self.engine.tail(self.db, self.after, limit, wait)?;
        let Some(first) = rows.first() else {
            return Ok(rows);
        };
        if self.seq.is_none_or(|seq| seq + 1 != first.seq) {
            // Asked behind the reading: whatever was trimmed before it is noticed.
            check_kept(self.engine.snapshot(self.db)?.as_ref(), self.after)?;
        }
        for row in &rows {
            if let Some(seq) = self.seq.filter(|seq| seq + 1 != row.seq) {
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
