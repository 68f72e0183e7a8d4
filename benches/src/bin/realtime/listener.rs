//! A Firestore server over gRPC, as one who listens and one who writes.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use firekeep_wire_proto::google::firestore::v1 as pb;
use futures_util::{StreamExt as _, stream};
use pb::firestore_client::FirestoreClient;
use pb::listen_request::TargetChange::AddTarget;
use pb::listen_response::ResponseType;
use pb::structured_query::{self, CollectionSelector, field_filter, filter};
use pb::target::TargetType;
use pb::target::query_target::QueryType;
use pb::target_change::TargetChangeType;
use pb::value::ValueType;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Streaming};

pub(crate) const PARENT: &str = "projects/demo-bench/databases/(default)/documents";
const DATABASE: &str = "projects/demo-bench/databases/(default)";

/// Listeners that share a connection.
const STREAMS_EACH: usize = 50;

type Client = FirestoreClient<Channel>;

/// A server: one connection for writing, others as they are needed.
pub(crate) struct Server {
    endpoint: Endpoint,
    writers: Vec<Client>,
}

impl Server {
    /// Connects.
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
        let mut writers = Vec::new();
        for _ in 0..16 {
            writers.push(FirestoreClient::new(endpoint.connect().await?));
        }
        Ok(Self { endpoint, writers })
    }

    /// One connection for each of so many writers.
    pub(crate) fn writers(&self, count: usize) -> Vec<Writer> {
        let clients = self.writers.iter().take(count).cloned();
        clients.map(Writer).collect()
    }

    /// Listens to each query, once all have their first snapshot.
    pub(crate) async fn listen(
        &self,
        queries: impl IntoIterator<Item = pb::StructuredQuery>,
    ) -> Result<Vec<Listener>> {
        let mut listeners = Vec::new();
        let mut client = None;
        for query in queries {
            if listeners.len() % STREAMS_EACH == 0 {
                client = Some(FirestoreClient::new(self.endpoint.connect().await?));
            }
            let client = client.clone().context("a connection")?;
            listeners.push(Listener::open(client, query).await?);
        }
        Ok(listeners)
    }
}

/// Writes documents.
#[derive(Clone)]
pub(crate) struct Writer(Client);

impl Writer {
    /// Writes a document of two numbers.
    pub(crate) async fn set(&mut self, collection: &str, id: u64, group: i64) -> Result<()> {
        let number = |value| pb::Value {
            value_type: Some(ValueType::IntegerValue(value)),
        };
        let document = pb::Document {
            name: format!("{PARENT}/{collection}/{id}"),
            fields: [
                ("id".to_owned(), number(i64::try_from(id)?)),
                ("group".to_owned(), number(group)),
            ]
            .into(),
            ..Default::default()
        };
        let write = pb::Write {
            operation: Some(pb::write::Operation::Update(document)),
            ..Default::default()
        };
        let request = pb::CommitRequest {
            database: DATABASE.to_owned(),
            writes: vec![write],
            ..Default::default()
        };
        loop {
            match self.0.commit(admin(request.clone())).await {
                Ok(_) => return Ok(()),
                Err(status) if status.code() == Code::Aborted => {}
                Err(status) => return Err(status.into()),
            }
        }
    }
}

/// One target on a stream of its own. Dropping it ends the stream.
pub(crate) struct Listener(Streaming<pb::ListenResponse>);

impl Listener {
    async fn open(mut client: Client, query: pb::StructuredQuery) -> Result<Self> {
        let target = pb::Target {
            target_id: 1,
            target_type: Some(TargetType::Query(pb::target::QueryTarget {
                parent: PARENT.to_owned(),
                query_type: Some(QueryType::StructuredQuery(query)),
            })),
            ..Default::default()
        };
        let request = pb::ListenRequest {
            database: DATABASE.to_owned(),
            target_change: Some(AddTarget(target)),
            ..Default::default()
        };
        // A stream of requests that ends would end the listener.
        let requests = stream::iter([request]).chain(stream::pending());
        let mut request = admin(requests);
        let database = MetadataValue::from_static(DATABASE);
        (request.metadata_mut()).insert("google-cloud-resource-prefix", database);
        let mut listener = Self(client.listen(request).await?.into_inner());
        while !listener.is_current().await? {}
        listener.snapshot().await?;
        Ok(listener)
    }

    /// Whether the next message says that the target is current.
    async fn is_current(&mut self) -> Result<bool> {
        let change = self.next().await?;
        Ok(matches!(&change, ResponseType::TargetChange(change)
            if change.target_change_type() == TargetChangeType::Current))
    }

    /// The `id` of each document that changed, up to the end of a snapshot.
    pub(crate) async fn snapshot(&mut self) -> Result<Vec<u64>> {
        let mut changed = Vec::new();
        loop {
            match self.next().await? {
                ResponseType::DocumentChange(change) => {
                    let document = change.document.context("a change without a document")?;
                    let value = document
                        .fields
                        .get("id")
                        .and_then(|it| it.value_type.as_ref());
                    let Some(ValueType::IntegerValue(id)) = value else {
                        bail!("a document without a number");
                    };
                    changed.push(u64::try_from(*id)?);
                }
                ResponseType::TargetChange(change) => {
                    ensure!(change.cause.is_none(), "{:?}", change.cause);
                    let is_snapshot = change.target_ids.is_empty() && change.read_time.is_some();
                    if is_snapshot {
                        return Ok(changed);
                    }
                }
                _ => {}
            }
        }
    }

    async fn next(&mut self) -> Result<ResponseType> {
        let message = self.0.message().await?.context("the stream ended")?;
        message.response_type.context("an empty message")
    }
}

/// All documents of a collection, or those of a group.
pub(crate) fn query(collection: &str, group: Option<i64>) -> pb::StructuredQuery {
    let equal = |group| structured_query::Filter {
        filter_type: Some(filter::FilterType::FieldFilter(
            structured_query::FieldFilter {
                field: Some(structured_query::FieldReference {
                    field_path: "group".to_owned(),
                }),
                op: field_filter::Operator::Equal.into(),
                value: Some(pb::Value {
                    value_type: Some(ValueType::IntegerValue(group)),
                }),
            },
        )),
    };
    pb::StructuredQuery {
        from: vec![CollectionSelector {
            collection_id: collection.to_owned(),
            all_descendants: false,
        }],
        r#where: group.map(equal),
        ..Default::default()
    }
}

fn admin<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let owner = MetadataValue::from_static("Bearer owner");
    request.metadata_mut().insert("authorization", owner);
    request
}
