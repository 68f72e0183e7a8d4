//! A sorted list of places in two allocations: thousands of them are remembered, and made and freed on different threads.

use crate::Space;
use crate::write_tx::Place;

/// A place, borrowed.
pub(crate) type PlaceRef<'a> = (Space, &'a [u8]);

/// Places, sorted.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Each with where its key begins and ends in `keys`.
    entries: Vec<Entry>,
    keys: Vec<u8>,
}

#[derive(Debug)]
struct Entry {
    space: Space,
    begin: usize,
    end: usize,
}

impl Places {
    /// The memory that a place takes beside the bytes of its key.
    pub(crate) const ENTRY_BYTES: usize = size_of::<Entry>();

    /// Sorts places.
    pub(crate) fn new<'a>(places: impl Iterator<Item = PlaceRef<'a>>) -> Self {
        let mut places: Vec<_> = places.collect();
        places.sort_unstable();
        let mut keys = Vec::with_capacity(places.iter().map(|(_, key)| key.len()).sum());
        let entry = |(space, key): PlaceRef<'_>| {
            let begin = keys.len();
            keys.extend_from_slice(key);
            Entry {
                space,
                begin,
                end: keys.len(),
            }
        };
        let entries = places.into_iter().map(entry).collect();
        Self { entries, keys }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The bytes of the keys.
    pub(crate) fn key_bytes(&self) -> usize {
        self.keys.len()
    }

    /// The places, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = PlaceRef<'_>> {
        self.entries.iter().map(|entry| self.place(entry))
    }

    /// The first place that is not below this one.
    pub(crate) fn first_from(&self, space: Space, key: &[u8]) -> Option<PlaceRef<'_>> {
        let at = (self.entries).partition_point(|entry| self.place(entry) < (space, key));
        self.entries.get(at).map(|entry| self.place(entry))
    }

    /// True if a place is in the list.
    pub(crate) fn contains(&self, (space, key): &Place) -> bool {
        self.first_from(*space, key) == Some((*space, key))
    }

    fn place(&self, entry: &Entry) -> PlaceRef<'_> {
        // INVARIANT: of `new`, the ends lie in `keys`.
        let key = self.keys.get(entry.begin..entry.end).unwrap_or_default();
        (entry.space, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_sorted_and_found() {
        let places = [
            (Space::Idx, b"b".as_slice()),
            (Space::Docs, b"zz"),
            (Space::Idx, b""),
            (Space::Docs, b"a"),
        ];
        let list = Places::new(places.into_iter());
        let sorted = [places[3], places[1], places[2], places[0]];
        assert!(list.iter().eq(sorted));
        assert_eq!((list.len(), list.key_bytes()), (4, 4));
        for (space, key) in places {
            assert!(list.contains(&(space, key.to_vec())));
            assert!(!list.contains(&(Space::Log, key.to_vec())));
        }
        assert_eq!(list.first_from(Space::Docs, b"b"), Some(places[1]));
        assert_eq!(list.first_from(Space::Docs, b"zzz"), Some(places[2]));
        assert_eq!(list.first_from(Space::Idx, b"c"), None);
    }
}
