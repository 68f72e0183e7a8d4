//! What a query says about the names of its documents.

use std::ops::Bound;

use firekeep_model::{FieldRef, Value};
use firekeep_store::{Key, KeyRange};

use crate::exec::Ask;
use crate::filter::{Comparison, Term, Test};
use crate::keys;
use crate::query::{Cursor, Direction, Order};
use crate::ranges::{intersect_all, union};

/// The ranges of `docs` keys that hold what some conjunction leaves, and that the cursors leave.
pub(crate) fn ranges(ask: &Ask, branches: &[&[Term<'_>]]) -> Vec<KeyRange> {
    let of_branches = branches.iter().flat_map(|terms| of_terms(terms));
    let ranges = union(of_branches.collect());
    match between_cursors(ask) {
        Some(range) => intersect_all(&ranges, &[range]),
        None => ranges,
    }
}

/// The ranges that the terms about the name leave.
pub(crate) fn of_terms(terms: &[Term<'_>]) -> Vec<KeyRange> {
    let mut ranges = vec![KeyRange::all()];
    for term in terms {
        if *term.field == FieldRef::DocumentName
            && let Test::Compare(comparison, operand) = term.test
            && let Some(range) = of_comparison(comparison, operand)
        {
            ranges = intersect_all(&ranges, &[range]);
        }
    }
    ranges
}

/// `None` where it is no range.
fn of_comparison(comparison: Comparison, operand: &Value) -> Option<KeyRange> {
    let Value::Reference(name) = operand else {
        return None;
    };
    let key = keys::document(&name.path);
    let (start, end) = match comparison {
        Comparison::NotEqual => return None,
        Comparison::Equal => (Bound::Included(key.clone()), Bound::Included(key)),
        Comparison::Less => (Bound::Unbounded, Bound::Excluded(key)),
        Comparison::LessOrEqual => (Bound::Unbounded, Bound::Included(key)),
        Comparison::Greater => (Bound::Excluded(key), Bound::Unbounded),
        Comparison::GreaterOrEqual => (Bound::Included(key), Bound::Unbounded),
    };
    Some(KeyRange { start, end })
}

/// The range between the cursors of a query that is ordered by name first.
fn between_cursors(ask: &Ask) -> Option<KeyRange> {
    let first = ask.orders.first()?;
    if first.field != FieldRef::DocumentName {
        return None;
    }
    let start = ask
        .query
        .start_at
        .as_ref()
        .and_then(|cursor| position(cursor, true));
    let end = ask
        .query
        .end_at
        .as_ref()
        .and_then(|cursor| position(cursor, false));
    let (start, end) = match first.direction {
        Direction::Ascending => (start, end),
        Direction::Descending => (end, start),
    };
    Some(KeyRange {
        start: start.unwrap_or(Bound::Unbounded),
        end: end.unwrap_or(Bound::Unbounded),
    })
}

/// A cursor's position among the names. It may have more values than the name.
fn position(cursor: &Cursor, is_start: bool) -> Option<Bound<Key>> {
    let Value::Reference(name) = cursor.values.first()? else {
        return None;
    };
    let key = keys::document(&name.path);
    Some(match cursor.before == is_start || cursor.values.len() > 1 {
        true => Bound::Included(key),
        false => Bound::Excluded(key),
    })
}

/// The direction of the names, if that is the order of an answer: if whatever is ordered by before has one value in all
/// of it. `only` is the conjunction that the filter is, if it is one.
pub(crate) fn order(orders: &[Order], only: Option<&[Term<'_>]>) -> Option<Direction> {
    let is_fixed = |order: &&Order| only.is_some_and(|terms| is_fixed(terms, &order.field));
    let first = orders.iter().find(|order| !is_fixed(order))?;
    (first.field == FieldRef::DocumentName).then_some(first.direction)
}

/// If a conjunction leaves one value of a field.
fn is_fixed(terms: &[Term<'_>], field: &FieldRef) -> bool {
    let is_equality = |term: &&Term<'_>| matches!(term.test, Test::Compare(Comparison::Equal, _));
    let mut own = terms.iter().filter(|term| term.field == field);
    *field != FieldRef::DocumentName && own.any(|term| is_equality(&term))
}
