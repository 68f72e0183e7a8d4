//! REST: real requests in; status and whole body out.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use firekeep_api::firestore::Access;
use firekeep_api::{Client, Core, Mode};
use firekeep_wire_firestore::rest::{self, Rest};
use firekeep_wire_http::Incoming;
use serde_json::{Value, json};

use crate::harness::{ADMIN, DATABASE, core, document, set, shown};

/// A server over REST, asked by an administrator unless said otherwise.
pub(crate) struct Server {
    rest: Rest,
    core: Arc<Core>,
    pub(crate) bearer: Option<String>,
    /// The page that asks, where it is one.
    pub(crate) origin: Option<&'static str>,
}

/// `METHOD path`, where `~` is the database; the body; the status, and the answer.
pub(crate) type Row = (&'static str, Value, u16, Value);

impl Server {
    fn new(mode: Mode, documents: Access) -> Self {
        let core = core(mode, documents);
        Self {
            rest: Rest::new(&core),
            core,
            bearer: Some(ADMIN.to_owned()),
            origin: None,
        }
    }

    pub(crate) fn dev() -> Self {
        Self::new(Mode::Dev, Access::Open)
    }

    pub(crate) fn safe() -> Self {
        Self::new(Mode::Safe, Access::Administrators)
    }

    /// The answer as it is: status, content type, body.
    pub(crate) async fn ask(&self, request: &str, body: &str) -> (u16, String, String) {
        let (method, path) = request.split_once(' ').unwrap();
        let path = path.replace('~', DATABASE);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://127.0.0.1:7070/{path}"))
            // What the web SDK says, to be spared a preflight.
            .header(header::CONTENT_TYPE, "text/plain");
        if let Some(bearer) = &self.bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        }
        if let Some(origin) = self.origin {
            request = request.header(header::ORIGIN, origin);
        }
        let request = request
            .body(Body::from(body.replace('~', DATABASE)))
            .unwrap();
        let client = Client { address: None };
        let read = Incoming::read_within(request, client, |_, _| rest::BODY_BYTES_MAX).await;
        let response = match read {
            Ok(mut incoming) => {
                assert!(rest::is_ours(incoming.host, &incoming.path), "{path}");
                self.rest.handle(&mut incoming).await
            }
            Err(envelope) => rest::refuse(&envelope),
        };
        let status = response.status().as_u16();
        let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap();
        let kind = kind.to_owned();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, kind, String::from_utf8(bytes.to_vec()).unwrap())
    }

    pub(crate) async fn check(&self, rows: impl IntoIterator<Item = Row>) {
        for (request, body, status, expected) in rows {
            let text = match &body {
                Value::Null => String::new(),
                body => body.to_string(),
            };
            let (found_status, kind, found) = self.ask(request, &text).await;
            assert_eq!(kind, "application/json; charset=UTF-8");
            let found = shown(serde_json::from_str(&found).expect(&found));
            assert_eq!(
                (found_status, &found),
                (status, &expected),
                "{request} {body}\nexpected {status} {expected}\n     got {found_status} {found}"
            );
        }
    }
}

pub(crate) fn error(code: u16, status: &str, message: &str) -> Value {
    json!({ "error": { "code": code, "status": status, "message": message, "details": [] } })
}

fn fields(n: i64) -> Value {
    json!({ "fields": { "n": { "integerValue": n.to_string() } } })
}

