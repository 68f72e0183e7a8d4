use std::cell::RefCell;

use firekeep_model::limits::VALUE_DEPTH_MAX;

use crate::fixture::{
    BEGIN, World, delete, fields, merge, set, show, show_fields, transform, verify,
};
use crate::{Precondition, Transform};

use super::*;

mod model;
mod refused;

/// The document that the rows of this file write.
const A: &str = "c/a";

fn results_text(results: &[WriteResult]) -> String {
    let result = |result: &WriteResult| {
        let time = match result.update_time {
            Some(UpdateTime::ThisCommit) => "new",
            Some(UpdateTime::At(_)) => "old",
            None => "-",
        };
        let values: Vec<_> = result.transform_results.iter().map(show).collect();
        match values.is_empty() {
            true => time.to_owned(),
            false => format!("{time}({})", values.join(" ")),
        }
    };
    results.iter().map(result).collect::<Vec<_>>().join(" ")
}

/// Commits `writes` to `c/a`, and gives their results and the document, or the error.
fn outcome(world: &World, writes: &[Write]) -> String {
    let before = world.find(A);
    world.pass(1_000);
    let (results, time) = match world.commit(writes) {
        Ok(committed) => committed,
        Err(error) => {
            assert_eq!(world.find(A), before, "an error leaves everything");
            return error.to_string();
        }
    };
    let text = results_text(&results);
    let after = world.find(A);
    // What the results say agrees with what was stored.
    let changed = results
        .iter()
        .any(|result| result.update_time == Some(UpdateTime::ThisCommit));
    match (&before, &after) {
        (_, Some(after)) if changed => {
            let now = Timestamp::from_micros(time.unwrap().0);
            assert_eq!(after.update_time, now);
            let kept = before.as_ref().map_or(now, |before| before.create_time);
            assert!(after.create_time == kept || after.create_time == now);
        }
        (Some(before), Some(after)) => {
            assert_eq!((before, time), (after, None), "{text}");
        }
        _ => {}
    }
    let document = after.map_or("none".to_owned(), |after| show_fields(&after.fields));
    format!("{text} | {document}")
}

fn check(stored: Option<&[(&str, Value)]>, writes: &[Write], expected: &str) {
    let world = World::new();
    if let Some(stored) = stored {
        world.commit(&[set(A, stored)]).unwrap();
    }
    assert_eq!(outcome(&world, writes), expected, "{writes:?}");
}

fn map(entries: &[(&str, Value)]) -> Value {
    fields(entries).into()
}

#[test]
fn sets_and_deletes() {
    let one: &[(&str, Value)] = &[("a", 1.into())];
    check(None, &[set(A, one)], "new | {a: 1}");
    check(None, &[set(A, &[])], "new | {}");
    check(Some(&[("b", 2.into())]), &[set(A, one)], "new | {a: 1}");
    check(Some(one), &[set(A, &[])], "new | {}");
    check(Some(one), &[delete(A)], "- | none");
    check(None, &[delete(A)], "- | none");
    check(None, &[], " | none");
}

#[test]
fn deleting_leaves_what_is_below() {
    let world = World::new();
    world.fill(["c/a", "c/a/d/b", "c/ab"].map(String::from));
    world.commit(&[delete(A)]).unwrap();
    assert!(world.find(A).is_none());
    assert!(world.find("c/a/d/b").is_some() && world.find("c/ab").is_some());
}

