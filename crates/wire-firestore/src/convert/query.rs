//! Structured queries. Source: Firestore specification, sections 7.1 to 7.5 and 7.9.
//!
//! Only what the types of a [`Query`] cannot hold is refused here; the rules of queries are checked below.

use firekeep_api::firestore::{
    CollectionSelector, Comparison, Condition, Cursor, Direction, DistanceMeasure, FieldFilter,
    Filter, FindNearest, InvalidQuery, Order, Query, projection,
};
use firekeep_model::{DocumentPath, FieldPath, FieldRef, Value};
use firekeep_wire_proto::google::firestore::v1 as proto;
use proto::structured_query as sent;
use sent::filter::FilterType;
use sent::unary_filter::OperandType;

use super::Fault;
use super::name::read_collection_id;
use super::value::{read_value, write_value};

/// A query below a parent, as a client sent it.
///
/// # Errors
/// [`Fault`], whatever is wrong first.
pub fn read_query(
    parent: Option<DocumentPath>,
    query: proto::StructuredQuery,
) -> Result<Query, Fault> {
    let limit = |limit: i32| u32::try_from(limit).map_err(|_| InvalidQuery::NegativeLimit);
    Ok(Query {
        parent,
        from: read_from(query.from)?,
        filter: query.r#where.map(read_filter).transpose()?,
        order_by: query
            .order_by
            .into_iter()
            .map(read_order)
            .collect::<Result<_, _>>()?,
        start_at: query.start_at.map(read_cursor).transpose()?,
        end_at: query.end_at.map(read_cursor).transpose()?,
        offset: u32::try_from(query.offset).map_err(|_| InvalidQuery::NegativeOffset)?,
        limit: query.limit.map(limit).transpose()?,
        select: match query.select {
            None => None,
            Some(select) => {
                let fields = select
                    .fields
                    .into_iter()
                    .map(|field| read_field(Some(field)));
                projection(fields.collect::<Result<Vec<_>, _>>()?)
            }
        },
        find_nearest: query.find_nearest.map(read_find_nearest).transpose()?,
    })
}

fn read_from(from: Vec<sent::CollectionSelector>) -> Result<CollectionSelector, Fault> {
    let mut from = from.into_iter();
    let Some(selector) = from.next() else {
        return Ok(CollectionSelector::default());
    };
    if from.next().is_some() {
        return Err(InvalidQuery::SeveralSelectors.into());
    }
    Ok(CollectionSelector {
        collection: read_collection_id(&selector.collection_id)?,
        all_descendants: selector.all_descendants,
    })
}

fn read_field(field: Option<sent::FieldReference>) -> Result<FieldRef, Fault> {
    let field = field.ok_or(Fault::Missing("field"))?;
    Ok(FieldRef::parse(&field.field_path)?)
}

/// The field of a vector or an aggregation: not the document's name.
pub(super) fn read_field_path(
    name: &'static str,
    field: Option<sent::FieldReference>,
) -> Result<FieldPath, Fault> {
    let field = field.ok_or(Fault::Missing(name))?;
    Ok(FieldPath::parse(&field.field_path)?)
}

// As deep as the decoders let messages nest, which is not much.
fn read_filter(filter: sent::Filter) -> Result<Filter, Fault> {
    match filter.filter_type {
        None => Err(InvalidQuery::UnknownFilter.into()),
        Some(FilterType::CompositeFilter(composite)) => read_composite(composite),
        Some(FilterType::FieldFilter(filter)) => read_field_filter(filter),
        Some(FilterType::UnaryFilter(filter)) => read_unary(filter),
    }
}

fn read_composite(composite: sent::CompositeFilter) -> Result<Filter, Fault> {
    use sent::composite_filter::Operator;
    let join = match Operator::try_from(composite.op) {
        Ok(Operator::And) => Filter::And,
        Ok(Operator::Or) => Filter::Or,
        Ok(Operator::Unspecified) | Err(_) => return Err(InvalidQuery::UnknownComposite.into()),
    };
    let children = composite.filters.into_iter().map(read_filter);
    Ok(join(children.collect::<Result<_, _>>()?))
}

