//! A server on the in-memory engine at a fixed time, and the rows that are asked of it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::{Request, Response, Version};
use firekeep_api::firestore::Access;
use firekeep_api::{Core, Mode, Options};
use firekeep_model::{Clock, ProjectId, Timestamp};
use firekeep_store::{DbId, Engine, MemEngine, Store};
use firekeep_wire_firestore::Code;
use firekeep_wire_firestore::grpc::Grpc;
use firekeep_wire_proto::google::firestore::v1 as proto;
use firekeep_wire_proto::json::{self, Json};
use proto::firestore_client::FirestoreClient;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tonic::Status;
use tonic::metadata::MetadataValue;

/// The time of every test: 2027-01-15 08:00 UTC.
const NOW_SECS: i64 = 1_800_000_000;
/// The bearer credential of an administrator.
pub(crate) const ADMIN: &str = "the secret of the command line";
/// What `~` stands for in rows.
pub(crate) const DATABASE: &str = "projects/demo/databases/(default)";

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(NOW_SECS)
    }
}

/// A server. Its project is `demo`.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) core: Arc<Core>,
    grpc: Arc<Grpc>,
    /// How calls ended.
    ended: Arc<Mutex<Vec<Code>>>,
    bearer: Option<String>,
    pub(crate) stop: watch::Sender<bool>,
}

/// What edges are made of.
pub(crate) fn core(mode: Mode, documents: Access) -> Arc<Core> {
    let engine: Arc<dyn Engine> = Arc::new(MemEngine::new(Arc::new(Fixed)));
    let store = Store::open(Arc::clone(&engine), DbId(0), Arc::new(Fixed)).unwrap();
    let options = Options {
        project: Some(ProjectId::parse("demo").unwrap()),
        mode,
        base_url: Some("https://fk.example.com".to_owned()),
        bridge: None,
        documents,
    };
    let core = Core::open(engine, store, Arc::new(Fixed), options).unwrap();
    core.set_local_secret(ADMIN);
    core
}

impl Server {
    /// In safe mode, asked by an administrator.
    pub(crate) fn new() -> Self {
        let core = core(Mode::Safe, Access::Administrators);
        let (stop, stopped) = watch::channel(false);
        Self {
            grpc: Arc::new(Grpc::new(&core, stopped)),
            core,
            ended: Arc::default(),
            bearer: Some(ADMIN.to_owned()),
            stop,
        }
    }

    /// The same server, asked with another credential.
    pub(crate) fn with_bearer(&self, bearer: Option<&str>) -> Self {
        Self {
            bearer: bearer.map(str::to_owned),
            ..self.clone()
        }
    }

    /// How the calls since the last time ended.
    pub(crate) fn take_ended(&self) -> Vec<Code> {
        std::mem::take(&mut self.ended.lock().unwrap())
    }

