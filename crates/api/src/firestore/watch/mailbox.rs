//! What waits for a stream to be sent: bounded, for a client that does not read.
//!
//! A mailbox that is full is emptied, and its stream is *behind*: it goes on from the last snapshot that it sent, by the
//! log, as soon as its client reads again. Firestore specification, section 11.9.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use firekeep_documents::watch::{Change, TargetId};
use firekeep_store::CommitTime;
use tokio::sync::Notify;

use crate::limits::{MAILBOX_BYTES_FAIR, MAILBOX_BYTES_MAX, MAILBOXES_BYTES_MAX};

/// What a change takes beside its document, in bytes.
const CHANGE_BYTES: usize = 128;

/// The memory of all mailboxes: how many bytes are in use.
#[derive(Default)]
pub(super) struct Room(AtomicUsize);

/// What waits for a stream.
pub(in super::super) struct Mailbox {
    letters: Mutex<Letters>,
    news: Notify,
    room: Arc<Room>,
}

#[derive(Default)]
struct Letters {
    all: Vec<Letter>,
    bytes: usize,
    /// The last step of which something was lost.
    behind: Option<CommitTime>,
    is_closed: bool,
}

/// What one target is told of the step to one snapshot.
pub(in super::super) struct Letter {
    pub(in super::super) target: TargetId,
    pub(in super::super) at: CommitTime,
    pub(in super::super) changes: Arc<[Change]>,
    pub(super) bytes: usize,
}

/// The memory that letters take which were taken out: free again when this is dropped.
pub(in super::super) struct Claim {
    room: Arc<Room>,
    bytes: usize,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.room.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What was in a mailbox.
pub(in super::super) enum Mailed {
    /// Everything since the last time, in order.
    Letters(Vec<Letter>, Claim),
    /// Something was lost, of steps up to this snapshot at the latest.
    Behind(CommitTime),
}

/// The bytes that changes count for: once for each target that they wait for, though they are in memory once.
pub(in super::super) fn bytes_of(changes: &[Change]) -> usize {
    let bytes = |change: &Change| match change {
        Change::Matches(document) | Change::Left(document) => document.bytes(),
        Change::Deleted(path) | Change::FellOut(path) => path.as_str().len(),
    };
    changes
        .iter()
        .map(|change| CHANGE_BYTES + bytes(change))
        .sum()
}

impl Mailbox {
    pub(super) fn new(room: Arc<Room>) -> Self {
        Self {
            letters: Mutex::default(),
            news: Notify::new(),
            room,
        }
    }

    /// Puts in what a stream is told of one step; what is too much empties the mailbox.
    pub(super) fn put(&self, new: Vec<Letter>) {
        let mut letters = self.lock();
        if letters.is_closed {
            return;
        }
        let Some(at) = new.iter().map(|letter| letter.at).max() else {
            return;
        };
        if letters.behind.is_some() {
            letters.behind = Some(at);
        } else {
            let bytes = new.iter().map(|letter| letter.bytes).sum();
            let all = self.room.0.fetch_add(bytes, Ordering::Relaxed) + bytes;
            letters.bytes += bytes;
            let is_fair = all <= MAILBOXES_BYTES_MAX || letters.bytes <= MAILBOX_BYTES_FAIR;
            if letters.bytes > MAILBOX_BYTES_MAX || !is_fair {
                letters.behind = Some(at);
                self.empty(&mut letters);
            } else {
                letters.all.extend(new);
            }
        }
        drop(letters);
        self.news.notify_one();
    }

    /// Waits until there is something. Nothing is lost when it is dropped before.
    pub(in super::super) async fn news(&self) {
        self.news.notified().await;
    }

    /// Takes everything. A mailbox that lost something keeps what comes from now on.
    pub(in super::super) fn take(&self) -> Mailed {
        let mut letters = self.lock();
        if let Some(at) = letters.behind.take() {
            return Mailed::Behind(at);
        }
        let claim = self.claim(std::mem::take(&mut letters.bytes));
        Mailed::Letters(std::mem::take(&mut letters.all), claim)
    }