fn read_field_filter(filter: sent::FieldFilter) -> Result<Filter, Fault> {
    use sent::field_filter::Operator;
    let operator = Operator::try_from(filter.op).unwrap_or(Operator::Unspecified);
    let field = read_field(filter.field)?;
    let operand = read_value(filter.value.ok_or(Fault::Missing("value"))?)?;
    let list = |operand: Value| match operand {
        Value::Array(elements) => Ok(elements.into_vec()),
        _ => Err(InvalidQuery::NotAList(operator.as_str_name())),
    };
    let condition = match operator {
        Operator::Unspecified => return Err(InvalidQuery::UnknownOperator.into()),
        Operator::LessThan => Condition::Compare(Comparison::Less, operand),
        Operator::LessThanOrEqual => Condition::Compare(Comparison::LessOrEqual, operand),
        Operator::GreaterThan => Condition::Compare(Comparison::Greater, operand),
        Operator::GreaterThanOrEqual => Condition::Compare(Comparison::GreaterOrEqual, operand),
        Operator::Equal => Condition::Compare(Comparison::Equal, operand),
        Operator::NotEqual => Condition::Compare(Comparison::NotEqual, operand),
        Operator::ArrayContains => Condition::ArrayContains(operand),
        Operator::In => Condition::In(list(operand)?),
        Operator::ArrayContainsAny => Condition::ArrayContainsAny(list(operand)?),
        Operator::NotIn => Condition::NotIn(list(operand)?),
    };
    Ok(Filter::field(field, condition))
}

fn read_unary(filter: sent::UnaryFilter) -> Result<Filter, Fault> {
    use sent::unary_filter::Operator;
    let condition = match Operator::try_from(filter.op) {
        Ok(Operator::IsNan) => Condition::IsNan,
        Ok(Operator::IsNull) => Condition::IsNull,
        Ok(Operator::IsNotNan) => Condition::IsNotNan,
        Ok(Operator::IsNotNull) => Condition::IsNotNull,
        Ok(Operator::Unspecified) | Err(_) => return Err(InvalidQuery::UnknownUnary.into()),
    };
    match filter.operand_type {
        Some(OperandType::Field(field)) => Ok(Filter::field(read_field(Some(field))?, condition)),
        None => Err(InvalidQuery::UnaryOperand.into()),
    }
}

fn read_order(order: sent::Order) -> Result<Order, Fault> {
    use sent::Direction as Sent;
    let direction = match Sent::try_from(order.direction) {
        // COMPAT: ascending is the published default.
        Ok(Sent::Unspecified | Sent::Ascending) => Direction::Ascending,
        Ok(Sent::Descending) => Direction::Descending,
        Err(_) => return Err(Fault::Enum("direction")),
    };
    Ok(Order {
        field: read_field(order.field)?,
        direction,
    })
}

fn read_cursor(cursor: proto::Cursor) -> Result<Cursor, Fault> {
    let values = cursor.values.into_iter().map(read_value);
    Ok(Cursor {
        values: values.collect::<Result<_, _>>()?,
        before: cursor.before,
    })
}

fn read_find_nearest(search: sent::FindNearest) -> Result<FindNearest, Fault> {
    use sent::find_nearest::DistanceMeasure as Sent;
    let field = read_field_path("vector_field", search.vector_field)?;
    let vector = match read_value(search.query_vector.ok_or(Fault::Missing("query_vector"))?)? {
        Value::Vector(vector) => vector,
        _ => return Err(InvalidQuery::NotAVector.into()),
    };
    let measure = match Sent::try_from(search.distance_measure) {
        Ok(Sent::Euclidean) => DistanceMeasure::Euclidean,
        Ok(Sent::Cosine) => DistanceMeasure::Cosine,
        Ok(Sent::DotProduct) => DistanceMeasure::DotProduct,
        Ok(Sent::Unspecified) | Err(_) => return Err(InvalidQuery::UnknownMeasure.into()),
    };
    // None, like a negative one, is not positive.
    let limit = search.limit.unwrap_or_default();
    let name = search.distance_result_field;
    Ok(FindNearest {
        field,
        vector,
        measure,
        limit: u32::try_from(limit).map_err(|_| InvalidQuery::NearestLimit)?,
        distance_threshold: search.distance_threshold,
        distance_result_field: (!name.is_empty()).then(|| name.into_boxed_str()),
    })
}

/// A cursor as a client reads it.
#[must_use]
pub fn write_cursor(cursor: &Cursor) -> proto::Cursor {
    proto::Cursor {
        values: cursor.values.iter().map(write_value).collect(),
        before: cursor.before,
    }
}

