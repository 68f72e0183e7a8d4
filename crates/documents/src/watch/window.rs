//! The first documents of a query that has a limit: those that listeners see, and some behind them.
//!
//! A change moves documents in and out of what is seen, which a document alone does not tell. So the window keeps where
//! each one stands: its sort key, and nothing else of it. When so many left that too few are known, it is read again.

use std::collections::{BTreeMap, HashMap, HashSet};

use firekeep_store::{CommitTime, Key};

use super::listing::{Listing, Sources};
use crate::exec::Ask;
use crate::limits::WINDOW_BYTES_MAX;
use crate::query::Query;
use crate::{Error, keys};

/// A window onto the answer of one query.
#[derive(Debug)]
pub(super) struct Window {
    offset: usize,
    limit: usize,
    /// Documents behind those that are seen, which are read along.
    spare: usize,
    /// `None` while nothing is known.
    known: Option<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The first documents of the answer without offset and limit: sort keys and names.
    rows: BTreeMap<Key, Key>,
    /// The same by name.
    sorts: HashMap<Key, Key>,
    /// The last sort key up to which all are known; `None` when that is all there are.
    end: Option<Key>,
    bytes: usize,
}

/// What a batch of changes means to those who see the window.
#[derive(Debug, Default)]
pub(super) struct Moves {
    /// Documents that are seen now: new, or changed.
    pub(super) seen: Vec<Key>,
    /// Documents that were changed, and are not seen any more.
    pub(super) left: Vec<Key>,
    /// Documents that were not changed, and are not seen any more.
    pub(super) fell_out: Vec<Key>,
}

/// Sort keys of the first and the last document that is seen.
type Seen = Option<(Key, Key)>;

impl Window {
    pub(super) fn new(offset: usize, limit: usize) -> Self {
        Self {
            offset,
            limit,
            spare: (limit / 4).clamp(4, 64),
            known: None,
        }
    }

    pub(super) fn forget(&mut self) {
        self.known = None;
    }

    /// About what it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.known.as_ref().map_or(0, |known| known.bytes)
    }

    /// If a document is in it, as far as is known.
    pub(super) fn has(&self, name: &[u8]) -> bool {
        let known = self.known.as_ref();
        known.is_some_and(|known| known.sorts.contains_key(name))
    }

    pub(super) const fn is_known(&self) -> bool {
        self.known.is_some()
    }

    /// Takes the changes between two snapshots: names and, of those that are in the answer but for offset and limit, sort
    /// keys. After an error nothing is known.
    pub(super) fn apply(
        &mut self,
        sources: Sources<'_>,
        ask: &Ask,
        (before, after): (CommitTime, CommitTime),
        changes: &[(&Key, Option<Key>)],
    ) -> Result<Moves, Error> {
        let known = self.known.take();
        let mut known = match known {
            Some(known) => known,
            None => self.load(sources, &ask.query, before)?,
        };
        let seen_before = self.seen(&known);
        let mut left = Vec::new();
        for (name, _) in changes {
            if let Some(sort) = known.remove(name)
                && is_in(&seen_before, &sort)
            {
                left.push((*name).clone());
            }
        }
        for (name, sort) in changes {
            if let Some(sort) = sort {
                known.insert(sort.clone(), (*name).clone());
            }
        }
        let mut now = match known.end {
            Some(_) if known.rows.len() < self.needed() => self.load(sources, &ask.query, after)?,
            _ => known,
        };
        let changed: HashSet<&Key> = changes.iter().map(|(name, _)| *name).collect();
        let seen_now = self.seen(&now);
        let mut moves = Moves::default();
        for (sort, name) in within(&now.rows, &seen_now) {
            if changed.contains(name) || !is_in(&seen_before, sort) {
                moves.seen.push(name.clone());
            }
        }
        // Unchanged ones stand where they stood, and so close to the front that all are known still: too few would be
        // known only because others left.
        for (sort, name) in within(&now.rows, &seen_before) {
            if !changed.contains(name) && !is_in(&seen_now, sort) {
                moves.fell_out.push(name.clone());
            }
        }
        left.retain(|name| {
            let sort = now.sorts.get(name);
            !sort.is_some_and(|sort| is_in(&seen_now, sort))
        });
        moves.left = left;
        now.cut(self.needed() + self.spare, self.spare);
        self.known = Some(now).filter(|known| known.bytes <= WINDOW_BYTES_MAX);
        Ok(moves)
    }

    /// Documents that have to be known to know which are seen.
    const fn needed(&self) -> usize {
        self.offset.saturating_add(self.limit)
    }

    fn seen(&self, known: &Known) -> Seen {
        // What the offset leaves out is known, and seen by nobody.
        let mut seen = known.rows.keys().skip(self.offset).take(self.limit);
        let first = seen.next()?;
        let last = seen.next_back().unwrap_or(first);
        Some((first.clone(), last.clone()))
    }

    fn load(&self, sources: Sources<'_>, query: &Query, time: CommitTime) -> Result<Known, Error> {
        let most = self.needed().saturating_add(self.spare);
        let query = Query {
            offset: 0,
            limit: Some(u32::try_from(most).unwrap_or(u32::MAX)),
            ..query.clone()
        };
        let mut listing = Listing::new(&query, time);
        let mut known = Known::default();
        while let Some(listed) = listing.next(sources)? {
            known.insert(listed.sort, keys::document(&listed.path));
        }
        if known.rows.len() >= most {
            known.end = known.rows.keys().next_back().cloned();
        }
        Ok(known)
    }
}

impl Known {
    /// Adds a document, unless it stands where not all are known.
    fn insert(&mut self, sort: Key, name: Key) {
        if self.end.as_ref().is_some_and(|end| sort > *end) {
            return;
        }
        self.bytes += row_bytes(&sort, &name);
        self.sorts.insert(name.clone(), sort.clone());
        self.rows.insert(sort, name);
    }

    fn remove(&mut self, name: &Key) -> Option<Key> {
        let sort = self.sorts.remove(name)?;
        self.rows.remove(&sort);
        self.bytes -= row_bytes(&sort, name);
        Some(sort)
    }

    /// Forgets the last ones where there are too many.
    fn cut(&mut self, most: usize, spare: usize) {
        if self.rows.len() <= most + spare {
            return;
        }
        while self.rows.len() > most
            && let Some((_, name)) = self.rows.last_key_value()
        {
            let name = name.clone();
            self.remove(&name);
        }
        self.end = self.rows.keys().next_back().cloned();
    }
}

/// Both maps hold both.
fn row_bytes(sort: &Key, name: &Key) -> usize {
    2 * (sort.len() + name.len())
}

fn is_in(seen: &Seen, sort: &Key) -> bool {
    seen.as_ref()
        .is_some_and(|(first, last)| first <= sort && sort <= last)
}

fn within<'a>(
    rows: &'a BTreeMap<Key, Key>,
    seen: &Seen,
) -> impl Iterator<Item = (&'a Key, &'a Key)> {
    let bounds = seen.clone();
    let rows = bounds.map(|(first, last)| rows.range(first..=last));
    rows.into_iter().flatten()
}
