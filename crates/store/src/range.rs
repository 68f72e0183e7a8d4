//! Ranges of keys, and the pages in which they are read.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

use crate::DbId;
use crate::limits::{KEY_BYTES_MAX, PAGE_BYTES_MAX, PAGE_ROWS_MAX};

/// A key, without the database id. Keys sort as bytes.
pub type Key = Vec<u8>;

/// Which end a scan starts at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Ascending.
    Forward,
    /// Descending.
    Reverse,
}

/// A range of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// The low end.
    pub start: Bound<Key>,
    /// The high end.
    pub end: Bound<Key>,
}

impl KeyRange {
    /// Every key.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            start: Bound::Unbounded,
            end: Bound::Unbounded,
        }
    }

    /// Every key that begins with `prefix`.
    #[must_use]
    pub fn prefix(prefix: &[u8]) -> Self {
        let end = match prefix.iter().rposition(|byte| *byte != u8::MAX) {
            // The bytes behind the last one that can be counted up are all FF: cut them.
            Some(at) => {
                let mut end: Key = prefix.iter().take(at + 1).copied().collect();
                if let Some(last) = end.last_mut() {
                    *last += 1;
                }
                Bound::Excluded(end)
            }
            None => Bound::Unbounded,
        };
        Self {
            start: Bound::Included(prefix.to_vec()),
            end,
        }
    }

    /// The keys from `start` on and before `end`.
    #[must_use]
    pub fn between(start: &[u8], end: &[u8]) -> Self {
        Self {
            start: Bound::Included(start.to_vec()),
            end: Bound::Excluded(end.to_vec()),
        }
    }

    /// The part of this range behind `key`, which must lie in it: the rest of a forward scan.
    #[must_use]
    pub fn after(&self, key: &[u8]) -> Self {
        Self {
            start: Bound::Excluded(key.to_vec()),
            end: self.end.clone(),
        }
    }

    /// The part of this range before `key`, which must lie in it: the rest of a reverse scan.
    #[must_use]
    pub fn before(&self, key: &[u8]) -> Self {
        Self {
            start: self.start.clone(),
            end: Bound::Excluded(key.to_vec()),
        }
    }

    /// What a scan in `direction` has left after [`Page::next`].
    #[must_use]
    pub fn rest(&self, direction: Direction, next: &[u8]) -> Self {
        match direction {
            Direction::Forward => self.after(next),
            Direction::Reverse => self.before(next),
        }
    }

    /// The part of this range that a scan in `direction` has seen when `key` was its last row.
    #[must_use]
    pub fn up_to(&self, direction: Direction, key: &[u8]) -> Self {
        let key = Bound::Included(key.to_vec());
        match direction {
            Direction::Forward => Self {
                start: self.start.clone(),
                end: key,
            },
            Direction::Reverse => Self {
                start: key,
                end: self.end.clone(),
            },
        }
    }

    /// The part of this range that a scan in `direction` has seen, given its [`Page::next`].
    #[must_use]
    pub fn consumed(&self, direction: Direction, next: Option<&[u8]>) -> Self {
        match next {
            Some(next) => self.up_to(direction, next),
            None => self.clone(),
        }
    }

    /// True if `key` lies in the range.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        let above = match &self.start {
            Bound::Included(start) => key >= start.as_slice(),
            Bound::Excluded(start) => key > start.as_slice(),
            Bound::Unbounded => true,
        };
        let below = match &self.end {
            Bound::Included(end) => key <= end.as_slice(),
            Bound::Excluded(end) => key < end.as_slice(),
            Bound::Unbounded => true,
        };
        above && below
    }

    /// The engine's bounds: the first key of the range, and the first key after it. The first is not below the second
    /// only for an empty range.
    #[must_use]
    pub fn physical(&self, db: DbId) -> (Key, Key) {
        let id = db.0.to_be_bytes();
        let low = match &self.start {
            Bound::Included(start) => [&id, start.as_slice()].concat(),
            Bound::Excluded(start) => [&id, start.as_slice(), &[0]].concat(),
            Bound::Unbounded => id.to_vec(),
        };
        let high = match &self.end {
            Bound::Included(end) => [&id, end.as_slice(), &[0]].concat(),
            Bound::Excluded(end) => [&id, end.as_slice()].concat(),
            Bound::Unbounded => match db.0.checked_add(1) {
                Some(next) => next.to_be_bytes().to_vec(),
                // The last database: longer than every key, so above all of them.
                None => vec![u8::MAX; id.len() + KEY_BYTES_MAX + 16],
            },
        };
        (low, high)
    }
}

/// How much one page may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimit {
    /// The most rows.
    pub rows: usize,
    /// The most bytes of keys and values. The first row is taken whatever its size.
    pub bytes: usize,
}