    /// Takes what is about steps up to a time. Nothing from a mailbox that lost something, which
    /// [`take`](Self::take) says.
    pub(in super::super) fn take_until(&self, time: CommitTime) -> (Vec<Letter>, Claim) {
        let mut letters = self.lock();
        let some = letters.all.partition_point(|letter| letter.at <= time);
        let some: Vec<_> = letters.all.drain(..some).collect();
        let bytes = some.iter().map(|letter| letter.bytes).sum();
        letters.bytes -= bytes;
        (some, self.claim(bytes))
    }

    fn claim(&self, bytes: usize) -> Claim {
        let room = Arc::clone(&self.room);
        Claim { room, bytes }
    }

    /// Takes nothing in any more.
    pub(super) fn close(&self) {
        let mut letters = self.lock();
        self.empty(&mut letters);
        letters.is_closed = true;
    }

    fn empty(&self, letters: &mut Letters) {
        drop(self.claim(std::mem::take(&mut letters.bytes)));
        letters.all = Vec::new();
    }

    fn lock(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(mailbox: &Mailbox, at: i64, bytes: usize) {
        mailbox.put(vec![Letter {
            target: TargetId::new(1).unwrap(),
            at: CommitTime(at),
            changes: Arc::from([]),
            bytes,
        }]);
    }

    fn times(letters: &[Letter]) -> Vec<i64> {
        letters.iter().map(|letter| letter.at.0).collect()
    }

    /// The times of what was mailed, or of the last that was lost.
    fn take(mailbox: &Mailbox) -> Result<Vec<i64>, i64> {
        match mailbox.take() {
            Mailed::Letters(letters, _) => Ok(times(&letters)),
            Mailed::Behind(lost) => Err(lost.0),
        }
    }

    #[test]
    fn letters_come_in_order_until_they_are_too_much() {
        let room = Arc::<Room>::default();
        let mailbox = Mailbox::new(Arc::clone(&room));
        put(&mailbox, 1, 10);
        put(&mailbox, 2, MAILBOX_BYTES_MAX - 10);
        assert_eq!(take(&mailbox), Ok(vec![1, 2]));
        put(&mailbox, 3, 10);
        put(&mailbox, 4, MAILBOX_BYTES_MAX);
        put(&mailbox, 5, 10);
        assert_eq!(room.0.load(Ordering::Relaxed), 0);
        assert_eq!(take(&mailbox), Err(5));
        put(&mailbox, 6, 10);
        assert_eq!(take(&mailbox), Ok(vec![6]));
        put(&mailbox, 7, 10);
        drop(mailbox);
        assert_eq!(room.0.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn some_are_taken_and_the_memory_is_theirs_until_they_are_told() {
        let room = Arc::<Room>::default();
        let in_use = || room.0.load(Ordering::Relaxed);
        let mailbox = Mailbox::new(Arc::clone(&room));
        for at in [1, 2, 2, 4] {
            put(&mailbox, at, 10);
        }
        let (some, claim) = mailbox.take_until(CommitTime(3));
        assert_eq!((times(&some), in_use()), (vec![1, 2, 2], 40));
        drop(claim);
        assert_eq!(in_use(), 10);
        let Mailed::Letters(rest, claim) = mailbox.take() else {
            panic!("nothing was lost");
        };
        assert_eq!((times(&rest), in_use()), (vec![4], 10));
        drop(claim);
        put(&mailbox, 5, MAILBOX_BYTES_MAX + 1);
        assert!(mailbox.take_until(CommitTime(9)).0.is_empty());
        assert_eq!((take(&mailbox), in_use()), (Err(5), 0));
    }

    #[test]
    fn when_all_are_too_much_the_large_ones_give_way() {
        let room = Arc::<Room>::default();
        room.0.store(MAILBOXES_BYTES_MAX, Ordering::Relaxed);
        let mailbox = Mailbox::new(room);
        put(&mailbox, 1, MAILBOX_BYTES_FAIR);
        assert_eq!(take(&mailbox), Ok(vec![1]));
        put(&mailbox, 2, MAILBOX_BYTES_FAIR + 1);
        assert_eq!(take(&mailbox), Err(2));
    }
}
