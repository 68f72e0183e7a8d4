//! A database: the way to read it, and the one way to write it.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::thread::JoinHandle;
use std::time::Duration;

use firekeep_model::{Clock, Timestamp};

use crate::committer::{Committer, Floor};
use crate::gate::{Gates, Turn};
use crate::limits::WRITE_TRIES_MAX;
use crate::meta::{self, FORMAT, STEPS};
use crate::older::{self, Remembered};
use crate::queue::{Answer, Queue, Refusal, Submission};
use crate::recent::Conflict;
use crate::write_tx::{Intent, Place};
use crate::{
    CommitTime, DbId, Engine, Error, Feed, Health, ReadTx, Snapshot, TrimBudget, Trimmed, WriteTx,
};

/// A database in an engine. Dropping it waits for the commits in line, as [`close`](Self::close) does.
pub struct Store {
    engine: Arc<dyn Engine>,
    db: DbId,
    clock: Arc<dyn Clock>,
    queue: Arc<Queue>,
    floor: Arc<Floor>,
    gates: Gates,
    committer: Arc<Mutex<Committer>>,
    remembered: Remembered,
    thread: Mutex<Option<JoinHandle<()>>>,
    old_snapshots: AtomicU64,
}

impl Store {
    /// Opens a database, making or migrating it where needed.
    ///
    /// # Errors
    /// [`Error::NewerFormat`]; [`Error::Corrupt`]; those of the engine.
    pub fn open(
        engine: Arc<dyn Engine>,
        db: DbId,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, Error> {
        let queue = Arc::new(Queue::default());
        let time = engine.snapshot(db)?.time();
        let floor = Arc::<Floor>::default();
        let (line, least) = (Arc::clone(&queue), Arc::clone(&floor));
        let committer = Committer::new(Arc::clone(&engine), db, line, least, time);
        let remembered = committer.remembered();
        let committer = Arc::new(Mutex::new(committer));
        let (commits, line) = (Arc::clone(&committer), Arc::clone(&queue));
        let thread = std::thread::Builder::new()
            .name(format!("committer {}", db.0))
            .spawn(move || Committer::run(&commits, &line))?;
        let store = Self {
            engine,
            db,
            clock,
            queue,
            floor,
            gates: Gates::default(),
            committer,
            remembered,
            thread: Mutex::new(Some(thread)),
            old_snapshots: AtomicU64::new(0),
        };
        meta::migrate(&store, FORMAT, STEPS)?;
        Ok(Arc::new(store))
    }

    /// A view of everything committed. Keep it for one request slice, not for a client's transaction.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub fn read(&self) -> Result<ReadTx<'_>, Error> {
        ReadTx::begin(self)
    }

