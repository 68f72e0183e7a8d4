//! Walking the log through a snapshot: what `tail` and `trim` do the same way on every engine.

use std::ops::Bound;

use bytes::Bytes;

use crate::log::history_keys_of;
use crate::{
    CommitTime, Direction, Error, Key, KeyRange, LogRow, META_TRIM, PageLimit, Snapshot, Space,
    TrimBudget, Trimmed, log_key, row,
};

/// The log rows of a snapshot with a time after `after`, in order, at most `limit`.
///
/// # Errors
/// [`Error::Corrupt`] and those of the snapshot.
pub fn read_log(
    snapshot: &dyn Snapshot,
    after: CommitTime,
    limit: usize,
) -> Result<Vec<LogRow>, Error> {
    let start = Bound::Excluded(log_key(after));
    let mut range = KeyRange {
        start,
        end: Bound::Unbounded,
    };
    let mut rows = Vec::new();
    while rows.len() < limit {
        let want = PageLimit {
            rows: limit - rows.len(),
            ..PageLimit::default()
        };
        let page = snapshot.scan(Space::Log, &range, Direction::Forward, want)?;
        for (_, value) in &page.rows {
            rows.push(LogRow::decode(value)?);
        }
        match page.next {
            Some(next) => range = range.after(&next),
            None => break,
        }
    }
    Ok(rows)
}

/// One step of [`Engine::trim`](crate::Engine::trim): the engine applies `deletes` and `mark` as one batch, which
/// need not be synced.
#[derive(Debug)]
pub struct TrimStep {
    /// Log rows and the history rows they name.
    pub deletes: Vec<(Space, Key)>,
    /// The row of the trim mark; `None` when there is nothing to do.
    pub mark: Option<(Key, Bytes)>,
    /// What to answer.
    pub trimmed: Trimmed,
}

/// Plans a step of trimming below `below`. Holds one log row at a time, or one page of them where the engine visits by
/// pages, and the keys to remove.
///
/// # Errors
/// [`Error::Corrupt`] and those of the snapshot.
pub fn plan_trim(
    snapshot: &dyn Snapshot,
    below: CommitTime,
    budget: TrimBudget,
) -> Result<TrimStep, Error> {
    // The newest row stays: the clock is checked against it when the engine opens.
    let below = below.min(snapshot.time());
    let range = KeyRange {
        start: Bound::Unbounded,
        end: Bound::Excluded(log_key(below)),
    };
    let mut deletes = Vec::new();
    let mut trimmed = Trimmed {
        log_rows: 0,
        bytes: 0,
        done: true,
    };
    let mut mark = Ok(below.to_key());
    snapshot.visit(Space::Log, &range, Direction::Forward, &mut |key, value| {
        let Ok(time) = <[u8; size_of::<CommitTime>()]>::try_from(key) else {
            mark = Err(Error::Corrupt("a key of the log".to_owned()));
            return false;
        };
        let history = match history_keys_of(value) {
            Ok(history) => history,
            Err(error) => {
                mark = Err(error);
                return false;
            }
        };
        let keys: usize = history.iter().map(|(_, key)| key.len()).sum();
        let bytes = trimmed.bytes + key.len() + value.len() + keys;
        let is_full = trimmed.log_rows >= budget.log_rows || bytes > budget.bytes;
        if is_full && trimmed.log_rows > 0 {
            trimmed.done = false;
            mark = Ok(time);
            return false;
        }
        trimmed.log_rows += 1;
        trimmed.bytes = bytes;
        deletes.extend(history);
        deletes.push((Space::Log, key.to_vec()));
        true
    })?;
    let mark = row::encode(snapshot.time(), &mark?);
    let mark = Some((META_TRIM.to_vec(), mark));
    Ok(TrimStep {
        mark: mark.filter(|_| !deletes.is_empty()),
        deletes,
        trimmed,
    })
}
