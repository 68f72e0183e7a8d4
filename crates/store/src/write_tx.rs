//! A transaction that writes: a view, what was read through it, and buffered writes that its own reads see.
//!
//! It takes no locks. What it read is checked when it commits. Storage design, sections 3 and 7.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound;

use bytes::Bytes;

use crate::limits::{
    KEY_BYTES_MAX, TRANSACTION_BYTES_MAX, TRANSACTION_INDEX_BYTES_MAX, VALUE_BYTES_MAX,
};
use crate::range::lay_over;
use crate::ranges::Ranges;
use crate::read::View;
use crate::recent::{Footprint, hash};
use crate::row::ROW_HEADER_BYTES;
use crate::{
    CommitTime, Direction, Error, Key, KeyRange, META_CLOCK, META_FORMAT, META_TRIM, PageBuilder,
    PageLimit, Read, ReadLog, Row, RowPage, Space, Store, row,
};

/// A key with its space.
pub(crate) type Place = (Space, Key);

/// A transaction that writes.
pub struct WriteTx<'a> {
    view: View<'a>,
    reads: RefCell<Reads>,
    required: Vec<Required>,
    writes: BTreeMap<Place, Write>,
    bytes: usize,
    index_bytes: usize,
}

/// What a transaction leaves at a place.
#[derive(Debug, Default)]
pub(crate) struct Write {
    /// Without header; `None` removes.
    pub(crate) value: Option<Bytes>,
    /// The caller knows that there was no row: as if it had been read.
    pub(crate) inserts: bool,
}

/// What a transaction read.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// Rows by key, with their headers.
    pub(crate) points: BTreeMap<Place, Option<Bytes>>,
    /// The hash of each of them, once [`sealed`](Self::sealed).
    pub(crate) hashes: Vec<u64>,
    /// The parts of ranges that scans consumed.
    pub(crate) ranges: Ranges,
}

/// What a transaction requires to be unchanged, beside its own reads.
#[derive(Debug)]
pub(crate) struct Required {
    /// The time of these reads.
    pub(crate) since: CommitTime,
    /// Keys, each with its hash.
    pub(crate) points: Vec<(Place, u64)>,
    /// The parts of ranges that scans consumed.
    pub(crate) ranges: Ranges,
}

/// What a transaction asks the committer for.
#[derive(Debug, Default)]
pub(crate) struct Intent {
    /// The view's time.
    pub(crate) read_time: CommitTime,
    /// What must not have changed since.
    pub(crate) reads: Reads,
    /// What must not have changed since an earlier time.
    pub(crate) required: Vec<Required>,
    pub(crate) writes: BTreeMap<Place, Write>,
    /// INVARIANT: the keys of `writes`, in their order.
    pub(crate) footprint: Footprint,
    /// Bytes of `writes`.
    pub(crate) bytes: usize,
}

impl Write {
    /// As the transaction's own reads see it.
    fn row(&self) -> Option<Row> {
        let value = self.value.clone()?;
        Some(Row { time: None, value })
    }
}

impl Reads {
    /// The row that stands at a place, as far as the transaction knows it: what it read is what stands, or it would not
    /// pass.
    pub(crate) fn known(&self, place: &Place, inserts: bool) -> Option<Option<&Bytes>> {
        let read = self.points.get(place).map(Option::as_ref);
        read.or(inserts.then_some(None))
    }

    /// Ready to be checked.
    pub(crate) fn sealed(mut self) -> Self {
        let hash = |(space, key): &Place| hash(*space, key);
        self.hashes = self.points.keys().map(hash).collect();
        self
    }
}

impl Intent {
    /// Prepares here, where many threads work, what the committer would else do for all of them.
    pub(crate) fn new(
        read_time: CommitTime,
        reads: Reads,
        required: Vec<Required>,
        writes: BTreeMap<Place, Write>,
        bytes: usize,
    ) -> Self {
        Self {
            read_time,
            reads: reads.sealed(),
            required,
            footprint: Footprint::new(writes.keys().map(|(space, key)| (*space, key.as_slice()))),
            writes,
            bytes,
        }
    }

