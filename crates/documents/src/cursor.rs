//! Where a document is, seen from a cursor.
//!
//! Firestore specification, section 7.5: a cursor's values are compared over all types, not only within one group.

use std::cmp::Ordering;

use firekeep_model::FieldRef;

use crate::filter::compare_name;
use crate::query::{Cursor, Order, Query};
use crate::{Error, Fields};

impl Cursor {
    /// Where a document is: before, among or behind the documents that have the cursor's values.
    ///
    /// # Errors
    /// As [`Fields::field`].
    pub fn position_of(&self, orders: &[Order], document: &impl Fields) -> Result<Ordering, Error> {
        for (order, value) in orders.iter().zip(&self.values) {
            let found = match &order.field {
                FieldRef::DocumentName => compare_name(document.path(), value),
                FieldRef::Field(path) => match document.field(path)? {
                    Some(own) => own.compare(value),
                    None => Ordering::Less,
                },
            };
            if found.is_ne() {
                return Ok(order.direction.apply(found));
            }
        }
        Ok(Ordering::Equal)
    }

    /// If an answer that starts here has the document.
    ///
    /// # Errors
    /// As [`Fields::field`].
    pub fn starts_before(&self, orders: &[Order], document: &impl Fields) -> Result<bool, Error> {
        let position = self.position_of(orders, document)?;
        Ok(position.is_gt() || (self.before && position.is_eq()))
    }

    /// If an answer that ends here has the document.
    ///
    /// # Errors
    /// As [`Fields::field`].
    pub fn ends_behind(&self, orders: &[Order], document: &impl Fields) -> Result<bool, Error> {
        let position = self.position_of(orders, document)?;
        Ok(position.is_lt() || (!self.before && position.is_eq()))
    }
}

impl Query {
    /// If a document is between the query's cursors. `orders` is the [normalised order](Self::normal_order).
    ///
    /// # Errors
    /// As [`Fields::field`].
    pub fn is_between_cursors(
        &self,
        orders: &[Order],
        document: &impl Fields,
    ) -> Result<bool, Error> {
        if let Some(start) = &self.start_at
            && !start.starts_before(orders, document)?
        {
            return Ok(false);
        }
        match &self.end_at {
            Some(end) => end.ends_behind(orders, document),
            None => Ok(true),
        }
    }
}

/// The values of a document at which a cursor for it stands; the name in the database of the tests.
#[cfg(test)]
pub(crate) fn values_of(
    orders: &[Order],
    document: &firekeep_model::Document,
) -> Vec<firekeep_model::Value> {
    let value = |order: &Order| match &order.field {
        FieldRef::DocumentName => crate::query::fixture::reference(document.path.as_str()),
        FieldRef::Field(path) => document.fields.get_path(path).cloned().unwrap(),
    };
    orders.iter().map(value).collect()
}

#[cfg(test)]
mod tests;