#[tokio::test]
async fn documents_are_made_read_changed_and_deleted() {
    let missing = error(404, "NOT_FOUND", "Document \"~/documents/c/x\" not found.");
    Server::safe()
        .check([
            (
                "POST v1/~/documents/c?documentId=a&key=k",
                fields(1),
                200,
                document("c/a", 1),
            ),
            (
                "POST v1/~/documents/c?documentId=a",
                fields(1),
                409,
                error(
                    409,
                    "ALREADY_EXISTS",
                    "Document already exists: ~/documents/c/a",
                ),
            ),
            (
                "GET v1/~/documents/c/a",
                Value::Null,
                200,
                document("c/a", 1),
            ),
            (
                "GET v1/~/documents/c/a?mask.fieldPaths=",
                Value::Null,
                200,
                json!({ "name": "~/documents/c/a", "createTime": "*", "updateTime": "*" }),
            ),
            ("GET v1/~/documents/c/x", Value::Null, 404, missing),
            // A body names what it likes: the path holds.
            (
                "PATCH v1/~/documents/c/a%3Ab?updateMask.fieldPaths=n&prettyPrint=false",
                json!({ "name": "~/documents/other/x", "fields": { "n": { "integerValue": 2 } } }),
                200,
                document("c/a:b", 2),
            ),
            (
                "PATCH v1/~/documents/c/a?updateMask.fieldPaths=",
                fields(9),
                200,
                document("c/a", 1),
            ),
            (
                "PATCH v1/~/documents/c/x?currentDocument.exists=true",
                fields(9),
                404,
                error(404, "NOT_FOUND", "No document to update: ~/documents/c/x"),
            ),
            (
                "GET v1/~/documents/c?pageSize=1&orderBy=n%20desc",
                Value::Null,
                200,
                json!({ "documents": [document("c/a:b", 2)], "nextPageToken": "*" }),
            ),
            (
                "DELETE v1/~/documents/c/a:b?currentDocument.exists=true",
                Value::Null,
                200,
                json!({}),
            ),
            (
                "GET v1/~/documents/c",
                Value::Null,
                200,
                json!({ "documents": [document("c/a", 1)] }),
            ),
            ("GET v1/~/documents/none", Value::Null, 200, json!({})),
        ])
        .await;
}

/// The shapes of the specification, section 8.5.
#[tokio::test]
async fn what_the_web_sdk_sends_is_answered_as_it_expects() {
    let server = Server::safe();
    let written = json!({ "updateTime": "*" });
    server
        .check([
            (
                "POST v1/~/documents:commit?key=fake-key",
                json!({ "writes": [set("c/a", 1), set("c/b", 2)] }),
                200,
                json!({ "writeResults": [written, written], "commitTime": "*" }),
            ),
            (
                "POST v1/~/documents:batchGet?key=fake-key",
                json!({ "documents": ["~/documents/c/a", "~/documents/c/none"] }),
                200,
                json!([
                    { "found": document("c/a", 1), "readTime": "*" },
                    { "missing": "~/documents/c/none", "readTime": "*" },
                ]),
            ),
            (
                "POST v1/~/documents:commit?key=fake-key",
                json!({ "writes": [
                    { "update": { "name": "~/documents/c/q", "fields": { "i": { "integerValue": "1" } } },
                      "updateTransforms": [
                        { "fieldPath": "i", "increment": { "integerValue": "2" } },
                        { "fieldPath": "u", "appendMissingElements": { "values": [{ "stringValue": "z" }] } }] },
                    { "verify": "~/documents/c/none", "currentDocument": { "exists": false } },
                    { "delete": "~/documents/c/other" }] }),
                200,
                json!({ "writeResults": [
                    { "updateTime": "*", "transformResults": [{ "integerValue": "3" }, { "nullValue": null }] },
                    {}, {}], "commitTime": "*" }),
            ),
            (
                "POST v1/~/documents:runQuery?key=fake-key",
                json!({ "structuredQuery": { "from": [{ "collectionId": "c" }], "limit": 1,
                    "orderBy": [{ "field": { "fieldPath": "n" }, "direction": "DESCENDING" }] } }),
                200,
                json!([{ "document": document("c/b", 2), "readTime": "*" }]),
            ),
            (
                "POST v1/~/documents:runQuery",
                json!({ "structuredQuery": { "from": [{ "collectionId": "none" }] } }),
                200,
                json!([{ "readTime": "*" }]),
            ),
            (
                "POST v1/~/documents:runAggregationQuery?key=fake-key",
                json!({ "structuredAggregationQuery": {
                    "aggregations": [{ "alias": "aggregate_0", "count": {} }],
                    "structuredQuery": { "from": [{ "collectionId": "c" }], "where": { "fieldFilter": {
                        "field": { "fieldPath": "n" }, "op": "EQUAL", "value": { "integerValue": "1" } } } } } }),
                200,
                json!([{ "result": { "aggregateFields": { "aggregate_0": { "integerValue": "1" } } },
                    "readTime": "*" }]),
            ),
        ])
        .await;
    let (_, _, answer) = server.ask("GET v1/~/documents/c/a", "").await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let time = answer["updateTime"].as_str().unwrap();
    // Six digits, whatever they are.
    assert_eq!(time.len(), "2027-01-15T08:00:00.000000Z".len(), "{time}");
}

