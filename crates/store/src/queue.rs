//! Where transactions wait for the committer, and how they get their answers.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::limits::{GROUP_BYTES_MAX, GROUP_COMMITS_MAX, QUEUE_COMMITS_MAX};
use crate::recent::Conflict;
use crate::write_tx::Intent;
use crate::{CommitError, CommitTime, Error};

/// Why a transaction did not commit.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It must run again.
    Conflict(Conflict),
    /// The engine did not commit the group.
    Failed(CommitError),
}

/// A transaction that waits.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) intent: Intent,
    /// True when it lost before: it goes first.
    pub(crate) again: bool,
    pub(crate) asker: Asker,
}

/// What became of a transaction.
pub(crate) type Outcome = Result<CommitTime, Refusal>;

/// Who waits for a transaction's answer. Dropped without one, it answers that the committer stopped.
#[derive(Debug)]
pub(crate) struct Asker(Option<Arc<Slot>>);

/// Where the answer arrives: a thread or a task waits for it. Lighter than a channel: there is one for each transaction.
#[derive(Debug)]
pub(crate) struct Answer(Arc<Slot>);

#[derive(Debug, Default)]
struct Slot {
    given: Mutex<Given>,
    here: Condvar,
}

#[derive(Debug, Default)]
struct Given {
    outcome: Option<Outcome>,
    /// The task that waits, if it is one.
    waiter: Option<Waker>,
}

/// The waiting transactions. Full means: the next one waits for a place.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// The committer waits here for transactions.
    filled: Condvar,
    /// Transactions wait here for a place.
    room: Condvar,
}

#[derive(Default)]
struct State {
    again: VecDeque<Submission>,
    first: VecDeque<Submission>,
    stopped: Option<Stop>,
}

/// Why no transaction is taken any more.
#[derive(Clone, Debug)]
enum Stop {
    Closed,
    Fatal(String),
}

impl Submission {
    /// A submission, and where its answer will arrive.
    pub(crate) fn new(intent: Intent, again: bool) -> (Self, Answer) {
        let slot = Arc::<Slot>::default();
        let asker = Asker(Some(Arc::clone(&slot)));
        let submission = Self {
            intent,
            again,
            asker,
        };
        (submission, Answer(slot))
    }
}

impl Asker {
    /// Answers. A submitter that went away does not mind.
    pub(crate) fn answer(mut self, outcome: Outcome) {
        if let Some(slot) = self.0.take() {
            slot.give(outcome);
        }
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        if let Some(slot) = self.0.take() {
            slot.give(stopped());
        }
    }
}

impl Answer {
    /// Waits for the answer.
    pub(crate) fn wait(self) -> Outcome {
        let missing = |given: &mut Given| given.outcome.is_none();
        let waited = self.0.here.wait_while(self.0.lock(), missing);
        let mut given = waited.unwrap_or_else(PoisonError::into_inner);
        given.outcome.take().unwrap_or_else(stopped)
    }
}

