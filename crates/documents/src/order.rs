//! The order of documents in an answer.
//!
//! Firestore specification, section 7.4: `orders` is always [`Query::normal_order`](crate::query::Query::normal_order),
//! which ends in the document's name, so that no two documents are equal.

use std::cmp::Ordering;

use firekeep_model::FieldRef;

use crate::query::{Direction, Order};
use crate::{Error, Fields};

impl Direction {
    /// An ascending order, turned if this is descending.
    #[must_use]
    pub const fn apply(self, order: Ordering) -> Ordering {
        match self {
            Self::Ascending => order,
            Self::Descending => order.reverse(),
        }
    }
}

/// If a document has every field that it is ordered by: one that has not is in no answer.
///
/// # Errors
/// As [`Fields::field`].
pub fn has_all(orders: &[Order], document: &impl Fields) -> Result<bool, Error> {
    for order in orders {
        if !document.has(&order.field)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Which of two documents comes first. Without allocation, if the documents look up fields without.
///
/// # Errors
/// As [`Fields::field`].
pub fn compare<A: Fields, B: Fields>(orders: &[Order], a: &A, b: &B) -> Result<Ordering, Error> {
    for order in orders {
        let found = match &order.field {
            FieldRef::DocumentName => a.path().cmp(b.path()),
            FieldRef::Field(path) => match (a.field(path)?, b.field(path)?) {
                (Some(a), Some(b)) => a.compare(&b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            },
        };
        if found.is_ne() {
            return Ok(order.direction.apply(found));
        }
    }
    Ok(Ordering::Equal)
}
