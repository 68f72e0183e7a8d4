//! What a client's own transaction read, over many requests, and reading that writes it down.
//!
//! Such a transaction has no view that lives as long: each of its requests reads at the same time through
//! [`Store::read_at`](crate::Store::read_at), and adds to its log. Its commit hands the log to
//! [`WriteTx::require_unchanged`](crate::WriteTx::require_unchanged). Storage design, sections 3 and 7.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::ranges::Ranges;
use crate::write_tx::Place;
use crate::{
    CommitTime, Direction, Error, Key, KeyRange, PageLimit, Read, ReadTx, Row, RowPage, Space,
    Visit,
};

/// The memory that a key takes beside its bytes.
const POINT_BYTES: usize = size_of::<Place>() + 16;

/// What was read: keys, whether or not they had a row, and the parts of ranges that scans consumed.
///
/// Parts that touch are one, and keys in a part are not kept, so a long scan takes no more than a short one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadLog {
    points: BTreeSet<Place>,
    points_bytes: usize,
    ranges: Ranges,
}

impl ReadLog {
    /// The memory it takes, in bytes: for the caller to bound.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.points_bytes + self.ranges.bytes()
    }

    /// True if nothing was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.points.is_empty() && self.ranges.is_empty()
    }

    /// Adds what was read meanwhile, at the same time.
    pub fn merge(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
            return;
        }
        self.ranges.merge(other.ranges);
        for (space, key) in &other.points {
            self.add_point(*space, key);
        }
    }

    pub(crate) fn points(&self) -> &BTreeSet<Place> {
        &self.points
    }

    pub(crate) fn ranges(&self) -> &Ranges {
        &self.ranges
    }

    fn add_point(&mut self, space: Space, key: &[u8]) {
        if self.ranges.contains(space, key) {
            return;
        }
        if self.points.insert((space, key.to_vec())) {
            self.points_bytes += POINT_BYTES + key.len();
        }
    }
}

/// Reads, and writes down what was read.
///
/// INVARIANT: the reads of one log are at one time, that of [`require_unchanged`](crate::WriteTx::require_unchanged).
/// Spaces without history are read as they are now, which is later: that may only refuse a commit for nothing.
pub struct Recording<'a> {
    tx: &'a ReadTx<'a>,
    log: RefCell<ReadLog>,
}

impl<'a> Recording<'a> {
    /// Goes on with a log: an empty one, or one of earlier reads at the time of `tx`.
    #[must_use]
    pub fn new(tx: &'a ReadTx<'a>, log: ReadLog) -> Self {
        Self {
            tx,
            log: RefCell::new(log),
        }
    }

    /// The time it reads at.
    #[must_use]
    pub fn time(&self) -> CommitTime {
        self.tx.time()
    }

    /// The size of the log so far, as [`ReadLog::bytes`].
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.log.borrow().bytes()
    }

    /// What was read.
    #[must_use]
    pub fn into_log(self) -> ReadLog {
        self.log.into_inner()
    }
}

impl Read for Recording<'_> {
    fn find_rows(&self, space: Space, keys: &[&[u8]]) -> Result<Vec<Option<Row>>, Error> {
        let rows = self.tx.find_rows(space, keys)?;
        let mut log = self.log.borrow_mut();
        keys.iter().for_each(|key| log.add_point(space, key));
        Ok(rows)
    }

    fn scan_rows(
        &self,
        space: Space,
        range: &KeyRange,
        direction: Direction,
        limit: PageLimit,
    ) -> Result<RowPage, Error> {
        let page = self.tx.scan_rows(space, range, direction, limit)?;
        let consumed = range.consumed(direction, page.next.as_deref());
        self.log.borrow_mut().ranges.add(space, &consumed);
        Ok(page)
    }

    fn visit(
        &self,
        space: Space,
        range: &KeyRange,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<Option<Key>, Error> {
        let next = self.tx.visit(space, range, direction, visit)?;
        let consumed = range.consumed(direction, next.as_deref());
        self.log.borrow_mut().ranges.add(space, &consumed);
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_knows_its_size_and_keeps_nothing_twice() {
        let mut log = ReadLog::default();
        assert!(log.is_empty());
        log.add_point(Space::Docs, b"abc");
        let one = log.bytes();
        assert_eq!(one, POINT_BYTES + 3);
        log.add_point(Space::Docs, b"abc");
        assert_eq!(log.bytes(), one);
        log.ranges.add(Space::Docs, &KeyRange::prefix(b"k"));
        let two = log.bytes();
        log.ranges.add(Space::Docs, &KeyRange::prefix(b"km"));
        log.add_point(Space::Docs, b"km");
        assert_eq!(log.bytes(), two);
        log.add_point(Space::Idx, b"km");
        assert!(log.bytes() > two && !log.is_empty());

        let mut merged = ReadLog::default();
        merged.add_point(Space::Docs, b"abc");
        let mut other = ReadLog::default();
        other.add_point(Space::Idx, b"km");
        other.add_point(Space::Docs, b"abc");
        other.ranges.add(Space::Docs, &KeyRange::prefix(b"k"));
        merged.merge(other);
        assert_eq!(merged, log);
    }
}
