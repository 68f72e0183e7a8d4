//! The two streams over gRPC: every message as JSON.

use firekeep_wire_proto::google::firestore::v1 as proto;
use firekeep_wire_proto::json::{self, Json};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use crate::harness::{DATABASE, Server, document, set, shown};

/// A stream in both directions.
struct Talk<Q, A> {
    requests: mpsc::UnboundedSender<Q>,
    answers: Streaming<A>,
}

/// A stream that asks what the receiver gets.
fn received<Q>(requests: mpsc::UnboundedReceiver<Q>) -> impl stream::Stream<Item = Q> {
    stream::unfold(requests, |mut requests| async {
        Some((requests.recv().await?, requests))
    })
}

async fn write(server: &Server) -> Talk<proto::WriteRequest, proto::WriteResponse> {
    let (requests, sent) = mpsc::unbounded_channel();
    let request = server.authorized(received(sent));
    let answers = server.client().write(request).await.unwrap().into_inner();
    Talk { requests, answers }
}

async fn listen(server: &Server) -> Talk<proto::ListenRequest, proto::ListenResponse> {
    let (requests, sent) = mpsc::unbounded_channel();
    let request = server.authorized(received(sent));
    let answers = server.client().listen(request).await.unwrap().into_inner();
    Talk { requests, answers }
}

impl<Q: Json + Default, A: Json> Talk<Q, A> {
    fn say(&self, request: &Value) {
        let text = request.to_string().replace('~', DATABASE);
        let message = json::decode(text.as_bytes()).expect(&text);
        self.requests.send(message).unwrap_or_else(|_| panic!());
    }

    /// The next answer, with times and tokens hidden; `null` at the end.
    async fn hear(&mut self) -> Value {
        hidden(self.hear_openly().await)
    }

    async fn hear_openly(&mut self) -> Value {
        match self.answers.message().await {
            Ok(Some(answer)) => serde_json::from_slice(&json::encode(&answer)).unwrap(),
            Ok(None) => Value::Null,
            Err(status) => refusal(&status),
        }
    }

    /// Compares the next answers.
    async fn expect(&mut self, answers: &[Value]) {
        for expected in answers {
            let found = self.hear().await;
            assert_eq!(found, *expected, "expected {expected}\n     got {found}");
        }
    }

    /// Says that nothing more is asked, and gives what is still answered.
    async fn close(self) -> Value {
        let Self { requests, answers } = self;
        drop(requests);
        let (requests, _) = mpsc::unbounded_channel();
        Self { requests, answers }.hear().await
    }
}

fn refusal(status: &Status) -> Value {
    json!([i32::from(status.code()), status.message()])
}

fn hidden(answer: Value) -> Value {
    let mut answer = shown(answer);
    let Value::Object(members) = &mut answer else {
        return answer;
    };
    let members = match members.contains_key("targetChange") {
        true => members["targetChange"].as_object_mut().unwrap(),
        false => members,
    };
    for name in ["resumeToken", "streamToken", "streamId"] {
        if let Some(value) = members.get_mut(name) {
            *value = "*".into();
        }
    }
    answer
}

#[tokio::test]
async fn batches_are_answered_in_their_turn() {
    let server = Server::new();
    let mut talk = write(&server).await;
    talk.say(&json!({ "database": "~" }));
    let hello = talk.hear_openly().await;
    assert_eq!(
        hidden(hello.clone()),
        json!({ "streamId": "*", "streamToken": "*" })
    );
    let token = &hello["streamToken"];
    // Ten at once, as SDKs do.
    for n in 0..10 {
        talk.say(&json!({ "streamToken": token, "writes": [set("c/a", n), set("c/b", n)] }));
    }
    let done = json!({ "updateTime": "*" });
    let answer = json!({ "streamToken": "*", "writeResults": [done, done], "commitTime": "*" });
    talk.expect(&vec![answer; 10]).await;
    talk.say(&json!({ "streamToken": token }));
    assert_eq!(talk.close().await, Value::Null);
    let read = json!({ "name": "~/documents/c/a" });
    server
        .check([("GetDocument", read, document("c/a", 9))])
        .await;
}

#[tokio::test]
async fn a_batch_that_is_refused_is_the_last() {
    let server = Server::new();
    let mut talk = write(&server).await;
    talk.say(&json!({ "database": "~" }));
    let hello = talk.hear_openly().await;
    let token = &hello["streamToken"];
    let mut missing = set("c/none", 1);
    missing["currentDocument"] = json!({ "exists": true });
    for write in [set("c/a", 1), missing, set("c/a", 2)] {
        talk.say(&json!({ "streamToken": token, "writes": [write] }));
    }
    let done =
        json!({ "streamToken": "*", "writeResults": [{ "updateTime": "*" }], "commitTime": "*" });
    let text = "No document to update: ~/documents/c/none";
    talk.expect(&[done, json!([5, text]), Value::Null]).await;
    let read = json!({ "name": "~/documents/c/a" });
    server
        .check([("GetDocument", read, document("c/a", 1))])
        .await;
}

