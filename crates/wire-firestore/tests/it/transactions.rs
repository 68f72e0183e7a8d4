//! Transactions: what began one has its id, and ids lead where they should.

use firekeep_wire_proto::google::firestore::v1 as proto;
use proto::transaction_options::{Mode, ReadWrite};
use serde_json::{Value, json};

use crate::harness::{DATABASE, Server, document, refused, set};

fn read_write() -> Value {
    json!({ "readWrite": {} })
}

/// A request with the id of a transaction: JSON has bytes as base64.
fn within(id: &str, mut request: Value) -> Value {
    request["transaction"] = id.into();
    request
}

/// The id of a transaction that a method began, in JSON.
async fn begin(server: &Server, options: Value) -> String {
    let request = json!({ "database": "~", "options": options });
    let begun = server.call_openly("BeginTransaction", &request).await;
    begun["transaction"].as_str().unwrap().to_owned()
}

const EXPIRED: &str = "The referenced transaction has expired or is no longer valid. The referenced transaction has \
                       expired.";

#[tokio::test]
async fn a_transaction_reads_and_commits() {
    let server = Server::new();
    let id = begin(&server, read_write()).await;
    let commit = json!({ "database": "~", "writes": [set("c/a", 1)] });
    let get = json!({ "name": "~/documents/c/a" });
    let missing = refused("NOT_FOUND", "Document \"~/documents/c/a\" not found.");
    let done = json!({ "commitTime": "*", "writeResults": [{ "updateTime": "*" }] });
    server
        .check([
            ("GetDocument", within(&id, get.clone()), missing),
            ("Commit", within(&id, commit.clone()), done),
            ("GetDocument", get, document("c/a", 1)),
            (
                "Commit",
                within(&id, commit),
                refused("INVALID_ARGUMENT", EXPIRED),
            ),
            (
                "Rollback",
                within(&id, json!({ "database": "~" })),
                json!({}),
            ),
        ])
        .await;
}

#[tokio::test]
async fn what_was_read_and_changed_aborts() {
    let server = Server::new();
    let id = begin(&server, read_write()).await;
    let commit = |n: i64| json!({ "database": "~", "writes": [set("c/a", n)] });
    let done = json!({ "commitTime": "*", "writeResults": [{ "updateTime": "*" }] });
    let missing = refused("NOT_FOUND", "Document \"~/documents/c/a\" not found.");
    server
        .check([
            (
                "GetDocument",
                within(&id, json!({ "name": "~/documents/c/a" })),
                missing,
            ),
            ("Commit", commit(1), done),
            (
                "Commit",
                within(&id, commit(2)),
                refused(
                    "ABORTED",
                    "Transaction aborted: another one changed what it read. Try again.",
                ),
            ),
            (
                "Rollback",
                within(&id, json!({ "database": "~" })),
                json!({}),
            ),
            (
                "GetDocument",
                json!({ "name": "~/documents/c/a" }),
                document("c/a", 1),
            ),
        ])
        .await;
}

#[tokio::test]
async fn reads_begin_transactions_with_their_first_message() {
    let server = Server::new();
    let commit = json!({ "database": "~", "writes": [set("c/a", 1)] });
    let done = json!({ "commitTime": "*", "writeResults": [{ "updateTime": "*" }] });
    let from = json!([{ "collectionId": "c" }]);
    server
        .check([
            ("Commit", commit, done),
            (
                "BatchGetDocuments",
                json!({ "database": "~", "documents": ["~/documents/c/a"], "newTransaction": read_write() }),
                json!([{ "transaction": "*" }, { "found": document("c/a", 1), "readTime": "*" }]),
            ),
            (
                "RunQuery",
                json!({ "parent": "~/documents", "newTransaction": {}, "structuredQuery": { "from": from } }),
                json!([{ "transaction": "*" }, { "document": document("c/a", 1), "readTime": "*" }]),
            ),
            (
                "RunQuery",
                json!({ "parent": "~/documents", "newTransaction": {}, "structuredQuery":
                    { "from": [{ "collectionId": "none" }] } }),
                json!([{ "transaction": "*" }, { "readTime": "*" }]),
            ),
            (
                "RunAggregationQuery",
                json!({ "parent": "~/documents", "newTransaction": {}, "structuredAggregationQuery":
                    { "structuredQuery": { "from": from }, "aggregations": [{ "count": {} }] } }),
                json!([{ "transaction": "*" }, { "readTime": "*",
                    "result": { "aggregateFields": { "field_1": { "integerValue": "1" } } } }]),
            ),
        ])
        .await;
}

#[tokio::test]
async fn ids_that_are_none() {
    let server = Server::new();
    let id = begin(&server, json!({ "readOnly": {} })).await;
    let commit = json!({ "database": "~", "writes": [set("c/a", 1)] });
    server
        .check([
            (
                "Commit",
                within(&id, commit.clone()),
                refused(
                    "INVALID_ARGUMENT",
                    "Cannot modify entities in a read-only transaction.",
                ),
            ),
            (
                "Commit",
                within("AAAA", commit),
                refused("INVALID_ARGUMENT", "Invalid transaction."),
            ),
            (
                "Rollback",
                within("AAAA", json!({ "database": "~" })),
                refused("INVALID_ARGUMENT", "Invalid transaction."),
            ),
        ])
        .await;
}

#[tokio::test]
async fn a_retry_names_its_predecessor() {
    let server = Server::new();
    let mut client = server.client();
    let begin = |mode| {
        server.authorized(proto::BeginTransactionRequest {
            database: DATABASE.to_owned(),
            options: Some(proto::TransactionOptions { mode: Some(mode) }),
        })
    };
    let first = client.begin_transaction(begin(Mode::ReadWrite(ReadWrite::default())));
    let retry_transaction = first.await.unwrap().into_inner().transaction;
    assert!(retry_transaction.len() >= 16);
    let again = client.begin_transaction(begin(Mode::ReadWrite(ReadWrite { retry_transaction })));
    assert!(again.await.is_ok());
}
