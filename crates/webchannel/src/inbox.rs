//! The forward channel: puts the client's messages in order, each once. Source: WebChannel specification, section 3.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use crate::limits::{
    HELD_MESSAGES_MAX, HELD_TIME_MAX, INBOX_BYTES_CROWDED, INBOX_BYTES_MAX, INBOX_MESSAGES_CROWDED,
    INBOX_MESSAGES_MAX,
};

/// Messages that have come and are not taken.
#[derive(Debug)]
pub(crate) struct Inbox<M> {
    /// The map id of the message that is to come next.
    next: u64,
    ready: VecDeque<M>,
    /// Those that overtook one before them, by map id. INVARIANT: none has the id `next`.
    held: BTreeMap<u64, M>,
    /// Since when the first of them waits for `next`.
    held_since: Option<Instant>,
    /// Of all of them.
    bytes: usize,
    closed: bool,
}

/// There are more than anybody sends who waits for answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Overflow;

impl<M: AsRef<str>> Inbox<M> {
    pub(crate) fn new() -> Self {
        Self {
            next: 0,
            ready: VecDeque::new(),
            held: BTreeMap::new(),
            held_since: None,
            bytes: 0,
            closed: false,
        }
    }

    /// Takes a message in, unless it has come before.
    pub(crate) fn put(&mut self, now: Instant, id: u64, message: M) -> Result<(), Overflow> {
        if self.closed || id < self.next || self.held.contains_key(&id) {
            return Ok(());
        }
        self.bytes = self.bytes.saturating_add(message.as_ref().len());
        if id > self.next {
            self.held_since.get_or_insert(now);
            self.held.insert(id, message);
        } else {
            self.ready.push_back(message);
            self.next += 1;
            self.free(now);
        }
        let is_full = self.bytes > INBOX_BYTES_MAX
            || self.held.len() > HELD_MESSAGES_MAX
            || self.ready.len() > INBOX_MESSAGES_MAX;
        if is_full { Err(Overflow) } else { Ok(()) }
    }

    /// Takes over what was held for the message that has come.
    fn free(&mut self, now: Instant) {
        let before = self.held.len();
        while let Some(message) = self.held.remove(&self.next) {
            self.ready.push_back(message);
            self.next += 1;
        }
        // What is still held waits for another one.
        if self.held.len() != before {
            self.held_since = Some(now).filter(|_| !self.held.is_empty());
        }
    }

    /// The next message.
    pub(crate) fn take(&mut self) -> Option<M> {
        let message = self.ready.pop_front()?;
        self.bytes -= message.as_ref().len();
        Some(message)
    }

    /// Whether the client should wait before it sends more.
    pub(crate) fn is_crowded(&self) -> bool {
        !self.ready.is_empty()
            && (self.ready.len() >= INBOX_MESSAGES_CROWDED || self.bytes >= INBOX_BYTES_CROWDED)
    }

    /// When a message that others wait for must be there.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.held_since.map(|since| since + HELD_TIME_MAX)
    }

    /// Forgets all messages, and takes no more.
    pub(crate) fn close(&mut self) {
        *self = Self::new();
        self.closed = true;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Puts these in, as their own text, a second apart, and gives what comes out; and when the inbox would give up.
    fn arrange(ids: &[u64]) -> (String, Option<u64>) {
        let begin = Instant::now();
        let mut inbox = Inbox::new();
        for (at, id) in (0..).zip(ids) {
            let now = begin + Duration::from_secs(at);
            inbox.put(now, *id, format!("{id} ")).unwrap();
        }
        let mut found = String::new();
        while let Some(message) = inbox.take() {
            found += &message;
        }
        let held: usize = inbox.held.values().map(String::len).sum();
        assert_eq!(inbox.bytes, held);
        let deadline = inbox.deadline().map(|at| (at - begin).as_secs());
        (found.trim_end().to_owned(), deadline)
    }

    #[test]
    fn messages_come_out_once_and_in_order() {
        for (ids, found, deadline) in [
            ([0, 1, 2, 3].as_slice(), "0 1 2 3", None),
            (&[0, 0, 1, 0, 1, 2], "0 1 2", None),
            (&[3, 2, 1, 0], "0 1 2 3", None),
            (&[1, 1, 0, 1], "0 1", None),
            (&[0, 2], "0", Some(31)),
            (&[2, 0, 2], "0", Some(30)),
            // Another gap, another wait.
            (&[1, 3, 0, 5], "0 1", Some(32)),
            (&[1, 3, 0, 2], "0 1 2 3", None),
        ] {
            assert_eq!(arrange(ids), (found.to_owned(), deadline), "{ids:?}");
        }
    }

    #[test]
    fn a_message_that_nobody_waits_for_leaves_the_wait_as_it_is() {
        let begin = Instant::now();
        let mut inbox = Inbox::new();
        inbox.put(begin, 5, "").unwrap();
        inbox.put(begin + Duration::from_secs(9), 0, "").unwrap();
        assert_eq!(inbox.deadline(), Some(begin + HELD_TIME_MAX));
    }

    #[test]
    fn too_many_messages_are_an_overflow() {
        let now = Instant::now();
        let mut inbox = Inbox::new();
        for id in 1..=HELD_MESSAGES_MAX as u64 {
            assert_eq!(inbox.put(now, id, ""), Ok(()));
        }
        assert!(!inbox.is_crowded());
        assert_eq!(inbox.put(now, u64::MAX, ""), Err(Overflow));

        let mut inbox = Inbox::new();
        for id in 0..INBOX_MESSAGES_MAX as u64 {
            assert_eq!(inbox.is_crowded(), id >= INBOX_MESSAGES_CROWDED as u64);
            assert_eq!(inbox.put(now, id, ""), Ok(()));
        }
        assert_eq!(inbox.put(now, INBOX_MESSAGES_MAX as u64, ""), Err(Overflow));
    }

    #[test]
    fn too_many_bytes_are_an_overflow() {
        let now = Instant::now();
        let large = "x".repeat(INBOX_BYTES_MAX / 4);
        let mut inbox = Inbox::new();
        for id in [0, 1, 7, 8] {
            assert_eq!(inbox.put(now, id, large.as_str()), Ok(()));
        }
        assert!(inbox.is_crowded());
        assert_eq!(inbox.put(now, 9, "x"), Err(Overflow));
    }

    #[test]
    fn what_is_closed_takes_nothing() {
        let now = Instant::now();
        let mut inbox = Inbox::new();
        inbox.put(now, 0, "a").unwrap();
        inbox.put(now, 2, "c").unwrap();
        inbox.close();
        for id in [0, 1, u64::MAX] {
            inbox.put(now, id, "b").unwrap();
        }
        assert_eq!((inbox.take(), inbox.deadline()), (None, None));
    }
}
