//! `RunAggregationQuery`: numbers about the documents of a query.

use bytes::Bytes;
use firekeep_documents::Aggregation;
use firekeep_documents::query::Strictness;
use firekeep_model::{Caller, DatabaseName, FieldPath, Timestamp, Value};

use super::{AggregationQuery, Consistency, Explain, Explained, Firestore};
use crate::Error;
use crate::limits::QUERY_PAGE;

/// The answer to an aggregation query.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregated {
    /// The id of the transaction that the request began.
    pub transaction: Option<Bytes>,
    /// The time of which the numbers are.
    pub read_time: Timestamp,
    /// The results by their names; none when the query was only planned.
    pub fields: Vec<(Box<str>, Value)>,
    /// How they were found, where that was asked for.
    pub explained: Option<Explained>,
}

impl Firestore {
    /// The numbers of an aggregation query.
    ///
    /// # Errors
    /// Every [`InvalidQuery`](super::InvalidQuery); [`Error::IndexRequired`].
    pub async fn run_aggregation_query(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        query: AggregationQuery,
        consistency: Consistency,
        explain: Option<Explain>,
    ) -> Result<Aggregated, Error> {
        query.validate(database, Strictness::Lenient)?;
        let mut reading = self.reading(caller, database, consistency).await?;
        let summed: Vec<FieldPath> = query.fields().cloned().collect();
        let only_plan = explain.is_some_and(|explain| !explain.analyze);
        let may_index = !only_plan && self.may_index(caller, database);
        self.look_for_index(&reading.database, &query.query, &summed, may_index)
            .await?;
        let catalog = reading.catalog();
        let begin = reading.off(move |tx| {
            let mut aggregation = Aggregation::new(query, catalog(tx)?)?;
            if only_plan {
                aggregation.prepare(tx)?;
                return Ok((Some(Vec::new()), aggregation));
            }
            Ok((aggregation.next(tx, QUERY_PAGE)?, aggregation))
        });
        let (mut results, mut aggregation) = begin.await?;
        let fields = loop {
            if let Some(fields) = results.take() {
                break fields;
            }
            let step = reading.off(move |tx| Ok((aggregation.next(tx, QUERY_PAGE)?, aggregation)));
            (results, aggregation) = step.await?;
        };
        Ok(Aggregated {
            transaction: reading.tell_begun(),
            read_time: reading.time(),
            fields,
            explained: explain.map(|_| aggregation.explain()),
        })
    }
}
