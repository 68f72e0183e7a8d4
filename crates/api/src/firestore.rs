//! Documents, as the edges ask for them.

pub use firekeep_documents::aggregate::{Aggregation, AggregationQuery, Operator};
pub use firekeep_documents::filter::{Comparison, Condition, FieldFilter, Filter};
pub use firekeep_documents::query::{
    CollectionSelector, Cursor, Direction, DistanceMeasure, FindNearest, InvalidQuery, Order,
    Query, projection,
};
pub use firekeep_documents::{Error, Invalid, Operation, Precondition, Transform, Write};
