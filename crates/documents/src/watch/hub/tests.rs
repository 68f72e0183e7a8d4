use super::*;
use crate::Write;
use crate::fixture::{delete, set};
use crate::query::fixture::{and, array, f, l, or, orders, path, query};
use crate::query::{CollectionSelector, Query};
use crate::watch::Change;
use crate::watch::fixture::{Watched, documents, show_all, target};

fn put(path: &str, v: i64) -> Write {
    set(path, &[("v", v.into())])
}

/// What a target is told of commits that are one step. Of what there was before, `c/a` is 1 and `c/b` is 2.
fn check(to: impl Into<Target>, commits: &[&[Write]], expected: &str) {
    let mut watched = Watched::new(&[put("c/a", 1), put("c/b", 2)]);
    watched.subscribe(7, to);
    for commit in commits {
        watched.commit(commit);
    }
    let expected = match expected {
        "" => String::new(),
        some => format!("7: {some}"),
    };
    assert_eq!(watched.told(), expected, "{commits:?}");
    assert_eq!(watched.told(), "");
}

fn filtered(filter: crate::filter::Filter) -> Query {
    Query {
        filter: Some(filter),
        ..query("c")
    }
}

fn first(limit: u32) -> Query {
    Query {
        order_by: orders(&["v"]),
        limit: Some(limit),
        ..query("c")
    }
}

#[test]
fn queries_without_limit() {
    let all = || query("c");
    check(all(), &[], "");
    check(all(), &[&[put("c/x", 1)]], "+c/x");
    check(all(), &[&[put("c/a", 9)]], "+c/a");
    check(all(), &[&[put("c/a", 9), put("c/b", 9)]], "+c/a +c/b");
    check(all(), &[&[delete("c/a")]], "-c/a");
    check(all(), &[&[delete("c/x")]], "");
    check(all(), &[&[put("d/a", 1), put("c/a/c/a", 1)]], "");
    // A write that changes nothing.
    check(all(), &[&[put("c/a", 1)]], "");

    for ones in [
        f("v", "==", 1),
        f("v", "<", 2),
        l("v", "in", [1.into(), 7.into()]),
    ] {
        let ones = || filtered(ones.clone());
        check(ones(), &[&[put("c/x", 1)]], "+c/x");
        check(ones(), &[&[put("c/x", 2)]], "");
        check(ones(), &[&[put("c/b", 1)]], "+c/b");
        check(ones(), &[&[put("c/b", 3)]], "");
        check(ones(), &[&[put("c/a", 3)]], "~c/a");
        check(ones(), &[&[set("c/a", &[("w", 1.into())])]], "~c/a");
        check(
            ones(),
            &[&[set("c/a", &[("v", 1.into()), ("w", 1.into())])]],
            "+c/a",
        );
        check(ones(), &[&[delete("c/a"), delete("c/b")]], "-c/a");
    }
    check(filtered(f("v", "==", 1.0)), &[&[put("c/b", 1)]], "+c/b");
}

#[test]
fn several_commits_are_one_step() {
    let ones = || filtered(f("v", "==", 1));
    check(ones(), &[&[put("c/a", 3)], &[put("c/a", 1)]], "+c/a");
    check(ones(), &[&[put("c/b", 1)], &[put("c/b", 2)]], "");
    check(ones(), &[&[delete("c/a")], &[put("c/a", 1)]], "+c/a");
    check(ones(), &[&[delete("c/a")], &[put("c/a", 3)]], "~c/a");
    check(ones(), &[&[put("c/x", 1)], &[delete("c/x")]], "");
    check(ones(), &[&[put("c/a", 3)], &[delete("c/a")]], "-c/a");
    check(ones(), &[&[delete("c/b")], &[put("c/b", 1)]], "+c/b");
    check(
        ones(),
        &[&[put("c/x", 3)], &[put("c/y", 1)], &[put("c/x", 1)]],
        "+c/x +c/y",
    );
}

