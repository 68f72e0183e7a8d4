//! Methods that write one document, and batches.

use serde_json::json;

use crate::harness::{Server, document, refused, set};

#[tokio::test]
async fn one_document_at_a_time() {
    let server = Server::new();
    let create = |id: &str, n: i64| {
        json!({ "parent": "~/documents", "collectionId": "c", "documentId": id,
            "document": { "fields": { "n": { "integerValue": n } } } })
    };
    let n = |n: i64| json!({ "n": { "integerValue": n } });
    server
        .check([
            ("CreateDocument", create("a", 1), document("c/a", 1)),
            (
                "CreateDocument",
                create("a", 2),
                refused("ALREADY_EXISTS", "Document already exists: ~/documents/c/a"),
            ),
            (
                "CreateDocument",
                json!({ "parent": "~/documents/c/a", "collectionId": "d", "documentId": "x", "mask": {} }),
                json!({ "name": "~/documents/c/a/d/x", "createTime": "*", "updateTime": "*" }),
            ),
            (
                "CreateDocument",
                json!({ "parent": "~/documents", "collectionId": "c",
                    "document": { "name": "~/documents/c/a" } }),
                refused(
                    "INVALID_ARGUMENT",
                    "`document.name` must be empty: the id of a new document is `document_id`",
                ),
            ),
            (
                "CreateDocument",
                json!({ "parent": "~/documents" }),
                refused("INVALID_ARGUMENT", "`collection_id` is missing"),
            ),
            (
                "UpdateDocument",
                json!({ "document": { "name": "~/documents/c/a", "fields": n(3) },
                    "updateMask": { "fieldPaths": ["n"] } }),
                document("c/a", 3),
            ),
            (
                "UpdateDocument",
                json!({ "document": { "name": "~/documents/c/b" }, "currentDocument": { "exists": true } }),
                refused("NOT_FOUND", "No document to update: ~/documents/c/b"),
            ),
            (
                "UpdateDocument",
                json!({ "document": { "name": "~/documents/c/b", "fields": n(4) }, "mask": {} }),
                json!({ "name": "~/documents/c/b", "createTime": "*", "updateTime": "*" }),
            ),
            (
                "UpdateDocument",
                json!({}),
                refused("INVALID_ARGUMENT", "`document` is missing"),
            ),
            (
                "DeleteDocument",
                json!({ "name": "~/documents/c/b" }),
                json!({}),
            ),
            (
                "DeleteDocument",
                json!({ "name": "~/documents/c/b" }),
                json!({}),
            ),
            (
                "DeleteDocument",
                json!({ "name": "~/documents/c/b", "currentDocument": { "exists": true } }),
                refused("NOT_FOUND", "No document to update: ~/documents/c/b"),
            ),
        ])
        .await;
    let made = json!({ "parent": "~/documents", "collectionId": "c" });
    let made = server.call("CreateDocument", &made).await;
    let id = made["name"].as_str().unwrap().rsplit('/').next().unwrap();
    assert_eq!(id.len(), 20, "{made}");
}

#[tokio::test]
async fn writes_of_a_batch_are_answered_one_by_one() {
    let server = Server::new();
    let mut late = set("c/b", 1);
    late["currentDocument"] = json!({ "exists": true });
    let twice = json!({ "database": "~", "writes": [set("c/a", 1), set("c/a", 2)] });
    server
        .check([
            (
                "BatchWrite",
                json!({ "database": "~", "writes": [set("c/a", 1), late] }),
                json!({ "writeResults": [{ "updateTime": "*" }, {}], "status": [{},
                    { "code": 5, "message": "No document to update: ~/documents/c/b" }] }),
            ),
            (
                "BatchWrite",
                twice,
                refused(
                    "INVALID_ARGUMENT",
                    "the document `c/a` cannot be written more than once in one batch",
                ),
            ),
            ("BatchWrite", json!({ "database": "~" }), json!({})),
        ])
        .await;
}