impl PageLimit {
    /// At most `rows` rows and [`PAGE_BYTES_MAX`] bytes.
    #[must_use]
    pub const fn rows(rows: usize) -> Self {
        Self {
            rows,
            bytes: PAGE_BYTES_MAX,
        }
    }
}

impl Default for PageLimit {
    fn default() -> Self {
        Self::rows(PAGE_ROWS_MAX)
    }
}

/// Some rows of a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The rows in the order of the scan.
    pub rows: Vec<(Key, Bytes)>,
    /// The last key of `rows`, exactly when the range holds more: go on with [`KeyRange::rest`].
    pub next: Option<Key>,
}

/// Collects a page, so that every engine cuts pages at the same row.
#[derive(Debug)]
pub struct PageBuilder {
    limit: PageLimit,
    bytes: usize,
    page: Page,
}

impl PageBuilder {
    /// An empty page. A limit of no rows counts as one row.
    #[must_use]
    pub fn new(limit: PageLimit) -> Self {
        Self {
            limit,
            bytes: 0,
            page: Page::default(),
        }
    }

    /// Takes the next row of the scan; `key` is without the database id. False when the page was full already:
    /// the row was not taken, and the scan stops.
    pub fn push(&mut self, key: Key, value: Bytes) -> bool {
        let bytes = self
            .bytes
            .saturating_add(key.len())
            .saturating_add(value.len());
        let full = self.page.rows.len() >= self.limit.rows || bytes > self.limit.bytes;
        if let Some((last, _)) = self.page.rows.last().filter(|_| full) {
            self.page.next = Some(last.clone());
            return false;
        }
        self.bytes = bytes;
        self.page.rows.push((key, value));
        true
    }

    /// The page.
    #[must_use]
    pub fn finish(self) -> Page {
        self.page
    }
}

/// Rows in the order of a scan, with others laid over them; `None` removes one.
pub(crate) fn lay_over<V>(
    rows: Vec<(Key, V)>,
    over: impl IntoIterator<Item = (Key, Option<V>)>,
    direction: Direction,
) -> Vec<(Key, V)> {
    let mut over = over.into_iter().peekable();
    if over.peek().is_none() {
        return rows;
    }
    let mut all: BTreeMap<Key, V> = rows.into_iter().collect();
    for (key, value) in over {
        match value {
            Some(value) => drop(all.insert(key, value)),
            None => drop(all.remove(&key)),
        }
    }
    match direction {
        Direction::Forward => all.into_iter().collect(),
        Direction::Reverse => all.into_iter().rev().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_end_before_the_next_key() {
        assert_eq!(KeyRange::prefix(b"ab").end, Bound::Excluded(b"ac".to_vec()));
        assert_eq!(
            KeyRange::prefix(&[1, 255, 255]).end,
            Bound::Excluded(vec![2])
        );
        assert_eq!(KeyRange::prefix(&[255, 255]).end, Bound::Unbounded);
        assert_eq!(
            KeyRange::prefix(b""),
            KeyRange {
                start: Bound::Included(vec![]),
                ..KeyRange::all()
            }
        );
    }

    #[test]
    fn physical_bounds_hold_exactly_the_keys_of_the_range() {
        let keys: [&[u8]; 6] = [b"", &[0], b"a", &[b'a', 0], b"b", &[255; 3]];
        let bounds = |key: &[u8]| [Bound::Included(key.to_vec()), Bound::Excluded(key.to_vec())];
        for db in [0, 7, u32::MAX].map(DbId) {
            for start in keys
                .iter()
                .flat_map(|key| bounds(key))
                .chain([Bound::Unbounded])
            {
                for end in keys
                    .iter()
                    .flat_map(|key| bounds(key))
                    .chain([Bound::Unbounded])
                {
                    let range = KeyRange {
                        start: start.clone(),
                        end,
                    };
                    let (low, high) = range.physical(db);
                    for key in keys {
                        let physical = crate::physical_key(db, key);
                        let inside = physical >= low && physical < high;
                        assert_eq!(inside, range.contains(key), "{range:?} {key:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn pages_stop_at_rows_and_bytes_and_always_hold_one_row() {
        let value = Bytes::from_static(b"12345678");
        let fill = |limit: PageLimit, rows: u8| {
            let mut page = PageBuilder::new(limit);
            let _ = (0..rows).all(|at| page.push(vec![at], value.clone()));
            page.finish()
        };
        let page = fill(PageLimit::rows(3), 3);
        assert_eq!((page.rows.len(), page.next), (3, None));
        let page = fill(PageLimit::rows(3), 4);
        assert_eq!((page.rows.len(), page.next), (3, Some(vec![2])));
        let page = fill(PageLimit { rows: 9, bytes: 18 }, 3);
        assert_eq!((page.rows.len(), page.next), (2, Some(vec![1])));
        let page = fill(PageLimit { rows: 0, bytes: 0 }, 2);
        assert_eq!((page.rows.len(), page.next), (1, Some(vec![0])));
    }
}
