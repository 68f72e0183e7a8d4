//! A Firestore server, ours or the emulator, over gRPC.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use firekeep_wire_proto::google::firestore::v1 as pb;
use pb::structured_query::{self, CollectionSelector, field_filter, filter};
use pb::value::ValueType;
use prost::Message as _;
use serde_json::Value;

use crate::PAGE;
use crate::http2::Connection;
use crate::item::{GROUPS, Item, document_bytes_min};
use crate::load::{Prepared, Rate, batches, run, scattered};

const DATABASE: &str = "projects/demo-bench/databases/(default)";

/// A server.
pub(crate) struct Firestore {
    address: SocketAddr,
    /// Commits so far: every one of them changes its document.
    commits: AtomicU64,
}

impl Firestore {
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self {
            address,
            commits: AtomicU64::new(0),
        }
    }

    fn connect(&self) -> Result<Connection> {
        Connection::open(self.address)
    }

    fn connections(&self, count: usize) -> Result<Vec<Connection>> {
        (0..count).map(|_| self.connect()).collect()
    }

    /// Writes so many documents in batches.
    pub(crate) fn fill(&self, collection: &str, count: u32) -> Result<Rate> {
        let started = Instant::now();
        batches(
            count,
            || self.connect(),
            |connection, numbers| {
                let writes = numbers.map(|number| update(collection, number, 0));
                let request = commit(writes.collect());
                let answered = connection.call("Commit", &request)?.count();
                ensure!(answered == 1, "a batch was not committed");
                Ok(())
            },
        )?;
        Ok(Rate::since(started, u64::from(count)))
    }

    /// Overwrites single documents.
    pub(crate) fn commits(&self, collection: &str, count: u32, connections: usize) -> Result<Rate> {
        let prepared = Prepared::new(count, |number, version| {
            commit(vec![update(collection, number, version)])
        });
        run(self.connections(connections)?, |connection, _| {
            let request = prepared.get(self.commits.fetch_add(1, Ordering::Relaxed));
            // What lost against others is sent again, as the official clients do.
            while connection.call("Commit", request)?.count() == 0 {}
            Ok(())
        })
    }

    /// Reads single documents.
    pub(crate) fn gets(&self, collection: &str, count: u32, connections: usize) -> Result<Rate> {
        let prepared = Prepared::new(count, |number, _| get(collection, number));
        run(self.connections(connections)?, |connection, at| {
            let mut found = connection.call("GetDocument", prepared.get(at))?;
            let bytes = found.next().context("no document")?.len();
            ensure!(bytes > document_bytes_min(), "a document lacks fields");
            Ok(())
        })
    }

    /// Asks for 20 documents that have a value.
    pub(crate) fn queries(&self, collection: &str, connections: usize) -> Result<Rate> {
        let expected = usize::try_from(PAGE)?;
        let prepared: Vec<_> = (0..GROUPS).map(|group| query(collection, group)).collect();
        run(self.connections(connections)?, |connection, at| {
            let group = usize::try_from(scattered(at, GROUPS))?;
            let request = prepared.get(group).context("a group")?;
            let found = connection.call("RunQuery", request)?;
            let whole = |message: &&[u8]| message.len() > document_bytes_min();
            let found = found.filter(whole).count();
            ensure!(found == expected, "{found} documents instead of {expected}");
            Ok(())
        })
    }

    /// Counts all documents.
    pub(crate) fn count(&self, collection: &str, count: u32) -> Result<Rate> {
        let request = count_request(collection);
        let started = Instant::now();
        let mut connection = self.connect()?;
        let mut found = None;
        for message in connection.call("RunAggregationQuery", &request)? {
            let answer = pb::RunAggregationQueryResponse::decode(message)?;
            let fields = answer.result.map(|result| result.aggregate_fields);
            found = found.or(fields.and_then(|mut fields| fields.remove("n")));
        }
        let found = found.and_then(|value| value.value_type);
        let expected = ValueType::IntegerValue(i64::from(count));
        ensure!(found == Some(expected), "a wrong count: {found:?}");
        Ok(Rate::since(started, u64::from(count)))
    }
}