#[tokio::test]
async fn the_other_methods() {
    let server = Server::safe();
    server
        .check([
            (
                "POST v1/~/documents:batchWrite",
                json!({ "writes": [set("c/a", 1), { "delete": "~/documents/c/x",
                    "currentDocument": { "exists": true } }] }),
                200,
                json!({ "writeResults": [{ "updateTime": "*" }, {}],
                    "status": [{}, { "code": 5, "message": "No document to update: ~/documents/c/x" }] }),
            ),
            (
                "POST v1/~/documents:listCollectionIds",
                Value::Null,
                200,
                json!({ "collectionIds": ["c"] }),
            ),
            (
                "POST v1/~/documents/c/a:listCollectionIds",
                json!({ "parent": "ignored" }),
                200,
                json!({}),
            ),
            (
                "POST v1/~/documents:partitionQuery",
                json!({ "partitionCount": "2", "structuredQuery": {
                    "from": [{ "collectionId": "c", "allDescendants": true }],
                    "orderBy": [{ "field": { "fieldPath": "__name__" } }] } }),
                200,
                json!({}),
            ),
            (
                "POST v1/~/documents:beginTransaction",
                Value::Null,
                200,
                json!({ "transaction": "*" }),
            ),
            (
                "POST v1/~/documents:executePipeline",
                json!({ "structuredPipeline": { "pipeline": {} } }),
                501,
                error(
                    501,
                    "UNIMPLEMENTED",
                    "Pipelines are not implemented by this server; use structured queries (RunQuery).",
                ),
            ),
            (
                "POST v1/~/documents:listen",
                Value::Null,
                501,
                error(
                    501,
                    "UNIMPLEMENTED",
                    "Streams in both directions are not available over REST.",
                ),
            ),
        ])
        .await;
}

