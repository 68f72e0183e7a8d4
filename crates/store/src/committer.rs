//! Commits: takes everything in line, decides it, and makes it one engine batch. One at a time per database.
//!
//! A thread does it for everybody who waits. A transaction whose own thread waits, and that finds nobody else there,
//! commits by itself, which saves waking that thread and being woken by it. Storage design, section 7.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::older::Remembered;
use crate::plan::{Before, Plan, plan};
use crate::queue::{Queue, Refusal, Submission};
use crate::recent::{Conflict, Recent};
use crate::write_tx::{Intent, Place, Write};
use crate::{
    ClockState, ClockView, CommitError, CommitId, CommitTime, DbId, Decision, Engine, Error, Space,
};

/// How often the outcome of a lost commit is looked up.
const LOOK_UPS_MAX: usize = 20;

/// How long one look-up may wait for the commit to appear.
const LOOK_UP_WAIT: Duration = Duration::from_millis(100);

/// What one commit at a time needs.
pub(crate) struct Committer {
    engine: Arc<dyn Engine>,
    db: DbId,
    queue: Arc<Queue>,
    floor: Arc<Floor>,
    recent: Recent,
    ids: CommitIds,
    /// The group before was one transaction or none.
    lonely: bool,
}

/// The time that no commit gets any more, and none before it. In memory: whoever tells such
/// times to others sees to it that they hold after the next start.
pub(crate) struct Floor(AtomicI64);

impl Default for Floor {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Floor {
    /// Holds for every group that is decided from now on. Gives the time that it stands at then.
    pub(crate) fn raise(&self, time: CommitTime) -> CommitTime {
        let before = self.0.fetch_max(time.0, Ordering::SeqCst);
        time.max(CommitTime(before))
    }

    /// The clock, such that commits get times after it.
    fn under<'a>(&self, view: &ClockView<'a>) -> ClockView<'a> {
        let least = CommitTime(self.0.load(Ordering::SeqCst)).successor();
        let floor = view.state.floor.max(least);
        ClockView {
            state: ClockState {
                floor,
                ..view.state
            },
            ..*view
        }
    }
}

impl Committer {
    /// A committer for a database of which everything up to `time` is visible.
    pub(crate) fn new(
        engine: Arc<dyn Engine>,
        db: DbId,
        queue: Arc<Queue>,
        floor: Arc<Floor>,
        time: CommitTime,
    ) -> Self {
        Self {
            engine,
            db,
            queue,
            floor,
            recent: Recent::new(time),
            ids: CommitIds::default(),
            lonely: true,
        }
    }

    /// Since when it remembers the keys of every commit.
    pub(crate) fn remembered(&self) -> Remembered {
        self.recent.remembered()
    }

    /// Remembers so many bytes of keys, from the next commit on.
    #[cfg(test)]
    pub(crate) fn limit_memory(&mut self, bytes_max: usize) {
        self.recent.limit(bytes_max);
    }

    /// The thread: commits until the queue is stopped and empty.
    pub(crate) fn run(committer: &Mutex<Self>, queue: &Queue) {
        while queue.wait() {
            // Who panicked in it has failed the queue.
            let Ok(mut committer) = committer.lock() else {
                return;
            };
            let group = queue.take_group();
            // Empty when the queue failed meanwhile.
            if !group.is_empty() {
                committer.commit(group);
            }
        }
    }

    /// Commits a transaction at once, if nobody commits or waits; gives it back otherwise.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Fatal`].
    pub(crate) fn commit_alone(
        committer: &Mutex<Self>,
        submission: Submission,
    ) -> Result<Option<Submission>, Error> {
        let Ok(mut committer) = committer.try_lock() else {
            return Ok(Some(submission));
        };
        // Checked with the lock held: `Store::close` takes it last.
        committer.queue.check()?;
        // Those that the group before answered are about to come back: wait for them in line.
        if !committer.lonely || committer.queue.waiting() > 0 {
            return Ok(Some(submission));
        }
        committer.commit(vec![submission]);
        Ok(None)
    }

    fn commit(&mut self, group: Vec<Submission>) {
        // Also when this panics, nobody may wait for ever.
        let _stop = StopWhenPanicking(Arc::clone(&self.queue));
        self.lonely = group.len() <= 1;
        let split = |submission: Submission| (submission.intent, submission.asker);
        let (intents, askers): (Vec<_>, Vec<_>) = group.into_iter().map(split).unzip();
        match self.try_commit(intents) {
            Ok(verdicts) => {
                for (asker, verdict) in askers.into_iter().zip(verdicts) {
                    asker.answer(verdict.map_err(Refusal::Conflict));
                }
            }
            Err(error) => {
                if let CommitError::Fatal(cause) = &error {
                    self.queue.fail(cause);
                }
                for asker in askers {
                    asker.answer(Err(Refusal::Failed(error.clone())));
                }
            }
        }
    }

    /// Commits a group. The refused ones are told with the others, when the group they lost against is visible:
    /// running again before that would only lose again.
    fn try_commit(
        &mut self,
        group: Vec<Intent>,
    ) -> Result<Vec<Result<CommitTime, Conflict>>, CommitError> {
        let before = self.rows_before(&group)?;
        let mut group = Some(group);
        let mut planned = Ok(Plan::default());
        let committed = self
            .engine
            .commit(self.db, self.recent.complete_to(), &mut |view| {
                let group = group.take().unwrap_or_default();
                let view = self.floor.under(view);
                planned = plan(&view, group, &before, &self.recent, || self.ids.next());
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
    fn rows_before(&self, group: &[Intent]) -> Result<Before, CommitError> {
        let mut before = Before::default();
        let wanted = |intent: &Intent, place: &Place, write: &Write| {
            place.0.history().is_some() && intent.reads.known(place, write.inserts).is_none()
        };
        for intent in group {
            let writes = intent.writes.iter();
            let wanted = writes.filter(|(place, write)| wanted(intent, place, write));
            let places = wanted.map(|(place, _)| (place.clone(), None));
            before.rows.extend(places);
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

struct StopWhenPanicking(Arc<Queue>);

impl Drop for StopWhenPanicking {
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
