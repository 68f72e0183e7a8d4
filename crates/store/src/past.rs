//! Reads in the past: rows of spaces with history as they were at a time.
//!
//! A current row that was written at or before the time stands. Otherwise the row of then is in the history, under its
//! key and the time at which it was replaced. Storage design, section 6.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

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

    /// One page of a range. Between two current rows, it holds all rows that were there at the time in memory.
    pub(crate) fn scan(
        &self,
        range: &KeyRange,
        direction: Direction,
        limit: PageLimit,
    ) -> Result<Page, Error> {
        let mut builder = PageBuilder::new(limit);
        let mut rest = range.clone();
        loop {
            let page = self.view.scan(self.space, &rest, direction, limit)?;
            let covered = rest.consumed(direction, page.next.as_deref());
            let mut standing = Vec::with_capacity(page.rows.len());
            for (key, value) in page.rows {
                if self.stands(Some(&value))? {
                    standing.push((key, value));
                }
            }
            let replaced = self.replaced_in(&covered)?.into_iter();
            let replaced = replaced.map(|(key, value)| (key, Some(value)));
            let mut rows = lay_over(standing, replaced, direction).into_iter();
            let more = rows.all(|(key, value)| builder.push(key, value));
            match page.next {
                Some(next) if more => rest = rest.rest(direction, &next),
                _ => return Ok(builder.finish()),
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

    /// The rows of a range that were there at the time and are not any more.
    fn replaced_in(&self, range: &KeyRange) -> Result<BTreeMap<Key, Bytes>, Error> {
        let mut rows = BTreeMap::new();
        let mut rest = KeyRange {
            // A key's history is above the key, and mostly below every key above it.
            start: match &range.start {
                Bound::Included(key) | Bound::Excluded(key) => Bound::Included(key.clone()),
                Bound::Unbounded => Bound::Unbounded,
            },
            end: match &range.end {
                Bound::Included(key) => Bound::Included(history_key(key, CommitTime(i64::MAX))),
                end => end.clone(),
            },
        };
        loop {
            let limit = PageLimit::default();
            let page = self
                .view
                .scan(self.history, &rest, Direction::Forward, limit)?;
            for (history_key, value) in page.rows {
                let Some((key, replaced_at)) = history_key.split_last_chunk::<TIME_BYTES>() else {
                    return Err(Error::Corrupt("a key of the history".to_owned()));
                };
                let replaced_later = CommitTime::from_key(*replaced_at) > self.at;
                if replaced_later && range.contains(key) && self.stands(Some(&value))? {
                    rows.insert(key.to_vec(), value);
                }
            }
            match page.next {
                Some(next) => rest = rest.after(&next),
                None => break,
            }
        }
        for key in prefixes_at_end(range, self.view.time()) {
            if let Some(value) = self.find_replaced(key)? {
                rows.insert(key.to_vec(), value);
            }
        }
        Ok(rows)
    }
}

/// The keys in a range that its end begins with, and whose histories may lie above the end, since no time in it is after
/// `newest`: a document's key begins the keys of the documents in its subcollections. Few: what follows such a key in the
/// end is below a time, so begins with zeros.
fn prefixes_at_end(range: &KeyRange, newest: CommitTime) -> impl Iterator<Item = &[u8]> {
    let end: &[u8] = match &range.end {
        Bound::Included(end) | Bound::Excluded(end) => end,
        Bound::Unbounded => &[],
    };
    let newest = newest.to_key();
    let prefixes = (0..end.len()).filter_map(move |length| {
        let (prefix, rest) = end.split_at_checked(length)?;
        (newest.as_slice() >= rest).then_some(prefix)
    });
    prefixes.filter(|key| range.contains(key))
}
