//! The thread of a watched database: reads the log, feeds the hub, fills the mailboxes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use firekeep_store::{CommitTime, Feed, LogRow, Space};

use super::{End, Watch, Watches};
use crate::Error;
use crate::limits::{
    LOG_ROWS_AT_ONCE, LOG_WAIT, STEP_BYTES_MAX, STEP_DOCUMENT_BYTES, WATCH_IDLE, WATCH_SETTLES,
};

/// Ends the watch when its thread does, however that is.
struct Guard {
    watches: Arc<Watches>,
    watch: Arc<Watch>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        // An end that has a reason has it by now.
        self.watch.end(End::Failed);
        self.watches.forget(&self.watch);
    }
}

pub(super) fn begin(
    watches: &Arc<Watches>,
    watch: &Arc<Watch>,
    feed: Feed,
) -> Result<JoinHandle<()>, Error> {
    let guard = Guard {
        watches: Arc::clone(watches),
        watch: Arc::clone(watch),
    };
    let run = move || {
        if let Err(error) = run(&guard, feed) {
            let database = &guard.watch.database.name;
            tracing::error!(%error, %database, "listeners cannot be told what changes");
        }
    };
    let name = format!("watch {}", watch.database.name.database());
    let thread = std::thread::Builder::new().name(name).spawn(run);
    thread.map_err(|error| Error::Internal(format!("no thread for listeners: {error}")))
}

/// When something was last so, on the server's clock.
struct Since {
    time: i64,
    limit: Duration,
}

impl Since {
    fn is_long_ago(&self, now: i64) -> bool {
        let passed = u64::try_from(now.saturating_sub(self.time)).unwrap_or(0);
        Duration::from_micros(passed) >= self.limit
    }
}

fn run(guard: &Guard, mut feed: Feed) -> Result<(), Error> {
    let Guard { watches, watch } = guard;
    let now = || watches.clock.now().micros();
    let mut moved = Since {
        time: feed.position().0,
        limit: WATCH_SETTLES,
    };
    let mut listened = Since {
        time: now(),
        limit: WATCH_IDLE,
    };
    while watch.end.borrow().is_none() {
        let rows = feed.next(LOG_ROWS_AT_ONCE, LOG_WAIT)?;
        if watches.stopping.load(Ordering::Acquire) {
            watch.end(End::Stopping);
            return Ok(());
        }
        let now = now();
        if watch.take(&rows)? {
            moved.time = now;
        } else if moved.is_long_ago(now) {
            watch.settle(&mut feed, CommitTime(now))?;
            moved.time = now;
        }
        if watch.has_listeners() {
            listened.time = now;
        } else if listened.is_long_ago(now) && watch.is_over() {
            return Ok(());
        }
    }
    Ok(())
}

impl Watch {
    /// Takes some commits, as one step where they are not too large; `false` when there are none.
    fn take(&self, rows: &[LogRow]) -> Result<bool, Error> {
        let mut rest = rows;
        while !rest.is_empty() {
            let (step, later) = rest.split_at(step_of(rest));
            let mut table = self.lock_blocking();
            let outcome = table.hub.apply(&self.database.store, step)?;
            table.mail(&outcome);
            self.position.send_replace(outcome.position);
            rest = later;
        }
        Ok(!rows.is_empty())
    }

    /// Makes now a snapshot, where nothing was committed for long: the tokens that clients hold stay young.
    fn settle(&self, feed: &mut Feed, now: CommitTime) -> Result<(), Error> {
        let settled = self.database.settle(now)?;
        // What was on its way is visible by now.
        while self.take(&feed.next(LOG_ROWS_AT_ONCE, Duration::ZERO)?)? {}
        let mut table = self.lock_blocking();
        if table.hub.position() < settled {
            table.hub.advance(settled);
            self.position.send_replace(settled);
        }
        Ok(())
    }

    fn has_listeners(&self) -> bool {
        !self.lock_blocking().mailboxes.is_empty()
    }

    /// Lets nobody come any more, if nobody is there.
    fn is_over(&self) -> bool {
        let mut table = self.lock_blocking();
        table.over = table.mailboxes.is_empty();
        table.over
    }
}

/// How many of some commits are one step: the documents of a step are in memory together.
fn step_of(rows: &[LogRow]) -> usize {
    let mut bytes = 0;
    let fits = |row: &&LogRow| {
        bytes += bytes_of(row);
        bytes <= STEP_BYTES_MAX
    };
    rows.iter().take_while(fits).count().max(1)
}

/// About what the documents are that a commit leaves behind.
fn bytes_of(row: &LogRow) -> usize {
    let documents = (row.changes.iter()).filter(|it| it.space == Space::Docs && !it.deleted);
    let bytes = documents.map(|it| it.after.as_ref().map_or(STEP_DOCUMENT_BYTES, Bytes::len));
    bytes.sum()
}

#[cfg(test)]
mod tests {
    use firekeep_store::Change;

    use super::*;

    /// A commit of one document of so many bytes; none of one that the log does not repeat.
    fn row(bytes: Option<usize>) -> LogRow {
        LogRow {
            changes: vec![Change {
                space: Space::Docs,
                key: Vec::new(),
                deleted: false,
                replaced: None,
                after: bytes.map(|bytes| vec![0; bytes].into()),
            }],
            ..LogRow::default()
        }
    }

    #[test]
    fn a_step_is_as_many_commits_as_fit() {
        let many = STEP_BYTES_MAX / STEP_DOCUMENT_BYTES;
        for (rows, expected) in [
            (vec![row(Some(1)); 200], 200),
            (vec![row(None); many + 9], many),
            (vec![row(Some(STEP_BYTES_MAX)), row(Some(1))], 1),
            (vec![row(Some(STEP_BYTES_MAX + 1)), row(Some(1))], 1),
            (vec![row(Some(1))], 1),
        ] {
            assert_eq!(step_of(&rows), expected);
        }
    }
}
