//! Rows: which database ids and resource names there are, and that names print as they were read.

use super::*;

#[test]
fn database_ids() {
    for id in ["(default)", "main", "a-b-3", "a234"] {
        assert_eq!(
            DatabaseId::parse(id).map(|id| id.to_string()),
            Ok(id.into())
        );
    }
    assert!(DatabaseId::parse(&"a".repeat(63)).is_ok());
    for id in [
        "",
        "abc",
        "3abc",
        "-abc",
        "abc-",
        "Main",
        "ma in",
        "maïn",
        "default)",
        "(main)",
        &"a".repeat(64),
    ] {
        assert_eq!(DatabaseId::parse(id), Err(DatabaseIdError), "{id}");
    }
    assert_eq!(DatabaseId::default().as_str(), "(default)");
}

/// What each kind of name makes of a text: the name printed again, or the error.
fn check(text: &str, [database, document, collection, parent]: [Result<(), &str>; 4]) {
    let expect =
        |expected: Result<(), &str>| expected.map(|()| text.to_owned()).map_err(str::to_owned);
    let kinds = [
        (
            DatabaseName::parse(text).map(|name| name.to_string()),
            database,
        ),
        (
            DocumentName::parse(text).map(|name| name.to_string()),
            document,
        ),
        (
            CollectionName::parse(text).map(|name| name.to_string()),
            collection,
        ),
        (ParentName::parse(text).map(|name| name.to_string()), parent),
    ];
    for (read, expected) in kinds {
        assert_eq!(
            read.map_err(|error| error.to_string()),
            expect(expected),
            "{text}"
        );
    }
}

const LONGER: Result<(), &str> = Err("the resource name does not end behind the database id");
const NO_DOCUMENTS: Result<(), &str> = Err("the resource name lacks `documents`");
const NO_ID: Result<(), &str> =
    Err("the resource name has no valid path: an id in the path is empty");
const A_COLLECTION: Result<(), &str> =
    Err("the resource name has no valid path: the path names a collection, not a document");
const A_DOCUMENT: Result<(), &str> =
    Err("the resource name has no valid path: the path names a document, not a collection");

#[test]
fn resource_names() {
    check(
        "projects/p/databases/(default)",
        [Ok(()), NO_DOCUMENTS, NO_DOCUMENTS, NO_DOCUMENTS],
    );
    check(
        "projects/p/databases/(default)/documents",
        [LONGER, NO_ID, NO_ID, Ok(())],
    );
    check(
        "projects/x y/databases/main/documents/a/b",
        [LONGER, Ok(()), A_DOCUMENT, Ok(())],
    );
    check(
        "projects/p/databases/main/documents/a",
        [LONGER, A_COLLECTION, Ok(()), A_COLLECTION],
    );
    check(
        "projects/p/databases/main/documents/a/b/c\0",
        [LONGER, A_COLLECTION, Ok(()), A_COLLECTION],
    );
    check(
        "projects/p/databases/main/documents/",
        [LONGER, NO_ID, NO_ID, NO_ID],
    );
    check(
        "projects/p/databases/main/document/a/b",
        [LONGER, NO_DOCUMENTS, NO_DOCUMENTS, NO_DOCUMENTS],
    );
    check(
        "projects/p/databases/main/documentsx/a/b",
        [LONGER, NO_DOCUMENTS, NO_DOCUMENTS, NO_DOCUMENTS],
    );
    check("", [Err("the resource name lacks `projects/`"); 4]);
    check("a/b", [Err("the resource name lacks `projects/`"); 4]);
    check(
        "projects/p",
        [Err("the resource name lacks `databases/`"); 4],
    );
    check(
        "projects/p/documents/a/b",
        [Err("the resource name lacks `databases/`"); 4],
    );
    let no_project = Err("the resource name has no valid project: the id is empty");
    check("projects//databases/main/documents/a/b", [no_project; 4]);
    let no_database = format!("the resource name has no valid database: {DatabaseIdError}");
    check(
        "projects/p/databases//documents/a/b",
        [Err(&no_database); 4],
    );
    check(
        "projects/p/databases/A/documents/a/b",
        [Err(&no_database); 4],
    );
}

#[test]
fn a_request_names_only_its_own_database() {
    let own = DatabaseName::parse("projects/p/databases/main").unwrap();
    let path = DocumentPath::parse("a/b").unwrap();
    let document = |text: &str| own.parse_document(text);
    let parent = |text: &str| own.parse_parent(text);
    assert_eq!(
        document("projects/p/databases/main/documents/a/b"),
        Ok(path.clone())
    );
    assert_eq!(
        parent("projects/p/databases/main/documents/a/b"),
        Ok(Some(path))
    );
    assert_eq!(parent("projects/p/databases/main/documents"), Ok(None));
    for other in [
        "projects/q/databases/main",
        "projects/p/databases/main2",
        "projects/p/databases/(default)",
    ] {
        assert_eq!(
            document(&format!("{other}/documents/a/b")),
            Err(NameError::OtherDatabase)
        );
        assert_eq!(
            parent(&format!("{other}/documents/a/b")),
            Err(NameError::OtherDatabase)
        );
        assert_eq!(
            parent(&format!("{other}/documents")),
            Err(NameError::OtherDatabase)
        );
    }
    assert_eq!(
        document("projects/p/databases/main/documents"),
        Err(PathError::EmptyId.into())
    );
    assert_eq!(
        document("projects/p/databases/main/documents/a"),
        Err(PathError::NamesACollection.into())
    );
    assert_eq!(
        document("projects/p/databases/main/documentsx"),
        Err(NameError::Lacks("documents"))
    );
    assert_eq!(document("nonsense"), Err(NameError::Lacks("projects/")));
    assert_eq!(
        parent("projects/p/databases/main/documents/a"),
        Err(PathError::NamesACollection.into())
    );
}

#[test]
fn names_sort_by_project_then_database_then_path() {
    let sorted = [
        "projects/p/databases/(default)/documents/a/__id7__",
        "projects/p/databases/(default)/documents/a/b",
        "projects/p/databases/(default)/documents/a/b/c/d",
        "projects/p/databases/(default)/documents/a!/b",
        "projects/p/databases/main/documents/a/a",
        "projects/p-/databases/(default)/documents/a/b",
    ]
    .map(|name| DocumentName::parse(name).unwrap());
    assert!(sorted.is_sorted());
}
