//! Sets of parts of spaces: what scans consumed. Parts that overlap or touch become one, so a long scan in pages is one.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::places::{PlaceRef, Places};
use crate::{Key, KeyRange, Space};

/// The memory that a part takes beside the bytes of its ends, in bytes.
const PART_BYTES: usize = 2 * size_of::<Key>() + size_of::<Space>() + 16;

/// Parts of spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ranges {
    /// Of each part, the first key, and the first key behind it; `None` for all to the end of the space.
    ///
    /// INVARIANT: of one space, no two overlap or touch, and none is empty.
    parts: BTreeMap<Space, BTreeMap<Key, Option<Key>>>,
    count: usize,
    bytes: usize,
}

impl Ranges {
    /// Adds a part.
    pub(crate) fn add(&mut self, space: Space, range: &KeyRange) {
        let mut low = match &range.start {
            Bound::Included(key) => key.clone(),
            Bound::Excluded(key) => successor(key),
            Bound::Unbounded => Key::new(),
        };
        let mut high = match &range.end {
            Bound::Included(key) => Some(successor(key)),
            Bound::Excluded(key) => Some(key.clone()),
            Bound::Unbounded => None,
        };
        if high.as_ref().is_some_and(|high| *high <= low) {
            return;
        }
        let parts = self.parts.entry(space).or_default();
        // From the last part that begins at or below the end of the new one downwards, as long as they reach it.
        loop {
            let upper = high.as_ref().map_or(Bound::Unbounded, Bound::Included);
            let last = parts.range::<Key, _>((Bound::Unbounded, upper)).next_back();
            let reaches = |end: &Option<Key>| end.as_ref().is_none_or(|end| *end >= low);
            let Some(begin) = last.and_then(|(begin, end)| reaches(end).then(|| begin.clone()))
            else {
                break;
            };
            let end = parts.remove(&begin).flatten();
            self.count -= 1;
            self.bytes -= part_bytes(&begin, end.as_ref());
            high = high.zip(end).map(|(one, other)| one.max(other));
            low = low.min(begin);
        }
        self.count += 1;
        self.bytes += part_bytes(&low, high.as_ref());
        parts.insert(low, high);
    }

    /// Adds all parts of another set.
    pub(crate) fn merge(&mut self, other: Self) {
        for (space, parts) in other.parts {
            for (low, high) in parts {
                let range = KeyRange {
                    start: Bound::Included(low),
                    end: high.map_or(Bound::Unbounded, Bound::Excluded),
                };
                self.add(space, &range);
            }
        }
    }

    /// True if a key lies in one of the parts.
    pub(crate) fn contains(&self, space: Space, key: &[u8]) -> bool {
        let Some(parts) = self.parts.get(&space) else {
            return false;
        };
        let below = (Bound::Unbounded, Bound::Included(key));
        let part = parts.range::<[u8], _>(below).next_back();
        part.is_some_and(|(_, end)| end.as_ref().is_none_or(|end| key < end.as_slice()))
    }

    /// The first of some places that lies in one of the parts.
    pub(crate) fn first_of<'a>(&self, places: &'a Places) -> Option<PlaceRef<'a>> {
        // A look-up for each of whichever are fewer.
        if places.len() <= self.count {
            return places
                .iter()
                .find(|(space, key)| self.contains(*space, key));
        }
        self.parts.iter().find_map(|(space, parts)| {
            parts.iter().find_map(|(low, high)| {
                let inside = |(other, key): &PlaceRef<'_>| {
                    other == space && high.as_ref().is_none_or(|high| *key < high.as_slice())
                };
                places.first_from(*space, low).filter(inside)
            })
        })
    }

    /// True if there is no part.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The memory that the parts take, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// The first key behind a key.
fn successor(key: &[u8]) -> Key {
    [key, &[0]].concat()
}

fn part_bytes(low: &Key, high: Option<&Key>) -> usize {
    PART_BYTES + low.len() + high.map_or(0, Vec::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACE: Space = Space::Docs;

    fn part(from: &[u8], to: &[u8]) -> KeyRange {
        KeyRange::between(from, to)
    }

    /// The number of parts that a list of ranges becomes.
    fn count(ranges: &[KeyRange]) -> usize {
        let mut all = Ranges::default();
        ranges.iter().for_each(|range| all.add(SPACE, range));
        assert_eq!(
            all.parts.values().map(BTreeMap::len).sum::<usize>(),
            all.count
        );
        let bytes = |parts: &BTreeMap<Key, Option<Key>>| -> usize {
            let parts = parts.iter();
            parts
                .map(|(low, high)| part_bytes(low, high.as_ref()))
                .sum()
        };
        assert_eq!(all.parts.values().map(bytes).sum::<usize>(), all.bytes());
        all.count
    }

    #[test]
    fn ranges_that_touch_become_one_and_empty_ones_none() {
        let all = KeyRange::prefix(b"k");
        let page = all.up_to(crate::Direction::Forward, b"km");
        let rest = all.after(b"km");
        assert_eq!(count(&[page.clone(), rest.clone()]), 1);
        assert_eq!(count(&[rest, page]), 1);
        assert_eq!(count(&[part(b"a", b"c"), part(b"e", b"g")]), 2);
        assert_eq!(
            count(&[part(b"a", b"c"), part(b"e", b"g"), part(b"b", b"f")]),
            1
        );
        assert_eq!(count(&[part(b"a", b"z"), part(b"e", b"g")]), 1);
        assert_eq!(
            count(&[part(b"a", b"c"), part(b"e", b"g"), KeyRange::all()]),
            1
        );
        assert_eq!(count(&[KeyRange::all(), part(b"e", b"g")]), 1);
        assert_eq!(count(&[part(b"b", b"b"), part(b"c", b"a")]), 0);
    }

    #[test]
    fn a_key_is_in_the_set_as_it_is_in_one_of_the_ranges() {
        let keys: [&[u8]; 7] = [b"", &[0], b"a", &[b'a', 0], b"b", b"ba", &[255; 3]];
        let bounds = |key: &[u8]| [Bound::Included(key.to_vec()), Bound::Excluded(key.to_vec())];
        let ends = || {
            keys.iter()
                .flat_map(|key| bounds(key))
                .chain([Bound::Unbounded])
        };
        let range = |start: &Bound<Key>, end| KeyRange {
            start: start.clone(),
            end,
        };
        let ranges: Vec<_> = ends()
            .flat_map(|start| ends().map(move |end| range(&start, end)))
            .collect();
        // Three at a time, each with its place in the list: more than ever meet in one scan.
        for (at, first) in ranges.iter().enumerate() {
            let three = [
                first,
                &ranges[at * 7 % ranges.len()],
                &ranges[at * 31 % ranges.len()],
            ];
            let mut set = Ranges::default();
            three.iter().for_each(|range| set.add(SPACE, range));
            let inside = |key: &[u8]| three.iter().any(|range| range.contains(key));
            for key in keys {
                assert_eq!(set.contains(SPACE, key), inside(key), "{three:?} {key:?}");
                assert!(!set.contains(Space::Idx, key));
            }
            for keys in [&keys[..], &keys[3..4]] {
                let places = Places::new(keys.iter().map(|key| (SPACE, *key)));
                let found = set.first_of(&places).is_some();
                assert_eq!(
                    found,
                    keys.iter().any(|key| inside(key)),
                    "{three:?} {keys:?}"
                );
            }
        }
    }
}
