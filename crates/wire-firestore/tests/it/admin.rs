//! The administration service over REST: databases, indexes, fields.

use std::time::Duration;

use serde_json::{Value, json};

use crate::rest::{Server, error};

fn database(id: &str) -> Value {
    json!({ "name": format!("projects/demo/databases/{id}"), "uid": "*", "createTime": "*", "updateTime": "*",
        "locationId": "nam5", "type": "FIRESTORE_NATIVE", "concurrencyMode": "OPTIMISTIC",
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
    let operation = format!("GET v1/{}", created["name"].as_str().unwrap());
    for _ in 0..500 {
        let (status, _, body) = server.ask(&operation, "").await;
        assert_eq!(status, 200, "{body}");
        let found: Value = serde_json::from_str(&body).unwrap();
        if found["done"] == true {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
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
    let refused = server
        .ask(&format!("PATCH v1/{FIELD}?updateMask=ttlConfig"), &expiry)
        .await;
    assert_eq!(refused.0, 501, "{}", refused.2);
}
