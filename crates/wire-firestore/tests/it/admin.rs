//! The administration service over REST: databases, indexes, fields.

use std::time::Duration;

use serde_json::{Value, json};

use crate::rest::{Server, error};

fn database(id: &str) -> Value {
    json!({ "name": format!("projects/demo/databases/{id}"), "uid": "*", "createTime": "*", "updateTime": "*",
        "locationId": "nam5", "type": "FIRESTORE_NATIVE", "concurrencyMode": "OPTIMISTIC",
        "pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_DISABLED",
        "deleteProtectionState": "DELETE_PROTECTION_DISABLED", "databaseEdition": "STANDARD" })
}

/// An operation of that kind that is done.
fn done(id: &str, metadata: &str, response: Value) -> Value {
    let kind = |name: &str| format!("type.googleapis.com/google.firestore.admin.v1.{name}");
    let mut answer = json!({ "@type": kind("Database") });
    if let (Value::Object(members), Value::Object(response)) = (&mut answer, response) {
        members.extend(response);
    }
    json!({ "name": format!("projects/demo/databases/{id}/operations/done"),
        "metadata": { "@type": kind(metadata) }, "done": true, "response": answer })
}

#[tokio::test]
async fn databases() {
    Server::safe()
        .check([
            (
                "POST v1/projects/demo/databases?databaseId=staging",
                json!({ "type": "FIRESTORE_NATIVE", "locationId": "eur3" }),
                200,
                done("staging", "CreateDatabaseMetadata", database("staging")),
            ),
            (
                "POST v1/projects/demo/databases?databaseId=staging",
                json!({}),
                409,
                error(
                    409,
                    "ALREADY_EXISTS",
                    "the database `projects/demo/databases/staging` is there already",
                ),
            ),
            (
                "GET v1/projects/demo/databases/staging",
                Value::Null,
                200,
                database("staging"),
            ),
            (
                "GET v1/projects/demo/databases",
                Value::Null,
                200,
                json!({ "databases": [database("staging")] }),
            ),
            (
                "DELETE v1/projects/demo/databases/staging",
                Value::Null,
                200,
                done("staging", "DeleteDatabaseMetadata", database("staging")),
            ),
            (
                "GET v1/projects/demo/databases",
                Value::Null,
                200,
                json!({}),
            ),
            (
                "POST v1/projects/demo/databases?databaseId=X",
                json!({}),
                400,
                error(
                    400,
                    "INVALID_ARGUMENT",
                    "the resource name has no valid database: a database id is `(default)`, or 4 to 63 of `a-z0-9-`, \
                     the first a letter, the last no hyphen",
                ),
            ),
        ])
        .await;
}

#[tokio::test]
async fn indexes_are_declared_built_and_removed() {
    let server = Server::safe();
    let index = json!({ "queryScope": "COLLECTION", "fields": [
        { "fieldPath": "a", "order": "ASCENDING" }, { "fieldPath": "t", "arrayConfig": "CONTAINS" }] });
    let path = "v1/projects/demo/databases/(default)/collectionGroups/posts/indexes";
    let created = server
        .ask(&format!("POST {path}"), &index.to_string())
        .await;
    assert_eq!(created.0, 200, "{}", created.2);
    let created: Value = serde_json::from_str(&created.2).unwrap();
    let again = server
        .ask(&format!("POST {path}"), &index.to_string())
        .await;
    assert_eq!(again.0, 409, "{}", again.2);
    let built = ended(&server, &created).await;
    assert_eq!(built["metadata"]["state"], "SUCCESSFUL", "{built}");
    let name = built["name"].as_str().unwrap();
    let cancelled = post(&server, &format!("v1/{name}:cancel"), json!({})).await;
    assert_eq!(cancelled.0, 501, "{}", cancelled.1);
    let shown = json!({ "name": created["metadata"]["index"], "queryScope": "COLLECTION", "state": "READY",
        "fields": [{ "fieldPath": "a", "order": "ASCENDING" }, { "fieldPath": "t", "arrayConfig": "CONTAINS" },
            { "fieldPath": "__name__", "order": "ASCENDING" }] });
    for group in ["posts", "-"] {
        let list = format!("GET {}", path.replace("posts", group));
        let (_, _, body) = server.ask(&list, "").await;
        let found: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(found, json!({ "indexes": [shown] }), "{group}");
    }
    let (_, _, other) = server
        .ask(&format!("GET {}", path.replace("posts", "other")), "")
        .await;
    assert_eq!(other, "{}");
    let one = format!("v1/{}", shown["name"].as_str().unwrap());
    let (_, _, body) = server.ask(&format!("GET {one}"), "").await;
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), shown);
    assert_eq!(server.ask(&format!("DELETE {one}"), "").await.2, "{}");
    assert_eq!(server.ask(&format!("GET {one}"), "").await.0, 404);
    assert_eq!(server.ask(&format!("GET {path}/CICAgJ"), "").await.0, 404);
}