#[tokio::test]
async fn a_transaction_goes_by_its_id() {
    let server = Server::safe();
    let begin = server
        .ask("POST v1/~/documents:beginTransaction", "{}")
        .await;
    let begun: Value = serde_json::from_str(&begin.2).unwrap();
    let id = begun["transaction"].as_str().unwrap();
    // As it is, with what plus signs and slashes it has.
    let read = format!("GET v1/~/documents/c/a?transaction={id}");
    assert_eq!(server.ask(&read, "").await.0, 404);
    let commit = json!({ "transaction": id, "writes": [set("c/a", 1)] }).to_string();
    assert_eq!(
        server.ask("POST v1/~/documents:commit", &commit).await.0,
        200
    );
    let again = server.ask("POST v1/~/documents:commit", &commit).await;
    assert_eq!(again.0, 400, "{}", again.2);
    assert!(again.2.contains("transaction has expired"), "{}", again.2);
    let rollback = json!({ "transaction": id }).to_string();
    assert_eq!(
        server
            .ask("POST v1/~/documents:rollback", &rollback)
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn a_long_answer_is_one_list() {
    let server = Server::safe();
    let names: Vec<_> = (0..400).map(|n| format!("c/{n:04}")).collect();
    let writes: Vec<_> = names.iter().map(|name| set(name, 1)).collect();
    let commit = json!({ "writes": writes }).to_string();
    assert_eq!(
        server.ask("POST v1/~/documents:commit", &commit).await.0,
        200
    );
    let query = r#"{"structuredQuery":{"from":[{"collectionId":"c"}]}}"#;
    let (status, _, body) = server.ask("POST v1/~/documents:runQuery", query).await;
    let found: Vec<Value> = serde_json::from_str(&body).unwrap();
    assert_eq!((status, found.len()), (200, 400));
    let last = found.last().unwrap().pointer("/document/name").unwrap();
    assert_eq!(*last, format!("{DATABASE}/documents/c/0399"));
}

#[tokio::test]
async fn what_is_wrong_is_said_in_the_envelope() {
    let no_route = || {
        error(
            404,
            "NOT_FOUND",
            "The requested URL was not found on this server.",
        )
    };
    Server::safe()
        .check([
            ("GET v1/~/nothing", Value::Null, 404, no_route()),
            ("PUT v1/~/documents/c/a", Value::Null, 404, no_route()),
            ("POST v1/~/documents:fly", Value::Null, 404, no_route()),
            (
                "GET firestore.googleapis.com/v2/anything",
                Value::Null,
                404,
                no_route(),
            ),
            (
                "GET v1/~/documents/c/a?readTime=x",
                Value::Null,
                400,
                error(
                    400,
                    "INVALID_ARGUMENT",
                    "invalid parameter `readTime`: the string is not an RFC 3339 timestamp",
                ),
            ),
            (
                "POST v1/~/documents:commit",
                json!([]),
                400,
                error(
                    400,
                    "INVALID_ARGUMENT",
                    "invalid JSON: found a list instead of an object",
                ),
            ),
            (
                "POST v1/~/documents/c:runQuery",
                json!({ "structuredQuery": { "from": [{ "collectionId": "c" }] } }),
                400,
                error(
                    400,
                    "INVALID_ARGUMENT",
                    "the resource name has no valid path: the path names a collection, not a document",
                ),
            ),
            (
                "GET v1/projects/demo/databases/other/documents/c/a",
                Value::Null,
                404,
                error(
                    404,
                    "NOT_FOUND",
                    "The database other does not exist for project demo. Create it with the command line or the \
                     administration API.",
                ),
            ),
        ])
        .await;
}

#[tokio::test]
async fn every_host_and_form_of_a_path_leads_here() {
    let server = Server::safe();
    server
        .check([
            (
                "PATCH firestore.googleapis.com/v1/projects/demo/databases/%28default%29/documents/c/a",
                fields(1),
                200,
                document("c/a", 1),
            ),
            (
                "GET v1/projects/demo/databases/(default)/documents/%63/a",
                Value::Null,
                200,
                document("c/a", 1),
            ),
        ])
        .await;
}

#[tokio::test]
async fn who_may_not_is_told_nothing() {
    let denied = || {
        error(
            403,
            "PERMISSION_DENIED",
            "Missing or insufficient permissions.",
        )
    };
    let mut server = Server::safe();
    let rows = || {
        [
            ("GET v1/~/documents/c/a", Value::Null, 403, denied()),
            ("GET v1/~/documents/c/a?key=k", Value::Null, 403, denied()),
            ("POST v1/~/documents:commit", json!({}), 403, denied()),
            // Not even read: it is no such message.
            ("POST v1/~/documents:commit", json!([]), 403, denied()),
            ("DELETE emulator/v1/~/documents", Value::Null, 403, denied()),
            ("GET v1/projects/demo/databases", Value::Null, 403, denied()),
        ]
    };
    server.bearer = None;
    server.check(rows()).await;
    let (status, _, _) = server
        .ask(
            "GET v1/~/documents/c/a?access_token=the%20secret%20of%20the%20command%20line",
            "",
        )
        .await;
    assert_eq!(status, 404, "the parameter is a bearer");
    let (status, _, body) = server
        .ask("GET v1/~/documents/c/a?access_token=owner", "")
        .await;
    assert_eq!(status, 401, "{body}");
    // Dev mode with documents for administrators only.
    let mut server = Server::new(Mode::Dev, Access::Administrators);
    server.bearer = None;
    server.check(rows().into_iter().take(3)).await;
}

#[tokio::test]
async fn test_tools_empty_the_database_in_dev_mode() {
    let mut server = Server::new(Mode::Dev, Access::Open);
    server.bearer = None;
    server
        .check([
            (
                "PATCH v1/~/documents/c/a",
                fields(1),
                200,
                document("c/a", 1),
            ),
            (
                "DELETE emulator/v1/~/documents",
                Value::Null,
                200,
                json!({}),
            ),
            ("GET v1/~/documents/c", Value::Null, 200, json!({})),
            (
                "PUT emulator/v1/projects/demo:securityRules",
                json!({ "rules": {} }),
                501,
                error(
                    501,
                    "UNIMPLEMENTED",
                    "emulator/v1/projects:securityRules is not implemented by this server.",
                ),
            ),
        ])
        .await;
    assert!(server.core.has_emulator_endpoints());
    Server::safe()
        .check([
            (
                "DELETE emulator/v1/~/documents",
                Value::Null,
                200,
                json!({}),
            ),
            (
                "PUT emulator/v1/projects/demo:securityRules",
                Value::Null,
                404,
                error(
                    404,
                    "NOT_FOUND",
                    "The requested URL was not found on this server.",
                ),
            ),
        ])
        .await;
}
