//! The one thread per database that commits: it takes everything in line, decides it, and makes it one engine batch.
//!
//! Storage design, section 7.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::Duration;

use crate::plan::{Before, Plan, plan};
use crate::queue::{Queue, Refusal, Submission};
use crate::recent::Recent;
use crate::write_tx::{Intent, Place};
use crate::{CommitError, CommitId, CommitTime, DbId, Decision, Engine, Error, Space};

/// How often the outcome of a lost commit is looked up.
const LOOK_UPS_MAX: usize = 20;

/// How long one look-up may wait for the commit to appear.
const LOOK_UP_WAIT: Duration = Duration::from_millis(100);

/// What the thread owns.
pub(crate) struct Committer {
    engine: Arc<dyn Engine>,
    db: DbId,
    queue: Arc<Queue>,
    recent: Recent,
    ids: CommitIds,
}

impl Committer {
    /// A committer for a database of which everything up to `time` is visible.
    pub(crate) fn new(
        engine: Arc<dyn Engine>,
        db: DbId,
        queue: Arc<Queue>,
        time: CommitTime,
    ) -> Self {
        Self {
            engine,
            db,
            queue,
            recent: Recent::new(time),
            ids: CommitIds::default(),
        }
    }

    /// Commits until the queue is stopped.
    pub(crate) fn run(mut self) {
        // Also when this thread panics, nobody may wait for it for ever.
        let _stop = StopWhenDone(Arc::clone(&self.queue));
        while let Some(group) = self.queue.take_group() {
            self.commit(group);
        }
    }

    fn commit(&mut self, group: Vec<Submission>) {
        let intents: Vec<_> = group.iter().map(|submission| &submission.intent).collect();
        match self.try_commit(&intents) {
            Ok(verdicts) => {
                for (submission, verdict) in group.into_iter().zip(verdicts) {
                    submission.answer(verdict.map_err(Refusal::Conflict));
                }
            }
            Err(error) => {
                if let CommitError::Fatal(cause) = &error {
                    self.queue.fail(cause);
                }
                for submission in group {
                    submission.answer(Err(Refusal::Failed(error.clone())));
                }
            }
        }
    }

    /// Commits a group. The refused ones are told with the others, when the group they lost against is visible:
    /// running again before that would only lose again.
    fn try_commit(
        &mut self,
        group: &[&Intent],
    ) -> Result<Vec<Result<CommitTime, crate::recent::Conflict>>, CommitError> {
        let before = self.rows_before(group)?;
        let mut planned = Ok(Plan::default());
        let committed = self
            .engine
            .commit(self.db, self.recent.complete_to(), &mut |view| {
                planned = plan(view, group, &before, &self.recent, || self.ids.next());
                match &mut planned {
                    Ok(plan) if !plan.batches.is_empty() => {
                        Decision::Apply(std::mem::take(&mut plan.batches))
                    }
                    _ => Decision::Nothing,
                }
            });
        let plan = planned.map_err(fatal_if_corrupt)?;
        match committed {
            Ok(_) => {}
            Err(CommitError::Unknown(commit)) => self.look_up(commit)?,
            Err(error) => return Err(error),
        }
        self.recent.extend(plan.footprints);
        Ok(plan.verdicts)
    }

    /// The rows that the group may replace and that their transactions did not read.
    fn rows_before(&self, group: &[&Intent]) -> Result<Before, CommitError> {
        let mut before = Before::default();
        let wanted = |intent: &Intent, place: &Place| {
            place.0.history().is_some() && !intent.reads.points.contains_key(place)
        };
        for intent in group {
            let places = intent.writes.keys().filter(|place| wanted(intent, place));
            before
                .rows
                .extend(places.map(|place| (place.clone(), None)));
        }
        if before.rows.is_empty() {
            before.time = self.recent.complete_to();
            return Ok(before);
        }
        let snapshot = self.engine.snapshot(self.db).map_err(fatal_if_corrupt)?;
        before.time = snapshot.time();
        for space in [Space::Docs, Space::Idx] {
            let same = || before.rows.keys().filter(|place| place.0 == space);
            let keys: Vec<&[u8]> = same().map(|(_, key)| key.as_slice()).collect();
            let values = snapshot.get(space, &keys).map_err(fatal_if_corrupt)?;
            let mut rows = before.rows.iter_mut().filter(|(place, _)| place.0 == space);
            for value in values {
                if let Some((_, row)) = rows.next() {
                    *row = value;
                }
            }
        }
        Ok(before)
    }

    /// Finds out if a group was applied of which the engine does not know.
    ///
    /// # Errors
    /// [`CommitError::Unavailable`] when it was not; [`CommitError::Unknown`] when that cannot be found out.
    fn look_up(&self, commit: CommitId) -> Result<(), CommitError> {
        let mut error = CommitError::Unknown(commit);
        for _ in 0..LOOK_UPS_MAX {
            // Everything that this committer knows is older.
            let after = self.recent.complete_to();
            match self.engine.tail(self.db, after, usize::MAX, LOOK_UP_WAIT) {
                Ok(rows) if rows.iter().any(|row| row.commit == commit) => return Ok(()),
                Ok(_) => {
                    error = CommitError::Unavailable("the connection was lost".to_owned());
                    break;
                }
                // Still away: give it time to come back.
                Err(_) => std::thread::sleep(LOOK_UP_WAIT),
            }
        }
        Err(error)
    }
}

/// Damage stops the store; everything else can be tried again.
fn fatal_if_corrupt(error: Error) -> CommitError {
    match error {
        Error::Corrupt(_) | Error::Fatal(_) => CommitError::Fatal(error.to_string()),
        other => CommitError::Unavailable(other.to_string()),
    }
}

struct StopWhenDone(Arc<Queue>);

impl Drop for StopWhenDone {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail("the committer panicked");
        }
    }
}

/// Names of commits: a keyed hash of a counter, with keys that the standard library draws from the system's
/// randomness. They are unique; nothing depends on their value, so they need no randomness of an operation.
#[derive(Default)]
struct CommitIds {
    high: RandomState,
    low: RandomState,
    count: u64,
}

impl CommitIds {
    fn next(&mut self) -> CommitId {
        self.count += 1;
        let [high, low] = [&self.high, &self.low].map(|state| state.hash_one(self.count));
        CommitId(((u128::from(high) << 64) | u128::from(low)).to_be_bytes())
    }
}