#[tokio::test]
async fn fields_have_rules_of_their_own() {
    const FIELD: &str = "projects/demo/databases/(default)/collectionGroups/posts/fields/a.b";
    let automatic = |path: &str| {
        let index = |mode: &str, value: &str| {
            let mut field = json!({ "fieldPath": path });
            field[mode] = value.into();
            json!({ "queryScope": "COLLECTION", "state": "READY", "fields": [field] })
        };
        json!([
            index("order", "ASCENDING"),
            index("order", "DESCENDING"),
            index("arrayConfig", "CONTAINS"),
        ])
    };
    let server = Server::safe();
    server
        .check([
            (
                "GET v1/projects/demo/databases/(default)/collectionGroups/posts/fields/a.b",
                Value::Null,
                200,
                json!({ "name": FIELD.replace("projects/demo/databases/(default)", "~"), "indexConfig": {
                    "indexes": automatic("a.b"), "usesAncestorConfig": true,
                    "ancestorField": "~/collectionGroups/__default__/fields/*" } }),
            ),
            (
                "GET v1/projects/demo/databases/(default)/collectionGroups/-/fields\
                 ?filter=indexConfig.usesAncestorConfig=false%20OR%20ttlConfig:*",
                Value::Null,
                200,
                json!({}),
            ),
        ])
        .await;
    let exempt = json!({ "indexConfig": { "indexes": [] } }).to_string();
    let set = server
        .ask(&format!("PATCH v1/{FIELD}?updateMask=indexConfig"), &exempt)
        .await;
    assert_eq!(set.0, 200, "{}", set.2);
    let list = "GET v1/projects/demo/databases/(default)/collectionGroups/-/fields";
    let (_, _, body) = server.ask(list, "").await;
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap(),
        json!({ "fields": [{ "name": FIELD, "indexConfig": {} }] })
    );
    let expiry = json!({ "ttlConfig": {} }).to_string();
    let ttl = format!("PATCH v1/{FIELD}?updateMask=ttlConfig");
    let set = server.ask(&ttl, &expiry).await;
    assert_eq!(set.0, 200, "{}", set.2);
    let field = || async {
        let (_, _, body) = server.ask(&format!("GET v1/{FIELD}"), "").await;
        serde_json::from_str::<Value>(&body).unwrap()
    };
    let state = field().await["ttlConfig"]["state"].clone();
    assert!(state == "CREATING" || state == "ACTIVE", "{state}");
    assert_eq!(field().await["indexConfig"], json!({}));
    // One field of a group.
    let other = ttl.replace("a.b", "c");
    let refused = server.ask(&other, &expiry).await;
    assert_eq!(refused.0, 400, "{}", refused.2);
    assert!(refused.2.contains("`a.b`"), "{}", refused.2);
    let removed = server.ask(&ttl, "{}").await;
    assert_eq!(removed.0, 200, "{}", removed.2);
    assert_eq!(field().await["ttlConfig"], Value::Null);
    // A field that has no other rule is in the list by it.
    assert_eq!(server.ask(&other, &expiry).await.0, 200);
    let (_, _, body) = server.ask(list, "").await;
    let listed: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(listed["fields"].as_array().unwrap().len(), 2, "{body}");
    assert!(listed["fields"][1]["ttlConfig"].is_object(), "{body}");
    let all = FIELD.replace("a.b", "*");
    let refused = server
        .ask(&format!("PATCH v1/{all}?updateMask=ttlConfig"), &expiry)
        .await;
    assert_eq!(refused.0, 400, "{}", refused.2);
}

