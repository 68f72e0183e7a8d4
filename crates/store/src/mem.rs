//! The engine that every crate above tests with: an ordered map in memory, with faults on demand.
//!
//! Keeps versions of each value for the snapshots that are alive. "Durable" means: still there after
//! [`MemEngine::reopen`].

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use firekeep_model::Clock;

use crate::mem::table::{Tables, Version};
use crate::{
    CheckpointInfo, ClockState, ClockView, CommitError, CommitTime, DbId, Decision, Direction,
    Engine, Error, Health, KeyRange, LogRow, META_CLOCK, Page, PageLimit, Snapshot, Space,
    TrimBudget, Trimmed, physical_key, plan_trim, read_log,
};

mod table;

/// What goes wrong with a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The engine cannot be reached; nothing is applied.
    Unavailable,
    /// The connection is lost before the commit arrives; the committer cannot know.
    LostBefore,
    /// The connection is lost after the commit was applied; the committer cannot know.
    LostAfter,
    /// The fsync fails: nothing becomes visible, and the engine takes no commit until it is opened again.
    Fsync,
}

/// An engine in memory.
pub struct MemEngine {
    disk: Arc<Disk>,
    clock: Arc<dyn Clock>,
    /// Held by the commit that decides: the database clock's lock, one for all databases.
    committing: Mutex<Faults>,
}

#[derive(Default)]
struct Disk {
    tables: Mutex<Tables>,
    grown: Condvar,
}

#[derive(Default)]
struct Faults {
    /// Commits that applied or failed so far.
    commits: u64,
    /// Faults by the number of the commit they hit.
    planned: BTreeMap<u64, Fault>,
    /// Why nothing is taken any more.
    fatal: Option<String>,
}

impl MemEngine {
    /// An empty engine.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            disk: Arc::default(),
            clock,
            committing: Mutex::default(),
        }
    }

    /// A new engine on the same data, as after a restart.
    #[must_use]
    pub fn reopen(&self, clock: Arc<dyn Clock>) -> Self {
        Self {
            disk: Arc::clone(&self.disk),
            clock,
            committing: Mutex::default(),
        }
    }

    /// Makes the `nth` commit from now fail; 1 is the next one.
    pub fn fail_commit(&self, nth: u64, fault: Fault) {
        let mut faults = lock(&self.committing);
        let number = faults.commits.saturating_add(nth);
        faults.planned.insert(number, fault);
    }

    fn view(&self, db: DbId) -> MemSnapshot<'_> {
        let mut tables = lock(&self.disk.tables);
        let version = tables.pin();
        MemSnapshot {
            disk: &self.disk,
            db,
            version,
            time: CommitTime::ZERO,
        }
    }

    /// The clock as the newest version has it, checked against the log.
    fn clock_state(&self, db: DbId) -> Result<ClockState, Error> {
        let view = self.view(db);
        let row = view.find(Space::Meta, META_CLOCK);
        let newest = view.scan(
            Space::Log,
            &KeyRange::all(),
            Direction::Reverse,
            PageLimit::rows(1),
        )?;
        ClockState::load(
            row.as_deref(),
            newest.rows.first().map(|(_, value)| value.as_ref()),
        )
    }

    fn apply(
        &self,
        db: DbId,
        decision: Decision,
        faults: &mut Faults,
    ) -> Result<CommitTime, CommitError> {
        let state = self
            .clock_state(db)
            .map_err(|error| CommitError::Fatal(error.to_string()))?;
        let Decision::Apply(batches) = decision else {
            return Ok(state.last);
        };
        let stamped = state.stamp(&batches)?;
        faults.commits = faults.commits.saturating_add(1);
        let first = batches
            .first()
            .map(|batch| batch.log.commit)
            .unwrap_or_default();
        let fault = faults.planned.remove(&faults.commits);
        match fault {
            Some(Fault::Unavailable) => {
                return Err(CommitError::Unavailable("an injected fault".to_owned()));
            }
            Some(Fault::LostBefore) => return Err(CommitError::Unknown(first)),
            Some(Fault::Fsync) => {
                let cause = "an injected fsync error".to_owned();
                faults.fatal = Some(cause.clone());
                return Err(CommitError::Fatal(cause));
            }
            Some(Fault::LostAfter) | None => {}
        }
        let mut tables = lock(&self.disk.tables);
        let version = tables.begin();
        for batch in batches {
            for (space, key) in batch.deletes {
                tables.write(version, space, physical_key(db, &key), None);
            }
            for (space, key, value) in batch.puts {
                tables.write(version, space, physical_key(db, &key), Some(value));
            }
        }
        for (space, key, value) in stamped.rows {
            tables.write(version, space, physical_key(db, &key), Some(value));
        }
        tables.publish(version);
        drop(tables);
        self.disk.grown.notify_all();
        match fault {
            Some(_) => Err(CommitError::Unknown(first)),
            None => Ok(stamped.state.last),
        }
    }
}

