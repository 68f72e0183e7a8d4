//! Rows: a method and a raw path, and where they lead.

use super::*;

const DATABASE: &str = "projects/p/databases/(default)";

fn found(request: &str) -> Option<Route> {
    let (method, path) = request.split_once(' ').unwrap();
    Route::find(&method.parse().unwrap(), path).unwrap()
}

#[track_caller]
fn check(request: &str, operation: Operation, name: &str, collection_id: &str) {
    let expected = Route::Documents {
        operation,
        name: format!("{DATABASE}{name}"),
        collection_id: collection_id.to_owned(),
    };
    assert_eq!(found(request), Some(expected), "{request}");
}

/// As [`check`]; the path and the name are those below the documents of the database.
#[track_caller]
fn check_below(request: &str, operation: Operation, name: &str, collection: &str) {
    let (method, path) = request.split_once(' ').unwrap();
    let request = format!("{method} v1/{DATABASE}/documents/{path}");
    let name = format!("/documents{name}");
    check(&request, operation, &name, collection);
}

#[test]
fn documents_and_collections_differ_in_the_number_of_segments() {
    use Operation as Is;
    for (request, operation, name, collection) in [
        ("GET c/d", Is::GetDocument, "/c/d", ""),
        ("HEAD c/d", Is::GetDocument, "/c/d", ""),
        ("GET c/d/e/f", Is::GetDocument, "/c/d/e/f", ""),
        ("GET c", Is::ListDocuments, "", "c"),
        ("GET c/d/e", Is::ListDocuments, "/c/d", "e"),
        ("POST c", Is::CreateDocument, "", "c"),
        ("POST c/d/e", Is::CreateDocument, "/c/d", "e"),
        ("PATCH c/d", Is::UpdateDocument, "/c/d", ""),
        ("DELETE c/d", Is::DeleteDocument, "/c/d", ""),
        // What no document is, whoever reads the name refuses.
        ("DELETE c", Is::DeleteDocument, "/c", ""),
        ("GET c//", Is::ListDocuments, "/c/", ""),
    ] {
        check_below(request, operation, name, collection);
    }
}

#[test]
fn known_verbs_are_verbs() {
    use Operation as Is;
    for (request, operation, name) in [
        (":batchGet", Is::BatchGetDocuments, ""),
        (":batchWrite", Is::BatchWrite, ""),
        (":beginTransaction", Is::BeginTransaction, ""),
        (":commit", Is::Commit, ""),
        (":executePipeline", Is::ExecutePipeline, ""),
        (":listen", Is::Listen, ""),
        (":rollback", Is::Rollback, ""),
        (":write", Is::Write, ""),
        (":listCollectionIds", Is::ListCollectionIds, "/documents"),
        (":partitionQuery", Is::PartitionQuery, "/documents"),
        (
            ":runAggregationQuery",
            Is::RunAggregationQuery,
            "/documents",
        ),
        (":runQuery", Is::RunQuery, "/documents"),
        ("/c/d:runQuery", Is::RunQuery, "/documents/c/d"),
        ("/c/d:x:runQuery", Is::RunQuery, "/documents/c/d:x"),
        ("/c/d%3Ax:runQuery", Is::RunQuery, "/documents/c/d:x"),
        // A collection has no queries of its own; whoever reads the name says so.
        ("/c:runQuery", Is::RunQuery, "/documents/c"),
    ] {
        check(
            &format!("POST v1/{DATABASE}/documents{request}"),
            operation,
            name,
            "",
        );
    }
}

#[test]
fn other_colons_are_the_ids() {
    use Operation as Is;
    for (request, operation, name, collection) in [
        ("GET c/d:runQuery", Is::GetDocument, "/c/d:runQuery", ""),
        ("PATCH c/a:b:c", Is::UpdateDocument, "/c/a:b:c", ""),
        ("DELETE c/a%3Ab", Is::DeleteDocument, "/c/a:b", ""),
        ("POST c:fly", Is::CreateDocument, "", "c:fly"),
        ("POST c%3ArunQuery", Is::CreateDocument, "", "c:runQuery"),
        // A verb of the database alone.
        ("POST c:commit", Is::CreateDocument, "", "c:commit"),
    ] {
        check_below(request, operation, name, collection);
    }
}

#[test]
fn segments_are_decoded_once_they_are_split() {
    let database = "v1/projects/p/databases/%28default%29/documents";
    for (path, name) in [
        ("c/d%20e%25", "/documents/c/d e%"),
        ("c/%E2%82%AC", "/documents/c/€"),
        ("c/a+b", "/documents/c/a+b"),
        ("c/%252F", "/documents/c/%2F"),
        ("c/%00", "/documents/c/\0"),
    ] {
        check(
            &format!("GET {database}/{path}"),
            Operation::GetDocument,
            name,
            "",
        );
    }
    let slash = Route::find(&Method::GET, &format!("{database}/c/a%2Fb"));
    assert_eq!(slash.unwrap_err().code, crate::Code::InvalidArgument);
}

