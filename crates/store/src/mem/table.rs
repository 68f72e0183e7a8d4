//! Ordered maps with versions, for the engine in memory.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

use crate::{Direction, Key, Page, PageBuilder, PageLimit, Space};

/// Counts what was published.
pub(super) type Version = u64;

/// The length of the database id in front of each key.
const ID_BYTES: usize = 4;

/// A key's values by version, oldest first; `None` is a removal.
type Versions = Vec<(Version, Option<Bytes>)>;

/// All spaces.
#[derive(Default)]
pub(super) struct Tables {
    spaces: BTreeMap<Space, BTreeMap<Key, Versions>>,
    newest: Version,
    /// How many snapshots read each version.
    pins: BTreeMap<Version, usize>,
}

impl Tables {
    /// The newest published version.
    pub(super) fn newest(&self) -> Version {
        self.newest
    }

    /// Begins a snapshot of the newest version.
    pub(super) fn pin(&mut self) -> Version {
        *self.pins.entry(self.newest).or_default() += 1;
        self.newest
    }

    /// Ends a snapshot.
    pub(super) fn unpin(&mut self, version: Version) {
        if let Some(count) = self.pins.get_mut(&version) {
            *count -= 1;
            if *count == 0 {
                self.pins.remove(&version);
            }
        }
    }

    /// The version of the next batch, which nobody sees until [`publish`](Self::publish).
    pub(super) fn begin(&self) -> Version {
        self.newest + 1
    }

    /// Makes a version visible.
    pub(super) fn publish(&mut self, version: Version) {
        self.newest = version;
    }

    /// Writes a value, or removes it, and forgets the key's versions that no snapshot reads.
    pub(super) fn write(&mut self, version: Version, space: Space, key: Key, value: Option<Bytes>) {
        let oldest = self
            .pins
            .keys()
            .next()
            .copied()
            .unwrap_or(version)
            .min(self.newest);
        let versions = self
            .spaces
            .entry(space)
            .or_default()
            .entry(key)
            .or_default();
        versions.retain(|(written, _)| *written != version);
        versions.push((version, value));
        let read = versions
            .iter()
            .rposition(|(written, _)| *written <= oldest)
            .unwrap_or(0);
        versions.drain(..read);
    }

    /// The value of a key.
    pub(super) fn find(&self, version: Version, space: Space, key: &[u8]) -> Option<Bytes> {
        at(self.spaces.get(&space)?.get(key)?, version).cloned()
    }

    /// A page of the keys from `low` on and below `high`.
    pub(super) fn scan(
        &self,
        version: Version,
        space: Space,
        (low, high): (&Key, &Key),
        direction: Direction,
        limit: PageLimit,
    ) -> Page {
        let mut page = PageBuilder::new(limit);
        let Some(table) = self.spaces.get(&space).filter(|_| low < high) else {
            return page.finish();
        };
        let bounds = (Bound::Included(low), Bound::Excluded(high));
        let mut rows = table
            .range::<Key, _>(bounds)
            .filter_map(|(key, versions)| Some((key.get(ID_BYTES..)?, at(versions, version)?)));
        let mut take = |(key, value): (&[u8], &Bytes)| page.push(key.to_vec(), value.clone());
        match direction {
            Direction::Forward => rows.all(&mut take),
            Direction::Reverse => rows.rev().all(&mut take),
        };
        page.finish()
    }
}

fn at(versions: &[(Version, Option<Bytes>)], version: Version) -> Option<&Bytes> {
    let (_, value) = versions
        .iter()
        .rev()
        .find(|(written, _)| *written <= version)?;
    value.as_ref()
}
