//! `RunAggregationQuery`: numbers about the documents of a query.

use bytes::Bytes;
use firekeep_documents::aggregate::Accumulator;
use firekeep_documents::query::Strictness;
use firekeep_documents::{Error as DocumentError, Execution};
use firekeep_model::{Caller, DatabaseName, Timestamp, Value};
use firekeep_store::Read;

use super::{AggregationQuery, Consistency, Firestore, Query};
use crate::Error;
use crate::limits::QUERY_PAGE;

/// The answer to an aggregation query.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregated {
    /// The id of the transaction that the request began.
    pub transaction: Option<Bytes>,
    /// The time of which the numbers are.
    pub read_time: Timestamp,
    /// The results by their names.
    pub fields: Vec<(Box<str>, Value)>,
}

impl Firestore {
    /// The numbers of an aggregation query.
    ///
    /// # Errors
    /// Every [`InvalidQuery`](super::InvalidQuery).
    pub async fn run_aggregation_query(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        query: AggregationQuery,
        consistency: Consistency,
    ) -> Result<Aggregated, Error> {
        query.validate(database, Strictness::Lenient)?;
        let mut reading = self.reading(caller, database, consistency).await?;
        self.index_group(&reading.database, &query.query).await;
        let mut next = Some(Count::new(query)?);
        let mut fields = Vec::new();
        while let Some(mut count) = next.take() {
            let read = reading.off(move |tx| {
                let done = count.next_page(tx)?;
                Ok((done, count))
            });
            let (done, count) = read.await?;
            match done {
                true => fields = count.results(),
                false => next = Some(count),
            }
        }
        Ok(Aggregated {
            transaction: reading.begun.clone(),
            read_time: reading.time(),
            fields,
        })
    }
}

/// How far an aggregation is.
struct Count {
    query: AggregationQuery,
    execution: Execution,
    accumulators: Vec<Accumulator>,
    skip: u32,
    left: Option<u32>,
}

impl Count {
    fn new(query: AggregationQuery) -> Result<Self, DocumentError> {
        let Query { offset, limit, .. } = query.query;
        // Only documents with all aggregated fields count for the offset and the limit.
        let execution = Execution::new(Query {
            offset: 0,
            limit: None,
            select: None,
            ..query.query.clone()
        })?;
        Ok(Self {
            execution,
            accumulators: query.accumulators(),
            query,
            skip: offset,
            left: limit,
        })
    }

    /// Takes some documents in; true when there are none left that matter.
    fn next_page(&mut self, tx: &dyn Read) -> Result<bool, DocumentError> {
        if self.is_full() {
            return Ok(true);
        }
        let page = self.execution.next_page(tx, QUERY_PAGE)?;
        for document in &page.documents {
            if !self.query.has_fields(document)? {
                continue;
            }
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            if self.is_full() {
                return Ok(true);
            }
            for accumulator in &mut self.accumulators {
                accumulator.add(document)?;
            }
            self.left = self.left.map(|left| left.saturating_sub(1));
        }
        Ok(page.done)
    }

    fn is_full(&self) -> bool {
        self.left == Some(0) || self.accumulators.iter().all(Accumulator::is_full)
    }

    fn results(&self) -> Vec<(Box<str>, Value)> {
        let results = self.accumulators.iter().map(Accumulator::result);
        self.query.aliases().into_iter().zip(results).collect()
    }
}