#[tokio::test]
async fn a_database_can_be_protected() {
    const PATCH: &str = "PATCH v1/projects/demo/databases/staging";
    let protected = |enabled: bool| {
        let mut database = database("staging");
        if enabled {
            database["deleteProtectionState"] = "DELETE_PROTECTION_ENABLED".into();
        }
        database
    };
    let updated = |enabled: bool| done("staging", "UpdateDatabaseMetadata", protected(enabled));
    let state = |enabled: bool| json!({ "deleteProtectionState": protected(enabled)["deleteProtectionState"] });
    let unimplemented = |text: &str| error(501, "UNIMPLEMENTED", text);
    Server::safe()
        .check([
            (
                PATCH,
                state(true),
                404,
                error(
                    404,
                    "NOT_FOUND",
                    "The database staging does not exist for project demo. Create it with the command line or the \
                     administration API.",
                ),
            ),
            (
                "POST v1/projects/demo/databases?databaseId=staging",
                json!({}),
                200,
                done("staging", "CreateDatabaseMetadata", database("staging")),
            ),
            (PATCH, state(true), 200, updated(true)),
            (
                "PATCH v1/projects/demo/databases/staging?updateMask=concurrencyMode",
                json!({ "concurrencyMode": "OPTIMISTIC" }),
                200,
                updated(true),
            ),
            (
                "DELETE v1/projects/demo/databases/staging",
                Value::Null,
                400,
                error(
                    400,
                    "FAILED_PRECONDITION",
                    "The database staging is protected against deletion. Take that back first, with UpdateDatabase or \
                     `firekeep databases protect staging --off`.",
                ),
            ),
            (
                PATCH,
                json!({ "concurrencyMode": "PESSIMISTIC" }),
                501,
                unimplemented(
                    "Transactions are optimistic here: clients run those again that others came before, and need no \
                     other mode.",
                ),
            ),
            (
                PATCH,
                json!({ "pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_ENABLED" }),
                501,
                unimplemented(
                    "What there was is kept for an hour. Keep `firekeep export --at` files for longer.",
                ),
            ),
            (
                "PATCH v1/projects/demo/databases/staging?updateMask=deleteProtectionState",
                json!({}),
                200,
                updated(false),
            ),
            (
                "DELETE v1/projects/demo/databases/staging",
                Value::Null,
                200,
                done("staging", "DeleteDatabaseMetadata", database("staging")),
            ),
        ])
        .await;
}

/// The operation at its end, waited for.
async fn ended(server: &Server, begun: &Value) -> Value {
    let name = begun["name"].as_str().unwrap_or_else(|| panic!("{begun}"));
    for _ in 0..500 {
        let (status, _, body) = server.ask(&format!("GET v1/{name}"), "").await;
        assert_eq!(status, 200, "{body}");
        let found: Value = serde_json::from_str(&body).unwrap();
        if found["done"] == true {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{name} does not end");
}

async fn post(server: &Server, path: &str, body: Value) -> (u16, Value) {
    let (status, _, answer) = server.ask(&format!("POST {path}"), &body.to_string()).await;
    (status, serde_json::from_str(&answer).unwrap())
}

async fn fill(server: &Server, paths: &[&str]) {
    for path in paths {
        let request = format!("PATCH v1/~/documents/{path}");
        let body = json!({ "fields": { "n": { "integerValue": "1" } } }).to_string();
        assert_eq!(server.ask(&request, &body).await.0, 200);
    }
}

/// Which of some documents are there.
async fn there<'p>(server: &Server, paths: &[&'p str]) -> Vec<&'p str> {
    let mut found = Vec::new();
    for path in paths {
        if server
            .ask(&format!("GET v1/~/documents/{path}"), "")
            .await
            .0
            == 200
        {
            found.push(*path);
        }
    }
    found
}

const PATHS: [&str; 4] = ["c/a", "c/a/d/1", "d/2", "e/3"];

#[tokio::test]
async fn groups_of_collections_are_deleted() {
    let server = Server::safe();
    fill(&server, &PATHS).await;
    let bulk = "v1/~:bulkDeleteDocuments";
    let (status, nothing) = post(&server, bulk, json!({})).await;
    assert_eq!(status, 400, "{nothing}");
    let (status, begun) = post(&server, bulk, json!({ "collectionIds": ["d", "c"] })).await;
    assert_eq!(status, 200, "{begun}");
    let ended = ended(&server, &begun).await;
    let metadata = &ended["metadata"];
    assert_eq!(metadata["operationState"], "SUCCESSFUL", "{ended}");
    assert_eq!(metadata["progressDocuments"]["completedWork"], "3");
    assert_eq!(metadata["collectionIds"], json!(["d", "c"]));
    assert!(metadata["startTime"].is_string() && metadata["endTime"].is_string());
    let kind = ended["response"]["@type"].as_str().unwrap();
    assert!(kind.ends_with("BulkDeleteDocumentsResponse"));
    assert_eq!(there(&server, &PATHS).await, ["e/3"]);

    // It is in the list until somebody deletes it there.
    let name = ended["name"].as_str().unwrap();
    let list = || async {
        let (_, _, body) = server.ask("GET v1/~/operations", "").await;
        serde_json::from_str::<Value>(&body).unwrap()
    };
    assert_eq!(list().await["operations"][0]["name"], name);
    let cancelled = post(&server, &format!("v1/{name}:cancel"), json!({})).await;
    assert_eq!(cancelled, (200, json!({})));
    let deleted = server.ask(&format!("DELETE v1/{name}"), "").await;
    assert_eq!(deleted.0, 200, "{}", deleted.2);
    assert_eq!(list().await, json!({}));
    for request in [format!("GET v1/{name}"), format!("DELETE v1/{name}")] {
        assert_eq!(server.ask(&request, "").await.0, 404);
    }
}