#[test]
fn masks() {
    let ab: &[(&str, Value)] = &[
        ("a", map(&[("b", 1.into()), ("c", 2.into())])),
        ("z", 9.into()),
    ];
    let two: &[(&str, Value)] = &[("a.b", 7.into()), ("y", 8.into())];
    // Fields outside the mask stay, fields in the mask only go.
    check(
        Some(ab),
        &[merge(A, two, &["a.b"])],
        "new | {a: {b: 7, c: 2}, z: 9}",
    );
    check(
        Some(ab),
        &[merge(A, two, &["a"])],
        "new | {a: {b: 7}, z: 9}",
    );
    check(
        Some(ab),
        &[merge(A, two, &["a.c"])],
        "new | {a: {b: 1}, z: 9}",
    );
    check(
        Some(ab),
        &[merge(A, two, &["z", "y"])],
        "new | {a: {b: 1, c: 2}, y: 8}",
    );
    check(
        Some(ab),
        &[merge(A, &[], &["a.b", "a.c"])],
        "new | {a: {}, z: 9}",
    );
    check(
        Some(ab),
        &[merge(A, two, &["q", "a.b.x"])],
        "old | {a: {b: 1, c: 2}, z: 9}",
    );
    // An ancestor stands for all below it, wherever it stands in the mask; names may come twice.
    check(
        Some(ab),
        &[merge(A, two, &["a", "a.b"])],
        "new | {a: {b: 7}, z: 9}",
    );
    check(
        Some(ab),
        &[merge(A, two, &["a.b", "a"])],
        "new | {a: {b: 7}, z: 9}",
    );
    check(
        Some(ab),
        &[merge(A, two, &["y", "y"])],
        "new | {a: {b: 1, c: 2}, y: 8, z: 9}",
    );
    // Maps are made where none is, but not to take something out.
    check(
        Some(ab),
        &[merge(A, &[("z.x", 1.into())], &["z.x"])],
        "new | {a: {b: 1, c: 2}, z: {x: 1}}",
    );
    check(
        Some(ab),
        &[merge(A, &[], &["z.x"])],
        "old | {a: {b: 1, c: 2}, z: 9}",
    );
    check(
        Some(ab),
        &[merge(A, &[("a", 5.into())], &["a.b"])],
        "new | {a: {c: 2}, z: 9}",
    );
    check(
        Some(ab),
        &[merge(A, &[("p.q.r", 5.into())], &["p.q.r"])],
        "new | {a: {b: 1, c: 2}, p: {q: {r: 5}}, z: 9}",
    );
    // An empty mask changes nothing, but makes the document; so does one that only takes out.
    check(
        Some(ab),
        &[merge(A, two, &[])],
        "old | {a: {b: 1, c: 2}, z: 9}",
    );
    check(None, &[merge(A, two, &[])], "new | {}");
    check(None, &[merge(A, &[], &["a.b"])], "new | {}");
    check(None, &[merge(A, two, &["a.b"])], "new | {a: {b: 7}}");
}

#[test]
fn preconditions() {
    let one: &[(&str, Value)] = &[("a", 1.into())];
    let two = || set(A, &[("a", 2.into())]);
    let missing = "no document to update: c/a";
    let present = "document already exists: c/a";
    check(Some(one), &[two().if_exists(true)], "new | {a: 2}");
    check(None, &[two().if_exists(true)], missing);
    check(None, &[two().if_exists(false)], "new | {a: 2}");
    check(Some(one), &[two().if_exists(false)], present);
    check(Some(one), &[delete(A).if_exists(true)], "- | none");
    check(None, &[delete(A).if_exists(true)], missing);
    check(None, &[delete(A).if_exists(false)], "- | none");
    check(Some(one), &[delete(A).if_exists(false)], present);
    check(Some(one), &[verify(A).if_exists(true)], "- | {a: 1}");
    check(None, &[verify(A).if_exists(true)], missing);
    check(None, &[verify(A).if_exists(false)], "- | none");
    check(Some(one), &[verify(A).if_exists(false)], present);
}

#[test]
fn versions() {
    let world = World::new();
    let stale = |stored: Timestamp, required: Timestamp| {
        format!(
            "the stored version ({}) does not match the required base version ({})",
            stored.micros(),
            required.micros()
        )
    };
    let check = |write: Write, expected: &str| assert_eq!(outcome(&world, &[write]), expected);
    let two = || set(A, &[("a", 2.into())]);
    let (zero, some) = (Timestamp::default(), Timestamp::from_micros(5));
    // Missing: the epoch is its version.
    check(two().if_updated_at(some), &stale(zero, some));
    check(delete(A).if_updated_at(some), &stale(zero, some));
    check(verify(A).if_updated_at(some), &stale(zero, some));
    check(verify(A).if_updated_at(zero), "- | none");
    check(delete(A).if_updated_at(zero), "- | none");
    check(two().if_updated_at(zero), "new | {a: 2}");
    let first = world.find(A).unwrap().update_time;
    check(two().if_updated_at(zero), &stale(first, zero));
    check(verify(A).if_updated_at(first), "- | {a: 2}");
    check(two().if_updated_at(first), "old | {a: 2}");
    check(set(A, &[]).if_updated_at(first), "new | {}");
    let second = world.find(A).unwrap().update_time;
    assert!(second > first);
    let near = Timestamp::from_micros(second.micros() + 1);
    let ahead = "the required base version of `c/a` is later than the stored version".to_owned();
    for (time, expected) in [
        (first, stale(second, first)),
        (near, ahead),
        (zero, stale(second, zero)),
    ] {
        check(two().if_updated_at(time), &expected);
        check(verify(A).if_updated_at(time), &expected);
        check(delete(A).if_updated_at(time), &expected);
    }
    check(delete(A).if_updated_at(second), "- | none");
    check(two().if_updated_at(second), &stale(zero, second));
}