/// A query as a client would send it: the way back of [`read_query`], without the parent.
#[must_use]
pub fn write_query(query: &Query) -> proto::StructuredQuery {
    let from = sent::CollectionSelector {
        collection_id: match &query.from.collection {
            Some(id) => id.as_str().to_owned(),
            None => String::new(),
        },
        all_descendants: query.from.all_descendants,
    };
    proto::StructuredQuery {
        select: query.select.as_ref().map(|mask| {
            let name = || write_field(&FieldRef::DocumentName);
            let fields = mask.paths().iter();
            let fields = fields.map(|path| write_field(&FieldRef::Field(path.clone())));
            sent::Projection {
                fields: match mask.is_empty() {
                    true => vec![name()],
                    false => fields.collect(),
                },
            }
        }),
        from: vec![from],
        r#where: query.filter.as_ref().map(write_filter),
        order_by: query.order_by.iter().map(write_order).collect(),
        start_at: query.start_at.as_ref().map(write_cursor),
        end_at: query.end_at.as_ref().map(write_cursor),
        offset: write_count(query.offset),
        limit: query.limit.map(write_count),
        find_nearest: query.find_nearest.as_ref().map(write_find_nearest),
    }
}

/// A count, where the protocol has half the room. None that was read is larger.
fn write_count(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn write_field(field: &FieldRef) -> sent::FieldReference {
    sent::FieldReference {
        field_path: field.to_string(),
    }
}

fn write_order(order: &Order) -> sent::Order {
    let direction = match order.direction {
        Direction::Ascending => sent::Direction::Ascending,
        Direction::Descending => sent::Direction::Descending,
    };
    sent::Order {
        field: Some(write_field(&order.field)),
        direction: direction.into(),
    }
}

fn write_filter(filter: &Filter) -> sent::Filter {
    use sent::composite_filter::Operator;
    let composite = |op: Operator, children: &[Filter]| {
        FilterType::CompositeFilter(sent::CompositeFilter {
            op: op.into(),
            filters: children.iter().map(write_filter).collect(),
        })
    };
    let filter_type = match filter {
        Filter::And(children) => composite(Operator::And, children),
        Filter::Or(children) => composite(Operator::Or, children),
        Filter::Field(filter) => write_field_filter(filter),
    };
    sent::Filter {
        filter_type: Some(filter_type),
    }
}

fn write_field_filter(filter: &FieldFilter) -> FilterType {
    use sent::field_filter::Operator;
    use sent::unary_filter::Operator as Unary;
    let field = write_field(&filter.field);
    let unary = |op: Unary, field| {
        FilterType::UnaryFilter(sent::UnaryFilter {
            op: op.into(),
            operand_type: Some(OperandType::Field(field)),
        })
    };
    let list = |elements: &[Value]| proto::Value {
        value_type: Some(proto::value::ValueType::ArrayValue(proto::ArrayValue {
            values: elements.iter().map(write_value).collect(),
        })),
    };
    let (op, value) = match &filter.condition {
        Condition::IsNull => return unary(Unary::IsNull, field),
        Condition::IsNotNull => return unary(Unary::IsNotNull, field),
        Condition::IsNan => return unary(Unary::IsNan, field),
        Condition::IsNotNan => return unary(Unary::IsNotNan, field),
        Condition::Compare(comparison, value) => {
            let op = match comparison {
                Comparison::Equal => Operator::Equal,
                Comparison::NotEqual => Operator::NotEqual,
                Comparison::Less => Operator::LessThan,
                Comparison::LessOrEqual => Operator::LessThanOrEqual,
                Comparison::Greater => Operator::GreaterThan,
                Comparison::GreaterOrEqual => Operator::GreaterThanOrEqual,
            };
            (op, write_value(value))
        }
        Condition::In(elements) => (Operator::In, list(elements)),
        Condition::NotIn(elements) => (Operator::NotIn, list(elements)),
        Condition::ArrayContains(element) => (Operator::ArrayContains, write_value(element)),
        Condition::ArrayContainsAny(elements) => (Operator::ArrayContainsAny, list(elements)),
    };
    FilterType::FieldFilter(sent::FieldFilter {
        field: Some(field),
        op: op.into(),
        value: Some(value),
    })
}

fn write_find_nearest(search: &FindNearest) -> sent::FindNearest {
    use sent::find_nearest::DistanceMeasure as Sent;
    let measure = match search.measure {
        DistanceMeasure::Euclidean => Sent::Euclidean,
        DistanceMeasure::Cosine => Sent::Cosine,
        DistanceMeasure::DotProduct => Sent::DotProduct,
    };
    sent::FindNearest {
        vector_field: Some(write_field(&FieldRef::Field(search.field.clone()))),
        query_vector: Some(write_value(&Value::Vector(search.vector.clone()))),
        distance_measure: measure.into(),
        limit: Some(write_count(search.limit)),
        distance_result_field: match &search.distance_result_field {
            Some(name) => name.to_string(),
            None => String::new(),
        },
        distance_threshold: search.distance_threshold,
    }
}

#[cfg(test)]
mod tests;
