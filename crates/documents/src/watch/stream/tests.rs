//! Streams as rows: what is fed, and every word that comes of it.

use firekeep_model::{Document, Map, Timestamp};

use super::*;
use crate::watch::Delivered;

fn id(id: i32) -> TargetId {
    TargetId::new(id).unwrap()
}

fn path(id: &str) -> DocumentPath {
    DocumentPath::parse(&format!("c/{id}")).unwrap()
}

/// A document whose update time tells its version.
fn version(id: &str, version: i64) -> std::sync::Arc<Delivered> {
    let time = Timestamp::from_micros(version);
    Delivered::new(Document {
        path: path(id),
        fields: Map::new(),
        create_time: time,
        update_time: time,
    })
}

fn ids(ids: &[TargetId]) -> String {
    let ids: Vec<_> = ids.iter().map(|id| id.get().to_string()).collect();
    ids.join(",")
}

/// An event in few words: `+c/a@3 1,2 -4` is the third version, in two targets and out of one.
fn shown(event: &Event) -> String {
    match event {
        Event::Target {
            change,
            targets,
            at,
        } => {
            let at = at.map_or(String::new(), |at| format!(" @{}", at.0));
            format!("{change:?} {}{at}", ids(targets))
        }
        Event::Changed {
            document,
            targets,
            removed,
        } => {
            let found = &document.document;
            let version = found.update_time.micros();
            format!(
                "+{}@{version} {} -{}",
                found.path,
                ids(targets),
                ids(removed)
            )
        }
        Event::Deleted { path, removed, at } => format!("x{path} -{} @{}", ids(removed), at.0),
        Event::Removed { path, removed, at } => format!("<{path} -{} @{}", ids(removed), at.0),
        Event::Filter {
            target,
            count,
            unchanged,
        } => format!("filter {} {count} {}", target.get(), unchanged.is_some()),
    }
}

struct Check(Stream);

impl Check {
    fn new() -> Self {
        let database = DatabaseName::parse("projects/p/databases/(default)").unwrap();
        Self(Stream::new(database))
    }

    fn says(&self, events: &[Event], expected: &[&str]) {
        let shown: Vec<_> = events.iter().map(shown).collect();
        assert_eq!(shown, expected);
    }

    fn add(&mut self, target: i32) {
        let event = self.0.add(id(target), Lasts::Open);
        self.says(&[event], &[&format!("Add {target}")]);
    }

    fn step(&mut self, target: i32, at: i64, step: Step, expected: &[&str]) {
        let events = self.0.step(id(target), CommitTime(at), step);
        self.says(&events, expected);
    }

    /// A target that is current at a time.
    fn ready(&mut self, target: i32, at: i64) {
        self.add(target);
        let expected = format!("Current {target} @{at}");
        self.step(target, at, Step::Done, &[&expected]);
    }

    fn deliver(&mut self, at: i64, target: i32, changes: &[Change]) {
        self.0.deliver(id(target), CommitTime(at), changes);
    }

    fn snapshot(&mut self, at: i64, expected: &[&str]) {
        let events = self.0.snapshot(CommitTime(at));
        self.says(&events, expected);
    }
}

#[test]
fn a_target_is_added_loaded_and_current_before_its_snapshot() {
    let mut it = Check::new();
    it.add(1);
    assert_eq!(it.0.next_snapshot(), None);
    it.snapshot(5, &[]);
    it.step(1, 5, Step::Reset, &["Reset 1"]);
    let changes = vec![
        Change::Matches(version("a", 3)),
        Change::Left(version("b", 4)),
        Change::Deleted(path("c")),
        Change::FellOut(path("d")),
    ];
    let expected = ["+c/a@3 1 -", "+c/b@4  -1", "xc/c -1 @5", "<c/d -1 @5"];
    it.step(1, 5, Step::Changes(changes), &expected);
    for (names, expected) in [
        (Some(vec![path("a")]), "filter 1 1 true"),
        (None, "filter 1 1 false"),
    ] {
        let step = Step::Existence { count: 1, names };
        it.step(1, 5, step, &[expected]);
    }
    it.step(1, 5, Step::Done, &["Current 1 @5"]);
    assert!(it.0.is_due());
    assert_eq!(it.0.next_snapshot(), Some(CommitTime(5)));
    it.snapshot(4, &[]);
    it.snapshot(5, &["NoChange  @5"]);
    assert!(!it.0.is_due());
    it.snapshot(4, &[]);
    it.snapshot(9, &["NoChange  @9"]);
}

#[test]
fn a_document_comes_once_in_its_final_state() {
    let mut it = Check::new();
    it.ready(1, 2);
    it.ready(2, 2);
    it.ready(3, 2);
    let (a, b) = (version("a", 3), version("a", 4));
    it.deliver(3, 1, &[Change::Matches(a.clone())]);
    it.deliver(3, 2, &[Change::Matches(a)]);
    it.deliver(4, 1, &[Change::Matches(b.clone())]);
    it.deliver(4, 2, &[Change::Left(b)]);
    it.deliver(4, 3, &[Change::FellOut(path("a"))]);
    it.deliver(4, 1, &[Change::FellOut(path("b"))]);
    it.deliver(4, 2, &[Change::Deleted(path("c"))]);
    it.deliver(5, 1, &[Change::Matches(version("c", 5))]);
    it.deliver(3, 2, &[Change::Matches(version("d", 3))]);
    it.deliver(5, 2, &[Change::Deleted(path("d"))]);
    it.snapshot(
        5,
        &[
            "+c/a@4 1 -2,3",
            "<c/b -1 @5",
            "+c/c@5 1 -2",
            "xc/d -2 @5",
            "NoChange  @5",
        ],
    );
    it.snapshot(6, &["NoChange  @6"]);
}