#[tokio::test]
async fn first_messages_of_streams_of_writes() {
    let server = Server::new();
    let rows = [
        (
            json!({}),
            json!([3, "the resource name `` is not the name of a database"]),
        ),
        (
            json!({ "database": "~", "streamId": "x", "streamToken": "eA==" }),
            json!([10, "A stream of writes cannot be resumed. Open a new one."]),
        ),
        (
            json!({ "database": "~", "writes": [set("c/a", 1)] }),
            json!([3, "The first message of a stream of writes has no writes."]),
        ),
    ];
    for (request, expected) in rows {
        let mut talk = write(&server).await;
        talk.say(&request);
        let found = talk.hear().await;
        assert_eq!(found[0], expected[0], "{found}");
        if request != json!({}) {
            assert_eq!(found, expected);
        }
    }
    assert_eq!(write(&server).await.close().await, Value::Null);
    let mut talk = write(&server).await;
    talk.say(&json!({ "database": "~" }));
    talk.hear().await;
    talk.say(&json!({ "streamToken": "eA==", "writes": [set("c/a", 1)] }));
    let text = "the stream token is not one that this stream has given";
    talk.expect(&[json!([3, text])]).await;
}

fn add(id: i32, collection: &str) -> Value {
    let query = json!({ "from": [{ "collectionId": collection }] });
    json!({ "database": "~", "addTarget": { "targetId": id,
        "query": { "parent": "~/documents", "structuredQuery": query } } })
}

fn about(kind: &str, id: i32) -> Value {
    json!({ "targetChange": { "targetChangeType": kind, "targetIds": [id] } })
}

fn current(id: i32) -> Value {
    json!({ "targetChange": { "targetChangeType": "CURRENT", "targetIds": [id], "resumeToken": "*",
        "readTime": "*" } })
}

fn snapshot() -> Value {
    json!({ "targetChange": { "resumeToken": "*", "readTime": "*" } })
}

fn changed(name: &str, n: i64, targets: &[i32]) -> Value {
    json!({ "documentChange": { "document": document(name, n), "targetIds": targets } })
}

#[tokio::test]
async fn targets_come_and_go() {
    let server = Server::new();
    let commit = |writes: Value| ("Commit", json!({ "database": "~", "writes": writes }));
    let (method, request) = commit(json!([set("c/a", 1)]));
    server.call(method, &request).await;
    let mut talk = listen(&server).await;
    talk.say(&add(2, "c"));
    talk.expect(&[
        about("ADD", 2),
        changed("c/a", 1, &[2]),
        current(2),
        snapshot(),
    ])
    .await;
    let named = |id: i32, name: &str| {
        json!({ "database": "~", "addTarget": { "targetId": id,
            "documents": { "documents": [format!("~/documents/{name}")] } } })
    };
    talk.say(&named(4, "c/a"));
    talk.expect(&[
        about("ADD", 4),
        changed("c/a", 1, &[4]),
        current(4),
        snapshot(),
    ])
    .await;
    talk.say(&named(6, "c/z"));
    let gone = json!({ "documentDelete": { "document": "~/documents/c/z", "removedTargetIds": [6],
        "readTime": "*" } });
    talk.expect(&[about("ADD", 6), gone, current(6), snapshot()])
        .await;
    let (method, request) = commit(json!([set("c/a", 2), set("c/b", 1)]));
    server.call(method, &request).await;
    talk.expect(&[
        changed("c/a", 2, &[2, 4]),
        changed("c/b", 1, &[2]),
        snapshot(),
    ])
    .await;
    let (method, request) = commit(json!([{ "delete": "~/documents/c/a" }]));
    server.call(method, &request).await;
    let gone = json!({ "documentDelete": { "document": "~/documents/c/a", "removedTargetIds": [2, 4],
        "readTime": "*" } });
    talk.expect(&[gone, snapshot()]).await;
    talk.say(&json!({ "database": "~", "removeTarget": 2 }));
    talk.expect(&[about("REMOVE", 2)]).await;
    assert_eq!(talk.close().await, Value::Null);
}

