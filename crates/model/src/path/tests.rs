//! Rows: which ids and paths there are, and how they sort.

use super::*;

fn check_id(id: &str, expected: Result<(), &str>) {
    let document = DocumentId::parse(id).map(|id| id.to_string());
    match expected {
        Ok(()) => assert_eq!(document, Ok(id.to_owned())),
        Err(text) => assert_eq!(
            document.map_err(|error| error.to_string()),
            Err(text.into())
        ),
    }
}

#[test]
fn document_ids() {
    for id in [
        "a", "é", " ", "__", "___", "____", "x__foo__", "__foo__x", "...", "a\0b", "\0",
    ] {
        check_id(id, Ok(()));
        assert!(CollectionId::parse(id).is_ok(), "{id:?}");
    }
    check_id("", Err("an id in the path is empty"));
    check_id(".", Err("`.` cannot be an id"));
    check_id("..", Err("`..` cannot be an id"));
    check_id("a/b", Err("an id cannot hold a `/`"));
    // As the official emulator and production: `____` is an id, `_____` is not.
    check_id("_____", Err("the id `_____` is reserved"));
    check_id("__foo__", Err("the id `__foo__` is reserved"));
    check_id(&"é".repeat(750), Ok(()));
    check_id(
        &"é".repeat(751),
        Err("an id in the path is longer than 1500 bytes"),
    );
}

#[test]
fn numeric_ids_are_for_documents_and_have_one_spelling() {
    for (id, number) in [
        ("__id0__", 0),
        ("__id7__", 7),
        ("__id-70__", -70),
        ("__id-9223372036854775808__", i64::MIN),
        ("__id9223372036854775807__", i64::MAX),
    ] {
        check_id(id, Ok(()));
        assert_eq!(numeric_id(id), Some(number));
        assert_eq!(CollectionId::parse(id), Err(PathError::Reserved(id.into())));
    }
    for id in [
        "__id07__",
        "__id+7__",
        "__id-0__",
        "__id__",
        "__id-__",
        "__idx__",
        "__id7x__",
        "__id9223372036854775808__",
    ] {
        check_id(id, Err(&format!("the id `{id}` is reserved")));
        assert_eq!(numeric_id(id), None);
    }
    assert_eq!(numeric_id("__id7_"), None);
}

fn check_path(path: &str, expected: Result<(), PathError>) {
    assert_eq!(DocumentPath::parse(path).map(drop), expected, "{path:?}");
}

#[test]
fn document_paths() {
    check_path("rooms/r1", Ok(()));
    check_path("rooms/r1/messages/__id7__", Ok(()));
    check_path("", Err(PathError::EmptyId));
    check_path("rooms", Err(PathError::NamesACollection));
    check_path("rooms/", Err(PathError::EmptyId));
    check_path("/rooms", Err(PathError::EmptyId));
    check_path("rooms//a/b", Err(PathError::EmptyId));
    check_path("rooms/r1/x", Err(PathError::NamesACollection));
    check_path("__id7__/r1", Err(PathError::Reserved("__id7__".into())));
    check_path(&["c/d"; 100].join("/"), Ok(()));
    check_path(&["c/d"; 101].join("/"), Err(PathError::TooDeep));
    let long = |last: usize| {
        format!(
            "{}/{}",
            ["x"; 5].map(|x| x.repeat(1_200)).join("/"),
            "y".repeat(last)
        )
    };
    check_path(&long(6_144 - 6_005), Ok(()));
    check_path(&long(6_145 - 6_005), Err(PathError::TooLong));
}

#[test]
fn parents_and_children() {
    let room = DocumentPath::parse("rooms/r1").unwrap();
    let message = DocumentPath::parse("rooms/r1/messages/m42").unwrap();
    let messages = CollectionPath::parse("rooms/r1/messages").unwrap();
    assert_eq!((message.id(), message.collection_id()), ("m42", "messages"));
    assert_eq!((room.id(), room.collection_id()), ("r1", "rooms"));
    assert_eq!(message.parent(), messages);
    assert_eq!(messages.parent(), Some(room.clone()));
    assert_eq!(messages.id(), "messages");
    assert_eq!(room.parent().parent(), None);
    assert_eq!(
        room.collection(&CollectionId::parse("messages").unwrap()),
        Ok(messages.clone())
    );
    assert_eq!(
        messages.document(&DocumentId::parse("m42").unwrap()),
        Ok(message.clone())
    );
    assert_eq!(
        CollectionPath::below(None, &CollectionId::parse("rooms").unwrap()),
        Ok(room.parent())
    );
    assert!(
        messages.contains(&message)
            && !messages.contains(&room)
            && !room.parent().contains(&message)
    );
    assert!(message.is_below(&room) && !room.is_below(&room) && !room.is_below(&message));
    assert!(
        !DocumentPath::parse("rooms/r12/a/b")
            .unwrap()
            .is_below(&room)
    );
    assert_eq!(
        CollectionPath::parse("rooms/r1"),
        Err(PathError::NamesADocument)
    );
    let deepest = DocumentPath::parse(&["c/d"; 100].join("/")).unwrap();
    assert_eq!(
        deepest.collection(&CollectionId::parse("c").unwrap()),
        Err(PathError::TooDeep)
    );
}

#[test]
fn paths_sort_segment_by_segment_and_numbers_first() {
    let sorted = [
        "a/__id-9223372036854775808__",
        "a/__id-7__",
        "a/__id7__",
        "a/__id7__/x/y",
        "a/__id10__",
        "a/\0",
        "a/!",
        "a/Z",
        "a/__",
        "a/b",
        "a/b/c/d",
        "a/b\0",
        "a/b!",
        "a/\u{FFFF}",
        "a/😀",
        "a\0/__id-9223372036854775808__",
        "a!/b",
        "aa/b",
    ]
    .map(|path| DocumentPath::parse(path).unwrap());
    for (i, a) in sorted.iter().enumerate() {
        for (j, b) in sorted.iter().enumerate() {
            assert_eq!(a.cmp(b), i.cmp(&j), "{a:?} {b:?}");
        }
    }
}