#[test]
fn several_writes_to_one_document() {
    let one: &[(&str, Value)] = &[("a", 1.into())];
    let value = |value: i64| set(A, &[("a", value.into())]);
    let add = |by: i64| transform(A, &[("a", Transform::Increment(by.into()))]);
    check(Some(one), &[value(2), value(3)], "new new | {a: 3}");
    check(Some(one), &[add(2), add(3)], "new(3) new(6) | {a: 6}");
    check(
        None,
        &[add(2), value(7), add(3)],
        "new(2) new new(10) | {a: 10}",
    );
    check(Some(one), &[value(1), value(2)], "new new | {a: 2}");
    // The end counts.
    check(Some(one), &[value(2), value(1)], "old old | {a: 1}");
    check(Some(one), &[add(2), add(-2)], "old(3) old(1) | {a: 1}");
    check(Some(one), &[value(2), delete(A)], "- - | none");
    check(None, &[value(2), delete(A)], "- - | none");
    // Preconditions see the writes before, but versions are those before the commit.
    check(
        None,
        &[value(1).if_exists(false), value(2).if_exists(true)],
        "new new | {a: 2}",
    );
    check(
        None,
        &[value(1), value(2).if_exists(false)],
        "document already exists: c/a",
    );
    check(
        Some(one),
        &[delete(A), value(2).if_exists(false)],
        "- new | {a: 2}",
    );
    check(
        Some(one),
        &[delete(A), value(2).if_exists(true)],
        "no document to update: c/a",
    );
    let at = |time: Timestamp| value(2).if_updated_at(time);
    check(Some(one), &[at(BEGIN), at(BEGIN)], "new new | {a: 2}");
    check(
        Some(one),
        &[verify(A).if_exists(true), verify(A).if_updated_at(BEGIN)],
        "- - | {a: 1}",
    );
}

#[test]
fn what_is_made_anew_is_another_document() {
    let world = World::new();
    let one = || set(A, &[("a", 1.into())]);
    world.commit(&[one()]).unwrap();
    let first = world.find(A).unwrap();
    assert_eq!(outcome(&world, &[delete(A), one()]), "- new | {a: 1}");
    let second = world.find(A).unwrap();
    assert!(second.create_time > first.create_time);
    assert_eq!(second.create_time, second.update_time);
    // And a document that is only changed is the same one.
    assert_eq!(outcome(&world, &[set(A, &[])]), "new | {}");
    assert_eq!(world.find(A).unwrap().create_time, second.create_time);
    assert_eq!(outcome(&world, &[one()]), "new | {a: 1}");
    assert_eq!(world.find(A).unwrap().create_time, second.create_time);
}

#[test]
fn writes_that_change_nothing() {
    let stored: &[(&str, Value)] = &[
        ("a", 1.into()),
        ("m", map(&[("x", f64::NAN.into()), ("y", 0.0.into())])),
    ];
    let text = "{a: 1, m: {x: NaN, y: 0.0}}";
    let old = format!("old | {text}");
    check(Some(stored), &[set(A, stored)], &old);
    check(Some(stored), &[merge(A, stored, &["a", "m.x"])], &old);
    check(
        Some(stored),
        &[transform(A, &[("a", Transform::Increment(0.into()))])],
        &format!("old(1) | {text}"),
    );
    check(
        Some(stored),
        &[transform(A, &[("a", Transform::Maximum(1.0.into()))])],
        &format!("old(1) | {text}"),
    );
    // Types and signs count.
    let double: &[(&str, Value)] = &[("a", 1.0.into())];
    check(
        Some(stored),
        &[merge(A, double, &["a"])],
        "new | {a: 1.0, m: {x: NaN, y: 0.0}}",
    );
    let negative: &[(&str, Value)] = &[("m.y", (-0.0).into())];
    check(
        Some(stored),
        &[merge(A, negative, &["m.y"])],
        "new | {a: 1, m: {x: NaN, y: -0.0}}",
    );
}

