//! One way to the documents of a conjunction: by the entries of one index, or by what several have in common.

use firekeep_model::{FieldPath, FieldRef, Value};
use firekeep_store::tuple::Encoder;
use firekeep_store::{Direction as Scan, Key, KeyRange};

use crate::exec::entries::{Layout, OwnScope, Part};
use crate::exec::sort_key::put_value;
use crate::filter::{Comparison, Test};
use crate::index::definition::Holds;
use crate::index::key::{Cut, append};
use crate::plan::available::Available;
use crate::plan::bounds::of_test;
use crate::plan::branch::Branch;
use crate::plan::tails::Tails;
use crate::query::{Direction, Order};
use crate::ranges::intersect_all;

/// A way by one index.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    pub(crate) layout: Layout,
    /// What all entries of the scan begin with: everything up to the first component that is not fixed.
    pub(crate) front: Key,
    pub(crate) ranges: Vec<KeyRange>,
    pub(crate) direction: Scan,
    /// How many of the conjunction's open orders the scan has, from the first on.
    pub(crate) matched: usize,
    /// How many components behind the fixed ones those are.
    pub(crate) matched_components: usize,
    /// The sort key, if the scan has the query's whole order.
    pub(crate) parts: Option<Vec<Part>>,
    /// The terms that the ranges fulfil, by their position.
    pub(crate) covered: Vec<bool>,
    /// If what is covered is so exactly, and cursors and names are.
    pub(crate) is_exact: bool,
    /// The fields that every entry has.
    pub(crate) fields: Vec<FieldPath>,
    /// How explanations call the index.
    pub(crate) name: String,
}

/// What entries are sorted by behind the fixed components.
pub(crate) enum Natural<'p> {
    Field {
        field: &'p FieldPath,
        direction: Direction,
        /// Its position behind the fixed components.
        at: usize,
    },
    Name,
}

impl Path {
    /// The way by an index; `None` if it does not have all documents of the conjunction, or has some several times.
    pub(crate) fn new(branch: &Branch<'_>, index: &Available, above: &Key) -> Option<Self> {
        if !index.parts.iter().all(|part| branch.requires(&part.field)) {
            return None;
        }
        let mut path = Self::fix(branch, index, above);
        let natural = path.natural(branch, index)?;
        path.fit(branch, &natural);
        let [forward, reverse] = &index.names;
        path.name = match path.direction {
            Scan::Forward => forward.clone(),
            Scan::Reverse => reverse.clone(),
        };
        path.bound(branch, index);
        path.cut(branch, index, &natural);
        Some(path)
    }

    /// Fixes as many components as possible.
    fn fix(branch: &Branch<'_>, index: &Available, above: &Key) -> Self {
        let mut front = index.prefix.clone();
        let mut covered = vec![false; branch.terms.len()];
        let mut is_exact = true;
        let mut count = 0;
        for part in &index.parts {
            let nearest = branch.ask.query.find_nearest.as_ref();
            let vector;
            let value = match part.holds {
                Holds::Value => branch.fixed.get(&part.field).copied(),
                Holds::Element => {
                    let mut elements = branch.elements();
                    elements
                        .find(|(field, _)| **field == part.field)
                        .map(|(_, element)| element)
                }
                Holds::Vector(dimension) => {
                    let found = nearest.filter(|nearest| {
                        let own = u32::try_from(nearest.vector.len());
                        nearest.field == part.field && own == Ok(dimension)
                    });
                    vector = found.map(|nearest| Value::Vector(nearest.vector.clone()));
                    vector.as_ref()
                }
            };
            let Some(value) = value else { break };
            let (next, cut) = append(front, value, part.component);
            front = next;
            is_exact &= cut == Cut::Whole;
            count += 1;
            for (covered, term) in covered.iter_mut().zip(branch.terms) {
                let is_own = matches!(term.field, FieldRef::Field(field) if *field == part.field);
                *covered |= is_own
                    && match (term.test, part.holds) {
                        (Test::ArrayContains(element), Holds::Element) => element.equals(value),
                        // A conjunction has no term that contradicts a fixed value.
                        (_, Holds::Value) => true,
                        _ => false,
                    };
            }
        }
        Self {
            layout: Layout {
                scope: index.scope.clone(),
                prefix: index.prefix.len(),
                components: index.parts.iter().map(|part| part.component).collect(),
                fixed: (count, front.len() - index.prefix.len()),
                above: above.clone(),
            },
            ranges: vec![KeyRange::prefix(&front)],
            front,
            direction: Scan::Forward,
            matched: 0,
            matched_components: 0,
            parts: None,
            covered,
            is_exact,
            fields: index.parts.iter().map(|part| part.field.clone()).collect(),
            name: String::new(),
        }
    }