#[tokio::test]
async fn exports_go_to_folders_of_the_machine_and_come_back() {
    let folder = std::env::temp_dir().join(format!("firekeep-admin-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).unwrap();
    let place = folder.join("a b");
    let uri = format!("file://{}", place.display()).replace(' ', "%20");
    let server = Server::dev();
    fill(&server, &PATHS).await;
    let export = |uri: &str| json!({ "outputUriPrefix": uri });
    let (status, begun) = post(&server, "v1/~:exportDocuments", export(&uri)).await;
    assert_eq!(status, 200, "{begun}");
    let exported = ended(&server, &begun).await;
    assert_eq!(exported["response"]["outputUriPrefix"], uri, "{exported}");
    assert_eq!(exported["metadata"]["outputUriPrefix"], uri);
    assert_eq!(
        exported["metadata"]["progressDocuments"]["completedWork"],
        "4"
    );
    assert!(place.join("a b.overall_export_metadata").is_file());

    // The same place again is an operation that fails.
    let (_, again) = post(&server, "v1/~:exportDocuments", export(&uri)).await;
    let again = ended(&server, &again).await;
    assert_eq!(again["metadata"]["operationState"], "FAILED", "{again}");
    assert_eq!(again["error"]["code"], 9);

    assert_eq!(
        server.ask("DELETE emulator/v1/~/documents", "").await.0,
        200
    );
    let import = json!({ "inputUriPrefix": uri });
    let (status, begun) = post(&server, "v1/~:importDocuments", import).await;
    assert_eq!(status, 200, "{begun}");
    let imported = ended(&server, &begun).await;
    assert_eq!(
        imported["metadata"]["operationState"], "SUCCESSFUL",
        "{imported}"
    );
    assert_eq!(there(&server, &PATHS).await, PATHS);

    // The emulator's own endpoints.
    let body = json!({ "database": "projects/demo/databases/(default)",
        "export_directory": folder, "export_name": "firestore_export" });
    let export = "emulator/v1/projects/demo:export";
    assert_eq!(post(&server, export, body.clone()).await, (200, json!({})));
    let metadata = folder.join("firestore_export/firestore_export.overall_export_metadata");
    assert!(metadata.is_file());
    for source in [body, json!({ "metadata_file": metadata })] {
        assert_eq!(
            server.ask("DELETE emulator/v1/~/documents", "").await.0,
            200
        );
        let imported = post(&server, "emulator/v1/projects/demo:import", source).await;
        assert_eq!(imported, (200, json!({})));
        assert_eq!(there(&server, &PATHS).await, PATHS);
    }

    for (path, body, status) in [
        (
            "v1/~:exportDocuments",
            json!({ "outputUriPrefix": "gs://bucket" }),
            400,
        ),
        (
            "v1/~:exportDocuments",
            json!({ "outputUriPrefix": uri, "collectionIds": ["c"] }),
            501,
        ),
        (
            export,
            json!({ "export_directory": "x", "export_name": "y" }),
            400,
        ),
        (export, json!({ "export_directory": folder }), 400),
        (
            export,
            json!({ "database": "projects/other/databases/(default)" }),
            400,
        ),
    ] {
        let (found, answer) = post(&server, path, body).await;
        assert_eq!(found, status, "{path} {answer}");
    }
    // Pages of a browser have no files written, nor does anybody who is far away.
    let mut page = Server::dev();
    page.bearer = Some("owner".to_owned());
    page.origin = Some("http://evil.example");
    assert_eq!(post(&page, export, json!({})).await.0, 403);
    let (status, refused) = post(
        &page,
        "v1/~:exportDocuments",
        json!({ "outputUriPrefix": uri }),
    )
    .await;
    assert_eq!(status, 403, "{refused}");
    let text = refused["error"]["message"].as_str().unwrap();
    assert!(
        text.contains("`firekeep export --database '(default)'`"),
        "{text}"
    );
    let safe = Server::safe();
    assert_eq!(post(&safe, export, json!({})).await.0, 404);
    std::fs::remove_dir_all(&folder).unwrap();
}