#[test]
fn transforms_come_after_the_update() {
    let one: &[(&str, Value)] = &[("a", 1.into()), ("b", 1.into())];
    let add = |field| (field, Transform::Increment(1.into()));
    check(
        Some(one),
        &[set(A, &[("a", 7.into())]).with(&[add("a"), add("b")])],
        "new(8 1) | {a: 8, b: 1}",
    );
    check(
        Some(one),
        &[merge(A, &[("a", 7.into())], &["a"]).with(&[add("a"), add("a")])],
        "new(8 9) | {a: 9, b: 1}",
    );
    check(
        Some(one),
        &[merge(A, &[], &["a"]).with(&[add("a"), add("b")])],
        "new(1 2) | {a: 1, b: 2}",
    );
    check(None, &[transform(A, &[add("m.n")])], "new(1) | {m: {n: 1}}");
    check(
        None,
        &[transform(A, &[add("a")]).if_exists(true)],
        "no document to update: c/a",
    );
    check(
        Some(one),
        &[transform(
            A,
            &[
                add("a"),
                ("s", Transform::AppendMissing(vec![1.into()])),
                add("b"),
            ],
        )],
        "new(2 null 2) | {a: 2, b: 2, s: [1]}",
    );
}

#[test]
fn server_times_are_of_the_request_and_never_go_back() {
    let world = World::new();
    let stamp = |path: &str| {
        transform(
            path,
            &[("t", Transform::ServerTime), ("m.u", Transform::ServerTime)],
        )
    };
    let commit = || {
        let (results, time) = world.commit(&[stamp("c/a"), stamp("c/b")]).unwrap();
        let values: Vec<_> = results
            .iter()
            .flat_map(|result| &result.transform_results)
            .collect();
        assert!(
            values.iter().all(|value| *value == values[0]),
            "one time for all"
        );
        let Value::Timestamp(stamped) = values[0] else {
            panic!("{values:?}")
        };
        assert_eq!(stamped.micros() % 1_000, 0, "whole milliseconds");
        assert!(stamped.micros() <= time.unwrap().0);
        stamped.micros()
    };
    assert_eq!(commit(), 1_000_000_000);
    world.pass(2_300);
    assert_eq!(commit(), 1_000_003_000);
    // The clock is set back: commits go on behind the last one.
    world.pass(-1_000_000);
    assert_eq!(commit_after_change(&world, commit), 1_000_003_000);
}

/// A commit that writes the same times as the one before would change nothing.
fn commit_after_change(world: &World, commit: impl Fn() -> i64) -> i64 {
    world.commit(&[set("c/a", &[]), set("c/b", &[])]).unwrap();
    commit()
}

#[test]
fn many_documents_in_one_commit() {
    let world = World::new();
    let path = |at: usize| format!("c/{at}");
    let count = 3 * READ_DOCUMENTS + 1;
    let writes: Vec<_> = (0..count)
        .map(|at| set(&path(at), &[("n", i64::try_from(at).unwrap().into())]))
        .collect();
    let (results, time) = world.commit(&writes).unwrap();
    assert_eq!(results.len(), count);
    let time = Timestamp::from_micros(time.unwrap().0);
    for at in 0..count {
        let document = world.find(&path(at)).unwrap();
        assert_eq!((document.create_time, document.update_time), (time, time));
        assert_eq!(show_fields(&document.fields), format!("{{n: {at}}}"));
    }
}

