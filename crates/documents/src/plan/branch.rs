//! One conjunction of a query's filter, and what it leaves of the query's order.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use firekeep_model::{FieldPath, FieldRef, Value};
use firekeep_store::KeyRange;

use crate::exec::Ask;
use crate::filter::{Comparison, Term, Test};
use crate::plan::names;
use crate::query::{Cursor, Order};

/// A conjunction.
#[derive(Debug)]
pub(crate) struct Branch<'q> {
    pub(crate) ask: &'q Ask,
    pub(crate) terms: &'q [Term<'q>],
    /// The fields of which one value is left.
    pub(crate) fixed: BTreeMap<&'q FieldPath, &'q Value>,
    /// The query's order without the fields of which one value is left, up to the name.
    pub(crate) open: Vec<&'q Order>,
    /// If there are orders behind the name: they sort nothing, but belong to cursors and sort keys.
    pub(crate) is_longer: bool,
    /// The names that the terms leave.
    pub(crate) names: Vec<KeyRange>,
    /// If its documents may come in any order.
    pub(crate) is_any: bool,
}

/// Where a cursor is among the documents of a conjunction.
pub(crate) enum Place<'q> {
    /// It leaves none of them.
    Nothing,
    /// It leaves all of them.
    All,
    /// It is where these open orders have these values; at least one.
    At {
        values: Vec<(&'q Order, &'q Value)>,
        /// If the documents that have them are left.
        is_included: bool,
    },
}

impl<'q> Branch<'q> {
    /// `None` for a conjunction that no document fulfils.
    pub(crate) fn new(ask: &'q Ask, terms: &'q [Term<'q>]) -> Option<Self> {
        let mut fixed = BTreeMap::new();
        for term in terms {
            if let (FieldRef::Field(field), Test::Compare(Comparison::Equal, value)) =
                (term.field, term.test)
            {
                fixed.insert(field, value);
            }
        }
        let contradicts = |term: &Term<'_>| match term.field {
            FieldRef::Field(field) => {
                (fixed.get(field)).is_some_and(|value| !term.test.matches(value))
            }
            FieldRef::DocumentName => false,
        };
        let names = names::of_terms(terms);
        if names.is_empty() || terms.iter().any(contradicts) {
            return None;
        }
        let is_open = |order: &&Order| match &order.field {
            FieldRef::Field(field) => !fixed.contains_key(field),
            FieldRef::DocumentName => true,
        };
        let mut open: Vec<_> = ask.orders.iter().filter(is_open).collect();
        let name = open
            .iter()
            .position(|order| order.field == FieldRef::DocumentName);
        let length = name.map_or(open.len(), |at| at + 1);
        let is_longer = open.len() > length;
        open.truncate(length);
        Some(Self {
            ask,
            terms,
            fixed,
            open,
            is_longer,
            names,
            is_any: false,
        })
    }

    /// The elements that arrays must have.
    pub(crate) fn elements(&self) -> impl Iterator<Item = (&'q FieldPath, &'q Value)> {
        self.terms
            .iter()
            .filter_map(|term| match (term.field, term.test) {
                (FieldRef::Field(field), Test::ArrayContains(element)) => Some((field, element)),
                _ => None,
            })
    }

    /// If every document of the conjunction in the answer has a field.
    pub(crate) fn requires(&self, field: &FieldPath) -> bool {
        let named = |other: &FieldRef| matches!(other, FieldRef::Field(other) if other == field);
        let nearest = self.ask.query.find_nearest.as_ref();
        self.terms.iter().any(|term| named(term.field))
            || self.ask.orders.iter().any(|order| named(&order.field))
            || self.ask.fields.contains(field)
            || nearest.is_some_and(|nearest| nearest.field == *field)
    }

    pub(crate) fn place(&self, cursor: &'q Cursor, is_start: bool) -> Place<'q> {
        let mut values = Vec::new();
        let mut is_included = cursor.before == is_start;
        for (order, value) in self.ask.orders.iter().zip(&cursor.values) {
            let fixed = match &order.field {
                FieldRef::Field(field) => self.fixed.get(field),
                FieldRef::DocumentName => None,
            };
            match fixed.map(|fixed| order.direction.apply(fixed.compare(value))) {
                None => values.push((order, value)),
                Some(Ordering::Equal) => {}
                Some(position) => {
                    is_included = position.is_gt() == is_start;
                    break;
                }
            }
        }
        match (values.is_empty(), is_included) {
            (false, _) => Place::At {
                values,
                is_included,
            },
            (true, true) => Place::All,
            (true, false) => Place::Nothing,
        }
    }
}