impl Future for Answer {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut given = self.0.lock();
        if let Some(outcome) = given.outcome.take() {
            return Poll::Ready(outcome);
        }
        match &mut given.waiter {
            Some(waiter) => waiter.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

fn stopped() -> Outcome {
    let cause = "the committer stopped".to_owned();
    Err(Refusal::Failed(CommitError::Fatal(cause)))
}

impl Slot {
    fn give(&self, outcome: Outcome) {
        let mut given = self.lock();
        given.outcome = Some(outcome);
        let waiter = given.waiter.take();
        drop(given);
        match waiter {
            Some(waiter) => waiter.wake(),
            None => self.here.notify_one(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Given> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Puts a transaction in line, waiting for a place if there is none.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Fatal`].
    pub(crate) fn submit(&self, submission: Submission) -> Result<(), Error> {
        let full = |state: &mut State| state.stopped.is_none() && state.is_full();
        let waited = self.room.wait_while(self.lock(), full);
        let state = waited.unwrap_or_else(PoisonError::into_inner);
        self.enter(state, submission)
    }

    /// Puts a transaction in line, if there is a place; `false` when it was dropped for want of one.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    pub(crate) fn try_submit(&self, submission: Submission) -> Result<bool, Error> {
        let state = self.lock();
        if state.stopped.is_none() && state.is_full() {
            return Ok(false);
        }
        self.enter(state, submission)?;
        Ok(true)
    }

    fn enter(&self, mut state: MutexGuard<'_, State>, submission: Submission) -> Result<(), Error> {
        state.check()?;
        if submission.again {
            state.again.push_back(submission);
        } else {
            state.first.push_back(submission);
        }
        // The committer waits only for the first one: this is its one waker.
        let first = state.len() == 1;
        drop(state);
        if first {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Waits until there is something in line. False when the queue was stopped and is empty.
    pub(crate) fn wait(&self) -> bool {
        let idle = |state: &mut State| state.stopped.is_none() && state.len() == 0;
        let waited = self.filled.wait_while(self.lock(), idle);
        waited.unwrap_or_else(PoisonError::into_inner).len() > 0
    }

    /// Everything in line, up to the limits of a group.
    pub(crate) fn take_group(&self) -> Vec<Submission> {
        let mut state = self.lock();
        let was_full = state.is_full();
        let mut group = Vec::new();
        let mut bytes = 0;
        while group.len() < GROUP_COMMITS_MAX && bytes < GROUP_BYTES_MAX {
            let Some(next) = state.pop() else { break };
            bytes += next.intent.bytes;
            group.push(next);
        }
        drop(state);
        if was_full {
            self.room.notify_all();
        }
        group
    }

    /// Takes no further transactions; those in line are still committed.
    pub(crate) fn close(&self) {
        self.lock().stopped.get_or_insert(Stop::Closed);
        self.filled.notify_all();
        self.room.notify_all();
    }

    /// Takes no further transactions, and refuses those in line.
    pub(crate) fn fail(&self, cause: &str) {
        let mut state = self.lock();
        state.stopped = Some(Stop::Fatal(cause.to_owned()));
        let waiting: Vec<_> = std::iter::from_fn(|| state.pop()).collect();
        drop(state);
        for submission in waiting {
            let error = CommitError::Fatal(cause.to_owned());
            submission.asker.answer(Err(Refusal::Failed(error)));
        }
        self.filled.notify_all();
        self.room.notify_all();
    }

    /// Whether transactions are taken.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Fatal`].
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.lock().check()
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn len(&self) -> usize {
        self.again.len() + self.first.len()
    }

    fn is_full(&self) -> bool {
        self.len() >= QUEUE_COMMITS_MAX
    }

    fn pop(&mut self) -> Option<Submission> {
        self.again.pop_front().or_else(|| self.first.pop_front())
    }

    fn check(&self) -> Result<(), Error> {
        match &self.stopped {
            None => Ok(()),
            Some(Stop::Closed) => Err(Error::Closed),
            Some(Stop::Fatal(cause)) => Err(Error::Fatal(cause.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submit(queue: &Queue, bytes: usize, again: bool) -> Answer {
        let (submission, answer) = Submission::new(
            Intent {
                bytes,
                ..Intent::default()
            },
            again,
        );
        queue.submit(submission).unwrap();
        answer
    }

    #[test]
    fn groups_are_bounded_by_commits_and_bytes_and_losers_go_first() {
        let queue = Queue::default();
        let _answers: Vec<_> = (0..=GROUP_COMMITS_MAX)
            .map(|_| submit(&queue, 1, false))
            .collect();
        let _again = submit(&queue, 2, true);
        let group = queue.take_group();
        assert_eq!(group.len(), GROUP_COMMITS_MAX);
        assert_eq!(group[0].intent.bytes, 2);
        assert_eq!(queue.take_group().len(), 2);
        let _large = [GROUP_BYTES_MAX, 1].map(|bytes| submit(&queue, bytes, false));
        assert_eq!(queue.take_group().len(), 1);
    }

    #[test]
    fn closing_commits_what_waits_and_failing_refuses_it() {
        let queue = Queue::default();
        let _answer = submit(&queue, 1, false);
        queue.close();
        assert!(matches!(queue.check(), Err(Error::Closed)));
        assert_eq!(queue.take_group().len(), 1);
        assert!(!queue.wait());

        let queue = Queue::default();
        let answer = submit(&queue, 1, false);
        queue.fail("broken");
        let refused = answer.wait();
        assert!(matches!(
            refused,
            Err(Refusal::Failed(CommitError::Fatal(_)))
        ));
        assert!(matches!(queue.check(), Err(Error::Fatal(_))));
        assert!(!queue.wait());
    }
}
