use std::collections::BTreeSet;

use firekeep_model::DocumentPath;

use super::*;
use crate::Write;
use crate::fixture::{delete, set};
use crate::query::fixture::{f, orders, path, query};
use crate::watch::fixture::{AMPLE, Watched, documents, show_all};

fn put(path: &str, v: i64) -> Write {
    set(path, &[("v", v.into())])
}

/// `reset`, changes, and `4 exist: a b`.
fn show(steps: &[Step]) -> String {
    let steps = steps.iter().map(|step| match step {
        Step::Reset => "reset".to_owned(),
        Step::Changes(changes) => show_all(changes),
        Step::Existence { count, names } => {
            let names: BTreeSet<_> = names.iter().flatten().map(DocumentPath::as_str).collect();
            format!(
                "{count} exist: {}",
                names.into_iter().collect::<Vec<_>>().join(" ")
            )
        }
        Step::Done => "done".to_owned(),
    });
    steps.collect::<Vec<_>>().join("; ")
}

fn after(time: CommitTime, expected: impl Into<Option<u32>>) -> Start {
    Start::After {
        time,
        expected_count: expected.into(),
    }
}

fn first(limit: u32) -> Query {
    Query {
        order_by: orders(&["v"]),
        limit: Some(limit),
        ..query("c")
    }
}

/// Five documents with the values 1 to 5, and the time from which they stand.
fn five() -> (Watched, CommitTime) {
    let writes: Vec<_> = ["a", "b", "c", "d", "e"]
        .iter()
        .zip(1..)
        .map(|(id, v)| put(&format!("c/{id}"), v))
        .collect();
    let watched = Watched::new(&writes);
    let time = watched.now();
    (watched, time)
}

fn check(watched: &Watched, to: impl Into<Target>, start: Start, expected: &str) {
    let load = watched.load(to, start);
    let steps = watched.steps(load, AMPLE).unwrap();
    assert_eq!(show(&steps), expected);
}

#[test]
fn everything() {
    let (watched, time) = five();
    let all = "+c/a +c/b +c/c +c/d +c/e";
    check(&watched, query("c"), Start::Fresh, all);
    check(&watched, query("d"), Start::Fresh, "");
    check(&watched, query("c"), Start::Lost, &format!("reset; {all}"));
    check(&watched, query("d"), Start::Lost, "reset");
    // A time that is not yet.
    let future = after(CommitTime(time.0 + 1), 5);
    check(&watched, query("c"), future, &format!("reset; {all}"));
    check(&watched, first(2), Start::Fresh, "+c/a +c/b");
    check(
        &watched,
        documents(["c/b", "c/x", "c/b"]),
        Start::Fresh,
        "+c/b -c/x",
    );
    check(&watched, documents(["c/b"]), Start::Lost, "reset; +c/b");
    // Whole documents, whatever is selected.
    let selected = Query {
        select: Some(firekeep_model::FieldMask::default()),
        ..query("c")
    };
    let steps = watched
        .steps(watched.load(selected, Start::Fresh), AMPLE)
        .unwrap();
    let Step::Changes(changes) = &steps[0] else {
        panic!("{steps:?}");
    };
    let Change::Matches(first) = &changes[0] else {
        panic!("{steps:?}");
    };
    assert_eq!(Some(first.document.clone()), watched.world.find("c/a"));
}

#[test]
fn queries_without_limit_go_on() {
    let low = || Query {
        filter: Some(f("v", "<", 4)),
        ..query("c")
    };
    let (watched, time) = five();
    check(&watched, low(), after(time, 3), "");
    watched.commit(&[put("c/a", 2), put("c/b", 9), put("c/d", 3), put("d/a", 1)]);
    watched.commit(&[put("c/a", 3), delete("c/c"), put("c/e", 6), put("c/x", 1)]);
    watched.commit(&[put("c/y", 1)]);
    watched.commit(&[delete("c/y"), delete("c/e")]);
    let changes = "+c/a +c/d +c/x -c/c ~c/b";
    check(&watched, low(), after(time, None), changes);
    check(&watched, low(), after(time, 3), changes);
    let differs = format!("{changes}; 3 exist: c/a c/d c/x");
    check(&watched, low(), after(time, 4), &differs);
    check(&watched, low(), after(watched.now(), 3), "");
    check(
        &watched,
        low(),
        after(watched.now(), 2),
        "3 exist: c/a c/d c/x",
    );
    watched.trim();
    check(&watched, low(), after(time, 3), "reset; +c/a +c/d +c/x");
}