#[test]
fn documents_by_name() {
    let named = || documents(["c/a", "c/x"]);
    check(named(), &[&[put("c/a", 3)]], "+c/a");
    check(named(), &[&[put("c/b", 3)]], "");
    check(named(), &[&[delete("c/a")]], "-c/a");
    check(named(), &[&[put("c/x", 3)]], "+c/x");
    check(named(), &[&[put("c/x", 3)], &[delete("c/x")]], "");
    check(named(), &[&[delete("c/a")], &[put("c/a", 3)]], "+c/a");
    check(named(), &[&[put("c/a/c/x", 3)]], "");
}

#[test]
fn windows() {
    check(first(1), &[&[put("c/x", 0)]], "+c/x ^c/a");
    check(first(1), &[&[put("c/x", 5)]], "");
    check(first(1), &[&[put("c/a", 0)]], "+c/a");
    check(first(1), &[&[put("c/a", 5)]], "+c/b ~c/a");
    check(first(1), &[&[delete("c/a")]], "+c/b -c/a");
    check(first(1), &[&[put("c/b", 0)]], "+c/b ^c/a");
    check(first(1), &[&[put("c/b", 0)], &[put("c/b", 2)]], "");
    check(first(1), &[&[delete("c/a"), delete("c/b")]], "-c/a");
    check(first(0), &[&[put("c/a", 0)]], "");
    check(first(3), &[&[put("c/x", 0)]], "+c/x");
    let second = || Query {
        offset: 1,
        ..first(1)
    };
    check(second(), &[&[put("c/x", 0)]], "+c/a ^c/b");
    check(second(), &[&[delete("c/a")]], "^c/b");
    check(second(), &[&[put("c/a", 1)]], "");
    check(second(), &[&[put("c/a", 3)]], "+c/a ^c/b");
    check(second(), &[&[put("c/a", 0)]], "");
    // Without a limit, or with more than a window has room for.
    let most = u32::try_from(crate::limits::WINDOW_ROWS_MAX).unwrap();
    for limit in [None, Some(most)] {
        let others = || Query {
            offset: 1,
            limit,
            ..first(1)
        };
        check(others(), &[&[put("c/x", 0)]], "+c/a");
        check(others(), &[&[delete("c/a")]], "^c/b");
        check(others(), &[&[delete("c/b")]], "-c/b");
        check(others(), &[&[put("c/a", 9)]], "+c/a ^c/b");
        check(others(), &[&[put("c/x", 7)]], "+c/x");
    }
}

#[test]
fn a_window_is_read_again_when_too_few_are_known() {
    let put_many = |many: std::ops::Range<i64>| -> Vec<_> {
        many.map(|v| put(&format!("c/{v:03}"), v)).collect()
    };
    let mut watched = Watched::new(&put_many(0..100));
    watched.subscribe(1, first(2));
    for at in (0..90).step_by(2) {
        watched.commit(&[delete(&format!("c/{at:03}"))]);
        watched.commit(&[delete(&format!("c/{:03}", at + 1))]);
        let [gone, next] = [at, at + 2];
        let expected = format!(
            "1: +c/{next:03} +c/{:03} -c/{gone:03} -c/{:03}",
            next + 1,
            gone + 1
        );
        assert_eq!(watched.told(), expected);
    }
    // And it does not grow with what comes before.
    watched.commit(&put_many(0..90));
    assert_eq!(watched.told(), "1: +c/000 +c/001 ^c/090 ^c/091");
    let bytes: usize = watched.hub.queries.values().map(Shared::window_bytes).sum();
    assert!(bytes > 0 && bytes < 1_000, "{bytes}");
}

/// Documents of which the log has no image are read as of the step's end.
#[test]
fn large_documents() {
    let large = |v: i64| {
        let text = "x".repeat(firekeep_store::limits::LOG_IMAGE_BYTES_MAX);
        set("c/a", &[("v", v.into()), ("w", text.as_str().into())])
    };
    let ones = || filtered(f("v", "==", 1));
    check(ones(), &[&[large(1)]], "+c/a");
    check(ones(), &[&[large(2)]], "~c/a");
    check(ones(), &[&[large(1)], &[delete("c/a")]], "-c/a");
    let mut watched = Watched::new(&[large(1)]);
    watched.subscribe(1, ones());
    watched.commit(&[large(2)]);
    watched.commit(&[large(1)]);
    let rows = watched.rows(1);
    let outcome = watched.hub.apply(&watched.world.store, &rows).unwrap();
    assert!(matches!(outcome.deliveries[0].changes[0], Change::Left(_)));
    assert_eq!(watched.told(), "1: +c/a");
}