fn get(collection: &str, number: u32) -> Vec<u8> {
    let request = pb::GetDocumentRequest {
        name: name(collection, number),
        ..Default::default()
    };
    request.encode_to_vec()
}

fn commit(writes: Vec<pb::Write>) -> Vec<u8> {
    let request = pb::CommitRequest {
        database: DATABASE.to_owned(),
        writes,
        ..Default::default()
    };
    request.encode_to_vec()
}

fn query(collection: &str, group: u32) -> Vec<u8> {
    use pb::run_query_request::QueryType;
    let query = structured(collection, Some(group), Some(PAGE));
    let request = pb::RunQueryRequest {
        parent: format!("{DATABASE}/documents"),
        query_type: Some(QueryType::StructuredQuery(query)),
        ..Default::default()
    };
    request.encode_to_vec()
}

fn count_request(collection: &str) -> Vec<u8> {
    use pb::run_aggregation_query_request::QueryType as Asks;
    use pb::structured_aggregation_query::aggregation::{Count, Operator};
    use pb::structured_aggregation_query::{Aggregation, QueryType};
    let mut query = structured(collection, None, None);
    // By the entries of an index: every document has the field.
    query.r#where = Some(field_filter(
        "number",
        field_filter::Operator::GreaterThanOrEqual,
        0,
    ));
    let aggregation = pb::StructuredAggregationQuery {
        aggregations: vec![Aggregation {
            alias: "n".to_owned(),
            operator: Some(Operator::Count(Count::default())),
        }],
        query_type: Some(QueryType::StructuredQuery(query)),
    };
    let request = pb::RunAggregationQueryRequest {
        parent: format!("{DATABASE}/documents"),
        query_type: Some(Asks::StructuredAggregationQuery(aggregation)),
        ..Default::default()
    };
    request.encode_to_vec()
}

fn name(collection: &str, number: u32) -> String {
    format!("{DATABASE}/documents/{collection}/{}", Item::id(number))
}

fn update(collection: &str, number: u32, version: u32) -> pb::Write {
    let fields = Item { number, version }.fields().into_iter();
    let fields = fields.map(|(name, value)| (name.to_owned(), wire(value)));
    let document = pb::Document {
        name: name(collection, number),
        fields: fields.collect(),
        ..Default::default()
    };
    pb::Write {
        operation: Some(pb::write::Operation::Update(document)),
        ..Default::default()
    }
}

fn wire(value: Value) -> pb::Value {
    let kind = match value {
        Value::Bool(value) => ValueType::BooleanValue(value),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => ValueType::IntegerValue(integer),
            None => ValueType::DoubleValue(number.as_f64().unwrap_or_default()),
        },
        other => ValueType::StringValue(other.as_str().unwrap_or_default().to_owned()),
    };
    pb::Value {
        value_type: Some(kind),
    }
}

fn structured(collection: &str, group: Option<u32>, limit: Option<i32>) -> pb::StructuredQuery {
    let equal = |group| field_filter("group", field_filter::Operator::Equal, i64::from(group));
    pb::StructuredQuery {
        from: vec![CollectionSelector {
            collection_id: collection.to_owned(),
            all_descendants: false,
        }],
        r#where: group.map(equal),
        limit,
        ..Default::default()
    }
}

fn field_filter(field: &str, op: field_filter::Operator, value: i64) -> structured_query::Filter {
    let filter = structured_query::FieldFilter {
        field: Some(structured_query::FieldReference {
            field_path: field.to_owned(),
        }),
        op: op.into(),
        value: Some(pb::Value {
            value_type: Some(ValueType::IntegerValue(value)),
        }),
    };
    structured_query::Filter {
        filter_type: Some(filter::FilterType::FieldFilter(filter)),
    }
}