    /// The keys that must not have changed since, each with its hash: those read, and those known to have no row.
    pub(crate) fn points(&self) -> impl Iterator<Item = (&Place, u64)> + Clone {
        let read = self.reads.points.keys().zip(&self.reads.hashes);
        let written = self.writes.iter().zip(self.footprint.hashes());
        let inserted = written.filter(|((_, write), _)| write.inserts);
        let inserted = inserted.map(|((place, _), hash)| (place, hash));
        read.chain(inserted).map(|(place, hash)| (place, *hash))
    }
}

impl<'a> WriteTx<'a> {
    pub(crate) fn begin(store: &'a Store) -> Result<Self, Error> {
        Ok(Self {
            view: View::begin(store)?,
            reads: RefCell::default(),
            required: Vec::new(),
            writes: BTreeMap::new(),
            bytes: 0,
            index_bytes: 0,
        })
    }

    /// The newest commit it sees.
    #[must_use]
    pub fn time(&self) -> CommitTime {
        self.view.time()
    }

    /// Writes a value.
    ///
    /// # Errors
    /// [`Error::TooLarge`]; [`Error::Reserved`] for what only the store writes.
    pub fn put(&mut self, space: Space, key: Key, value: Bytes) -> Result<(), Error> {
        check_reserved(space, &key)?;
        self.write(space, key, Some(value), false)
    }

    /// Writes a value where the caller knows of none, because of what it read: an index entry of a new document. Saves
    /// the look-up of the row that it replaces. The transaction runs again when somebody else wrote the key meanwhile.
    ///
    /// INVARIANT: the key has no row in this view. If it has one, that row's history is lost. Behind a
    /// [`put`](Self::put) or [`delete`](Self::delete) of the key by this transaction it is a `put`.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn insert(&mut self, space: Space, key: Key, value: Bytes) -> Result<(), Error> {
        check_reserved(space, &key)?;
        self.write(space, key, Some(value), true)
    }

    /// Removes a value, which need not exist.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn delete(&mut self, space: Space, key: Key) -> Result<(), Error> {
        check_reserved(space, &key)?;
        self.write(space, key, None, false)
    }

    /// Lets the commit fail unless what is in `reads` is as it was at `since`, when they were read: for a client's own
    /// transaction, whose reads were made through others. It fails with [`Error::Changed`], at once: running again would
    /// not help. Own reads run again as always.
    ///
    /// Holds for a transaction without writes, too, which then waits for the commits before it.
    pub fn require_unchanged(&mut self, since: CommitTime, reads: &ReadLog) {
        let points = reads.points().iter();
        let hashed = |place: &Place| (place.clone(), hash(place.0, &place.1));
        self.required.push(Required {
            since,
            points: points.map(hashed).collect(),
            ranges: reads.ranges().clone(),
        });
    }

    /// Writes a row that only the store writes.
    pub(crate) fn write(
        &mut self,
        space: Space,
        key: Key,
        value: Option<Bytes>,
        inserts: bool,
    ) -> Result<(), Error> {
        let value_bytes = value.as_ref().map_or(0, Bytes::len);
        if key.len() > KEY_BYTES_MAX {
            return Err(Error::TooLarge("a key"));
        }
        if value_bytes > VALUE_BYTES_MAX - ROW_HEADER_BYTES {
            return Err(Error::TooLarge("a value"));
        }
        let (total, limit) = match space {
            Space::Idx => (&mut self.index_bytes, TRANSACTION_INDEX_BYTES_MAX),
            _ => (&mut self.bytes, TRANSACTION_BYTES_MAX),
        };
        let place = (space, key);
        let place_bytes = place.1.len();
        let entry = self.writes.entry(place);
        // An earlier write did not know, so what is known after it is not about the row that both replace.
        let (before, inserts) = match &entry {
            Entry::Occupied(old) => {
                let old = old.get();
                let value_bytes = old.value.as_ref().map_or(0, Bytes::len);
                (place_bytes + value_bytes, old.inserts)
            }
            Entry::Vacant(_) => (0, inserts),
        };
        let after = *total - before + place_bytes + value_bytes;
        if after > limit {
            return Err(Error::TooLarge("the transaction"));
        }
        *total = after;
        let write = entry.or_default();
        write.value = value;
        write.inserts = inserts;
        Ok(())
    }

    /// What to commit; `None` when nothing was written and nothing is required.
    pub(crate) fn finish(self) -> Option<Intent> {
        if self.writes.is_empty() && self.required.is_empty() {
            return None;
        }
        let reads = self.reads.into_inner();
        let bytes = self.bytes + self.index_bytes;
        let time = self.view.time();
        Some(Intent::new(time, reads, self.required, self.writes, bytes))
    }

    /// Reads keys through the view, remembering them.
    fn look_up(&self, space: Space, keys: &[&[u8]]) -> Result<Vec<Option<Bytes>>, Error> {
        let mut reads = self.reads.borrow_mut();
        let unknown = |key: &&[u8]| !reads.points.contains_key(&(space, key.to_vec()));
        let fresh: Vec<&[u8]> = keys.iter().copied().filter(unknown).collect();
        for (key, value) in fresh.iter().zip(self.view.find(space, &fresh)?) {
            reads.points.insert((space, key.to_vec()), value);
        }
        let known = |key: &&[u8]| reads.points.get(&(space, key.to_vec())).cloned().flatten();
        Ok(keys.iter().map(known).collect())
    }

    /// The buffered writes in a range.
    fn own_writes(
        &self,
        space: Space,
        range: &KeyRange,
    ) -> impl Iterator<Item = (Key, Option<Row>)> {
        let first = match &range.start {
            Bound::Included(key) | Bound::Excluded(key) => key.clone(),
            Bound::Unbounded => Key::new(),
        };
        let beyond = |key: &[u8]| match &range.end {
            Bound::Included(end) | Bound::Excluded(end) => key > end.as_slice(),
            Bound::Unbounded => false,
        };
        let own = self.writes.range((space, first)..);
        own.take_while(move |((other, key), _)| *other == space && !beyond(key))
            .filter(|((_, key), _)| range.contains(key))
            .map(|((_, key), write)| (key.clone(), write.row()))
    }
}