    /// A view of what there was at a time: of the spaces with history; the others are as they are now. For what goes on
    /// longer than one request slice: it keeps the time, and asks for a view whenever it goes on.
    ///
    /// A time after the newest commit reads what there is now.
    ///
    /// # Errors
    /// [`Error::ReadTimeTooOld`] when the history of that time was trimmed; [`Error::Unavailable`],
    /// [`Error::Corrupt`].
    pub fn read_at(&self, time: CommitTime) -> Result<ReadTx<'_>, Error> {
        ReadTx::begin_at(self, time)
    }

    /// Makes a time a snapshot: from the answer on, everything that was or will be committed up to `time` is visible.
    /// Without it, a commit whose time was given already may become visible later. Commits that follow get later times,
    /// so `time` must not be after the wall clock. Waits for the commits in line; never call it on an async thread. Gives
    /// the newest time that this holds for: a later one, where the wall clock was set back since that was settled.
    ///
    /// It knows the commits of this store only: an engine that several machines write to needs more.
    ///
    /// # Errors
    /// [`Error::Fatal`], [`Error::Closed`], [`Error::Unavailable`].
    pub fn settle(&self, time: CommitTime) -> Result<CommitTime, Error> {
        let settled = self.floor.raise(time);
        // One that writes nothing: whoever got a time before the floor was raised is in this group or before it.
        let _ = self.submit(Intent::default(), false)?;
        Ok(settled)
    }

    /// Runs `work` in a transaction and gives its answer once what it wrote is durable. A transaction that wrote
    /// nothing commits nothing. An `Err` of `work` rolls back.
    ///
    /// `work` runs again when another transaction changed what it read, so it must have no effect but its writes.
    /// Blocks; never call it on an async thread.
    ///
    /// # Errors
    /// Those of `work`; [`Error::Changed`] when what it [required](WriteTx::require_unchanged) was changed;
    /// [`Error::Contended`] after [`WRITE_TRIES_MAX`] tries; [`Error::Fatal`] once the engine
    /// failed; [`Error::Closed`]; [`Error::Unavailable`].
    pub fn write<T, E: From<Error>>(
        &self,
        work: impl FnMut(&mut WriteTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.write_timed(work).map(|(value, _)| value)
    }

    /// As [`write`](Self::write), with the time of the commit; `None` when there was nothing to write.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_timed<T, E: From<Error>>(
        &self,
        mut work: impl FnMut(&mut WriteTx<'_>) -> Result<T, E>,
    ) -> Result<(T, Option<CommitTime>), E> {
        let mut turn = None;
        let mut tries = 0;
        while tries < WRITE_TRIES_MAX {
            let mut tx = WriteTx::begin(self)?;
            let value = work(&mut tx)?;
            let Some(mut intent) = tx.finish() else {
                return Ok((value, None));
            };
            for required in &mut intent.required {
                older::check(|after| self.feed(after), &self.remembered, required)?;
            }
            if turn.is_none() {
                turn = self.wait_behind_others(&intent);
                if turn.is_some() {
                    // What was read while others had their turn is old by now.
                    continue;
                }
            }
            tries += 1;
            let writes = !intent.writes.is_empty();
            match self.submit(intent, tries > 1)? {
                Ok(time) => return Ok((value, Some(time).filter(|_| writes))),
                Err(Conflict::Changed) => return Err(Error::Changed.into()),
                Err(Conflict::Wrote(place)) => turn = self.take_turn(turn, &place),
                Err(Conflict::ReadTooLongAgo) => {}
            }
        }
        Err(Error::Contended.into())
    }

    /// The first try of [`write_timed`](Self::write_timed), without blocking for the others: runs `work` here, and puts
    /// what it wrote in line. For small work on async threads, which so needs no thread to wait for the commit.
    ///
    /// # Errors
    /// Those of `work`; [`Error::Fatal`]; [`Error::Closed`]; [`Error::Unavailable`].
    pub fn try_write<T, E: From<Error>>(
        &self,
        work: impl FnOnce(&mut WriteTx<'_>) -> Result<T, E>,
    ) -> Result<Tried<T>, E> {
        let mut tx = WriteTx::begin(self)?;
        let value = work(&mut tx)?;
        let Some(intent) = tx.finish() else {
            return Ok(Tried::Idle(value));
        };
        if intent.writes.keys().any(|place| self.gates.is_busy(place)) {
            return Ok(Tried::Behind);
        }
        let wrote = !intent.writes.is_empty();
        let (submission, answer) = Submission::new(intent, false);
        if !self.queue.try_submit(submission)? {
            return Ok(Tried::Behind);
        }
        Ok(Tried::InLine(value, InLine { answer, wrote }))
    }

    /// Reads the log from after `after` on.
    ///
    /// # Errors
    /// [`Error::ReadTimeTooOld`] when log rows after it were trimmed; [`Error::Unavailable`], [`Error::Corrupt`].
    pub fn feed(&self, after: CommitTime) -> Result<Feed, Error> {
        Feed::open(Arc::clone(&self.engine), self.db, after)
    }

    /// Removes history and log older than `retention`, as far as `budget` allows.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub fn trim(&self, retention: Duration, budget: TrimBudget) -> Result<Trimmed, Error> {
        let micros = i64::try_from(retention.as_micros()).unwrap_or(i64::MAX);
        let below = CommitTime(self.now().micros().saturating_sub(micros));
        self.engine.trim(self.db, below, budget)
    }

    /// Whether writes are taken.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Fatal`].
    pub fn ready(&self) -> Result<(), Error> {
        self.queue.check()
    }

    /// How many snapshots were kept for longer than
    /// [`SNAPSHOT_AGE_NOTED`](crate::limits::SNAPSHOT_AGE_NOTED), which keeps the engine from tidying up.
    #[must_use]
    pub fn old_snapshots(&self) -> u64 {
        self.old_snapshots.load(Ordering::Relaxed)
    }

    /// How the engine is.
    #[must_use]
    pub fn health(&self) -> Health {
        self.engine.health()
    }

    /// Takes no further writes, and waits until those in line are durable.
    pub fn close(&self) {
        self.queue.close();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // A committer that panicked has already failed the queue.
            let _ = thread.join();
        }
        // A transaction that commits by itself has the lock until it is durable.
        drop(self.committer.lock());
    }

    /// Has memory for so many bytes of recent keys, from the next commit on.
    #[cfg(test)]
    pub(crate) fn limit_memory(&self, bytes_max: usize) {
        let committer = self.committer.lock();
        committer
            .unwrap_or_else(PoisonError::into_inner)
            .limit_memory(bytes_max);
    }

    pub(crate) fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, Error> {
        self.engine.snapshot(self.db)
    }

    pub(crate) fn note_old_snapshot(&self) {
        self.old_snapshots.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn submit(&self, intent: Intent, again: bool) -> Result<Result<CommitTime, Conflict>, Error> {
        let (submission, answer) = Submission::new(intent, again);
        if let Some(submission) = Committer::commit_alone(&self.committer, submission)? {
            self.queue.submit(submission)?;
        }
        match answer.wait() {
            Ok(time) => Ok(Ok(time)),
            Err(Refusal::Conflict(conflict)) => Ok(Err(conflict)),
            Err(Refusal::Failed(error)) => Err(error.into()),
        }
    }

    /// The turn at the first key written where others wait; `None` when nobody waits at any.
    fn wait_behind_others(&self, intent: &Intent) -> Option<Turn<'_>> {
        let busy = intent
            .writes
            .keys()
            .find(|place| self.gates.is_busy(place))?;
        self.gates.enter(busy)
    }

    /// Exchanges the turn for one at `place`; the old one is given back first.
    fn take_turn<'a>(&'a self, turn: Option<Turn<'a>>, place: &Place) -> Option<Turn<'a>> {
        if turn
            .as_ref()
            .is_some_and(|turn| turn.is_at(&self.gates, place))
        {
            return turn;
        }
        drop(turn);
        self.gates.enter(place)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

/// What became of a [try](Store::try_write).
pub enum Tried<T> {
    /// There was nothing to commit.
    Idle(T),
    /// It is in line.
    InLine(T, InLine),
    /// Others have their turns at what it writes, or too many are in line: [`Store::write_timed`] waits for its own.
    Behind,
}

/// A transaction in line. Dropping it takes nobody out of it.
pub struct InLine {
    answer: Answer,
    wrote: bool,
}

/// What became of a transaction in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It passed, and this is its time; `None` when it wrote nothing.
    At(Option<CommitTime>),
    /// It lost against another one: [`Store::write_timed`] tries until it wins.
    Lost,
}

/// # Errors
/// [`Error::Changed`]; [`Error::Fatal`]; [`Error::Closed`]; [`Error::Unavailable`].
impl Future for InLine {
    type Output = Result<Committed, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.answer).poll(cx));
        Poll::Ready(match outcome {
            Ok(time) => Ok(Committed::At(Some(time).filter(|_| self.wrote))),
            Err(Refusal::Conflict(Conflict::Changed)) => Err(Error::Changed),
            Err(Refusal::Conflict(Conflict::Wrote(_) | Conflict::ReadTooLongAgo)) => {
                Ok(Committed::Lost)
            }
            Err(Refusal::Failed(error)) => Err(error.into()),
        })
    }
}

#[cfg(test)]
mod tests;
