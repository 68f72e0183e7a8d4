//! Reads in the past: rows of spaces with history as they were at a time.
//!
//! A current row that was written at or before the time stands. Otherwise the row of then is in the history, under its
//! key and the time at which it was replaced. Storage design, section 6.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

use crate::limits::PAGE_ROWS_MAX;
use crate::range::lay_over;
use crate::read::View;
use crate::{
    CommitTime, Direction, Error, Key, KeyRange, Page, PageBuilder, PageLimit, Space, history_key,
    row,
};

/// The bytes of a time behind a key of the history.
const TIME_BYTES: usize = size_of::<CommitTime>();

/// How many rows of a key's history are read at a time; the first one is mostly the one.
const HISTORY_ROWS: usize = 2;

/// A view of one space as it was.
pub(crate) struct Past<'a> {
    pub(crate) view: &'a View<'a>,
    pub(crate) at: CommitTime,
    pub(crate) space: Space,
    pub(crate) history: Space,
}

impl Past<'_> {
    /// The rows of keys, in their order.
    pub(crate) fn find(&self, keys: &[&[u8]]) -> Result<Vec<Option<Bytes>>, Error> {
        let mut rows = self.view.find(self.space, keys)?;
        for (key, value) in keys.iter().zip(&mut rows) {
            if !self.stands(value.as_deref())? {
                *value = self.find_replaced(key)?;
            }
        }
        Ok(rows)
    }

    /// One page of a range. Holds a page of current rows and one of the history at a time.
    pub(crate) fn scan(
        &self,
        range: &KeyRange,
        direction: Direction,
        limit: PageLimit,
    ) -> Result<Page, Error> {
        let mut builder = PageBuilder::new(limit);
        let mut rest = range.clone();
        // As many as are wanted, and more while that leads nowhere.
        let mut history_rows = limit.rows.clamp(1, PAGE_ROWS_MAX);
        loop {
            let page = self.view.scan(self.space, &rest, direction, limit)?;
            let mut covered = rest.consumed(direction, page.next.as_deref());
            let mut current = page.rows.into_iter().peekable();
            loop {
                let part = self.replaced_in(&covered, direction, history_rows)?;
                history_rows = (2 * history_rows).min(PAGE_ROWS_MAX);
                let mut standing = Vec::new();
                while let Some((key, value)) = current.next_if(|(key, _)| part.range.contains(key))
                {
                    if self.stands(Some(&value))? {
                        standing.push((key, value));
                    }
                }
                let replaced = part.rows.into_iter();
                let replaced = replaced.map(|(key, value)| (key, Some(value)));
                let mut rows = lay_over(standing, replaced, direction).into_iter();
                if !rows.all(|(key, value)| builder.push(key, value)) {
                    return Ok(builder.finish());
                }
                match part.rest {
                    Some(left) => covered = left,
                    None => break,
                }
            }
            match page.next {
                Some(next) => rest = rest.rest(direction, &next),
                None => return Ok(builder.finish()),
            }
        }
    }

    fn stands(&self, value: Option<&[u8]>) -> Result<bool, Error> {
        let time = value.map(row::time).transpose()?;
        Ok(time.is_some_and(|time| time <= self.at))
    }

    /// The row that a key had, from its history: the first one that was replaced after the time, if it existed then.
    fn find_replaced(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        let mut range = KeyRange {
            start: Bound::Excluded(history_key(key, self.at)),
            end: Bound::Included(history_key(key, CommitTime(i64::MAX))),
        };
        loop {
            let limit = PageLimit::rows(HISTORY_ROWS);
            let page = self
                .view
                .scan(self.history, &range, Direction::Forward, limit)?;
            // Histories of longer keys that begin with this one lie between.
            let own = |(other, _): &(Key, Bytes)| other.len() == key.len() + TIME_BYTES;
            if let Some((_, value)) = page.rows.into_iter().find(own) {
                let existed = self.stands(Some(&value))?;
                return Ok(Some(value).filter(|_| existed));
            }
            match page.next {
                Some(next) => range = range.after(&next),
                None => return Ok(None),
            }
        }
    }

    /// The rows that were there at the time and are not any more: of the part of a range, from where a scan in
    /// `direction` begins, that one page of the history, of so many `rows`,
    /// tells of.
    fn replaced_in(
        &self,
        range: &KeyRange,
        direction: Direction,
        rows: usize,
    ) -> Result<Part, Error> {
        // A key's history is above the key, and mostly below every key above it. What is not is looked up below.
        let history = KeyRange {
            start: match &range.start {
                Bound::Included(key) | Bound::Excluded(key) => Bound::Excluded(key.clone()),
                Bound::Unbounded => Bound::Unbounded,
            },
            end: range.end.clone(),
        };
        let limit = PageLimit::rows(rows);
        let page = (self.view).scan(self.history, &history, direction, limit)?;
        let (range, rest) = match page.next {
            Some(next) => split(range, direction, next),
            None => (range.clone(), None),
        };
        let mut rows = BTreeMap::new();
        for (history_key, value) in page.rows {
            let Some((key, replaced_at)) = history_key.split_last_chunk::<TIME_BYTES>() else {
                return Err(Error::Corrupt("a key of the history".to_owned()));
            };
            let replaced_later = CommitTime::from_key(*replaced_at) > self.at;
            if replaced_later && range.contains(key) && self.stands(Some(&value))? {
                rows.insert(key.to_vec(), value);
            }
        }
        for key in prefixes_of_end(&range, self.view.time()) {
            if let Some(value) = self.find_replaced(key)? {
                rows.insert(key.to_vec(), value);
            }
        }
        Ok(Part { rows, range, rest })
    }
}

