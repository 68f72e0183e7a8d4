//! Where in an index the values are that a term leaves.

use std::ops::Bound;

use firekeep_model::Value;
use firekeep_store::tuple::group_bounds;
use firekeep_store::{Key, KeyRange};

use crate::filter::{Comparison, Test};
use crate::index::key::{Component, Cut, append};
use crate::query::Direction;
use crate::ranges::union;

/// Ranges of keys that hold what is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// They ascend and do not overlap.
    pub(crate) ranges: Vec<KeyRange>,
    /// If they hold nothing else.
    pub(crate) is_exact: bool,
}

/// A place between values: before or behind all encodings that begin so.
enum Edge {
    Before(Vec<u8>),
    Behind(Vec<u8>),
}

/// The entries behind `front` whose component passes a test of values. `None` for a test that says nothing of values.
pub(crate) fn of_test(front: &Key, component: Component, test: Test<'_>) -> Option<Bounds> {
    let encode = |value: &Value| {
        let ascending = Component {
            direction: Direction::Ascending,
            ..component
        };
        append(Key::new(), value, ascending)
    };
    let between = |from: Edge, to: Edge| range(front, component.direction, from, to);
    let bounds = match test {
        Test::ArrayContains(_) => return None,
        Test::NotIn(list) => without(front, component, list.iter()),
        Test::Compare(Comparison::NotEqual, operand) => {
            without(front, component, std::iter::once(operand))
        }
        Test::Compare(_, _) if test.is_never() => Bounds {
            ranges: Vec::new(),
            is_exact: true,
        },
        Test::Compare(comparison, operand) => {
            let (bytes, cut) = encode(operand);
            let (first, behind_last) = group_bounds(operand.group());
            let (first, last) = (Edge::Before(first), Edge::Before(behind_last));
            // Values that share the first bytes of a cut one are on both sides of it.
            let (before, behind) = (Edge::Before(bytes.clone()), Edge::Behind(bytes));
            let is_cut = cut == Cut::Cut;
            let range = match comparison {
                Comparison::Less if is_cut => between(first, behind),
                Comparison::Less => between(first, before),
                Comparison::LessOrEqual => between(first, behind),
                Comparison::Greater if is_cut => between(before, last),
                Comparison::Greater => between(behind, last),
                Comparison::GreaterOrEqual => between(before, last),
                Comparison::Equal | Comparison::NotEqual => between(before, behind),
            };
            Bounds {
                ranges: vec![range],
                is_exact: !is_cut,
            }
        }
    };
    Some(bounds)
}

/// All values but null and these.
fn without<'v>(
    front: &Key,
    component: Component,
    values: impl Iterator<Item = &'v Value>,
) -> Bounds {
    let ascending = Component {
        direction: Direction::Ascending,
        ..component
    };
    let encode = |value| append(Key::new(), value, ascending);
    let (null, _) = encode(&Value::Null);
    let mut is_exact = true;
    let mut left_out = vec![null.clone()];
    for value in values {
        match encode(value) {
            (bytes, Cut::Whole) => left_out.push(bytes),
            (_, Cut::Cut) => is_exact = false,
        }
    }
    left_out.sort();
    left_out.dedup();
    let ends = left_out
        .iter()
        .skip(1)
        .map(|bytes| Edge::Before(bytes.clone()));
    let ends = ends.chain([Edge::Behind(Vec::new())]);
    let ranges = left_out.iter().zip(ends).map(|(bytes, end)| {
        let start = Edge::Behind(bytes.clone());
        range(front, component.direction, start, end)
    });
    Bounds {
        ranges: union(ranges.collect()),
        is_exact,
    }
}

/// The keys behind `front` between two places.
fn range(front: &Key, direction: Direction, from: Edge, to: Edge) -> KeyRange {
    let (low, high) = match direction {
        Direction::Ascending => (from, to),
        Direction::Descending => (turn(to), turn(from)),
    };
    KeyRange {
        start: match low {
            Edge::Before(bytes) => Bound::Included([front.as_slice(), &bytes].concat()),
            Edge::Behind(bytes) => first_behind(&[front.as_slice(), &bytes].concat()),
        },
        end: match high {
            Edge::Before(bytes) => Bound::Excluded([front.as_slice(), &bytes].concat()),
            Edge::Behind(bytes) => KeyRange::prefix(&[front.as_slice(), &bytes].concat()).end,
        },
    }
}

/// The same place where every byte is complemented.
fn turn(edge: Edge) -> Edge {
    let turned = |bytes: Vec<u8>| bytes.into_iter().map(|byte| !byte).collect();
    match edge {
        Edge::Before(bytes) => Edge::Behind(turned(bytes)),
        Edge::Behind(bytes) => Edge::Before(turned(bytes)),
    }
}

/// Where a range begins behind all keys that begin so. The front of an index entry is never all `FF`.
pub(crate) fn first_behind(front: &[u8]) -> Bound<Key> {
    match KeyRange::prefix(front).end {
        Bound::Excluded(end) => Bound::Included(end),
        other => other,
    }
}
