//! Queries: their documents, numbers about these, and places that split them.

use std::time::Instant;

use firekeep_api::firestore::{AnswerPage, Answers, Explain, Explained};
use firekeep_model::{DatabaseName, ParentName};
use firekeep_wire_proto::google::firestore::v1 as proto;
use proto::RunAggregationQueryResponse as Numbers;
use proto::RunQueryResponse as Answer;
use tonic::metadata::MetadataMap;

use super::pages::{Messages, Once, Pages, messages};
use super::passed::Passed;
use super::service::Service;
use crate::Refusal;
use crate::convert::Fault;
use crate::convert::aggregation::{read_aggregation_query, write_aggregates};
use crate::convert::explain::{read_explain, write_explained};
use crate::convert::name::read_parent;
use crate::convert::query::{read_query, write_cursor};
use crate::convert::read_count;
use crate::convert::transaction::read_consistency;
use crate::convert::value::write_timestamp;

/// `RunQuery`
pub(super) async fn run(
    service: &Service,
    metadata: &MetadataMap,
    request: proto::RunQueryRequest,
) -> Result<Messages<Passed<Answer>>, Refusal> {
    use proto::run_query_request::QueryType;
    let began = Instant::now();
    let ParentName { database, document } = read_parent(&request.parent)?;
    let caller = service.caller(metadata, &database)?;
    let QueryType::StructuredQuery(query) = request
        .query_type
        .ok_or(Fault::Missing("structured_query"))?;
    let query = read_query(document, query)?;
    let consistency = read_consistency(request.consistency_selector)?;
    let explain = read_explain(request.explain_options);
    let answers = (service.firestore)
        .run_query(&caller, &database, query, consistency, explain)
        .await;
    let answers = answers.map_err(|error| Refusal::of(error, &database))?;
    let first = answers.transaction.clone().map(|transaction| {
        Passed::without(Answer {
            transaction,
            ..Answer::default()
        })
    });
    let run = Run {
        database,
        answers,
        explain,
        began,
        is_silent: true,
    };
    Ok(messages(first, run))
}

/// A query that is being answered.
struct Run {
    database: DatabaseName,
    answers: Answers,
    explain: Option<Explain>,
    began: Instant,
    /// Nothing was said yet: an answer without documents says how far the query has come.
    is_silent: bool,
}

impl Pages for Run {
    type Message = Passed<Answer>;

    async fn next(&mut self) -> Result<Option<Vec<Passed<Answer>>>, Refusal> {
        let page = self.answers.next_page().await;
        let page = page.map_err(|error| Refusal::of(error, &self.database))?;
        let is_silent = std::mem::take(&mut self.is_silent);
        Ok(match page {
            Some(page) => Some(self.messages(page)),
            None => is_silent.then(|| vec![Passed::without(self.progress())]),
        })
    }
}

impl Run {
    fn messages(&self, page: AnswerPage) -> Vec<Passed<Answer>> {
        let documents = page.documents.into_iter();
        let found = |document| Passed::of(self.database.clone(), document, self.progress());
        let mut messages: Vec<_> = documents.map(found).collect();
        if let (Some(explain), Some(explained)) = (self.explain, &page.explained) {
            messages.push(Passed::without(self.explained(explain, explained)));
        }
        if messages.is_empty() {
            messages.push(Passed::without(self.progress()));
        }
        if let Some(first) = messages.first_mut() {
            first.told.skipped_results = i32::try_from(page.skipped).unwrap_or(i32::MAX);
        }
        messages
    }

    fn progress(&self) -> Answer {
        Answer {
            read_time: Some(write_timestamp(self.answers.read_time)),
            ..Answer::default()
        }
    }

    /// Of a query that was only planned, nothing but the plan.
    fn explained(&self, explain: Explain, explained: &Explained) -> Answer {
        let metrics = write_explained(explain, explained, self.began.elapsed());
        let told = match explain.analyze {
            true => self.progress(),
            false => Answer::default(),
        };
        Answer {
            explain_metrics: Some(metrics),
            ..told
        }
    }
}

/// `RunAggregationQuery`
pub(super) async fn aggregate(
    service: &Service,
    metadata: &MetadataMap,
    request: proto::RunAggregationQueryRequest,
) -> Result<Messages<Numbers>, Refusal> {
    use proto::run_aggregation_query_request::QueryType;
    let began = Instant::now();
    let ParentName { database, document } = read_parent(&request.parent)?;
    let caller = service.caller(metadata, &database)?;
    let QueryType::StructuredAggregationQuery(query) = request
        .query_type
        .ok_or(Fault::Missing("structured_aggregation_query"))?;
    let query = read_aggregation_query(document, query)?;
    let consistency = read_consistency(request.consistency_selector)?;
    let explain = read_explain(request.explain_options);
    let found = (service.firestore)
        .run_aggregation_query(&caller, &database, query, consistency, explain)
        .await;
    let found = found.map_err(|error| Refusal::of(error, &database))?;
    let is_carried_out = explain.is_none_or(|explain| explain.analyze);
    let explained = explain.zip(found.explained.as_ref());
    // Alone in the first message, as of all that stream. Source: specification, section 5.1.
    let first = found.transaction.map(|transaction| Numbers {
        transaction,
        ..Numbers::default()
    });
    let message = Numbers {
        result: is_carried_out.then(|| write_aggregates(&found.fields)),
        read_time: is_carried_out.then(|| write_timestamp(found.read_time)),
        explain_metrics: explained
            .map(|(explain, explained)| write_explained(explain, explained, began.elapsed())),
        ..Numbers::default()
    };
    Ok(messages(first, Once(Some(message))))
}

/// `PartitionQuery`
pub(super) async fn partition(
    service: &Service,
    metadata: &MetadataMap,
    request: proto::PartitionQueryRequest,
) -> Result<proto::PartitionQueryResponse, Refusal> {
    use proto::partition_query_request::QueryType;
    let ParentName { database, document } = read_parent(&request.parent)?;
    let caller = service.caller(metadata, &database)?;
    let QueryType::StructuredQuery(query) = request
        .query_type
        .ok_or(Fault::Missing("structured_query"))?;
    let query = read_query(document, query)?;
    let count = match request.partition_count {
        // More than there are places for is what there is.
        count @ 1.. => u32::try_from(count).unwrap_or(u32::MAX),
        _ => return Err(Fault::NotPositive("partition_count").into()),
    };
    let page_size = read_count("page_size", request.page_size)?;
    let token = &request.page_token;
    let consistency = read_consistency(request.consistency_selector)?;
    let found = (service.firestore)
        .partition_query(
            &caller,
            &database,
            query,
            count,
            page_size,
            token,
            consistency,
        )
        .await;
    let (places, next_page_token) = found.map_err(|error| Refusal::of(error, &database))?;
    Ok(proto::PartitionQueryResponse {
        partitions: places.iter().map(write_cursor).collect(),
        next_page_token,
    })
}
