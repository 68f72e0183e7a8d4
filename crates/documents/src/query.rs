//! A query as a value: what it asks for, and in which order its answer comes.
//!
//! Nothing here reads storage: rules are `query/validate.rs`, evaluation is `filter.rs`, `order.rs` and `cursor.rs`.
//! Firestore specification, sections 7.1 and 7.4.

#[cfg(test)]
pub(crate) mod fixture;
mod invalid;
mod validate;

use std::collections::BTreeSet;

use firekeep_model::{
    CollectionId, CollectionPath, DocumentPath, FieldMask, FieldPath, FieldRef, PathError, Value,
    Vector,
};

use crate::filter::Filter;

pub use invalid::InvalidQuery;
pub use validate::{
    DISJUNCTIONS_MAX, FILTER_DEPTH_MAX, INEQUALITY_FIELDS_MAX, NOT_IN_VALUES_MAX, PARTS_MAX,
    Strictness,
};

/// A structured query.
///
/// It is carried out in this order: from, filter, order, cursors, offset, limit, select.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// The document that the collections are below; `None` is the root.
    pub parent: Option<DocumentPath>,
    /// Which collections.
    pub from: CollectionSelector,
    /// What a document must fulfil.
    pub filter: Option<Filter>,
    /// The order as it was asked for. See [`Query::normal_order`].
    pub order_by: Vec<Order>,
    /// Where the answer starts.
    pub start_at: Option<Cursor>,
    /// Where the answer ends.
    pub end_at: Option<Cursor>,
    /// How many documents to leave out first.
    pub offset: u32,
    /// The most documents to give; 0 gives none.
    pub limit: Option<u32>,
    /// The fields to give; `None` gives all, an empty mask none. See [`projection`].
    pub select: Option<FieldMask>,
    /// Asks for the nearest vectors instead of an order.
    pub find_nearest: Option<FindNearest>,
}

/// Which collections below the parent a query reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectionSelector {
    /// The collections' id; `None` for every id.
    pub collection: Option<CollectionId>,
    /// At any depth below the parent, not only directly.
    pub all_descendants: bool,
}

/// One field of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What to sort by. Documents without the field are not in the answer.
    pub field: FieldRef,
    /// Which values come first.
    pub direction: Direction,
}

/// Which values come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The smallest.
    #[default]
    Ascending,
    /// The largest.
    Descending,
}

/// A position in the order of a query: values of the first fields of its normalised order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The values. One for the document's name is a reference.
    pub values: Vec<Value>,
    /// If the position is just before the documents of these values, or just behind them.
    pub before: bool,
}

/// A search for the documents whose vectors are nearest to a given one.
#[derive(Clone, Debug, PartialEq)]
pub struct FindNearest {
    /// The field with the vectors. Documents without a vector of the same dimension are left out.
    pub field: FieldPath,
    /// Near to what.
    pub vector: Vector,
    /// What near means.
    pub measure: DistanceMeasure,
    /// The most documents to give: 1 to [`NEAREST_LIMIT_MAX`].
    pub limit: u32,
    /// How far a document may be: at most this distance, or at least this dot product.
    pub distance_threshold: Option<f64>,
    /// The name of a field to give the distance in. A name, not a path: dots in it are dots.
    pub distance_result_field: Option<Box<str>>,
}

/// How far apart two vectors are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DistanceMeasure {
    /// The length of the difference; near is small.
    Euclidean,
    /// 1 - the cosine of the angle; near is small.
    Cosine,
    /// The product; near is large.
    DotProduct,
}

/// The most documents of a search for near vectors. [`InvalidQuery::NearestLimit`].
/// Source: specification, section 1.4.
pub const NEAREST_LIMIT_MAX: u32 = 1_000;

impl Order {
    /// From the smallest value on.
    #[must_use]
    pub const fn ascending(field: FieldRef) -> Self {
        Self {
            field,
            direction: Direction::Ascending,
        }
    }

    /// From the largest value on.
    #[must_use]
    pub const fn descending(field: FieldRef) -> Self {
        Self {
            field,
            direction: Direction::Descending,
        }
    }
}

/// What a projection of these fields gives: without fields all, and of the name alone nothing but the name, which
/// every document carries anyway.
#[must_use]
pub fn projection(fields: impl IntoIterator<Item = FieldRef>) -> Option<FieldMask> {
    let mut fields = fields.into_iter().peekable();
    fields.peek()?;
    Some(FieldMask::new(fields.filter_map(|field| match field {
        FieldRef::DocumentName => None,
        FieldRef::Field(path) => Some(path),
    })))
}

impl Query {
    /// The order that makes the answer's order total.
    ///
    /// The explicit orders; then the fields of inequality filters that are not among them, sorted, in the direction
    /// of the last explicit order; then the document's name in the same direction. A document that lacks one of these
    /// fields is not in the answer. Source: specification, section 7.4.
    #[must_use]
    pub fn normal_order(&self) -> Vec<Order> {
        let direction = self
            .order_by
            .last()
            .map_or(Direction::Ascending, |last| last.direction);
        let mut inequalities = BTreeSet::new();
        if let Some(filter) = &self.filter {
            filter.visit(&mut |filter| {
                if filter.condition.is_inequality() {
                    inequalities.insert(&filter.field);
                }
            });
        }
        inequalities.remove(&FieldRef::DocumentName);
        let mut orders = self.order_by.clone();
        for field in inequalities.into_iter().chain([&FieldRef::DocumentName]) {
            if orders.iter().all(|order| order.field != *field) {
                orders.push(Order {
                    field: field.clone(),
                    direction,
                });
            }
        }
        orders
    }

    /// The one collection that the query reads, unless it reads several.
    ///
    /// # Errors
    /// [`PathError::TooDeep`] and [`PathError::TooLong`].
    pub fn collection_path(&self) -> Result<Option<CollectionPath>, PathError> {
        match &self.from {
            CollectionSelector {
                collection: Some(id),
                all_descendants: false,
            } => CollectionPath::below(self.parent.as_ref(), id).map(Some),
            _ => Ok(None),
        }
    }

    /// If a document is in the collections that the query reads. Without allocation.
    #[must_use]
    pub fn reads(&self, document: &DocumentPath) -> bool {
        let below = match &self.parent {
            Some(parent) => document
                .as_str()
                .strip_prefix(parent.as_str())
                .and_then(|rest| rest.strip_prefix('/')),
            None => Some(document.as_str()),
        };
        let Some(below) = below else { return false };
        let of_collection = |id: &CollectionId| document.collection_id() == id.as_str();
        (self.from.all_descendants || below.split('/').count() == 2)
            && self.from.collection.as_ref().is_none_or(of_collection)
    }
}

#[cfg(test)]
mod tests;
