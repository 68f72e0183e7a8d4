//! A Firestore server, ours or the emulator, over gRPC.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use firekeep_wire_proto::google::firestore::v1 as pb;
use pb::firestore_client::FirestoreClient;
use pb::structured_query::{self, CollectionSelector, field_filter, filter};
use pb::value::ValueType;
use serde_json::Value;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};

use crate::PAGE;
use crate::item::{GROUPS, Item};
use crate::load::{Rate, run, scattered};

const DATABASE: &str = "projects/demo-bench/databases/(default)";

/// Documents of one `Commit` of a load.
const BATCH: u32 = 500;

/// Loads that are under way at once.
const LOADERS: u32 = 4;

type Client = FirestoreClient<Channel>;

/// A server, and a connection to it for each of the most tasks that there are.
pub(crate) struct Firestore {
    clients: Vec<Client>,
}

impl Firestore {
    /// Connects.
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
        let mut clients = Vec::new();
        for _ in 0..64 {
            let client = FirestoreClient::new(endpoint.connect().await?);
            clients.push(client.max_decoding_message_size(64 * 1024 * 1024));
        }
        Ok(Self { clients })
    }

    fn some(&self, connections: usize) -> Vec<Client> {
        self.clients.iter().take(connections).cloned().collect()
    }

    /// Writes so many documents in batches.
    pub(crate) async fn fill(&self, collection: &'static str, count: u32) -> Result<Rate> {
        let started = Instant::now();
        let tasks = (0..LOADERS).zip(self.some(4)).map(|(part, client)| {
            tokio::spawn(async move {
                for at in (0..count.div_ceil(BATCH)).filter(|at| at % LOADERS == part) {
                    let numbers = at * BATCH..((at + 1) * BATCH).min(count);
                    let writes = numbers
                        .map(|number| update(collection, number, 0))
                        .collect();
                    commit(client.clone(), writes).await?;
                }
                anyhow::Ok(())
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await??;
        }
        Ok(Rate::since(started, u64::from(count)))
    }

    /// Overwrites single documents.
    pub(crate) async fn commits(
        &self,
        collection: &'static str,
        count: u32,
        connections: usize,
    ) -> Result<Rate> {
        run(self.some(connections), move |client, at| async move {
            let version = u32::try_from(at % 1_000_000)?;
            let write = update(collection, scattered(at, count), version);
            commit(client, vec![write]).await
        })
        .await
    }

    /// Reads single documents.
    pub(crate) async fn gets(
        &self,
        collection: &'static str,
        count: u32,
        connections: usize,
    ) -> Result<Rate> {
        run(self.some(connections), move |mut client, at| async move {
            let request = pb::GetDocumentRequest {
                name: name(collection, scattered(at, count)),
                ..Default::default()
            };
            let found = client.get_document(admin(request)).await?.into_inner();
            ensure!(found.fields.len() == 10, "a document lacks fields");
            Ok(())
        })
        .await
    }

    /// Asks for 20 documents that have a value.
    pub(crate) async fn queries(
        &self,
        collection: &'static str,
        count: u32,
        connections: usize,
    ) -> Result<Rate> {
        let expected = (count / GROUPS).min(u32::try_from(PAGE)?);
        run(self.some(connections), move |mut client, at| async move {
            let query = structured(collection, Some(scattered(at, GROUPS)), Some(PAGE));
            let request = pb::RunQueryRequest {
                parent: format!("{DATABASE}/documents"),
                query_type: Some(pb::run_query_request::QueryType::StructuredQuery(query)),
                ..Default::default()
            };
            let mut answers = client.run_query(admin(request)).await?.into_inner();
            let mut found = 0;
            while let Some(answer) = answers.message().await? {
                found += u32::from(answer.document.is_some());
            }
            ensure!(found == expected, "{found} documents instead of {expected}");
            Ok(())
        })
        .await
    }

    /// Counts all documents.
    pub(crate) async fn count(&self, collection: &'static str, count: u32) -> Result<Rate> {
        use pb::structured_aggregation_query::aggregation::{Count, Operator};
        use pb::structured_aggregation_query::{Aggregation, QueryType};
        let started = Instant::now();
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
            query_type: Some(
                pb::run_aggregation_query_request::QueryType::StructuredAggregationQuery(
                    aggregation,
                ),
            ),
            ..Default::default()
        };
        let mut client = self.clients.first().context("no connection")?.clone();
        let mut answers = client
            .run_aggregation_query(admin(request))
            .await?
            .into_inner();
        let mut found = None;
        while let Some(answer) = answers.message().await? {
            let fields = answer.result.map(|result| result.aggregate_fields);
            found = found.or(fields.and_then(|mut fields| fields.remove("n")));
        }
        let found = found.and_then(|value| value.value_type);
        let expected = ValueType::IntegerValue(i64::from(count));
        ensure!(found == Some(expected), "a wrong count: {found:?}");
        Ok(Rate::since(started, u64::from(count)))
    }
}

/// Commits; what loses against others is sent again, as the official clients do.
async fn commit(mut client: Client, writes: Vec<pb::Write>) -> Result<()> {
    let request = pb::CommitRequest {
        database: DATABASE.to_owned(),
        writes,
        ..Default::default()
    };
    loop {
        match client.commit(admin(request.clone())).await {
            Ok(_) => return Ok(()),
            Err(status) if status.code() == Code::Aborted => {}
            Err(status) => return Err(status.into()),
        }
    }
}

fn admin<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let owner = MetadataValue::from_static("Bearer owner");
    request.metadata_mut().insert("authorization", owner);
    request
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