    /// The answer to any request.
    pub(crate) async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let ended = Arc::clone(&self.ended);
        let told = move |code| ended.lock().unwrap().push(code);
        self.grpc.handle(request, told).await
    }

    pub(crate) fn client(&self) -> FirestoreClient<Self> {
        FirestoreClient::new(self.clone())
    }

    /// What a method answers, as JSON: a list, when it streams. Times and transactions are `"*"`; a refusal is
    /// `{"code": .., "message": ..}`.
    pub(crate) async fn call(&self, method: &str, request: &Value) -> Value {
        shown(self.call_openly(method, request).await)
    }

    /// The same with nothing hidden.
    pub(crate) async fn call_openly(&self, method: &str, request: &Value) -> Value {
        let text = request.to_string().replace('~', DATABASE);
        let mut client = self.client();
        macro_rules! unary {
            ($method:ident) => {{
                let answer = client.$method(self.request(&text)).await;
                answer.map(|answer| print(answer.get_ref()))
            }};
        }
        macro_rules! stream {
            ($method:ident) => {
                match client.$method(self.request(&text)).await {
                    Err(status) => Err(status),
                    Ok(answer) => {
                        let mut stream = answer.into_inner();
                        let mut all = Vec::new();
                        loop {
                            match stream.message().await {
                                Ok(Some(message)) => all.push(print(&message)),
                                Ok(None) => break Ok(Value::Array(all)),
                                Err(status) => break Err(status),
                            }
                        }
                    }
                }
            };
        }
        let answer = match method {
            "GetDocument" => unary!(get_document),
            "ListDocuments" => unary!(list_documents),
            "CreateDocument" => unary!(create_document),
            "UpdateDocument" => unary!(update_document),
            "DeleteDocument" => unary!(delete_document),
            "BatchGetDocuments" => stream!(batch_get_documents),
            "BeginTransaction" => unary!(begin_transaction),
            "Commit" => unary!(commit),
            "Rollback" => unary!(rollback),
            "RunQuery" => stream!(run_query),
            "RunAggregationQuery" => stream!(run_aggregation_query),
            "PartitionQuery" => unary!(partition_query),
            "ListCollectionIds" => unary!(list_collection_ids),
            "BatchWrite" => unary!(batch_write),
            "ExecutePipeline" => stream!(execute_pipeline),
            _ => panic!("{method}"),
        };
        answer.unwrap_or_else(|status| refusal(&status))
    }

    fn request<M: Json + Default>(&self, text: &str) -> tonic::Request<M> {
        self.authorized(json::decode(text.as_bytes()).expect(text))
    }

    pub(crate) fn authorized<M>(&self, message: M) -> tonic::Request<M> {
        let mut request = tonic::Request::new(message);
        if let Some(bearer) = &self.bearer {
            let value: MetadataValue<_> = format!("Bearer {bearer}").parse().unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        request
    }

    /// Asks one thing after the other, and compares what comes.
    pub(crate) async fn check(&self, rows: impl IntoIterator<Item = Row>) {
        for (method, request, expected) in rows {
            let found = self.call(method, &request).await;
            assert_eq!(
                found, expected,
                "{method} {request}\nexpected {expected}\n     got {found}"
            );
        }
    }
}

/// A document of one field, as it is answered.
pub(crate) fn document(name: &str, n: i64) -> Value {
    json!({ "name": format!("~/documents/{name}"), "fields": { "n": { "integerValue": n.to_string() } },
        "createTime": "*", "updateTime": "*" })
}

/// A write of such a document.
pub(crate) fn set(name: &str, n: i64) -> Value {
    let name = format!("~/documents/{name}");
    json!({ "update": { "name": name, "fields": { "n": { "integerValue": n } } } })
}

/// A method, its request, its answer.
pub(crate) type Row = (&'static str, Value, Value);

/// A refusal, as an answer.
pub(crate) fn refused(code: &str, message: &str) -> Value {
    json!({ "code": code, "message": message })
}

fn refusal(status: &Status) -> Value {
    let number = i32::from(status.code());
    let code = Code::ALL.iter().find(|code| code.number() == number);
    refused(code.unwrap().name(), status.message())
}

fn print(message: &dyn Json) -> Value {
    serde_json::from_slice(&json::encode(message)).unwrap()
}

/// An answer without what differs from run to run, and with `~` for the database.
pub(crate) fn shown(mut answer: Value) -> Value {
    hide(&mut answer);
    serde_json::from_str(&answer.to_string().replace(DATABASE, "~")).unwrap()
}

/// Hides what differs from run to run.
fn hide(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(hide),
        Value::Object(members) => hide_members(members),
        _ => {}
    }
}

fn hide_members(members: &mut Map<String, Value>) {
    for (name, value) in members {
        match name.as_str() {
            "createTime" | "updateTime" | "readTime" | "commitTime" | "transaction"
            | "nextPageToken" | "executionDuration" | "uid" => *value = "*".into(),
            _ => hide(value),
        }
    }
}

impl tower_service::Service<Request<tonic::body::Body>> for Server {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<tonic::body::Body>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move {
            let mut request = request.map(Body::new);
            *request.version_mut() = Version::HTTP_2;
            Ok(server.handle(request).await)
        })
    }
}