#[test]
fn who_is_told() {
    let mut watched = Watched::new(&[]);
    let of = |parent: Option<&str>, collection: Option<&str>, all_descendants| Query {
        parent: parent.map(path),
        from: CollectionSelector {
            collection: collection.map(|id| firekeep_model::CollectionId::parse(id).unwrap()),
            all_descendants,
        },
        ..Query::default()
    };
    let queries = [
        of(None, Some("c"), false),
        of(None, Some("c"), true),
        of(None, None, true),
        of(None, None, false),
        of(Some("c/a"), Some("c"), false),
        of(Some("c/a"), Some("c"), true),
        of(Some("c/a"), None, true),
        of(Some("c/a"), None, false),
        of(None, Some("d"), false),
    ];
    for (id, query) in (1..).zip(queries) {
        watched.subscribe(id, query);
    }
    watched.subscribe(10, documents(["c/a", "d/x"]));
    watched.subscribe(
        11,
        filtered(f("__name__", "==", crate::query::fixture::reference("c/a"))),
    );
    let mut check = |at: &str, expected: &[i32]| {
        watched.commit(&[put(at, 1)]);
        let told: std::collections::BTreeSet<_> = (watched.feed(9).deliveries.iter())
            .flat_map(|delivery| delivery.to.to_vec())
            .map(|(_, target)| target.get())
            .collect();
        assert_eq!(told.into_iter().collect::<Vec<_>>(), expected, "{at}");
    };
    check("c/a", &[1, 2, 3, 4, 10, 11]);
    check("c/b", &[1, 2, 3, 4]);
    check("c/a/c/b", &[2, 3, 5, 6, 7, 8]);
    check("c/a/d/b", &[3, 7, 8]);
    check("c/a/d/b/c/x", &[2, 3, 6, 7]);
    check("c/b/c/x", &[2, 3]);
    check("d/x", &[3, 4, 9, 10]);
    check("e/x", &[3, 4]);
}

/// A database with a listener for each of a thousand owners, and how many evaluations the changes of a document cost.
fn evaluations(query_of: impl Fn(i64) -> Query, values: [Write; 2]) -> u64 {
    let mut watched = Watched::new(&[]);
    for owner in 0..1_000 {
        watched.subscribe(1 + i32::try_from(owner).unwrap(), query_of(owner));
    }
    assert_eq!(watched.hub.queries(), 1_000);
    for write in values {
        watched.commit(&[write]);
        assert_ne!(watched.told(), "");
    }
    watched.hub.evaluations()
}

#[test]
fn a_thousand_queries_for_different_values_cost_few_evaluations() {
    let doc = |owner: i64, open: bool| {
        let tags = array([owner, owner + 1]);
        set(
            "c/x",
            &[
                ("owner", owner.into()),
                ("open", open.into()),
                ("zone", open.into()),
                ("tags", tags),
            ],
        )
    };
    let owner = |owner: i64| f("owner", "==", owner);
    // Once for the new document; then for the query that it leaves, as it is and as it was, and the one it comes to.
    let writes = || [doc(5, true), doc(6, true)];
    assert_eq!(evaluations(|at| filtered(owner(at)), writes()), 4);
    let open = |at| filtered(and([f("open", "==", true), owner(at)]));
    // Some stand under what all have in common, before it is known to be common.
    assert!(evaluations(open, writes()) <= 8);
    let zone = |at| filtered(and([f("zone", "==", true), owner(at)]));
    assert!(evaluations(zone, writes()) <= 8);
    let either = |at| filtered(or([owner(at), f("tags", "array-contains", at)]));
    assert!(evaluations(either, writes()) <= 8);
    let tagged = |at| filtered(f("tags", "array-contains", at));
    assert!(evaluations(tagged, writes()) <= 8);
    let any = |at: i64| filtered(l("owner", "in", [at.into(), (at + 5_000).into()]));
    assert_eq!(evaluations(any, writes()), 4);
    let limited = |at| Query {
        limit: Some(3),
        ..filtered(owner(at))
    };
    assert!(evaluations(limited, writes()) <= 4);
}