impl Read for WriteTx<'_> {
    fn find_rows(&self, space: Space, keys: &[&[u8]]) -> Result<Vec<Option<Row>>, Error> {
        let own = |key: &[u8]| self.writes.get(&(space, key.to_vec()));
        let foreign: Vec<_> = keys
            .iter()
            .copied()
            .filter(|key| own(key).is_none())
            .collect();
        let mut found = self.look_up(space, &foreign)?.into_iter();
        let row = |key: &&[u8]| match own(key) {
            Some(write) => Ok(write.row()),
            None => found.next().flatten().map(row::decode).transpose(),
        };
        keys.iter().map(row).collect()
    }

    fn scan_rows(
        &self,
        space: Space,
        range: &KeyRange,
        direction: Direction,
        limit: PageLimit,
    ) -> Result<RowPage, Error> {
        let mut builder = PageBuilder::new(limit);
        let mut times = Vec::new();
        let mut rest = range.clone();
        loop {
            let page = self.view.scan(space, &rest, direction, limit)?;
            // What this page covers: up to its last row, or all that is left.
            let covered = rest.consumed(direction, page.next.as_deref());
            let rows = RowPage::decode(page.rows)?;
            let rows = lay_over(rows, self.own_writes(space, &covered), direction);
            let more = rows.into_iter().all(|(key, row)| {
                let taken = builder.push(key, row.value);
                times.extend(taken.then_some(row.time));
                taken
            });
            match page.next {
                Some(next) if more => rest = rest.rest(direction, &next),
                _ => break,
            }
        }
        let page = builder.finish();
        let consumed = range.consumed(direction, page.next.as_deref());
        self.reads.borrow_mut().ranges.add(space, &consumed);
        let rows = page.rows.into_iter().zip(times);
        let rows = rows
            .map(|((key, value), time)| (key, Row { time, value }))
            .collect();
        Ok(RowPage {
            rows,
            next: page.next,
        })
    }
}

fn check_reserved(space: Space, key: &[u8]) -> Result<(), Error> {
    let own = space == Space::Meta && [META_CLOCK, META_FORMAT, META_TRIM].contains(&key);
    if own || !space.is_writable() {
        Err(Error::Reserved(space.name()))
    } else {
        Ok(())
    }
}