#[tokio::test]
async fn a_client_that_resumes_holds_what_it_should() {
    let server = Server::new();
    let write = |name: &str, n: i64| json!({ "database": "~", "writes": [set(name, n)] });
    for name in ["c/a", "c/b"] {
        server.call("Commit", &write(name, 1)).await;
    }
    let mut talk = listen(&server).await;
    talk.say(&add(2, "c"));
    talk.expect(&[
        about("ADD", 2),
        changed("c/a", 1, &[2]),
        changed("c/b", 1, &[2]),
        current(2),
    ])
    .await;
    let last = talk.hear_openly().await;
    let token = last["targetChange"]["resumeToken"].clone();
    assert_eq!(talk.close().await, Value::Null);
    server.call("Commit", &write("c/b", 2)).await;
    let resume = |token: &Value, expected: Value| {
        let mut request = add(2, "c");
        request["addTarget"]["resumeToken"] = token.clone();
        request["addTarget"]["expectedCount"] = expected;
        request
    };
    let mut talk = listen(&server).await;
    talk.say(&resume(&token, json!(2)));
    talk.expect(&[
        about("ADD", 2),
        changed("c/b", 2, &[2]),
        current(2),
        snapshot(),
    ])
    .await;
    // It holds one that it should not.
    talk.say(&json!({ "database": "~", "removeTarget": 2 }));
    talk.say(&resume(&token, json!(3)));
    talk.expect(&[about("REMOVE", 2), about("ADD", 2), changed("c/b", 2, &[2])])
        .await;
    let filter = talk.hear().await;
    let filter = &filter["filter"];
    assert_eq!(
        (&filter["targetId"], &filter["count"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(filter["unchangedNames"]["hashCount"], 14);
    talk.expect(&[current(2), snapshot()]).await;
}

#[tokio::test]
async fn what_cannot_be_listened_to_ends_its_target_only() {
    let server = Server::new();
    let mut talk = listen(&server).await;
    let query = |id: i32, parent: &str, query: Value| {
        json!({ "database": "~", "addTarget": { "targetId": id,
            "query": { "parent": parent, "structuredQuery": query } } })
    };
    let rows = [
        (
            add(2, "__bad__"),
            "a collection's or document's id: the id `__bad__` is reserved",
        ),
        (
            query(2, "projects/demo/databases/other/documents", json!({})),
            "a name is of another database than the request",
        ),
        (
            query(2, "~/documents", json!({ "offset": -1 })),
            "offset is negative",
        ),
        (
            json!({ "database": "~", "addTarget": { "targetId": 2 } }),
            "`target_type` is missing",
        ),
    ];
    for (request, text) in rows {
        talk.say(&request);
        talk.expect(&[about("ADD", 2)]).await;
        let rejected = talk.hear().await;
        let change = &rejected["targetChange"];
        assert_eq!(
            (&change["targetChangeType"], &change["targetIds"]),
            (&json!("REMOVE"), &json!([2]))
        );
        assert_eq!(change["cause"]["code"], 3, "{rejected}");
        let message = change["cause"]["message"].as_str().unwrap();
        assert!(text.ends_with(message) || message == text, "{message}");
    }
    talk.say(&add(2, "c"));
    talk.expect(&[about("ADD", 2), current(2), snapshot()])
        .await;
    talk.say(&add(2, "c"));
    talk.expect(&[json!([3, "the target 2 is active already"]), Value::Null])
        .await;
}

#[tokio::test]
async fn what_is_no_request_ends_the_stream() {
    let server = Server::new();
    for (request, expected) in [
        (
            json!({ "database": "~" }),
            json!([3, "`target_change` is missing"]),
        ),
        (
            json!({ "database": "~", "removeTarget": 0 }),
            json!([3, "`remove_target` must be positive"]),
        ),
        (add(-1, "c"), json!([3, "`target_id` is negative"])),
    ] {
        let mut talk = listen(&server).await;
        talk.say(&request);
        talk.expect(&[expected, Value::Null]).await;
    }
    let mut talk = listen(&server).await;
    talk.say(&add(2, "c"));
    talk.expect(&[about("ADD", 2), current(2), snapshot()])
        .await;
    let mut other = add(4, "c");
    other["database"] = "projects/demo/databases/other".into();
    talk.say(&other);
    talk.expect(&[json!([3, "A stream is about one database."])])
        .await;
    let mut talk = listen(&server).await;
    talk.say(&other);
    assert_eq!(talk.hear().await[0], 5);
}

#[tokio::test]
async fn both_end_with_the_server() {
    let server = Server::new();
    let mut writing = write(&server).await;
    writing.say(&json!({ "database": "~" }));
    writing.hear().await;
    let mut listening = listen(&server).await;
    listening.say(&add(2, "c"));
    listening
        .expect(&[about("ADD", 2), current(2), snapshot()])
        .await;
    server.core.end_streams();
    let end = json!([14, "the server is stopping; try again"]);
    assert_eq!(writing.hear().await, end);
    assert_eq!(listening.hear().await, end);
}
