//! What an execution asks of each document: the query, prepared once.

use std::ops::Bound;

use firekeep_model::{FieldPath, FieldRef};
use firekeep_store::{Key, KeyRange, Row};

use crate::exec::reader::Cx;
use crate::exec::sort_key::{at_cursor, sort_key};
use crate::limits::{READ_DOCUMENTS, SORT_BYTES_MAX, SORT_DOCUMENTS_MAX};
use crate::query::{Cursor, Order, Query};
use crate::{Error, Fields, Found, keys};

/// A query, with what follows from it.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) query: Query,
    /// [`Query::normal_order`]; the names where the order does not matter.
    pub(crate) orders: Vec<Order>,
    /// If the order matters.
    pub(crate) is_ordered: bool,
    /// If only the number of documents matters, and [`averages`](Self::averages).
    pub(crate) is_tally: bool,
    /// What a document must have beside the fields that it is ordered by.
    pub(crate) fields: Vec<FieldPath>,
    /// The fields of which numbers are wanted, and nothing else of the documents.
    pub(crate) averages: Vec<FieldPath>,
    /// The sort keys between the query's cursors.
    range: KeyRange,
    /// How many documents, and bytes of sort keys, are kept while an answer is put in order.
    pub(crate) keep: (usize, usize),
}

impl Ask {
    pub(crate) fn new(query: Query) -> Self {
        let is_ordered = query.find_nearest.is_none();
        Self::of(query, is_ordered, Vec::new(), Vec::new())
    }

    /// For counting what a query gives: its order matters only where it is cut.
    pub(crate) fn of_aggregation(
        query: Query,
        fields: Vec<FieldPath>,
        averages: Vec<FieldPath>,
        has_sum: bool,
    ) -> Self {
        let is_cut = query.limit.is_some()
            || query.offset > 0
            || query.start_at.is_some()
            || query.end_at.is_some();
        Self {
            is_tally: !is_cut && !has_sum,
            ..Self::of(query, is_cut, fields, averages)
        }
    }

    fn of(
        query: Query,
        is_ordered: bool,
        mut fields: Vec<FieldPath>,
        averages: Vec<FieldPath>,
    ) -> Self {
        let mut orders = query.normal_order();
        if !is_ordered {
            // What is ordered by must be there nevertheless.
            fields.extend(orders.drain(..).filter_map(|order| match order.field {
                FieldRef::DocumentName => None,
                FieldRef::Field(path) => Some(path),
            }));
            orders.push(Order::ascending(FieldRef::DocumentName));
        }
        let range = KeyRange {
            start: start_of(&orders, query.start_at.as_ref()),
            end: end_of(&orders, query.end_at.as_ref()),
        };
        Self {
            query,
            orders,
            is_ordered,
            is_tally: false,
            fields,
            averages,
            range,
            keep: (SORT_DOCUMENTS_MAX, SORT_BYTES_MAX),
        }
    }

    /// The sort key of a document that is in the answer, but for offset and limit; `None` for any other.
    pub(crate) fn judge(&self, document: &impl Fields) -> Result<Option<Key>, Error> {
        if !self.query.reads(document.path()) {
            return Ok(None);
        }
        if let Some(filter) = &self.query.filter
            && !filter.matches(document)?
        {
            return Ok(None);
        }
        for field in &self.fields {
            if document.field(field)?.is_none() {
                return Ok(None);
            }
        }
        let sort = sort_key(&self.orders, document)?;
        Ok(sort.filter(|sort| self.is_between_cursors(sort)))
    }

    /// As [`judge`](Self::judge), of a stored row.
    pub(crate) fn judge_row(&self, name: &[u8], row: Row) -> Result<Option<(Key, Found)>, Error> {
        let found = Found {
            path: keys::path(name)?,
            row: Some(row),
        };
        Ok(self.judge(&found)?.map(|sort| (sort, found)))
    }

    /// The sort keys of documents, as [`judge`](Self::judge) gives them. Keeps no document in memory.
    pub(crate) fn look_up(
        &self,
        cx: &mut Cx<'_>,
        names: &[&[u8]],
    ) -> Result<Vec<Option<Key>>, Error> {
        let mut sorts = Vec::with_capacity(names.len());
        for some in names.chunks(READ_DOCUMENTS) {
            for (name, row) in some.iter().zip(cx.documents(some)?) {
                let found = row.map(|row| self.judge_row(name, row)).transpose()?;
                sorts.push(found.flatten().map(|(sort, _)| sort));
            }
        }
        Ok(sorts)
    }

    /// If all documents of the query's collections are in the answer.
    pub(crate) fn is_all(&self) -> bool {
        self.query.filter.is_none()
            && self.fields.is_empty()
            && self.query.start_at.is_none()
            && self.query.end_at.is_none()
            && self.query.find_nearest.is_none()
    }

    pub(crate) fn is_between_cursors(&self, sort: &[u8]) -> bool {
        self.range.contains(sort)
    }
}

fn start_of(orders: &[Order], cursor: Option<&Cursor>) -> Bound<Key> {
    let Some(cursor) = cursor else {
        return Bound::Unbounded;
    };
    let among = at_cursor(orders, cursor);
    match (cursor.before, among.end) {
        (true, _) => among.start,
        (false, Bound::Excluded(end)) => Bound::Included(end),
        // Behind a cursor without values: no sort key begins with such a byte.
        (false, _) => Bound::Included(vec![u8::MAX]),
    }
}

fn end_of(orders: &[Order], cursor: Option<&Cursor>) -> Bound<Key> {
    match cursor {
        None => Bound::Unbounded,
        Some(cursor) => {
            let among = at_cursor(orders, cursor);
            match (cursor.before, among.start) {
                (false, _) => among.end,
                (true, Bound::Included(start)) => Bound::Excluded(start),
                (true, other) => other,
            }
        }
    }
}
