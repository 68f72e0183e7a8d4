//! Reading and writing documents.

use firekeep_testkit::random::Seeded;
use firekeep_testkit::values;
use firekeep_wire_firestore::convert::value::write_fields;
use firekeep_wire_proto::google::firestore::v1 as proto;
use proto::batch_get_documents_response::Result as Outcome;
use serde_json::json;

use crate::harness::{Server, document, refused, set};

#[tokio::test]
async fn what_is_committed_is_read() {
    let server = Server::new();
    let missing = json!({ "missing": "~/documents/c/x", "readTime": "*" });
    let found = json!({ "found": document("c/a", 1), "readTime": "*" });
    server
        .check([
            (
                "Commit",
                json!({ "database": "~", "writes": [set("c/a", 1), set("c/b", 2),
                    { "update": { "name": "~/documents/c/b" }, "updateMask": {}, "updateTransforms": [
                        { "fieldPath": "n", "increment": { "integerValue": 5 } },
                        { "fieldPath": "s", "appendMissingElements": {} }] },
                    { "delete": "~/documents/c/none" },
                    { "verify": "~/documents/c/other", "currentDocument": { "exists": false } }] }),
                json!({ "commitTime": "*", "writeResults": [{ "updateTime": "*" }, { "updateTime": "*" },
                    { "updateTime": "*", "transformResults": [{ "integerValue": "7" }, { "nullValue": null }] },
                    {}, {}] }),
            ),
            ("GetDocument", json!({ "name": "~/documents/c/a" }), document("c/a", 1)),
            (
                "GetDocument",
                json!({ "name": "~/documents/c/a", "mask": {} }),
                json!({ "name": "~/documents/c/a", "createTime": "*", "updateTime": "*" }),
            ),
            (
                "GetDocument",
                json!({ "name": "~/documents/c/x" }),
                refused("NOT_FOUND", "Document \"~/documents/c/x\" not found."),
            ),
            (
                "BatchGetDocuments",
                json!({ "database": "~", "documents":
                    ["~/documents/c/a", "~/documents/c/x", "~/documents/c/a"] }),
                json!([found, missing]),
            ),
            ("BatchGetDocuments", json!({ "database": "~" }), json!([])),
        ])
        .await;
}

#[tokio::test]
async fn commits_are_refused_with_the_texts_of_the_specification() {
    let server = Server::new();
    let commit = |write: serde_json::Value| json!({ "database": "~", "writes": [write] });
    let with = |mut write: serde_json::Value, condition: serde_json::Value| {
        write["currentDocument"] = condition;
        commit(write)
    };
    let ok = json!({ "commitTime": "*", "writeResults": [{ "updateTime": "*" }] });
    server
        .check([
            ("Commit", commit(set("c/a", 1)), ok),
            ("Commit", json!({ "database": "~" }), json!({ "commitTime": "*" })),
            (
                "Commit",
                with(set("c/x", 1), json!({ "exists": true })),
                refused("NOT_FOUND", "No document to update: ~/documents/c/x"),
            ),
            (
                "Commit",
                with(set("c/a", 1), json!({ "exists": false })),
                refused("ALREADY_EXISTS", "Document already exists: ~/documents/c/a"),
            ),
            (
                "Commit",
                with(set("c/x", 1), json!({ "updateTime": "2020-01-01T00:00:00Z" })),
                refused(
                    "FAILED_PRECONDITION",
                    "the stored version (0) does not match the required base version (1577836800000000)",
                ),
            ),
            (
                "Commit",
                commit(json!({ "verify": "~/documents/c/a" })),
                refused("INVALID_ARGUMENT", "a verify must contain a precondition"),
            ),
            (
                "Commit",
                commit(json!({})),
                refused("INVALID_ARGUMENT", "`operation` is missing"),
            ),
            (
                "Commit",
                commit(json!({ "delete": "projects/demo/databases/other-one/documents/c/a" })),
                refused(
                    "INVALID_ARGUMENT",
                    "the resource name is of another database than the request",
                ),
            ),
            (
                "Commit",
                json!({ "database": "" }),
                refused("INVALID_ARGUMENT", "the resource name lacks `projects/`"),
            ),
            (
                "GetDocument",
                json!({ "name": "~/documents/c/a", "readTime": "2020-01-01T00:00:00Z" }),
                refused(
                    "FAILED_PRECONDITION",
                    "The requested snapshot version is too old.",
                ),
            ),
            (
                "BatchGetDocuments",
                json!({ "database": "~", "documents": ["~/documents/c"] }),
                refused(
                    "INVALID_ARGUMENT",
                    "the resource name has no valid path: the path names a collection, not a document",
                ),
            ),
        ])
        .await;
}