/// What one page of the history tells.
struct Part {
    /// The rows of then, of all keys in `range` that have others now, or none.
    rows: BTreeMap<Key, Bytes>,
    range: KeyRange,
    /// What the scan has left.
    rest: Option<KeyRange>,
}

/// Divides a range where a page of the history ended: into the keys of which the page has everything, or nothing that
/// is not looked up, and the others.
fn split(range: &KeyRange, direction: Direction, at: Key) -> (KeyRange, Option<KeyRange>) {
    let low = KeyRange {
        start: range.start.clone(),
        end: Bound::Excluded(at.clone()),
    };
    let high = KeyRange {
        start: Bound::Included(at),
        end: range.end.clone(),
    };
    match direction {
        Direction::Forward => (low, Some(high)),
        Direction::Reverse => (high, Some(low)),
    }
}

/// The keys in a range that its end begins with, or is, and whose histories may lie above the end, since no time in it is
/// after `newest`: a document's key begins the keys of the documents in its subcollections. Few: what follows such a key in
/// the end is below a time, so begins with zeros.
fn prefixes_of_end(range: &KeyRange, newest: CommitTime) -> impl Iterator<Item = &[u8]> {
    let end: &[u8] = match &range.end {
        Bound::Included(end) | Bound::Excluded(end) => end,
        Bound::Unbounded => &[],
    };
    let newest = newest.to_key();
    let prefixes = (0..=end.len()).filter_map(move |length| {
        let (prefix, rest) = end.split_at_checked(length)?;
        (newest.as_slice() >= rest).then_some(prefix)
    });
    prefixes.filter(|key| range.contains(key))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use firekeep_model::Timestamp;

    use super::*;
    use crate::{DbId, MemEngine, Read as _, Store};

    struct Still;

    impl firekeep_model::Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(1_000_000)
        }
    }

    #[test]
    fn a_page_of_what_was_removed_holds_a_page_of_the_history() {
        let engine = Arc::new(MemEngine::new(Arc::new(Still)));
        let store = Store::open(engine, DbId(1), Arc::new(Still)).unwrap();
        let key = |at: u16| at.to_be_bytes().to_vec();
        let all: Vec<_> = (0..1_000).map(key).collect();
        let put =
            |key: &Key| store.write_timed(|tx| tx.put(Space::Docs, key.clone(), Bytes::new()));
        let times: Vec<_> = all.iter().map(|key| put(key).unwrap().1).collect();
        let at = times.last().copied().flatten().unwrap();
        let delete = |key: &Key| store.write(|tx| tx.delete(Space::Docs, key.clone()));
        all.iter().for_each(|key| delete(key).unwrap());
        let view = View::begin(&store).unwrap();
        let past = Past {
            view: &view,
            at,
            space: Space::Docs,
            history: Space::DocsHist,
        };
        let mut expected = all.clone();
        for direction in [Direction::Forward, Direction::Reverse] {
            let mut found = Vec::new();
            let mut rest = Some(KeyRange::all());
            while let Some(range) = rest {
                let part = past.replaced_in(&range, direction, 100).unwrap();
                // One more may be looked up, where the page ended within its history.
                assert!(part.rows.len() <= 101, "{}", part.rows.len());
                let keys = part.rows.into_keys();
                match direction {
                    Direction::Forward => found.extend(keys),
                    Direction::Reverse => found.extend(keys.rev()),
                }
                rest = part.rest;
            }
            assert_eq!(found, expected);
            let tx = store.read_at(at).unwrap();
            let limit = PageLimit::rows(1);
            let page = tx.scan(Space::Docs, &KeyRange::all(), direction, limit);
            let page = page.unwrap();
            assert_eq!(page.rows[0].0, expected[0]);
            assert!(page.next.is_some());
            expected.reverse();
        }
    }
}
