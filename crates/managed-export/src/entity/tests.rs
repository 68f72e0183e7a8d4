use super::*;
use crate::wire::Message;

/// An entity of `c/d` with these properties.
fn entity(fill: impl FnOnce(&mut Message)) -> Vec<u8> {
    let mut entity = Message::default();
    key(&mut entity, "s~demo", |path| element(path, "c", "d"));
    fill(&mut entity);
    entity.0
}

fn key(entity: &mut Message, app: &str, path: impl FnOnce(&mut Message)) {
    entity.message(13, |key| {
        key.bytes(13, app.as_bytes());
        key.message(14, path);
    });
}

fn element(path: &mut Message, collection: &str, document: &str) {
    path.group(1, |element| {
        element.bytes(2, collection.as_bytes());
        element.bytes(4, document.as_bytes());
    });
}

struct Made {
    list: u64,
    meaning: u64,
    multiple: bool,
}

const RAW: Made = Made {
    list: 15,
    meaning: 0,
    multiple: false,
};

const ELEMENT: Made = Made {
    multiple: true,
    ..RAW
};

const fn meaning(meaning: u64) -> Made {
    Made { meaning, ..RAW }
}

impl Made {
    fn put(&self, entity: &mut Message, name: &str, fill: impl FnOnce(&mut Message)) {
        entity.message(self.list, |property| {
            property.number(1, self.meaning);
            property.bytes(3, name.as_bytes());
            property.number(4, u64::from(self.multiple));
            property.message(5, fill);
        });
    }
}

