use firekeep_model::Value;

use super::*;
use crate::order::{compare, has_all};
use crate::query::fixture::{World, array, cursor, document, nine, orders, query, reference, run};

#[track_caller]
fn check(order: &[&str], start_at: Option<Cursor>, end_at: Option<Cursor>, expected: &str) {
    let query = Query {
        order_by: orders(order),
        start_at,
        end_at,
        ..query("nine")
    };
    assert_eq!(run(&query, &nine()), expected, "{query:?}");
}

/// As the official emulator answers.
#[test]
fn one_value() {
    let v = &["v"];
    check(v, cursor(true, [5.into()]), None, "b c d e f g");
    check(v, cursor(false, [5.into()]), None, "c d e f g");
    check(v, None, cursor(true, [7.into()]), "i a b");
    check(v, None, cursor(false, [7.into()]), "i a b c");
    check(v, cursor(true, ["7".into()]), None, "d e f g");
    check(v, cursor(true, [Value::Null]), None, "i a b c d e f g");
    check(v, cursor(true, [f64::NAN.into()]), None, "a b c d e f g");
    check(v, cursor(true, [array([7])]), None, "e f g");
    check(&["-v"], cursor(true, [7.into()]), None, "c b a i");
    check(&["-v"], cursor(false, [7.into()]), None, "b a i");
    check(v, cursor(true, [7.into()]), cursor(true, [5.into()]), "");
    check(
        v,
        cursor(true, [5.into()]),
        cursor(false, ["7".into()]),
        "b c d",
    );
}

#[test]
fn no_value_is_before_or_behind_everything() {
    check(&[], cursor(false, []), None, "");
    check(&[], cursor(true, []), None, "a b c d e f g h i");
    check(&[], None, cursor(false, []), "a b c d e f g h i");
    check(&[], None, cursor(true, []), "");
}

#[test]
fn names() {
    let name = &["__name__"];
    check(
        name,
        cursor(false, [reference("nine/c")]),
        None,
        "d e f g h i",
    );
    check(
        name,
        cursor(true, [reference("nine/c/x/y")]),
        None,
        "d e f g h i",
    );
    check(
        name,
        cursor(true, [reference("mine/z")]),
        None,
        "a b c d e f g h i",
    );
    check(name, cursor(true, [reference("ten/a")]), None, "");
    check(name, None, cursor(false, [reference("nine/c")]), "a b c");
    check(
        &["-__name__"],
        cursor(false, [reference("nine/c")]),
        None,
        "b a",
    );
    // The name that every order ends in takes a value too.
    check(&[], cursor(false, [reference("nine/g")]), None, "h i");
    check(
        &["v"],
        cursor(false, [7.into(), reference("nine/c")]),
        None,
        "d e f g",
    );
    check(
        &["v"],
        cursor(true, [7.into(), reference("nine/c")]),
        None,
        "c d e f g",
    );
}

/// As the official emulator answers.
#[test]
fn two_fields() {
    let tie = |id: &str, x: i64, y: i64| {
        document(&format!("tie/{id}"), &[("x", x.into()), ("y", y.into())])
    };
    let documents = [
        tie("a", 1, 2),
        tie("b", 1, 1),
        tie("c", 2, 1),
        tie("d", 2, 2),
        tie("e", 1, 1),
        document("tie/f", &[("x", 1.into())]),
        document("tie/g", &[("y", 1.into())]),
    ];
    let check = |order: &[&str], start_at, end_at, expected: &str| {
        let query = Query {
            order_by: orders(order),
            start_at,
            end_at,
            ..query("tie")
        };
        assert_eq!(run(&query, &documents), expected, "{query:?}");
    };
    let b = || [1.into(), reference("tie/b")];
    check(&["x"], None, None, "a b e f c d");
    check(&["-x"], None, None, "d c f e b a");
    check(&["x", "-y"], None, None, "a e b d c");
    check(&["-x", "y"], None, None, "c d b e a");
    check(&["x", "__name__"], cursor(false, b()), None, "e f c d");
    check(&["x", "-__name__"], cursor(false, b()), None, "a d c");
    let to_a = cursor(false, [1.into(), reference("tie/a")]);
    check(&["-x", "-__name__"], cursor(true, b()), to_a, "b a");
    check(
        &["x", "y"],
        cursor(true, [1.into(), 2.into()]),
        None,
        "a c d",
    );
    check(&["x", "y"], cursor(false, [1.into()]), None, "c d");
    check(
        &["-x", "y"],
        cursor(true, [1.into(), 1.into()]),
        None,
        "b e a",
    );
}

#[test]
fn the_order_is_total_and_cursors_keep_it() {
    for seed in 0..150 {
        let mut world = World::new(seed);
        let query = Query {
            filter: Some(world.filter(2)),
            order_by: world.orders(),
            ..Query::default()
        };
        let orders = query.normal_order();
        let mut documents = world.documents();
        documents.retain(|document| has_all(&orders, document).unwrap());
        documents.dedup_by(|a, b| a.path == b.path);
        documents.sort_by(|a, b| compare(&orders, a, b).unwrap());
        for (left, a) in documents.iter().enumerate() {
            for (right, b) in documents.iter().enumerate() {
                let expected = left.cmp(&right);
                assert_eq!(compare(&orders, a, b).unwrap(), expected, "{seed}");
                // A cursor of all values is a document.
                let whole = Cursor {
                    values: values_of(&orders, b),
                    before: true,
                };
                assert_eq!(whole.position_of(&orders, a).unwrap(), expected, "{seed}");
            }
        }
        let any = world.cursor(&orders);
        let positions = documents
            .iter()
            .map(|document| any.position_of(&orders, document).unwrap());
        assert!(positions.is_sorted(), "{seed} {any:?}");
        for taken in 0..=orders.len() {
            let Some(document) = documents.first() else {
                continue;
            };
            let mut values = values_of(&orders, document);
            values.truncate(taken);
            let cursor = Cursor {
                values,
                before: true,
            };
            assert!(cursor.position_of(&orders, document).unwrap().is_eq());
        }
        // What starts at a cursor and what ends there are two halves.
        for before in [true, false] {
            let cursor = Cursor {
                before,
                ..any.clone()
            };
            for document in &documents {
                let starts = cursor.starts_before(&orders, document).unwrap();
                let ends = cursor.ends_behind(&orders, document).unwrap();
                assert_ne!(starts, ends, "{seed} {cursor:?}");
            }
        }
    }
}