#[test]
fn administration_has_its_paths() {
    use AdminOperation as Is;
    let group = "/(default)/collectionGroups/c";
    let index = &format!("{group}/indexes/CI");
    let field = &format!("{group}/fields/`a.b`");
    let operation = "/(default)/operations/o";
    for (request, expected, name) in [
        ("GET ", Is::ListDatabases, None),
        ("POST ", Is::CreateDatabase, None),
        ("GET /(default)", Is::GetDatabase, Some("/(default)")),
        ("PATCH /(default)", Is::UpdateDatabase, Some("/(default)")),
        ("DELETE /other", Is::DeleteDatabase, Some("/other")),
        (
            "POST /other:exportDocuments",
            Is::ExportDocuments,
            Some("/other"),
        ),
        (
            "POST /other:importDocuments",
            Is::ImportDocuments,
            Some("/other"),
        ),
        (
            "POST /(default):bulkDeleteDocuments",
            Is::BulkDeleteDocuments,
            Some("/(default)"),
        ),
        (
            "GET /(default)/collectionGroups/c/indexes",
            Is::ListIndexes,
            Some(group),
        ),
        (
            "GET /(default)/collectionGroups/-/indexes",
            Is::ListIndexes,
            Some("/(default)/collectionGroups/-"),
        ),
        (
            "POST /(default)/collectionGroups/c/indexes",
            Is::CreateIndex,
            Some(group),
        ),
        (
            "GET /(default)/collectionGroups/c/indexes/CI",
            Is::GetIndex,
            Some(index),
        ),
        (
            "DELETE /(default)/collectionGroups/c/indexes/CI",
            Is::DeleteIndex,
            Some(index),
        ),
        (
            "GET /(default)/collectionGroups/c/fields",
            Is::ListFields,
            Some(group),
        ),
        (
            "GET /(default)/collectionGroups/c/fields/%60a.b%60",
            Is::GetField,
            Some(field),
        ),
        (
            "PATCH /(default)/collectionGroups/c/fields/%60a.b%60",
            Is::UpdateField,
            Some(field),
        ),
        (
            "GET /(default)/operations",
            Is::ListOperations,
            Some("/(default)"),
        ),
        (
            "GET /(default)/operations/o",
            Is::GetOperation,
            Some(operation),
        ),
        (
            "DELETE /(default)/operations/o",
            Is::DeleteOperation,
            Some(operation),
        ),
        (
            "POST /(default)/operations/o:cancel",
            Is::CancelOperation,
            Some(operation),
        ),
    ] {
        let (method, path) = request.split_once(' ').unwrap();
        let name = match name {
            Some(name) => format!("projects/p/databases{name}"),
            None => "projects/p".to_owned(),
        };
        let expected = Route::Admin {
            operation: expected,
            name,
        };
        let request = format!("{method} v1/projects/p/databases{path}");
        assert_eq!(found(&request), Some(expected), "{request}");
    }
}

#[test]
fn the_emulators_paths_have_their_methods() {
    let database = DATABASE.to_owned();
    assert_eq!(
        found("DELETE emulator/v1/projects/p/databases/%28default%29/documents"),
        Some(Route::Clear { database })
    );
    for (request, name) in [
        (
            "PUT emulator/v1/projects/p:securityRules",
            "emulator/v1/projects:securityRules",
        ),
        (
            "GET emulator/v1/projects/p:ruleCoverage.html",
            "emulator/v1/projects:ruleCoverage.html",
        ),
    ] {
        let expected = Route::EmulatorOnly(name.to_owned());
        assert_eq!(found(request), Some(expected), "{request}");
    }
}

#[test]
fn exports_and_imports_name_their_project() {
    for (request, way) in [
        ("POST emulator/v1/projects/p:export", Way::Export),
        ("POST emulator/v1/projects/p:import", Way::Import),
    ] {
        let project = "p".to_owned();
        assert_eq!(found(request), Some(Route::Files { way, project }));
    }
    assert_eq!(found("PUT emulator/v1/projects/p:export"), None);
}

#[test]
fn nothing_else_leads_anywhere() {
    for request in [
        "GET ",
        "GET v1",
        "GET v1/projects",
        "GET v1/projects/p",
        "GET v2/projects/p/databases/d/documents/c/d",
        "GET v1/projects/p/databases/d/documents",
        "POST v1/projects/p/databases/d/documents",
        "POST v1/projects/p/databases/d/documents:fly",
        "GET v1/projects/p/databases/d/documents:batchGet",
        "PUT v1/projects/p/databases/d/documents/c/d",
        "POST v1/projects/p/databases/d",
        "GET v1/projects/p/databases/d/backupSchedules",
        "PATCH v1/projects/p/databases/d/collectionGroups/c/indexes/i",
        "GET emulator/v1/projects/p/databases/d/documents",
        "POST emulator/v1/projects/p:securityRules",
        "DELETE emulator/v1/projects/p/databases/d/documents/c",
    ] {
        assert_eq!(found(request), None, "{request}");
    }
}

#[test]
fn every_path_that_leads_somewhere_is_ours() {
    for path in [
        "v1/projects/p/databases",
        "v1/projects/p/databases/(default)",
        "v1/projects/p/databases/(default)/documents:commit",
        "emulator/v1/projects/p/databases/(default)/documents",
        "emulator/v1/projects/p:securityRules",
    ] {
        assert!(is_ours(path), "{path}");
    }
    for path in [
        "",
        "v1/projects",
        "v1/projects/p/accounts:lookup",
        "v1/projects/databases",
        "v1/projects/p:queryAccounts",
        "emulator/v1/projects/p/accounts",
        "emulator/v1/projects/p:fly",
    ] {
        assert!(!is_ours(path), "{path}");
    }
}