fn show(entity: &[u8]) -> String {
    match decode_entity(entity) {
        Ok(entity) => format!("{:?}", entity.fields),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn check(made: &Made, fill: impl FnOnce(&mut Message), expected: &str) {
    assert_eq!(
        show(&entity(|entity| made.put(entity, "f", fill))),
        expected
    );
}

#[test]
fn a_value_is_what_its_type_and_meaning_say() {
    check(&RAW, |_| {}, r#"{"f": Null}"#);
    check(&RAW, |value| value.number(1, 7), r#"{"f": Integer(7)}"#);
    check(
        &meaning(7),
        |value| value.number(1, 7),
        r#"{"f": Timestamp(Timestamp(7))}"#,
    );
    check(&RAW, |value| value.bytes(3, b"x"), r#"{"f": String("x")}"#);
    check(
        &meaning(15),
        |value| value.bytes(3, b"x"),
        r#"{"f": String("x")}"#,
    );
    check(
        &meaning(14),
        |value| value.bytes(3, b"x"),
        r#"{"f": Bytes([120])}"#,
    );
    check(
        &meaning(16),
        |value| value.bytes(3, b"x"),
        r#"{"f": Bytes([120])}"#,
    );
    check(&meaning(24), |_| {}, r#"{"f": Array([])}"#);
    check(&ELEMENT, |_| {}, r#"{"f": Array([Null])}"#);
}

#[test]
fn what_nobody_explains_is_refused() {
    let refused =
        |words: &str| format!("the field `f`: {words} is not known as a value of Firestore");
    let integer = |value: &mut Message| value.number(1, 7);
    check(
        &meaning(13),
        integer,
        &refused("an integer with the meaning 13"),
    );
    check(
        &meaning(18),
        integer,
        &refused("an integer with the meaning 18"),
    );
    let text = |value: &mut Message| value.bytes(3, b"x");
    check(&meaning(17), text, &refused("a string with the meaning 17"));
    check(&meaning(7), |_| {}, &refused("no value with the meaning 7"));
    check(
        &meaning(7),
        |value| value.number(2, 1),
        &refused("a boolean with the meaning 7"),
    );
    check(
        &meaning(7),
        |value| value.double(4, 1.0),
        &refused("a double with the meaning 7"),
    );
    let point = |value: &mut Message| value.group(5, |_| {});
    check(&RAW, point, &refused("a point with the meaning 0"));
    check(
        &RAW,
        |value| value.group(8, |_| {}),
        &refused("a user with the meaning 0"),
    );
    check(
        &meaning(1),
        |value| value.group(12, |_| {}),
        &refused("a reference with the meaning 1"),
    );
}

#[test]
fn values_that_no_document_holds_are_refused() {
    let field = |words: &str| format!("the field `f`: {words}");
    check(
        &RAW,
        |value| value.bytes(3, &[0xFF]),
        &field("the string is no UTF-8"),
    );
    check(
        &RAW,
        |value| value.double(1, 1.0),
        &field("its value has another type"),
    );
    check(
        &RAW,
        |value| value.number(6, 1),
        &field("its value has an unknown type"),
    );
    let two = |value: &mut Message| {
        value.number(1, 1);
        value.number(2, 1);
    };
    check(&RAW, two, &field("it has several values"));
    let half = |value: &mut Message| value.group(5, |point| point.double(6, 1.0));
    check(&meaning(9), half, &field("half of the point is missing"));
    let far = |value: &mut Message| {
        value.group(5, |point| {
            point.double(6, 91.0);
            point.double(7, 0.0);
        });
    };
    check(
        &meaning(9),
        far,
        &field("the latitude `91` is not within -90 and 90"),
    );
    let late = |value: &mut Message| value.number(1, u64::MAX / 2);
    assert!(
        show(&entity(|entity| meaning(7).put(entity, "f", late))).contains("a timestamp is from")
    );
    let inner = |fill: fn(&mut Message)| {
        move |value: &mut Message| value.message(3, |map| RAW.put(map, "g", fill))
    };
    check(
        &meaning(19),
        inner(|value| value.bytes(3, &[0xFF])),
        "the field `f > g`: the string is no UTF-8",
    );
    let lost = |value: &mut Message| value.group(12, |key| key.bytes(13, b"demo"));
    check(
        &RAW,
        lost,
        &field("the reference: its key names no document: an id in the path is empty"),
    );
}

#[test]
fn elements_of_an_array_are_of_one_kind() {
    let both = |first: Made, second: Made| {
        show(&entity(|entity| {
            first.put(entity, "f", |value| value.double(4, 1.0));
            RAW.put(entity, "g", |_| {});
            second.put(entity, "f", |value| value.double(4, 2.0));
        }))
    };
    let vector = || Made {
        meaning: MEANING_VECTOR,
        ..ELEMENT
    };
    let indexed = Made {
        list: 14,
        ..ELEMENT
    };
    assert_eq!(
        both(ELEMENT, ELEMENT),
        r#"{"f": Array([Double(1.0), Double(2.0)]), "g": Null}"#
    );
    assert_eq!(
        both(vector(), vector()),
        r#"{"f": Vector([1.0, 2.0]), "g": Null}"#
    );
    assert_eq!(both(RAW, RAW), "the field `f`: it is there twice");
    assert_eq!(both(ELEMENT, RAW), "the field `f`: it is there twice");
    assert_eq!(both(RAW, ELEMENT), "the field `f`: it is of two kinds");
    assert_eq!(both(vector(), ELEMENT), "the field `f`: it is of two kinds");
    assert_eq!(both(ELEMENT, vector()), "the field `f`: it is of two kinds");
    assert!(both(indexed, ELEMENT).contains("nobody knows their order"));
}

#[test]
fn keys_name_documents_or_say_why_not() {
    let check = |app: &str, path: &dyn Fn(&mut Message), expected: &str| {
        let mut entity = Message::default();
        key(&mut entity, app, path);
        let found = match decode_entity(&entity.0) {
            Ok(entity) => entity.name.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected);
    };
    let cd = |path: &mut Message| element(path, "c", "d");
    let demo = "projects/demo/databases/(default)/documents";
    for app in ["demo", "s~demo", "dev~demo", "e~demo"] {
        check(app, &cd, &format!("{demo}/c/d"));
    }
    let numeric = |path: &mut Message| {
        path.group(1, |element| {
            element.bytes(2, b"c");
            element.number(3, 5);
        });
    };
    check("demo", &numeric, &format!("{demo}/c/__id5__"));
    check(
        "demo",
        &|_| {},
        "its key names no document: an id in the path is empty",
    );
    let half = |path: &mut Message| path.group(1, |element| element.bytes(2, b"c"));
    check("demo", &half, "it is no entity: its key lacks an id");
    let slash = |path: &mut Message| element(path, "c/d/e", "f");
    check(
        "demo",
        &slash,
        "its key names no document: an id cannot hold a `/`",
    );
    check("s~", &cd, &show_project());
    assert_eq!(show(b""), "it is no entity: it has no key");
    assert_eq!(show(b"\x6A"), "it is no entity: its bytes are no message");
}

fn show_project() -> String {
    let error = ProjectId::parse("").unwrap_err();
    format!("its key has no valid project: {error}")
}

#[test]
fn namespaces_are_refused_and_databases_kept() {
    let with = |field: u64, text: &str| {
        let mut entity = Message::default();
        entity.message(13, |key| {
            key.bytes(13, b"demo");
            key.message(14, |path| element(path, "c", "d"));
            key.bytes(field, text.as_bytes());
        });
        decode_entity(&entity.0).map(|entity| entity.name.to_string())
    };
    assert_eq!(
        with(20, "n").unwrap_err(),
        EntityError::Namespace("n".to_owned())
    );
    assert_eq!(
        with(23, "main").unwrap(),
        "projects/demo/databases/main/documents/c/d"
    );
    assert!(matches!(with(23, "X"), Err(EntityError::Database(_))));
}

#[test]
fn depth_is_bounded() {
    let nested = |levels: usize| {
        let mut map = Message::default();
        RAW.put(&mut map, "f", |_| {});
        for _ in 0..levels {
            let mut outer = Message::default();
            meaning(MEANING_ENTITY).put(&mut outer, "f", |value| value.bytes(3, &map.0));
            map = outer;
        }
        entity(|entity| entity.0.extend_from_slice(&map.0))
    };
    assert!(decode_entity(&nested(20)).is_ok());
    let text = decode_entity(&nested(21)).unwrap_err().to_string();
    assert!(text.ends_with("nested more than 20 deep"), "{text}");
    assert!(decode_entity(&nested(2_000)).is_err());
}