#[test]
fn independent_writes_have_answers_of_their_own() {
    let world = World::new();
    world.fill(["c/a", "c/b"].map(String::from));
    let answers = |writes: &[Write]| -> Vec<String> {
        let answer = |answer: Result<WriteResult, Error>| match answer {
            Ok(result) => results_text(&[result]),
            Err(error) => error.to_string(),
        };
        world
            .commit_each(writes)
            .unwrap()
            .into_iter()
            .map(answer)
            .collect()
    };
    let large = Value::Bytes(vec![0; 1_000_000].into());
    let got = answers(&[
        set("c/n", &[]),
        set("c/x", &[]).if_exists(true),
        set("c/a", &[("path", "c/a".into())]),
        set("c/b", &[]).if_exists(false),
        set("c/l", &[("a", large.clone()), ("b", large)]),
        delete("c/d"),
    ]);
    assert_eq!(
        got,
        [
            "new",
            "no document to update: c/x",
            "old",
            "document already exists: c/b",
            "the document `c/l` has 2000056 bytes, more than 1048576",
            "-",
        ]
    );
    assert!(
        world.find("c/n").is_some() && world.find("c/x").is_none() && world.find("c/b").is_some()
    );

    let refused = |writes: &[Write]| world.commit_each(writes).unwrap_err().to_string();
    assert_eq!(
        refused(&[set("c/q", &[]), delete("c/q")]),
        "the document `c/q` cannot be written more than once in one batch"
    );
    let many: Vec<_> = (0..=BATCH_WRITES_MAX)
        .map(|at| set(&format!("c/m{at}"), &[]))
        .collect();
    assert_eq!(refused(&many), "a batch has at most 500 writes");
    let (_, most) = many.split_at(1);
    assert_eq!(answers(most).len(), BATCH_WRITES_MAX);
    assert!(world.find("c/q").is_none() && world.find("c/m1").is_some());
}

#[derive(Default)]
struct Recorder(RefCell<Vec<String>>);

impl IndexMaintenance for Recorder {
    fn update(
        &self,
        _: &mut WriteTx<'_>,
        path: &DocumentPath,
        before: Option<&Map>,
        after: Option<&Map>,
    ) -> Result<(), Error> {
        let text = |fields: Option<&Map>| fields.map_or("none".to_owned(), show_fields);
        let line = format!("{path}: {} → {}", text(before), text(after));
        self.0.borrow_mut().push(line);
        Ok(())
    }
}

#[test]
fn indexes_hear_of_each_changed_document_once() {
    let world = World::new();
    let check = |writes: &[Write], expected: &[&str]| {
        let indexes = Recorder::default();
        world.commit_with(writes, &indexes).unwrap();
        assert_eq!(indexes.0.into_inner(), expected);
    };
    let value = |path: &str, value: i64| set(path, &[("a", value.into())]);
    check(
        &[value("c/a", 1), value("c/b", 1), value("c/a", 2)],
        &["c/a: none → {a: 2}", "c/b: none → {a: 1}"],
    );
    check(
        &[
            value("c/a", 2),
            verify("c/b").if_exists(true),
            delete("c/x"),
        ],
        &[],
    );
    check(
        &[value("c/a", 3), delete("c/b")],
        &["c/a: {a: 2} → {a: 3}", "c/b: {a: 1} → none"],
    );
    check(&[value("c/n", 3), delete("c/n")], &[]);
    check(&[delete("c/a"), value("c/a", 3)], &["c/a: {a: 3} → {a: 3}"]);
}

#[test]
fn a_transaction_sees_what_it_wrote() {
    let world = World::new();
    world.commit(&[set(A, &[("a", 1.into())])]).unwrap();
    world.pass(5);
    let mut rng = firekeep_testkit::random::Seeded::new(1);
    let cx = OpContext {
        now: BEGIN,
        rng: &mut rng,
    };
    let write = |tx: &mut WriteTx<'_>, writes: &[Write]| apply(tx, &cx, writes, &NoIndexes);
    world
        .store
        .write(|tx| {
            write(tx, &[set(A, &[("a", 2.into())]), set("c/b", &[])])?;
            let (old, new) = (
                crate::read::find(tx, &crate::fixture::document(A))?,
                crate::read::find(tx, &crate::fixture::document("c/b"))?,
            );
            let (old, new) = (old.unwrap(), new.unwrap());
            assert_eq!(
                (old.create_time, old.update_time),
                (BEGIN, crate::read::THIS_COMMIT)
            );
            assert_eq!(new.create_time, crate::read::THIS_COMMIT);
            // And goes on from there.
            write(
                tx,
                &[
                    set(A, &[("a", 3.into())]),
                    set("c/b", &[("x", 1.into())]).if_exists(true),
                    delete("c/c"),
                ],
            )
        })
        .unwrap();
    let (a, b) = (world.find(A).unwrap(), world.find("c/b").unwrap());
    assert_eq!(a.create_time, BEGIN);
    assert_eq!(
        (b.create_time, b.update_time),
        (a.update_time, a.update_time)
    );
}