/// It may be there again since, in no target: a later time would make the client doubt what it is told of it next.
#[test]
fn a_document_is_gone_as_of_the_step_that_said_so() {
    let mut it = Check::new();
    it.ready(1, 2);
    it.deliver(3, 1, &[Change::Deleted(path("a"))]);
    it.snapshot(7, &["xc/a -1 @3", "NoChange  @7"]);
}

#[test]
fn what_is_older_than_a_load_is_told_before_it() {
    let mut it = Check::new();
    it.ready(1, 2);
    it.snapshot(2, &["NoChange  @2"]);
    it.deliver(3, 1, &[Change::Left(version("a", 3))]);
    let events = it.0.flush(CommitTime(4));
    it.says(&events, &["+c/a@3  -1"]);
    it.add(2);
    let changes = vec![Change::Matches(version("a", 4))];
    it.step(2, 4, Step::Changes(changes), &["+c/a@4 2 -"]);
    it.step(2, 4, Step::Done, &["Current 2 @4"]);
    it.snapshot(4, &["NoChange  @4"]);
}

#[test]
fn no_snapshot_is_due_when_the_last_target_is_gone() {
    let mut it = Check::new();
    it.ready(1, 2);
    assert!(it.0.is_due());
    it.0.remove(id(1));
    assert!(!it.0.is_due());
}

#[test]
fn what_a_load_has_seen_is_not_delivered_again() {
    let mut it = Check::new();
    it.ready(1, 2);
    it.add(2);
    // The other target waits with it.
    it.deliver(3, 1, &[Change::Matches(version("a", 3))]);
    it.deliver(3, 2, &[Change::Matches(version("a", 3))]);
    it.snapshot(3, &[]);
    it.step(2, 4, Step::Done, &["Current 2 @4"]);
    it.deliver(4, 2, &[Change::Matches(version("b", 4))]);
    it.deliver(5, 2, &[Change::Matches(version("c", 5))]);
    it.snapshot(5, &["+c/a@3 1 -", "+c/c@5 2 -", "NoChange  @5"]);
}

#[test]
fn removed_and_added_again_in_order() {
    let mut it = Check::new();
    it.ready(1, 2);
    it.deliver(3, 1, &[Change::Matches(version("a", 3))]);
    let event = it.0.remove(id(1));
    it.says(&[event], &["Remove 1"]);
    it.add(1);
    it.deliver(3, 1, &[Change::Matches(version("a", 3))]);
    it.step(1, 4, Step::Done, &["Current 1 @4"]);
    it.snapshot(4, &["NoChange  @4"]);
    let event = it.0.remove(id(9));
    it.says(&[event], &["Remove 9"]);
    it.step(9, 4, Step::Done, &[]);
    it.deliver(5, 9, &[Change::Deleted(path("a"))]);
    it.snapshot(5, &["NoChange  @5"]);
}

#[test]
fn a_refused_target_says_nothing_and_holds_nobody_up() {
    let mut it = Check::new();
    it.ready(1, 2);
    it.snapshot(2, &["NoChange  @2"]);
    it.add(2);
    it.deliver(3, 1, &[Change::Matches(version("a", 3))]);
    it.snapshot(3, &[]);
    it.0.forget(id(2));
    assert!(it.0.is_due());
    it.snapshot(3, &["+c/a@3 1 -", "NoChange  @3"]);
}

#[test]
fn a_target_for_one_snapshot_ends_behind_it() {
    let mut it = Check::new();
    it.ready(1, 2);
    let event = it.0.add(id(2), Lasts::Once);
    it.says(&[event], &["Add 2"]);
    it.step(2, 3, Step::Done, &["Current 2 @3"]);
    it.snapshot(3, &["NoChange  @3", "Remove 2"]);
    assert_eq!(it.0.targets(), 1);
}

#[test]
fn a_stream_that_lost_deliveries_goes_on_where_each_target_is() {
    let mut it = Check::new();
    it.ready(1, 2);
    it.snapshot(3, &["NoChange  @3"]);
    it.ready(2, 5);
    it.deliver(6, 1, &[Change::Matches(version("a", 6))]);
    let again = it.0.load_again();
    let expected = [(id(1), CommitTime(3)), (id(2), CommitTime(5))];
    assert_eq!(again, expected);
    it.snapshot(7, &[]);
    let changes = vec![Change::Matches(version("a", 6))];
    it.step(1, 7, Step::Changes(changes), &["+c/a@6 1 -"]);
    it.step(1, 7, Step::Done, &["Current 1 @7"]);
    it.step(2, 8, Step::Done, &["Current 2 @8"]);
    it.snapshot(7, &[]);
    it.snapshot(8, &["NoChange  @8"]);
}
