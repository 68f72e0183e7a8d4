//! Where in an index the names are that a query leaves: bounds of `docs` keys as bounds of index keys.

use std::ops::Bound;

use firekeep_store::{Key, KeyRange};

use crate::index::key::KEY_FRONT_BYTES;
use crate::plan::bounds::first_behind;

/// The entries of one value: what their keys begin with, and what the keys of their documents begin with that is not in
/// the tail: the collection's key, or nothing in a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tails<'a> {
    pub(crate) front: &'a Key,
    pub(crate) above: &'a [u8],
}

/// A bound, and if it leaves nothing that it should not.
type Exact<T> = (T, bool);

impl Tails<'_> {
    /// The entries of the documents in a range of names.
    pub(crate) fn range(&self, names: &KeyRange) -> Exact<KeyRange> {
        let (start, is_start_exact) = self.start(&names.start);
        let (end, is_end_exact) = self.end(&names.end);
        (KeyRange { start, end }, is_start_exact && is_end_exact)
    }

    fn start(&self, name: &Bound<Key>) -> Exact<Bound<Key>> {
        let (Bound::Included(name_key) | Bound::Excluded(name_key)) = name else {
            return (Bound::Included(self.front.clone()), true);
        };
        match self.key(name_key) {
            At::BeforeAll => (Bound::Included(self.front.clone()), true),
            At::BehindAll => (first_behind(self.front), true),
            At::Among(mut key) if key.len() > KEY_FRONT_BYTES => {
                key.truncate(KEY_FRONT_BYTES);
                (Bound::Included(key), false)
            }
            At::Among(key) => match name {
                Bound::Excluded(_) => (Bound::Excluded(key), true),
                _ => (Bound::Included(key), true),
            },
        }
    }

    fn end(&self, name: &Bound<Key>) -> Exact<Bound<Key>> {
        let behind = |front: &Key| KeyRange::prefix(front).end;
        let (Bound::Included(name_key) | Bound::Excluded(name_key)) = name else {
            return (behind(self.front), true);
        };
        match self.key(name_key) {
            At::BeforeAll => (Bound::Excluded(self.front.clone()), true),
            At::BehindAll => (behind(self.front), true),
            At::Among(mut key) if key.len() > KEY_FRONT_BYTES => {
                key.truncate(KEY_FRONT_BYTES);
                (behind(&key), false)
            }
            At::Among(key) => match name {
                Bound::Excluded(_) => (Bound::Excluded(key), true),
                _ => (Bound::Included(key), true),
            },
        }
    }

    fn key(&self, name: &[u8]) -> At {
        match name.strip_prefix(self.above) {
            Some(tail) => At::Among([self.front.as_slice(), tail].concat()),
            None if name < self.above => At::BeforeAll,
            None => At::BehindAll,
        }
    }
}

/// Where a name is among the entries.
enum At {
    BeforeAll,
    BehindAll,
    Among(Key),
}
