//! Where transactions wait for the committer, and how they get their answers.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

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
    answer: SyncSender<Result<CommitTime, Refusal>>,
}

/// Where the answer arrives.
pub(crate) type Answer = Receiver<Result<CommitTime, Refusal>>;

/// The waiting transactions. Full means: the next one waits for a place.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
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
        let (answer, answered) = sync_channel(1);
        (
            Self {
                intent,
                again,
                answer,
            },
            answered,
        )
    }

    /// Answers. A submitter that went away does not mind.
    pub(crate) fn answer(self, outcome: Result<CommitTime, Refusal>) {
        let _ = self.answer.send(outcome);
    }
}

impl Queue {
    /// Puts a transaction in line, waiting for a place if there is none.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Fatal`].
    pub(crate) fn submit(&self, submission: Submission) -> Result<(), Error> {
        let full = |state: &mut State| state.stopped.is_none() && state.len() >= QUEUE_COMMITS_MAX;
        let waited = self.changed.wait_while(self.lock(), full);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.check()?;
        if submission.again {
            state.again.push_back(submission);
        } else {
            state.first.push_back(submission);
        }
        drop(state);
        self.changed.notify_all();
        Ok(())
    }

    /// Everything in line, up to the limits of a group; waits for the first. `None` when the queue was stopped and
    /// is empty.
    pub(crate) fn take_group(&self) -> Option<Vec<Submission>> {
        let idle = |state: &mut State| state.stopped.is_none() && state.len() == 0;
        let waited = self.changed.wait_while(self.lock(), idle);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        let mut group = Vec::new();
        let mut bytes = 0;
        while group.len() < GROUP_COMMITS_MAX && bytes < GROUP_BYTES_MAX {
            let Some(next) = state.pop() else { break };
            bytes += next.intent.bytes;
            group.push(next);
        }
        drop(state);
        self.changed.notify_all();
        Some(group).filter(|group| !group.is_empty())
    }

    /// Takes no further transactions; those in line are still committed.
    pub(crate) fn close(&self) {
        self.lock().stopped.get_or_insert(Stop::Closed);
        self.changed.notify_all();
    }

    /// Takes no further transactions, and refuses those in line.
    pub(crate) fn fail(&self, cause: &str) {
        let mut state = self.lock();
        state.stopped = Some(Stop::Fatal(cause.to_owned()));
        let waiting: Vec<_> = std::iter::from_fn(|| state.pop()).collect();
        drop(state);
        for submission in waiting {
            submission.answer(Err(Refusal::Failed(CommitError::Fatal(cause.to_owned()))));
        }
        self.changed.notify_all();
    }

    /// Whether transactions are taken.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Fatal`].
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.lock().check()
    }

    /// How many wait.
    #[cfg(test)]
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
        let group = queue.take_group().unwrap();
        assert_eq!(group.len(), GROUP_COMMITS_MAX);
        assert_eq!(group[0].intent.bytes, 2);
        assert_eq!(queue.take_group().unwrap().len(), 2);
        let _large = [GROUP_BYTES_MAX, 1].map(|bytes| submit(&queue, bytes, false));
        assert_eq!(queue.take_group().unwrap().len(), 1);
    }

    #[test]
    fn closing_commits_what_waits_and_failing_refuses_it() {
        let queue = Queue::default();
        let _answer = submit(&queue, 1, false);
        queue.close();
        assert!(matches!(queue.check(), Err(Error::Closed)));
        assert_eq!(queue.take_group().unwrap().len(), 1);
        assert!(queue.take_group().is_none());

        let queue = Queue::default();
        let answer = submit(&queue, 1, false);
        queue.fail("broken");
        let refused = answer.recv().unwrap();
        assert!(matches!(
            refused,
            Err(Refusal::Failed(CommitError::Fatal(_)))
        ));
        assert!(matches!(queue.check(), Err(Error::Fatal(_))));
        assert!(queue.take_group().is_none());
    }
}