impl Engine for MemEngine {
    fn remote(&self) -> bool {
        false
    }

    fn snapshot(&self, db: DbId) -> Result<Box<dyn Snapshot + '_>, Error> {
        let mut view = self.view(db);
        if let Some(row) = view.find(Space::Meta, META_CLOCK) {
            view.time = ClockState::decode(&row)?.last;
        }
        Ok(Box::new(view))
    }

    fn commit(
        &self,
        db: DbId,
        known: CommitTime,
        decide: &mut dyn FnMut(&ClockView<'_>) -> Decision,
    ) -> Result<CommitTime, CommitError> {
        let mut faults = lock(&self.committing);
        if let Some(cause) = &faults.fatal {
            return Err(CommitError::Fatal(cause.clone()));
        }
        let fatal = |error: Error| CommitError::Fatal(error.to_string());
        let state = self.clock_state(db).map_err(fatal)?;
        let snapshot = self.snapshot(db).map_err(fatal)?;
        let since = read_log(snapshot.as_ref(), known, usize::MAX).map_err(fatal)?;
        drop(snapshot);
        let decision = decide(&ClockView {
            state,
            now: self.clock.now(),
            since: &since,
        });
        self.apply(db, decision, &mut faults)
    }

    fn tail(
        &self,
        db: DbId,
        after: CommitTime,
        limit: usize,
        wait: Duration,
    ) -> Result<Vec<LogRow>, Error> {
        let tables = lock(&self.disk.tables);
        let seen = tables.newest();
        drop(tables);
        let rows = read_log(self.snapshot(db)?.as_ref(), after, limit)?;
        if !rows.is_empty() || wait.is_zero() {
            return Ok(rows);
        }
        let tables = lock(&self.disk.tables);
        let waiting = |tables: &mut Tables| tables.newest() == seen;
        drop(self.disk.grown.wait_timeout_while(tables, wait, waiting));
        read_log(self.snapshot(db)?.as_ref(), after, limit)
    }

    fn checkpoint(&self, _: &Path) -> Result<CheckpointInfo, Error> {
        Err(Error::Unsupported("checkpoint"))
    }

    fn trim(&self, db: DbId, below: CommitTime, budget: TrimBudget) -> Result<Trimmed, Error> {
        let _committing = lock(&self.committing);
        let step = plan_trim(self.snapshot(db)?.as_ref(), below, budget)?;
        let mut tables = lock(&self.disk.tables);
        let version = tables.begin();
        for (space, key) in step.deletes {
            tables.write(version, space, physical_key(db, &key), None);
        }
        if let Some((key, value)) = step.mark {
            tables.write(version, Space::Meta, physical_key(db, &key), Some(value));
        }
        tables.publish(version);
        Ok(step.trimmed)
    }

    fn health(&self) -> Health {
        Health {
            fatal: lock(&self.committing).fatal.clone(),
            ..Health::default()
        }
    }
}

struct MemSnapshot<'a> {
    disk: &'a Disk,
    db: DbId,
    version: Version,
    time: CommitTime,
}

impl MemSnapshot<'_> {
    fn find(&self, space: Space, key: &[u8]) -> Option<Bytes> {
        lock(&self.disk.tables).find(self.version, space, &physical_key(self.db, key))
    }
}

impl Snapshot for MemSnapshot<'_> {
    fn time(&self) -> CommitTime {
        self.time
    }

    fn get(&self, space: Space, keys: &[&[u8]]) -> Result<Vec<Option<Bytes>>, Error> {
        Ok(keys.iter().map(|key| self.find(space, key)).collect())
    }

    fn scan(
        &self,
        space: Space,
        range: &KeyRange,
        direction: Direction,
        limit: PageLimit,
    ) -> Result<Page, Error> {
        let (low, high) = range.physical(self.db);
        let tables = lock(&self.disk.tables);
        Ok(tables.scan(self.version, space, (&low, &high), direction, limit))
    }
}

impl Drop for MemSnapshot<'_> {
    fn drop(&mut self) {
        lock(&self.disk.tables).unpin(self.version);
    }
}

/// A panicking test leaves the data whole: every change is published by one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::{Reopen, run};

    #[derive(Default)]
    struct Data(Option<MemEngine>);

    impl Reopen for Data {
        fn open(&mut self, clock: Arc<dyn Clock>) -> Arc<dyn Engine> {
            let engine = match &self.0 {
                Some(before) => before.reopen(Arc::clone(&clock)),
                None => MemEngine::new(Arc::clone(&clock)),
            };
            self.0 = Some(engine.reopen(clock));
            Arc::new(engine)
        }
    }

    #[test]
    fn the_engine_in_memory_passes_the_conformance_suite() {
        run(&|| Box::new(Data::default()));
    }
}