#[tokio::test]
async fn who_may_not_is_told_nothing() {
    let server = Server::new();
    let get = ("GetDocument", json!({ "name": "~/documents/c/a" }));
    let commit = json!({ "database": "~", "writes": [set("c/a", 1)] });
    let ok = json!({ "commitTime": "*", "writeResults": [{ "updateTime": "*" }] });
    server.check([("Commit", commit.clone(), ok)]).await;
    let denied = refused("PERMISSION_DENIED", "Missing or insufficient permissions.");
    let unknown = refused(
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid \
         authentication credential.",
    );
    for (bearer, answer) in [(None, denied), (Some("owner"), unknown)] {
        let asked = server.with_bearer(bearer);
        asked
            .check([
                (get.0, get.1.clone(), answer.clone()),
                ("Commit", commit.clone(), answer),
            ])
            .await;
    }
}

/// Gets and queries give what is stored without taking it apart; lists do take it apart.
#[tokio::test]
async fn documents_are_the_same_however_they_are_read() {
    const DATABASE: &str = "projects/demo/databases/(default)";
    let (server, mut random) = (Server::new(), Seeded::new(11));
    let mut client = server.client();
    let documents = (0..250).map(|at| proto::Document {
        name: format!("{DATABASE}/documents/c/{at:03}"),
        fields: write_fields(&values::map(&mut random, 4)),
        ..proto::Document::default()
    });
    let writes = documents.map(|document| proto::Write {
        operation: Some(proto::write::Operation::Update(document)),
        ..proto::Write::default()
    });
    let request = proto::CommitRequest {
        database: DATABASE.to_owned(),
        writes: writes.collect(),
        ..proto::CommitRequest::default()
    };
    client.commit(server.authorized(request)).await.unwrap();

    let request = proto::ListDocumentsRequest {
        parent: format!("{DATABASE}/documents"),
        collection_id: "c".to_owned(),
        page_size: 300,
        ..proto::ListDocumentsRequest::default()
    };
    let listed = client.list_documents(server.authorized(request)).await;
    let listed = listed.unwrap().into_inner().documents;
    assert_eq!(listed.len(), 250);
    // As bytes: no NaN is equal to another.
    let bytes = |documents: &[proto::Document]| -> Vec<_> {
        documents
            .iter()
            .map(prost::Message::encode_to_vec)
            .collect()
    };
    let expected = bytes(&listed);

    let mut got = Vec::new();
    for document in &listed {
        let name = document.name.clone();
        let request = server.authorized(proto::GetDocumentRequest {
            name,
            ..proto::GetDocumentRequest::default()
        });
        got.push(client.get_document(request).await.unwrap().into_inner());
    }
    assert_eq!(bytes(&got), expected);

    let request = server.authorized(proto::BatchGetDocumentsRequest {
        database: DATABASE.to_owned(),
        documents: listed.iter().map(|it| it.name.clone()).collect(),
        ..proto::BatchGetDocumentsRequest::default()
    });
    let mut answers = (client.batch_get_documents(request).await.unwrap()).into_inner();
    got.clear();
    while let Some(answer) = answers.message().await.unwrap() {
        assert!(answer.read_time.is_some());
        got.extend(answer.result.map(|outcome| match outcome {
            Outcome::Found(document) => document,
            Outcome::Missing(name) => panic!("{name}"),
        }));
    }
    assert_eq!(bytes(&got), expected);

    let selector = proto::structured_query::CollectionSelector {
        collection_id: "c".to_owned(),
        ..Default::default()
    };
    let query = proto::StructuredQuery {
        from: vec![selector],
        ..proto::StructuredQuery::default()
    };
    let request = server.authorized(proto::RunQueryRequest {
        parent: format!("{DATABASE}/documents"),
        query_type: Some(proto::run_query_request::QueryType::StructuredQuery(query)),
        ..proto::RunQueryRequest::default()
    });
    let mut answers = client.run_query(request).await.unwrap().into_inner();
    got.clear();
    while let Some(answer) = answers.message().await.unwrap() {
        assert!(answer.read_time.is_some());
        got.extend(answer.document);
    }
    assert_eq!(bytes(&got), expected);
}
