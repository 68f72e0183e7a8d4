//! Queries, aggregations, partitions and lists.

use serde_json::{Value, json};

use crate::harness::{Server, document, refused, set};

/// A server with these documents: `n` of the first, second and so on is 1, 2 and so on.
async fn server(names: &[&str]) -> Server {
    let server = Server::new();
    let writes: Vec<_> = (1..).zip(names).map(|(n, name)| set(name, n)).collect();
    let committed = server
        .call("Commit", &json!({ "database": "~", "writes": writes }))
        .await;
    assert_eq!(committed["commitTime"], "*", "{committed}");
    server
}

fn query(rest: Value) -> Value {
    let mut query = json!({ "from": [{ "collectionId": "c" }] });
    if let (Value::Object(query), Value::Object(rest)) = (&mut query, rest) {
        query.extend(rest);
    }
    json!({ "parent": "~/documents", "structuredQuery": query })
}

fn found(name: &str, n: i64) -> Value {
    json!({ "document": document(name, n), "readTime": "*" })
}

#[tokio::test]
async fn documents_of_a_query() {
    let server = server(&["c/a", "c/b", "c/c", "c/a/c/x"]).await;
    let skipped = |mut message: Value, skipped: i64| {
        message["skippedResults"] = skipped.into();
        message
    };
    let descending = json!([{ "field": { "fieldPath": "n" }, "direction": "DESCENDING" }]);
    let mut group = query(json!({}));
    group["structuredQuery"]["from"][0]["allDescendants"] = true.into();
    server
        .check([
            (
                "RunQuery",
                query(json!({})),
                json!([found("c/a", 1), found("c/b", 2), found("c/c", 3)]),
            ),
            (
                "RunQuery",
                query(json!({ "orderBy": descending, "limit": 1, "offset": 1 })),
                json!([skipped(found("c/b", 2), 1)]),
            ),
            (
                "RunQuery",
                query(json!({ "limit": 0 })),
                json!([{ "readTime": "*" }]),
            ),
            (
                "RunQuery",
                query(json!({ "offset": 5 })),
                json!([{ "readTime": "*", "skippedResults": 3 }]),
            ),
            (
                "RunQuery",
                group,
                json!([found("c/a", 1), found("c/a/c/x", 4), found("c/b", 2), found("c/c", 3)]),
            ),
            (
                "RunQuery",
                json!({ "parent": "~/documents/c/a", "structuredQuery": { "from": [{ "collectionId": "c" }],
                    "select": { "fields": [{ "fieldPath": "__name__" }] } } }),
                json!([{ "document": { "name": "~/documents/c/a/c/x", "createTime": "*", "updateTime": "*" },
                    "readTime": "*" }]),
            ),
            (
                "RunQuery",
                json!({ "parent": "~/documents" }),
                refused("INVALID_ARGUMENT", "`structured_query` is missing"),
            ),
            (
                "RunQuery",
                query(json!({ "orderBy": [{ "field": { "fieldPath": "n" } }, { "field": { "fieldPath": "n" } }] })),
                refused("INVALID_ARGUMENT", "order by clause cannot contain duplicate fields n"),
            ),
        ])
        .await;
}

#[tokio::test]
async fn explained_queries() {
    let server = server(&["c/a", "c/b"]).await;
    let explain = |analyze: bool| {
        let mut request = query(
            json!({ "where": { "fieldFilter": { "field": { "fieldPath": "n" },
            "op": "GREATER_THAN", "value": { "integerValue": 1 } } } }),
        );
        request["explainOptions"] = json!({ "analyze": analyze });
        request
    };
    let plan = json!({ "indexesUsed": [
        { "query_scope": "Collection", "properties": "(n ASC, __name__ ASC)" }] });
    let planned = server.call("RunQuery", &explain(false)).await;
    assert_eq!(
        planned,
        json!([{ "explainMetrics": { "planSummary": plan } }])
    );
    let analyzed = server.call("RunQuery", &explain(true)).await;
    assert_eq!(analyzed[0], found("c/b", 2));
    let metrics = &analyzed[1]["explainMetrics"];
    assert_eq!(metrics["planSummary"], plan);
    assert_eq!(metrics["executionStats"]["resultsReturned"], "1");
    assert_eq!(analyzed[2], Value::Null);
}