#[test]
fn a_query_is_evaluated_once_and_a_document_decoded_once_for_all() {
    let mut watched = Watched::new(&[]);
    for stream in 0..100 {
        let subscriber = SubscriberId(stream);
        watched
            .hub
            .subscribe(subscriber, target(1), &query("c").into());
        let ones = filtered(f("v", "==", 1));
        watched.hub.subscribe(subscriber, target(2), &ones.into());
    }
    watched.commit(&[put("c/a", 1)]);
    let outcome = watched.feed(1);
    assert_eq!((watched.hub.queries(), watched.hub.evaluations()), (2, 2));
    let [one, two] = &outcome.deliveries[..] else {
        panic!("{outcome:?}");
    };
    assert_eq!((one.to.len(), two.to.len()), (100, 100));
    let (Change::Matches(one), Change::Matches(two)) = (&one.changes[0], &two.changes[0]) else {
        panic!("{outcome:?}");
    };
    assert!(Arc::ptr_eq(one, two));
}

#[test]
fn whoever_left_is_told_nothing_and_leaves_nothing() {
    let mut watched = Watched::new(&[]);
    let targets: [Target; 4] = [
        query("c").into(),
        filtered(f("v", "==", 1)).into(),
        first(2).into(),
        documents(["c/a", "c/b"]),
    ];
    for (id, to) in (1..).zip(&targets) {
        watched.hub.subscribe(SubscriberId(1), target(id), to);
        watched.hub.subscribe(SubscriberId(2), target(id), to);
    }
    // Another query in place of the first.
    watched
        .hub
        .subscribe(SubscriberId(2), target(1), &query("d").into());
    watched.hub.drop_subscriber(SubscriberId(1));
    watched.commit(&[put("c/a", 1)]);
    assert_eq!(watched.told(), "2: +c/a; 3: +c/a; 4: +c/a");
    for id in 1..=4 {
        watched.hub.unsubscribe(SubscriberId(2), target(id));
        watched.hub.unsubscribe(SubscriberId(2), target(id));
        assert_eq!(watched.hub.is_idle(), id == 4);
    }
    watched.commit(&[put("c/a", 2), put("d/a", 1)]);
    assert_eq!(watched.told(), "");
    assert_eq!(watched.hub.queries(), 0);
    assert!(watched.hub.names.is_empty() && watched.hub.by_shape.is_empty());
    assert!(!watched.hub.routes.reach(&path("c/a")) && !watched.hub.routes.reach(&path("d/a")));
}

#[test]
fn rows_before_the_position_are_left_out() {
    let mut watched = Watched::new(&[]);
    watched.subscribe(1, filtered(f("v", "==", 1)));
    watched.commit(&[put("c/a", 1)]);
    let first = watched.rows(1);
    watched.commit(&[put("c/a", 2)]);
    let both = watched.rows(2);
    let mut check = |rows: &[LogRow], expected: &str| {
        let outcome = watched.hub.apply(&watched.world.store, rows).unwrap();
        let deliveries = outcome.deliveries.iter();
        let told: Vec<_> = deliveries
            .map(|delivery| show_all(&delivery.changes))
            .collect();
        assert_eq!(told.join(" "), expected);
        assert_eq!(outcome.position, watched.hub.position());
    };
    check(&first, "+c/a");
    check(&[], "");
    check(&both, "~c/a");
    check(&first, "");
    let later = CommitTime(watched.now().0 + 5);
    watched.hub.advance(later);
    watched.hub.advance(watched.now());
    assert_eq!(watched.hub.position(), later);
}

#[test]
fn a_hub_that_is_too_far_behind_says_so_and_stays() {
    let mut watched = Watched::new(&[put("c/a", 1)]);
    watched.subscribe(1, filtered(f("v", "==", 1)));
    watched.commit(&[put("c/a", 2)]);
    let rows = watched.rows(9);
    watched.commit(&[put("c/a", 3)]);
    watched.trim();
    let position = watched.hub.position();
    let refused = watched.hub.apply(&watched.world.store, &rows);
    assert!(
        matches!(
            refused,
            Err(Error::Store(firekeep_store::Error::ReadTimeTooOld))
        ),
        "{refused:?}"
    );
    assert_eq!(watched.hub.position(), position);
}
