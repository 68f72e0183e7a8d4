//! Sets of key ranges: what a plan narrows, and a reader reads one after the other.

use std::ops::Bound;

use firekeep_store::{Direction, Key, KeyRange};

/// The part that two ranges share, unless it is obviously nothing.
pub(crate) fn intersect(a: &KeyRange, b: &KeyRange) -> Option<KeyRange> {
    let range = KeyRange {
        start: later_start(&a.start, &b.start).clone(),
        end: earlier_end(&a.end, &b.end).clone(),
    };
    Some(range).filter(|range| !is_empty(range))
}

/// The parts that two lists of ranges share. Both lists ascend, and their ranges do not overlap; so does the answer.
pub(crate) fn intersect_all(a: &[KeyRange], b: &[KeyRange]) -> Vec<KeyRange> {
    let parts = a
        .iter()
        .flat_map(|a| b.iter().filter_map(|b| intersect(a, b)));
    parts.collect()
}

/// What is in one of the ranges, as ranges that ascend and do not overlap.
pub(crate) fn union(mut ranges: Vec<KeyRange>) -> Vec<KeyRange> {
    ranges.retain(|range| !is_empty(range));
    ranges.sort_by(|a, b| start_position(&a.start).cmp(&start_position(&b.start)));
    let mut merged: Vec<KeyRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if overlap(last, &range) => {
                last.end = later_end(&last.end, &range.end).clone();
            }
            _ => merged.push(range),
        }
    }
    merged
}

/// The part of a range from a place on, in the direction of a scan.
pub(crate) fn from_place(
    range: &KeyRange,
    direction: Direction,
    place: &Bound<Key>,
) -> Option<KeyRange> {
    let rest = match direction {
        Direction::Forward => KeyRange {
            start: place.clone(),
            end: Bound::Unbounded,
        },
        Direction::Reverse => KeyRange {
            start: Bound::Unbounded,
            end: place.clone(),
        },
    };
    intersect(range, &rest)
}

/// If a key is at a place or behind it, in the direction of a scan.
pub(crate) fn is_reached(key: &[u8], direction: Direction, place: &Bound<Key>) -> bool {
    match (place, direction) {
        (Bound::Unbounded, _) => true,
        (Bound::Included(place), Direction::Forward) => key >= place.as_slice(),
        (Bound::Excluded(place), Direction::Forward) => key > place.as_slice(),
        (Bound::Included(place), Direction::Reverse) => key <= place.as_slice(),
        (Bound::Excluded(place), Direction::Reverse) => key < place.as_slice(),
    }
}

fn is_empty(range: &KeyRange) -> bool {
    match (&range.start, &range.end) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(start), Bound::Included(end)) => start > end,
        (
            Bound::Included(start) | Bound::Excluded(start),
            Bound::Included(end) | Bound::Excluded(end),
        ) => start >= end,
    }
}

fn overlap(a: &KeyRange, b: &KeyRange) -> bool {
    let end = &a.end;
    let start = &b.start;
    match (start, end) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => true,
        // Touching ranges are one.
        (Bound::Excluded(start), Bound::Excluded(end)) => start < end,
        (
            Bound::Included(start) | Bound::Excluded(start),
            Bound::Included(end) | Bound::Excluded(end),
        ) => start <= end,
    }
}

fn later_start<'a>(a: &'a Bound<Key>, b: &'a Bound<Key>) -> &'a Bound<Key> {
    if start_position(a) >= start_position(b) {
        a
    } else {
        b
    }
}

fn earlier_end<'a>(a: &'a Bound<Key>, b: &'a Bound<Key>) -> &'a Bound<Key> {
    if is_end_before(a, b) { a } else { b }
}

fn later_end<'a>(a: &'a Bound<Key>, b: &'a Bound<Key>) -> &'a Bound<Key> {
    if is_end_before(a, b) { b } else { a }
}

/// A start as a position between keys: the key, and if it is behind it. Without bound it is before the first key.
fn start_position(start: &Bound<Key>) -> Option<(&[u8], bool)> {
    match start {
        Bound::Unbounded => None,
        Bound::Included(key) => Some((key, false)),
        Bound::Excluded(key) => Some((key, true)),
    }
}

fn is_end_before(a: &Bound<Key>, b: &Bound<Key>) -> bool {
    match (end_position(a), end_position(b)) {
        (Some(a), Some(b)) => a <= b,
        (a, _) => a.is_some(),
    }
}

/// As [`start_position`]. Without bound it is behind the last key.
fn end_position(end: &Bound<Key>) -> Option<(&[u8], bool)> {
    match end {
        Bound::Unbounded => None,
        Bound::Included(key) => Some((key, true)),
        Bound::Excluded(key) => Some((key, false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All ranges whose ends are among a few keys.
    fn ranges() -> Vec<KeyRange> {
        let bounds = || {
            let keys = [vec![1], vec![1, 5], vec![2]];
            keys.into_iter()
                .flat_map(|key| [Bound::Included(key.clone()), Bound::Excluded(key)])
                .chain([Bound::Unbounded])
        };
        bounds()
            .flat_map(|start| {
                bounds().map(move |end| KeyRange {
                    start: start.clone(),
                    end,
                })
            })
            .collect()
    }

    const KEYS: [&[u8]; 7] = [&[], &[1], &[1, 1], &[1, 5], &[1, 5, 0], &[2], &[3]];

    #[test]
    fn parts_and_unions_hold_the_keys_they_should() {
        for a in ranges() {
            for b in ranges() {
                let part = intersect(&a, &b);
                let whole = union(vec![a.clone(), b.clone()]);
                for key in KEYS {
                    let (in_a, in_b) = (a.contains(key), b.contains(key));
                    let in_part = part.as_ref().is_some_and(|part| part.contains(key));
                    assert_eq!(in_part, in_a && in_b, "{a:?} {b:?} {key:?}");
                    let holding = whole.iter().filter(|range| range.contains(key)).count();
                    assert_eq!(holding, usize::from(in_a || in_b), "{a:?} {b:?} {key:?}");
                }
            }
        }
    }

    #[test]
    fn places_divide_ranges() {
        let places = [Bound::Included(vec![1, 5]), Bound::Excluded(vec![1, 5])];
        for place in places {
            for direction in [Direction::Forward, Direction::Reverse] {
                for range in ranges() {
                    let rest = from_place(&range, direction, &place);
                    for key in KEYS {
                        let in_rest = rest.as_ref().is_some_and(|rest| rest.contains(key));
                        let expected = range.contains(key) && is_reached(key, direction, &place);
                        assert_eq!(in_rest, expected);
                    }
                }
            }
        }
    }
}
