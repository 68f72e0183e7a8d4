//! What cursors leave of a scan.

use std::ops::{Bound, Range};

use firekeep_model::Value;
use firekeep_store::{Direction as Scan, Key, KeyRange};

use crate::index::key::{Cut, append};
use crate::keys;
use crate::plan::available::Available;
use crate::plan::bounds::first_behind;
use crate::plan::branch::{Branch, Place};
use crate::plan::path::{Natural, Path};
use crate::query::{Cursor, Order};
use crate::ranges::intersect_all;

/// A position in a scan.
struct Position {
    /// What entries there begin with.
    key: Key,
    /// The document's key in `docs`, if the position is that of one document.
    name: Option<Key>,
    /// If the cursor says no more than this.
    is_exact: bool,
}

impl Path {
    /// Narrows the scan to what is between the query's cursors.
    pub(crate) fn cut(&mut self, branch: &Branch<'_>, index: &Available, natural: &[Natural<'_>]) {
        let query = &branch.ask.query;
        let cursors = [(&query.start_at, true), (&query.end_at, false)];
        for (cursor, is_start) in cursors {
            if let Some(cursor) = cursor {
                self.cut_at(branch, index, natural, cursor, is_start);
            }
        }
    }

    fn cut_at(
        &mut self,
        branch: &Branch<'_>,
        index: &Available,
        natural: &[Natural<'_>],
        cursor: &Cursor,
        is_start: bool,
    ) {
        let (values, is_included) = match branch.place(cursor, is_start) {
            Place::Nothing => return self.ranges.clear(),
            Place::All => return,
            Place::At {
                values,
                is_included,
            } => (values, is_included),
        };
        let position = self.position(branch, index, natural, &values);
        // What the position does not tell is kept, for the documents to tell.
        let is_included = is_included || !position.is_exact;
        self.is_exact &= position.is_exact;
        let is_low = is_start == (self.direction == Scan::Forward);
        let range = match position.name {
            None => narrow(&position.key, is_low, is_included),
            Some(name) => {
                let names = match is_included {
                    true => Bound::Included(name),
                    false => Bound::Excluded(name),
                };
                let (range, is_exact) = self.tails(&position.key).range(&one_sided(names, is_low));
                self.is_exact &= is_exact;
                one_sided(if is_low { range.start } else { range.end }, is_low)
            }
        };
        self.ranges = intersect_all(&self.ranges, &[range]);
    }

    fn position(
        &self,
        branch: &Branch<'_>,
        index: &Available,
        natural: &[Natural<'_>],
        values: &[(&Order, &Value)],
    ) -> Position {
        let mut position = Position {
            key: self.front.clone(),
            name: None,
            is_exact: true,
        };
        let mut components = 0;
        for (at, (_, value)) in values.iter().enumerate() {
            let is_last = at + 1 == values.len();
            match (natural.get(at).filter(|_| at < self.matched), value) {
                (Some(Natural::Field { at, .. }), _) => {
                    self.append_fixed(branch, index, &mut position, components..*at);
                    self.append(index, &mut position, *at, value);
                    components = at + 1;
                    if !position.is_exact {
                        break;
                    }
                }
                (Some(Natural::Name), Value::Reference(name)) => {
                    self.append_fixed(branch, index, &mut position, components..usize::MAX);
                    position.name = Some(keys::document(&name.path)).filter(|_| position.is_exact);
                    position.is_exact &= is_last;
                    break;
                }
                _ => {
                    position.is_exact = false;
                    break;
                }
            }
        }
        position
    }

    /// Components that the scan does not begin with and that have one value nevertheless.
    fn append_fixed(
        &self,
        branch: &Branch<'_>,
        index: &Available,
        position: &mut Position,
        components: Range<usize>,
    ) {
        let parts = index.parts.iter().skip(self.layout.fixed.0).enumerate();
        let parts = parts.skip(components.start);
        for (at, part) in parts.take_while(|(at, _)| *at < components.end) {
            if let Some(value) = branch.fixed.get(&part.field) {
                self.append(index, position, at, value);
            }
        }
    }

    fn append(&self, index: &Available, position: &mut Position, at: usize, value: &Value) {
        if let Some(part) = index.parts.get(self.layout.fixed.0 + at)
            && position.is_exact
        {
            let (key, cut) = append(std::mem::take(&mut position.key), value, part.component);
            position.key = key;
            position.is_exact = cut == Cut::Whole;
        }
    }
}

/// What begins with `key`, and all that is above, or below.
fn narrow(key: &Key, is_low: bool, is_included: bool) -> KeyRange {
    let bound = match (is_low, is_included) {
        (true, true) => Bound::Included(key.clone()),
        (true, false) => first_behind(key),
        (false, true) => KeyRange::prefix(key).end,
        (false, false) => Bound::Excluded(key.clone()),
    };
    one_sided(bound, is_low)
}

fn one_sided(bound: Bound<Key>, is_low: bool) -> KeyRange {
    match is_low {
        true => KeyRange {
            start: bound,
            end: Bound::Unbounded,
        },
        false => KeyRange {
            start: Bound::Unbounded,
            end: bound,
        },
    }
}
