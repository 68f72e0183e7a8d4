//! What is refused, and with which answer.

use super::*;

#[test]
fn requests_that_are_refused() {
    let add = |field| (field, Transform::Increment(1.into()));
    check(
        None,
        &[delete(A).with(&[add("a")])],
        "transforms are allowed in updates only",
    );
    check(
        None,
        &[verify(A).if_exists(false).with(&[add("a")])],
        "transforms are allowed in updates only",
    );
    check(None, &[verify(A)], "a verify must contain a precondition");
    let both = "the document `c/a` cannot be verified and written in a single request";
    check(None, &[verify(A).if_exists(false), set(A, &[])], both);
    check(None, &[set(A, &[]), verify(A).if_exists(true)], both);
    let overlap = "cannot transform the field `a` and one inside it at the same time";
    check(None, &[transform(A, &[add("a"), add("a.b")])], overlap);
    check(
        None,
        &[transform(
            A,
            &[add("a.b.c"), add("a-b"), add("a"), add("a")],
        )],
        overlap,
    );
    check(
        None,
        &[transform(A, &[add("a.b"), add("a.c"), add("`a.b`")])],
        "new(1 1 1) | {a: {b: 1, c: 1}, a.b: 1}",
    );
    let text = "the operand of the transform of `a` must be a number";
    check(
        None,
        &[transform(A, &[("a", Transform::Increment("x".into()))])],
        text,
    );
    // A rule that is broken comes before everything that is stored.
    check(
        None,
        &[
            delete(A).if_exists(true),
            transform("c/b", &[("a", Transform::Maximum(Value::Null))]),
        ],
        text,
    );
}

#[test]
fn limits() {
    let fields: Vec<String> = (0..=FIELD_TRANSFORMS_MAX)
        .map(|at| format!("f{at}"))
        .collect();
    let add = |fields: &[String]| {
        let transforms: Vec<_> = fields
            .iter()
            .map(|field| (field.as_str(), Transform::Increment(1.into())))
            .collect();
        transform(A, &transforms)
    };
    let refused = |writes: &[Write]| {
        World::new()
            .commit(writes)
            .err()
            .map(|error| error.to_string())
    };
    let many = Some(
        "at most 500 fields of the document `c/a` can be transformed in one commit".to_owned(),
    );
    let (most, last) = fields.split_at(FIELD_TRANSFORMS_MAX);
    assert_eq!(refused(&[add(most)]), None);
    assert_eq!(refused(&[add(&fields)]), many);
    assert_eq!(refused(&[add(most), add(last)]), many);

    let long = |bytes: usize| Value::String("x".repeat(bytes).into());
    // 16 for the name, 2 + 2 for its ids, 32 for the document, 2 for the field, 1 for the string.
    let most = 1_048_487;
    assert_eq!(refused(&[set(A, &[("a", long(most))])]), None);
    assert!(
        refused(&[set(A, &[("a", long(most + 1))])])
            .unwrap()
            .contains("longer than 1048487 bytes")
    );
    let rest = 1_048_576 - 55 - most - 3;
    assert_eq!(
        refused(&[set(A, &[("a", long(most)), ("b", long(rest))])]),
        None
    );
    let large = "the document `c/a` has 1048577 bytes, more than 1048576";
    assert_eq!(
        refused(&[set(A, &[("a", long(most)), ("b", long(rest + 1))])]).unwrap(),
        large
    );
    // By parts; and what is too large on the way only, is not.
    let parts = [
        set(A, &[("a", long(most))]),
        merge(A, &[("b", long(rest + 1))], &["b"]),
    ];
    assert_eq!(refused(&parts).unwrap(), large);
    let shrunk = [parts.as_slice(), &[set(A, &[])]].concat();
    assert_eq!(refused(&shrunk), None);

    let deep = |levels: usize| (0..levels).fold(Value::Null, |inner, _| map(&[("m", inner)]));
    assert_eq!(refused(&[set(A, &[("a", deep(VALUE_DEPTH_MAX))])]), None);
    assert!(
        refused(&[set(A, &[("a", deep(VALUE_DEPTH_MAX + 1))])])
            .unwrap()
            .contains("more than 20 deep")
    );
    // A transform goes as deep as its path.
    let path = vec!["m"; VALUE_DEPTH_MAX + 2].join(".");
    assert!(refused(&[transform(A, &[(&path, Transform::ServerTime)])]).is_some());
    let path = vec!["m"; VALUE_DEPTH_MAX + 1].join(".");
    assert_eq!(
        refused(&[transform(A, &[(&path, Transform::ServerTime)])]),
        None
    );
}

#[test]
fn a_commit_replaces_only_so_much() {
    let world = World::new();
    let count = REPLACED_BYTES_MAX / 1_000_000 + 1;
    let path = |at: usize| format!("c/{at}");
    for at in 0..count {
        let text = Value::String("x".repeat(1_000_000).into());
        world.commit(&[set(&path(at), &[("a", text)])]).unwrap();
    }
    let deletes: Vec<_> = (0..count).map(|at| delete(&path(at))).collect();
    assert!(matches!(
        world.commit(&deletes),
        Err(Error::InvalidArgument(Invalid::TooMuchReplaced))
    ));
    let (_, most) = deletes.split_at(1 + REPLACED_BYTES_MAX / 40_000_000);
    world.commit(most).unwrap();
}

#[test]
fn all_or_none_and_the_first_refusal_is_the_answer() {
    let world = World::new();
    world.fill(["c/a", "c/b"].map(String::from));
    let refused = |writes: &[Write]| world.commit(writes).unwrap_err().to_string();
    let gone = || set("c/x", &[]).if_exists(true);
    let there = || set("c/b", &[]).if_exists(false);
    assert_eq!(
        refused(&[set("c/n", &[]), gone(), there()]),
        "no document to update: c/x"
    );
    assert_eq!(
        refused(&[set("c/n", &[]), there(), gone()]),
        "document already exists: c/b"
    );
    // `c/b` is looked at first, but its second write comes after that of `c/x`.
    assert_eq!(
        refused(&[set("c/b", &[]), gone(), there()]),
        "no document to update: c/x"
    );
    assert!(world.find("c/n").is_none());
    assert_eq!(
        show_fields(&world.find("c/b").unwrap().fields),
        r#"{path: "c/b"}"#
    );
}

#[test]
fn damaged_rows_are_no_answer() {
    let world = World::new();
    let key = keys::document(&crate::fixture::document(A));
    world
        .store
        .write(|tx| tx.put(Space::Docs, key.clone(), bytes::Bytes::from_static(b"\xEE")))
        .unwrap();
    assert!(matches!(world.commit(&[delete(A)]), Err(Error::Corrupt(_))));
    assert!(matches!(
        world.commit_each(&[set("c/b", &[]), delete(A)]),
        Err(Error::Corrupt(_))
    ));
    assert!(world.find("c/b").is_none());
}