#[test]
fn queries_with_limit_go_on() {
    let (watched, time) = five();
    check(&watched, first(3), after(time, 3), "");
    watched.commit(&[put("c/x", 0), put("c/b", 7), delete("c/a")]);
    watched.commit(&[put("c/y", 1), put("c/c", 3)]);
    let changes = "+c/x +c/y; -c/a ~c/b";
    check(&watched, first(3), after(time, 3), changes);
    check(
        &watched,
        first(3),
        after(time, 2),
        &format!("{changes}; 3 exist: c/c c/x c/y"),
    );
    check(
        &watched,
        first(2),
        after(time, None),
        "+c/x +c/y; -c/a ~c/b",
    );
    check(&watched, first(0), after(time, 0), "");
    let others = Query {
        offset: 4,
        ..query("c")
    };
    // Then it was e; now it is x and y.
    check(&watched, others.clone(), after(time, 1), "+c/x +c/y; ^c/e");
    watched.trim();
    check(&watched, others, after(time, 1), "reset; +c/x +c/y");
}

#[test]
fn named_documents_go_on() {
    let (watched, time) = five();
    let named = || documents(["c/a", "c/b", "c/c", "c/x"]);
    check(&watched, named(), after(time, 3), "-c/x");
    watched.commit(&[put("c/a", 9), delete("c/b")]);
    check(&watched, named(), after(time, 3), "+c/a -c/b -c/x");
    check(&watched, named(), after(time, None), "+c/a -c/b -c/x");
    check(
        &watched,
        named(),
        after(time, 4),
        "+c/a -c/b -c/x; 2 exist: c/a c/c",
    );
    watched.trim();
    check(
        &watched,
        named(),
        after(time, 3),
        "reset; +c/a +c/c -c/b -c/x",
    );
}

/// Longer logs than are looked through.
#[test]
fn too_much_log_is_a_comparison() {
    let (watched, time) = five();
    let many = (0..=crate::limits::CATCH_UP_DOCUMENTS_MAX).map(|at| put(&format!("c/{at:06}"), 10));
    for some in many.collect::<Vec<_>>().chunks(500) {
        watched.commit(some);
    }
    watched.commit(&[put("c/a", 3), delete("c/b")]);
    let low = Query {
        filter: Some(f("v", "<", 4)),
        ..query("c")
    };
    check(&watched, low, after(time, 3), "+c/a; -c/b");
}

#[test]
fn the_history_may_go_while_it_is_read() {
    let small = Budget {
        documents: 1,
        bytes: 1,
        rows_read: 1,
    };
    // However far each has come.
    for (to, steps) in [(query("c"), 9), (first(3), 5)] {
        for taken in 0..steps {
            let (watched, time) = five();
            watched.commit(&[put("c/a", 7), delete("c/b"), put("c/x", 0)]);
            watched.commit(&[put("c/c", 8)]);
            let mut load = watched.load(to.clone(), after(time, 9));
            let now = watched.now();
            let mut shown = Vec::new();
            for _ in 0..taken {
                shown.push(load.next(&watched.world.store, small).unwrap());
            }
            watched.trim();
            assert_eq!(now, load.time());
            shown.extend(watched.steps(load, small).unwrap());
            let mut client: BTreeSet<_> = ["c/a", "c/b", "c/c", "c/d", "c/e"].map(path).into();
            if to.limit.is_some() {
                client.retain(|path| path.as_str() < "c/d");
            }
            for step in shown {
                match step {
                    Step::Reset => client.clear(),
                    Step::Changes(changes) => {
                        for change in changes {
                            match change {
                                Change::Matches(_) => client.insert(change.path().clone()),
                                _ => client.remove(change.path()),
                            };
                        }
                    }
                    Step::Existence { .. } | Step::Done => {}
                }
            }
            let expected: Vec<_> = match to.limit {
                None => vec!["c/a", "c/c", "c/d", "c/e", "c/x"],
                Some(_) => vec!["c/d", "c/e", "c/x"],
            };
            let client: Vec<_> = client.iter().map(DocumentPath::as_str).collect();
            assert_eq!(client, expected, "{taken}");
        }
    }
}
