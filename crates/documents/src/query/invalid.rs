//! Why a query is refused: every answer that is INVALID_ARGUMENT, with its text.
//!
//! COMPAT: the texts are those of the official emulator, which calls a document's name `__key__`, where it has one:
//! applications and suites compare them.

use firekeep_model::{DatabaseName, FieldPath, FieldRef, PathError};

use super::NEAREST_LIMIT_MAX;
use super::validate::{DISJUNCTIONS_MAX, FILTER_DEPTH_MAX, INEQUALITY_FIELDS_MAX, PARTS_MAX};
use crate::aggregate::AGGREGATIONS_MAX;

/// Which rule a query breaks.
///
/// Some can only be broken before there is a [`Query`](super::Query), whose types know them: they are for the edges.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidQuery {
    /// A collection that is too deep.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Several selectors in `from`. For the edges.
    #[error("StructuredQuery.from cannot have more than one collection selector.")]
    SeveralSelectors,
    /// A filter on a field where the collections' id is not given.
    #[error("kind is required for filter: {0}")]
    FilterWithoutKind(FieldRef),
    /// Another order than the name's where the collections' id is not given.
    #[error("kind is required for all orders except __key__ ascending")]
    OrderWithoutKind,

    /// AND or OR of nothing.
    #[error("Composite filter must have at least one sub-filter.")]
    EmptyComposite,
    /// A filter that is none of the kinds. For the edges.
    #[error("Unknown Filter type.")]
    UnknownFilter,
    /// Neither AND nor OR. For the edges.
    #[error("Unsupported CompositeFilter operator.")]
    UnknownComposite,
    /// No operator. For the edges.
    #[error("Unknown FieldFilter operator.")]
    UnknownOperator,
    /// No operator. For the edges.
    #[error("Unknown UnaryFilter operator.")]
    UnknownUnary,
    /// A unary filter of something else than a field. For the edges.
    #[error("Unsupported UnaryFilter operand type (non-FIELD).")]
    UnaryOperand,
    /// More than [`FILTER_DEPTH_MAX`].
    #[error("filters are nested more than {FILTER_DEPTH_MAX} deep")]
    FilterTooDeep,
    /// `IN` and the like with another operand than a list. For the edges.
    #[error("'{0}' requires an ArrayValue.")]
    NotAList(&'static str),
    /// `IN` and the like with an empty list.
    #[error("'{0}' requires an non-empty ArrayValue.")]
    EmptyList(&'static str),
    /// More than [`DISJUNCTIONS_MAX`] or [`NOT_IN_VALUES_MAX`](super::NOT_IN_VALUES_MAX) elements in a list.
    #[error("'{operator}' supports up to {max} comparison values.")]
    LongList {
        /// The operator.
        operator: &'static str,
        /// The most elements it takes.
        max: usize,
    },
    /// The document's name compared with something else than a reference.
    #[error("__key__ filter value must be a Key")]
    NameFilterValue,
    /// The document's name as an array.
    #[error("the name __key__ is reserved")]
    NameIsNoArray,
    /// The document's name compared with that of another database's document.
    #[error(
        "The request was for database '{expected}' but was attempting to access database '{found}'"
    )]
    OtherDatabase {
        /// The query's database.
        expected: DatabaseName,
        /// The reference's.
        found: DatabaseName,
    },
    /// More than [`INEQUALITY_FIELDS_MAX`].
    #[error(
        "The query contains {} distinct inequality fields: {}. A query may not have more than \
         {INEQUALITY_FIELDS_MAX} distinct inequality fields.",
        .0.len(), bracketed(.0)
    )]
    TooManyInequalityFields(Vec<FieldRef>),
    /// More than [`DISJUNCTIONS_MAX`].
    #[error(
        "Too many disjunctions after normalization. Result had {0} disjunctions which is more than the maximum of \
         {DISJUNCTIONS_MAX}"
    )]
    TooManyDisjunctions(usize),
    /// More than [`PARTS_MAX`].
    #[error(
        "A query may have at most {PARTS_MAX} filters and orders, its parent document counted; this one has {0}."
    )]
    TooManyParts(usize),
    /// Refused by the cloud: two filters that say what a field is not.
    #[error(
        "Only a single 'NOT_EQUAL', 'NOT_IN', 'IS_NOT_NAN', or 'IS_NOT_NULL' filter allowed per query."
    )]
    SeveralNegations,
    /// Refused by the cloud: `NOT_IN` beside anything that means OR.
    #[error("'NOT_IN' cannot be used in the same query with 'IN', 'ARRAY_CONTAINS_ANY' or 'OR'.")]
    NotInWithOr,
    /// Refused by the cloud: two array filters that a document must both fulfil.
    #[error("A maximum of 1 'ARRAY_CONTAINS' filter is allowed per disjunction.")]
    SeveralArrayContains,

    /// A field twice in the order.
    #[error("order by clause cannot contain duplicate fields {0}")]
    DuplicateOrder(FieldRef),
    /// Refused by the cloud: one name wanted, and a range of something else.
    #[error(
        "Equality on key is not allowed if there are other inequality fields and key does not appear in inequalities."
    )]
    NameEqualityWithRange,
    /// Refused by the cloud: a collection group below a document, by anything but the name ascending.
    #[error("collection group queries are only allowed at the root parent")]
    GroupBelowDocument,

    /// Refused by the cloud: an order behind the name, which leaves nothing to sort.
    #[error("order by clause cannot contain more fields after the key")]
    OrderBehindName,

    /// More values than the order has fields.
    #[error("Cursor has too many values.")]
    LongCursor,
    /// Something else than a reference for the document's name.
    #[error("Cursor __key__ value is not a document reference.")]
    CursorName,
    /// The name of another database's document.
    #[error("The cursor key is in a different database than the query")]
    CursorOtherDatabase,

    /// For the edges.
    #[error("offset is negative")]
    NegativeOffset,
    /// For the edges.
    #[error("limit is negative")]
    NegativeLimit,

    /// No distance measure. For the edges.
    #[error("Unknown Distance Measure.")]
    UnknownMeasure,
    /// Near to something else than a vector. For the edges.
    #[error("Query Value must be of type vector.")]
    NotAVector,
    /// Not 1 to [`NEAREST_LIMIT_MAX`].
    #[error("FindNearest.limit must be a positive integer of no more than {NEAREST_LIMIT_MAX}")]
    NearestLimit,
    /// Beside `find_nearest`, which has its own.
    #[error("A query limit cannot be used with FindNearest")]
    LimitWithNearest,
    /// Beside `find_nearest`.
    #[error("A query offset cannot be used with FindNearest")]
    OffsetWithNearest,
    /// Beside `find_nearest`.
    #[error("A cursor cannot be used with FindNearest")]
    CursorWithNearest,
    /// A name that no field can have, as the field for the distance.
    #[error("The distanceResultField.property.name \"{0}\" is reserved.")]
    DistanceReserved(Box<str>),
    /// As [`DistanceReserved`](Self::DistanceReserved).
    #[error("The distanceResultField.property.name is empty or longer than 1500 bytes.")]
    DistanceLength,

    /// None.
    #[error("Aggregations can not be empty.")]
    NoAggregations,
    /// More than [`AGGREGATIONS_MAX`].
    #[error(
        "The maximum number of aggregations allowed in an aggregation query is {AGGREGATIONS_MAX}. Received: {0}"
    )]
    TooManyAggregations(usize),
    /// Nothing to compute. For the edges.
    #[error("Operator field in Aggregation is not set.")]
    UnknownAggregation,
    /// A sum or average of names. For the edges.
    #[error("Aggregations are not supported for the property: __key__")]
    AggregatedName,
    /// For the edges.
    #[error("The `up_to` value in a COUNT aggregation must be greater than or equal to zero.")]
    NegativeUpTo,
    /// Two results of one name.
    #[error("Aggregation aliases contain duplicate alias: {0}.")]
    DuplicateAlias(Box<str>),
    /// A name that no field can have.
    #[error("The property.name \"{0}\" is reserved.")]
    AliasReserved(Box<str>),
    /// As [`AliasReserved`](Self::AliasReserved).
    #[error("The property.name is longer than 1500 bytes.")]
    AliasTooLong,
    /// Refused by the cloud: a sum of what the projection leaves out.
    #[error("The aggregation property {0} is not present in the base query's property mask.")]
    AggregationNotSelected(FieldPath),
}

fn bracketed(fields: &[FieldRef]) -> String {
    let names: Vec<_> = fields.iter().map(ToString::to_string).collect();
    format!("[{}]", names.join(", "))
}
