//! Aggregation queries and their numbers. Source: Firestore specification, section 7.7.

use firekeep_api::firestore::{Aggregation, AggregationQuery, InvalidQuery, Operator};
use firekeep_model::{DocumentPath, FieldPath, FieldRef, Value};
use firekeep_wire_proto::google::firestore::v1 as proto;
use proto::structured_aggregation_query as sent;
use proto::structured_query::FieldReference;

use super::Fault;
use super::query::{read_field_path, read_query};
use super::value::write_value;

/// An aggregation query below a parent, as a client sent it.
///
/// # Errors
/// [`Fault`], whatever is wrong first.
pub fn read_aggregation_query(
    parent: Option<DocumentPath>,
    query: proto::StructuredAggregationQuery,
) -> Result<AggregationQuery, Fault> {
    let sent::QueryType::StructuredQuery(inner) =
        query.query_type.ok_or(Fault::Missing("structured_query"))?;
    let aggregations = query.aggregations.into_iter().map(read_aggregation);
    Ok(AggregationQuery {
        query: read_query(parent, inner)?,
        aggregations: aggregations.collect::<Result<_, _>>()?,
    })
}

fn read_aggregation(aggregation: sent::Aggregation) -> Result<Aggregation, Fault> {
    use sent::aggregation::Operator as Sent;
    let operator = match aggregation.operator {
        None => return Err(InvalidQuery::UnknownAggregation.into()),
        Some(Sent::Count(count)) => Operator::Count {
            up_to: read_up_to(count.up_to)?,
        },
        Some(Sent::Sum(sum)) => Operator::Sum(read_field(sum.field)?),
        Some(Sent::Avg(average)) => Operator::Average(read_field(average.field)?),
    };
    let alias = aggregation.alias;
    Ok(Aggregation {
        alias: (!alias.is_empty()).then(|| alias.into_boxed_str()),
        operator,
    })
}

/// How far to count: zero is no bound (specification, section 7.7).
fn read_up_to(up_to: Option<i64>) -> Result<Option<u64>, Fault> {
    let up_to = up_to.unwrap_or_default();
    let up_to = u64::try_from(up_to).map_err(|_| InvalidQuery::NegativeUpTo)?;
    Ok((up_to > 0).then_some(up_to))
}

fn read_field(field: Option<FieldReference>) -> Result<FieldPath, Fault> {
    let text = field.as_ref().map(|field| field.field_path.as_str());
    if let Some(Ok(FieldRef::DocumentName)) = text.map(FieldRef::parse) {
        return Err(InvalidQuery::AggregatedName.into());
    }
    read_field_path("field", field)
}

/// The numbers, as a client reads them.
#[must_use]
pub fn write_aggregates(fields: &[(Box<str>, Value)]) -> proto::AggregationResult {
    let field = |(alias, value): &(Box<str>, Value)| (alias.to_string(), write_value(value));
    proto::AggregationResult {
        aggregate_fields: fields.iter().map(field).collect(),
    }
}

#[cfg(test)]
mod tests;