#[tokio::test]
async fn long_answers_come_page_by_page() {
    let names: Vec<_> = (0..1_000).map(|n| format!("c/{n:04}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let server = server(&names).await;
    let all = server.call("RunQuery", &query(json!({}))).await;
    let all: Vec<_> = all.as_array().unwrap().iter().collect();
    assert_eq!(all.len(), 1_000);
    assert_eq!(*all[999], found("c/0999", 1_000));
}

#[tokio::test]
async fn numbers_of_a_query() {
    let server = server(&["c/a", "c/b", "c/c"]).await;
    let request =
        |rest: Value| json!({ "parent": "~/documents", "structuredAggregationQuery": rest });
    let n = json!({ "fieldPath": "n" });
    let inner = json!({ "from": [{ "collectionId": "c" }] });
    let counted = request(json!({ "structuredQuery": inner, "aggregations": [
        { "alias": "all", "count": {} }, { "sum": { "field": n } }, { "avg": { "field": n } }] }));
    let mut planned = counted.clone();
    planned["explainOptions"] = json!({});
    server
        .check([
            (
                "RunAggregationQuery",
                counted,
                json!([{ "readTime": "*", "result": { "aggregateFields": { "all": { "integerValue": "3" },
                    "field_1": { "integerValue": "6" }, "field_2": { "doubleValue": 2.0 } } } }]),
            ),
            (
                "RunAggregationQuery",
                request(json!({ "structuredQuery": inner })),
                refused("INVALID_ARGUMENT", "Aggregations can not be empty."),
            ),
            (
                "RunAggregationQuery",
                json!({ "parent": "~/documents" }),
                refused("INVALID_ARGUMENT", "`structured_aggregation_query` is missing"),
            ),
        ])
        .await;
    let planned = server.call("RunAggregationQuery", &planned).await;
    assert!(
        planned[0]["explainMetrics"]["planSummary"].is_object(),
        "{planned}"
    );
    assert_eq!(planned[0]["result"], Value::Null);
}

#[tokio::test]
async fn partitions_of_a_group() {
    let names: Vec<_> = (0..400).map(|n| format!("c/{n:04}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let server = server(&names).await;
    let request = |count: i64| {
        json!({ "parent": "~/documents", "partitionCount": count, "structuredQuery": {
            "from": [{ "collectionId": "c", "allDescendants": true }],
            "orderBy": [{ "field": { "fieldPath": "__name__" } }] } })
    };
    let found = server.call("PartitionQuery", &request(3)).await;
    for cursor in found["partitions"].as_array().into_iter().flatten() {
        assert_eq!(cursor["before"], true, "{found}");
        assert!(cursor["values"][0]["referenceValue"].is_string(), "{found}");
    }
    let positive = refused("INVALID_ARGUMENT", "`partition_count` must be positive");
    server
        .check([
            ("PartitionQuery", request(0), positive.clone()),
            ("PartitionQuery", request(-1), positive),
        ])
        .await;
    let mut plain = query(json!({}));
    plain["partitionCount"] = 1.into();
    let plain = server.call("PartitionQuery", &plain).await;
    assert_eq!(plain["code"], "INVALID_ARGUMENT");
}

#[tokio::test]
async fn lists() {
    let server = server(&["c/a", "c/b", "c/m/d/x", "e/a"]).await;
    let list = |rest: Value| {
        let mut request = json!({ "parent": "~/documents", "collectionId": "c" });
        if let (Value::Object(request), Value::Object(rest)) = (&mut request, rest) {
            request.extend(rest);
        }
        request
    };
    let (a, b) = (document("c/a", 1), document("c/b", 2));
    server
        .check([
            (
                "ListDocuments",
                list(json!({})),
                json!({ "documents": [a, b] }),
            ),
            (
                "ListDocuments",
                list(json!({ "orderBy": "n desc" })),
                json!({ "documents": [b, a] }),
            ),
            (
                "ListDocuments",
                list(json!({ "pageSize": 1 })),
                json!({ "documents": [a], "nextPageToken": "*" }),
            ),
            (
                "ListDocuments",
                list(json!({ "showMissing": true, "mask": {} })),
                json!({ "documents": [
                    { "name": "~/documents/c/a", "createTime": "*", "updateTime": "*" },
                    { "name": "~/documents/c/b", "createTime": "*", "updateTime": "*" },
                    { "name": "~/documents/c/m" }] }),
            ),
            (
                "ListDocuments",
                list(json!({ "pageSize": -1 })),
                refused("INVALID_ARGUMENT", "`page_size` is negative"),
            ),
            (
                "ListDocuments",
                list(json!({ "orderBy": "n up" })),
                refused(
                    "INVALID_ARGUMENT",
                    "`order_by` is not a list of field paths, each with `asc` or `desc` or neither",
                ),
            ),
            (
                "ListCollectionIds",
                json!({ "parent": "~/documents" }),
                json!({ "collectionIds": ["c", "e"] }),
            ),
            (
                "ListCollectionIds",
                json!({ "parent": "~/documents", "pageSize": 1 }),
                json!({ "collectionIds": ["c"], "nextPageToken": "*" }),
            ),
            (
                "ListCollectionIds",
                json!({ "parent": "~/documents/c/m" }),
                json!({ "collectionIds": ["d"] }),
            ),
            (
                "ListCollectionIds",
                json!({ "parent": "~" }),
                refused("INVALID_ARGUMENT", "the resource name lacks `documents`"),
            ),
        ])
        .await;
}