    fn natural<'p>(&self, branch: &Branch<'_>, index: &'p Available) -> Option<Vec<Natural<'p>>> {
        let mut natural = Vec::new();
        for (at, part) in index.parts.iter().skip(self.layout.fixed.0).enumerate() {
            match part.holds {
                Holds::Value if branch.fixed.contains_key(&part.field) => {}
                Holds::Value => natural.push(Natural::Field {
                    field: &part.field,
                    direction: part.component.direction,
                    at,
                }),
                // Several entries of one document.
                Holds::Element | Holds::Vector(_) => return None,
            }
        }
        natural.push(Natural::Name);
        Some(natural)
    }

    /// Finds the direction in which the scan has most of the query's order.
    fn fit(&mut self, branch: &Branch<'_>, natural: &[Natural<'_>]) {
        let matching = |scan: Scan| {
            let pairs = branch.open.iter().zip(natural);
            let fits = |order: &Order, natural: &Natural<'_>| match (&order.field, natural) {
                (FieldRef::DocumentName, Natural::Name) => {
                    is_along(Direction::Ascending, scan, order.direction)
                }
                (
                    FieldRef::Field(own),
                    Natural::Field {
                        field, direction, ..
                    },
                ) => own == *field && is_along(*direction, scan, order.direction),
                _ => false,
            };
            pairs
                .take_while(|(order, natural)| fits(order, natural))
                .count()
        };
        let (forward, reverse) = (matching(Scan::Forward), matching(Scan::Reverse));
        (self.direction, self.matched) = match forward >= reverse {
            true => (Scan::Forward, forward),
            false => (Scan::Reverse, reverse),
        };
        let fields = natural.iter().take(self.matched);
        let ends = fields.filter_map(|natural| match natural {
            Natural::Field { at, .. } => Some(at + 1),
            Natural::Name => None,
        });
        self.matched_components = ends.max().unwrap_or(0);
        let is_whole = self.matched == branch.open.len() && !branch.is_longer;
        self.parts = is_whole.then(|| self.sort_parts(branch, natural)).flatten();
    }

    fn sort_parts(&self, branch: &Branch<'_>, natural: &[Natural<'_>]) -> Option<Vec<Part>> {
        let part = |order: &Order| match &order.field {
            FieldRef::DocumentName => Some(Part::Name(order.direction)),
            FieldRef::Field(own) => match branch.fixed.get(own) {
                Some(value) => {
                    let mut encoder = Encoder::new();
                    put_value(&mut encoder, value, order.direction);
                    Some(Part::Constant(encoder.finish()))
                }
                None => natural.iter().find_map(|natural| match natural {
                    Natural::Field {
                        field,
                        direction,
                        at,
                    } if *field == own => Some(Part::Component {
                        at: *at,
                        is_turned: *direction != order.direction,
                    }),
                    _ => None,
                }),
            },
        };
        branch.ask.orders.iter().map(part).collect()
    }

    /// Narrows the scan by the terms about the first component that is not fixed, or about the name.
    fn bound(&mut self, branch: &Branch<'_>, index: &Available) {
        let Some(part) = index.parts.get(self.layout.fixed.0) else {
            self.bound_names(branch);
            return;
        };
        if branch.fixed.contains_key(&part.field) {
            return;
        }
        for (covered, term) in self.covered.iter_mut().zip(branch.terms) {
            if matches!(term.field, FieldRef::Field(field) if *field == part.field)
                && let Some(bounds) = of_test(&self.front, part.component, term.test)
            {
                self.ranges = intersect_all(&self.ranges, &bounds.ranges);
                self.is_exact &= bounds.is_exact;
                *covered = true;
            }
        }
    }

    fn bound_names(&mut self, branch: &Branch<'_>) {
        let mut all = Vec::new();
        let tails = self.tails(&self.front);
        let mut is_exact = true;
        for names in &branch.names {
            let (range, is_range_exact) = tails.range(names);
            is_exact &= is_range_exact;
            all.push(range);
        }
        self.ranges = intersect_all(&self.ranges, &all);
        self.is_exact &= is_exact;
        for (covered, term) in self.covered.iter_mut().zip(branch.terms) {
            let is_range = matches!(term.test, Test::Compare(comparison, _)
                if comparison != Comparison::NotEqual);
            *covered |= *term.field == FieldRef::DocumentName && is_range;
        }
    }

    pub(crate) fn tails<'a>(&'a self, front: &'a Key) -> Tails<'a> {
        Tails {
            front,
            above: match self.layout.scope {
                OwnScope::Collection(_) => &self.layout.above,
                OwnScope::Group(_) => &[],
            },
        }
    }
}

/// If a scan in one direction has the components in the order that is asked for.
fn is_along(component: Direction, scan: Scan, asked: Direction) -> bool {
    (component == asked) == (scan == Scan::Forward)
}
