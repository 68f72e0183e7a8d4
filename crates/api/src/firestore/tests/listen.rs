//! Listening: what streams are told, across everything that may come between.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake};
use std::time::Duration;

use firekeep_documents::watch::{Incarnation, ResumeToken};
use firekeep_store::CommitTime;
use tokio::time::timeout;

use super::*;
use crate::firestore::watch::End;
use crate::limits::{MAILBOX_BYTES_MAX, QUERY_PAGE, TARGETS_BYTES_MAX, TARGETS_MAX};

const LONG: Duration = Duration::from_secs(60);

/// A client: what it was told of each target, put together as SDKs do.
struct Client {
    listening: Listening,
    /// Of each target the documents and their `n`.
    views: BTreeMap<i32, BTreeMap<String, i64>>,
    /// The words, in their order.
    words: Vec<String>,
    snapshots: Vec<i64>,
    token: Bytes,
}

impl World {
    /// Ends the watch as a failure does.
    async fn break_watch(&self) {
        let (core, database) = (Arc::clone(&self.server.core), self.database.clone());
        let end = move || core.watches.end(&database, End::Failed);
        tokio::task::spawn_blocking(end).await.unwrap();
    }

    /// Waits until a listener hears that the time goes on, and gives the time.
    async fn heartbeat(&self, client: &mut Client) -> i64 {
        self.server.clock.advance(20);
        let now = self.now().micros();
        // The thread looks at the clock now and then.
        while client.snapshots.last() < Some(&now) {
            tokio::time::pause();
            client.snapshot().await;
            tokio::time::resume();
            std::thread::sleep(Duration::from_millis(20));
        }
        now
    }

    async fn client(&self) -> Client {
        let opened = self.firestore.listen(self.administrator(), &self.database);
        Client {
            listening: opened.await.unwrap(),
            views: BTreeMap::new(),
            words: Vec::new(),
            snapshots: Vec::new(),
            token: Bytes::new(),
        }
    }
}

fn id(id: i32) -> TargetId {
    TargetId::new(id).unwrap()
}

fn target(number: i32, query: Query) -> AddTarget {
    AddTarget {
        id: Some(id(number)),
        target: Ok(Target::Query(query)),
        resume: None,
        expected_count: None,
        lasts: Lasts::Open,
        bytes: 100,
    }
}

fn documents(number: i32, paths: &[&str]) -> AddTarget {
    let paths = paths.iter().map(|path| document(path)).collect();
    AddTarget {
        target: Ok(Target::Documents(paths)),
        ..target(number, Query::default())
    }
}

impl Client {
    async fn add(&mut self, add: AddTarget) {
        self.listening
            .request(ListenRequest::Add(Box::new(add)))
            .await
            .unwrap();
    }

    async fn remove(&mut self, number: i32) {
        let request = ListenRequest::Remove(id(number));
        self.listening.request(request).await.unwrap();
    }

    /// Takes what comes next.
    async fn take(&mut self) -> Result<(), Error> {
        let events = timeout(LONG, self.listening.next())
            .await
            .expect("silence")?;
        for event in events {
            let word = self.hear(event);
            self.words.push(word);
        }
        Ok(())
    }

    /// Takes what comes until the next snapshot.
    async fn snapshot(&mut self) {
        let known = self.snapshots.len();
        while self.snapshots.len() == known {
            self.take().await.unwrap();
        }
        assert!(self.snapshots.is_sorted(), "{:?}", self.snapshots);
    }

    /// Takes what comes until a target looks so after a snapshot.
    async fn until(&mut self, number: i32, view: &[(&str, i64)]) {
        let view: BTreeMap<String, i64> =
            view.iter().map(|(id, n)| (format!("c/{id}"), *n)).collect();
        while self.snapshots.is_empty() || self.views.get(&number) != Some(&view) {
            self.snapshot().await;
        }
    }

    /// Takes what comes until a snapshot of a time, or a later one.
    async fn reach(&mut self, time: Timestamp) {
        while self.snapshots.last().is_none_or(|at| *at < time.micros()) {
            self.snapshot().await;
        }
    }

    fn take_words(&mut self) -> Vec<String> {
        std::mem::take(&mut self.words)
    }

    fn hear(&mut self, event: ListenEvent) -> String {
        let event = match event {
            ListenEvent::Event(event) => event,
            ListenEvent::Rejected { target, cause } => {
                self.views.remove(&target.get());
                return format!("rejected {}: {}", target.get(), kind::<()>(Err(cause)));
            }
        };
        match event {
            Event::Target {
                change,
                targets,
                at,
            } => self.hear_of_targets(change, &numbers(&targets), at),
            Event::Changed {
                document,
                targets,
                removed,
            } => {
                let (path, n) = (
                    document.document.path.to_string(),
                    n_of(&document.document.fields),
                );
                self.drop_from(&removed, &path);
                for number in numbers(&targets) {
                    self.views.get_mut(&number).unwrap().insert(path.clone(), n);
                }
                format!("{path}={n} {:?} {:?}", numbers(&targets), numbers(&removed))
            }
            Event::Deleted { path, removed, .. } => {
                self.drop_from(&removed, path.as_str());
                format!("deleted {path} {:?}", numbers(&removed))
            }
            Event::Removed { path, removed, .. } => {
                self.drop_from(&removed, path.as_str());
                format!("removed {path} {:?}", numbers(&removed))
            }
            Event::Filter { target, count, .. } => format!("filter {} {count}", target.get()),
        }
    }

    fn hear_of_targets(
        &mut self,
        change: TargetChange,
        targets: &[i32],
        at: Option<CommitTime>,
    ) -> String {
        match change {
            TargetChange::Add => {
                let known = self.views.insert(targets[0], BTreeMap::new());
                assert!(known.is_none());
            }
            TargetChange::Remove => drop(self.views.remove(&targets[0])),
            TargetChange::Reset => self.views.get_mut(&targets[0]).unwrap().clear(),
            TargetChange::Current => {}
            TargetChange::NoChange => {
                assert!(targets.is_empty());
                self.token = self.listening.token(at.unwrap());
                self.snapshots.push(at.unwrap().0);
            }
        }
        format!("{change:?} {targets:?}")
    }

    fn drop_from(&mut self, removed: &[TargetId], path: &str) {
        for number in numbers(removed) {
            self.views.get_mut(&number).unwrap().remove(path);
        }
    }
}

fn numbers(targets: &[TargetId]) -> Vec<i32> {
    targets.iter().map(|target| target.get()).collect()
}

#[tokio::test]
async fn a_target_is_told_what_there_is_and_then_what_changes() {
    let world = World::new();
    world.set("c/a", 1).await;
    let mut client = world.client().await;
    client.add(target(2, all("c"))).await;
    client.add(documents(4, &["c/a"])).await;
    client.add(documents(6, &["c/b"])).await;
    // One behind the other, and the one that may be long at the end.
    for (number, told) in [
        (4, "c/a=1 [4] []"),
        (6, "deleted c/b [6]"),
        (2, "c/a=1 [2] []"),
    ] {
        client.snapshot().await;
        let [add, current] = ["Add", "Current"].map(|word| format!("{word} [{number}]"));
        assert_eq!(client.take_words(), [&add, told, &current, "NoChange []"]);
    }
    world.set("c/b", 2).await;
    client.snapshot().await;
    assert_eq!(client.take_words(), ["c/b=2 [2, 6] []", "NoChange []"]);
    world
        .commit(vec![delete("c/a"), set("c/c", 3), set("d/a", 1)])
        .await
        .unwrap();
    client.snapshot().await;
    assert_eq!(
        client.take_words(),
        ["deleted c/a [2, 4]", "c/c=3 [2] []", "NoChange []"]
    );
    client.remove(2).await;
    client.add(target(2, at_least("c", 3))).await;
    client.snapshot().await;
    assert_eq!(
        client.take_words(),
        [
            "Remove [2]",
            "Add [2]",
            "c/c=3 [2] []",
            "Current [2]",
            "NoChange []"
        ]
    );
    world.set("c/c", 1).await;
    client.snapshot().await;
    assert_eq!(client.take_words(), ["c/c=1 [] [2]", "NoChange []"]);
}

#[tokio::test]
async fn windows_follow() {
    let world = World::new();
    for (path, n) in [("c/a", 1), ("c/b", 2), ("c/c", 3)] {
        world.set(path, n).await;
    }
    let mut client = world.client().await;
    let query = Query {
        order_by: vec![Order::ascending(FieldRef::Field(field("n")))],
        limit: Some(2),
        ..all("c")
    };
    client.add(target(1, query)).await;
    client.until(1, &[("a", 1), ("b", 2)]).await;
    world.set("c/d", 0).await;
    client.until(1, &[("a", 1), ("d", 0)]).await;
    world
        .commit(vec![delete("c/a"), delete("c/d")])
        .await
        .unwrap();
    client.until(1, &[("b", 2), ("c", 3)]).await;
}

#[tokio::test]
async fn what_is_refused_is_said_of_the_target_and_the_stream_goes_on() {
    let world = World::new();
    let mut client = world.client().await;
    let nearest = Query {
        limit: None,
        find_nearest: Some(FindNearest {
            field: field("v"),
            vector: firekeep_model::Vector::new(vec![1.0]).unwrap(),
            measure: DistanceMeasure::Euclidean,
            limit: 1,
            distance_threshold: None,
            distance_result_field: None,
        }),
        ..all("c")
    };
    let wrong = Query {
        start_at: Some(Cursor {
            values: vec![1.into(); 5],
            before: true,
        }),
        ..all("c")
    };
    let bad = AddTarget {
        target: Err(Error::Invalid("no path".to_owned())),
        ..target(5, all("c"))
    };
    for add in [target(1, nearest), target(3, wrong), bad] {
        let number = add.id.unwrap().get();
        client.add(add).await;
        client.take().await.unwrap();
        let expected = [
            format!("Add [{number}]"),
            format!("rejected {number}: invalid"),
        ];
        assert_eq!(client.take_words(), expected);
    }
    // Its client had not heard of the refusal yet.
    client.remove(5).await;
    let (firestore, owner) = (&world.firestore, &world.owner);
    let enforce = firestore.set_index_mode(owner, &world.database, IndexMode::Enforce);
    enforce.await.unwrap();
    let orders = ["n", "m"].map(|name| Order::ascending(FieldRef::Field(field(name))));
    let ordered = Query {
        order_by: orders.to_vec(),
        ..all("c")
    };
    client.add(target(5, ordered)).await;
    client.add(target(6, all("c"))).await;
    client.snapshot().await;
    assert_eq!(
        client.take_words(),
        [
            "Remove [5]",
            "Add [5]",
            "rejected 5: index",
            "Add [6]",
            "Current [6]",
            "NoChange []"
        ]
    );
    let again = ListenRequest::Add(Box::new(target(6, all("d"))));
    assert_eq!(kind(client.listening.request(again).await), "invalid");
}

#[tokio::test]
async fn who_may_not_is_told_so_of_every_target() {
    let world = World::of(Server::with_documents(Mode::Safe, Access::Administrators));
    world.set("c/a", 1).await;
    let mut client = world.client().await;
    let credential = StreamCredential {
        bearer: None,
        caller: Caller::Anonymous,
    };
    let opened = world.firestore.listen(credential, &world.database);
    client.listening = opened.await.unwrap();
    client.add(target(1, all("c"))).await;
    client.add(documents(3, &["c/a"])).await;
    client.take().await.unwrap();
    assert_eq!(
        client.take_words(),
        [
            "Add [1]",
            "rejected 1: denied",
            "Add [3]",
            "rejected 3: denied"
        ]
    );
}

#[tokio::test]
async fn numbers_are_given_and_bounded() {
    let world = World::new();
    let mut client = world.client().await;
    let once = AddTarget {
        id: None,
        lasts: Lasts::Once,
        ..target(9, all("c"))
    };
    client.add(once).await;
    client.snapshot().await;
    let expected = ["Add [1]", "Current [1]", "NoChange []", "Remove [1]"];
    assert_eq!(client.take_words(), expected);
    for number in 1..=i32::try_from(TARGETS_MAX).unwrap() {
        client.add(documents(number, &["c/a"])).await;
    }
    client.add(documents(5_000, &["c/a"])).await;
    client.remove(1).await;
    client.remove(5_000).await;
    let large = AddTarget {
        bytes: TARGETS_BYTES_MAX - 100 * (TARGETS_MAX - 1) + 1,
        ..documents(5_001, &["c/a"])
    };
    client.add(large).await;
    let last = format!("Current [{TARGETS_MAX}]");
    while !client.words.contains(&last) {
        client.snapshot().await;
    }
    let words = client.take_words();
    for number in [5_000, 5_001] {
        let refused =
            format!("rejected {number}: too many targets on this stream; try again later");
        assert!(words.contains(&refused), "{refused} {words:?}");
    }
    world.set("c/a", 1).await;
    client.snapshot().await;
    let words = client.take_words();
    assert_eq!(words.len(), 2, "one message for all targets");
}

#[tokio::test]
async fn a_token_is_good_after_a_restart() {
    let world = World::new();
    for (path, n) in [("c/a", 1), ("c/b", 2), ("c/c", 3)] {
        world.set(path, n).await;
    }
    let mut client = world.client().await;
    client.add(target(1, at_least("c", 1))).await;
    client.snapshot().await;
    let (view, token) = (client.views[&1].clone(), client.token.clone());
    drop(client);
    let world = World::of(world.server.restarted(Mode::Safe));
    world
        .commit(vec![delete("c/a"), set("c/b", 0), set("c/d", 4)])
        .await
        .unwrap();
    let mut client = world.client().await;
    let resumed = |resume, expected_count| AddTarget {
        resume: Some(resume),
        expected_count,
        ..target(1, at_least("c", 1))
    };
    client
        .add(resumed(Resume::Token(token.clone()), Some(3)))
        .await;
    client.take().await.unwrap();
    client.views.insert(1, view.clone());
    client.until(1, &[("c", 3), ("d", 4)]).await;
    let words = client.take_words();
    assert_eq!(words.first().unwrap(), "Add [1]");
    let mut told = words[1..words.len() - 2].to_vec();
    told.sort();
    assert_eq!(told, ["c/b=0 [] [1]", "c/d=4 [1] []", "deleted c/a [1]"]);
    assert!(client.snapshots[0] > 0);

    // A time does as well; what is wrong about either begins anew.
    let stale = ResumeToken {
        incarnation: Incarnation([1; 16]),
        time: CommitTime(1),
    };
    let time = Timestamp::from_micros(client.snapshots[0]);
    for (resume, expected) in [
        (
            Resume::At(time),
            vec!["Add [1]", "Current [1]", "NoChange []"],
        ),
        (
            Resume::Token(stale.encode()),
            vec![
                "Add [1]",
                "Reset [1]",
                "c/c=3 [1] []",
                "c/d=4 [1] []",
                "Current [1]",
                "NoChange []",
            ],
        ),
        (
            Resume::Token("x".into()),
            vec![
                "Add [1]",
                "Reset [1]",
                "c/c=3 [1] []",
                "c/d=4 [1] []",
                "Current [1]",
                "NoChange []",
            ],
        ),
    ] {
        client.remove(1).await;
        client.take().await.unwrap();
        client.take_words();
        client.add(resumed(resume, None)).await;
        client.snapshot().await;
        assert_eq!(client.take_words(), expected);
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_falls_behind_and_catches_up() {
    let world = World::new();
    let big = |n: i64| {
        let mut fields = fields(n);
        fields
            .insert("text", "x".repeat(900_000).as_str().into())
            .unwrap();
        Write {
            operation: Operation::Update { fields, mask: None },
            ..set(&format!("c/{n}"), n)
        }
    };
    for n in [1, 2] {
        world.set(&format!("c/{n}"), n).await;
    }
    let mut client = world.client().await;
    client.add(target(1, all("c"))).await;
    client.add(target(3, at_least("c", 2))).await;
    client.snapshot().await;
    client.snapshot().await;
    client.take_words();
    // Half of it for each of the two targets.
    let enough = i64::try_from(MAILBOX_BYTES_MAX / 900_000).unwrap() / 2 + 2;
    for n in 3..3 + enough {
        world.commit(vec![big(n)]).await.unwrap();
    }
    world
        .commit(vec![delete("c/1"), delete("c/2")])
        .await
        .unwrap();
    let last = world.set("c/3", 0).await;
    // All that there is was mailed by then.
    let mut other = world.client().await;
    other.add(documents(1, &["c/3"])).await;
    other.reach(last).await;
    client.reach(last).await;
    let expected: BTreeMap<String, i64> = (4..3 + enough).map(|n| (format!("c/{n}"), n)).collect();
    assert_eq!(client.views[&3], expected);
    assert_eq!(client.views[&1].len(), expected.len() + 1);
    let words = client.take_words();
    assert!(
        !words
            .iter()
            .any(|word| word.starts_with("Add") || word.starts_with("Reset"))
    );
    assert!(
        words.iter().any(|word| word == "Current [1]"),
        "it was behind: {words:?}"
    );
    world.set("c/1", 7).await;
    client.snapshot().await;
    assert_eq!(client.take_words(), ["c/1=7 [1, 3] []", "NoChange []"]);
}

#[tokio::test]
async fn a_thousand_listeners_of_one_query_share_what_they_are_told() {
    let world = World::new();
    world.set("c/a", 1).await;
    let mut clients = Vec::new();
    for _ in 0..1_000 {
        let mut client = world.client().await;
        client.add(target(1, all("c"))).await;
        clients.push(client);
    }
    for client in &mut clients {
        client.until(1, &[("a", 1)]).await;
    }
    world.set("c/a", 2).await;
    let mut delivered = Vec::new();
    for client in &mut clients {
        let events = timeout(LONG, client.listening.next())
            .await
            .unwrap()
            .unwrap();
        for event in events {
            if let ListenEvent::Event(Event::Changed { document, .. }) = &event {
                delivered.push(Arc::clone(document));
            }
        }
    }
    assert_eq!(delivered.len(), 1_000);
    assert!(delivered.iter().all(|it| Arc::ptr_eq(it, &delivered[0])));
}

#[tokio::test]
async fn nothing_is_lost_when_waiting_is_broken_off() {
    let world = World::new();
    for n in 0..200 {
        world.set(&format!("c/{n}"), n).await;
    }
    let mut client = world.client().await;
    client.add(target(1, all("c"))).await;
    while client.views.get(&1).is_none_or(|view| view.len() < 200) || client.snapshots.is_empty() {
        let now = timeout(Duration::ZERO, client.listening.next()).await;
        for event in now.map(Result::unwrap).unwrap_or_default() {
            client.hear(event);
        }
        tokio::task::yield_now().await;
    }
    world.set("c/0", 7).await;
    client.snapshot().await;
    assert_eq!(client.views[&1]["c/0"], 7);
}

#[tokio::test]
async fn an_idle_stream_is_told_the_time() {
    let world = World::new();
    let before = world.set("c/a", 1).await;
    let mut client = world.client().await;
    client.add(target(1, all("c"))).await;
    client.snapshot().await;
    let first = client.snapshots[0];
    assert!(first >= before.micros());
    world.heartbeat(&mut client).await;
    let later = world.set("c/b", 1).await;
    client.until(1, &[("a", 1), ("b", 1)]).await;
    assert!(*client.snapshots.last().unwrap() >= later.micros());
}

#[tokio::test]
async fn a_deleted_database_ends_its_streams_and_an_emptied_one_does_not() {
    let world = World::new();
    world.set("c/a", 1).await;
    let mut client = world.client().await;
    client.add(target(1, all("c"))).await;
    client.until(1, &[("a", 1)]).await;
    let (firestore, owner) = (&world.firestore, &world.owner);
    firestore.clear(owner, &world.database).await.unwrap();
    client.until(1, &[]).await;
    firestore
        .delete_database(owner, &world.database)
        .await
        .unwrap();
    let end = loop {
        if let Err(end) = client.take().await {
            break end;
        }
    };
    assert_eq!(kind::<()>(Err(end)), "no database");
    // A new one of the name is listened to from its beginning, whatever the client knows of the other.
    let then = Timestamp::from_micros(*client.snapshots.last().unwrap());
    world.server.clock.advance(1);
    world.set("c/b", 2).await;
    let mut before = None;
    for resume in [
        None,
        Some(Resume::At(then)),
        Some(Resume::Token(client.token)),
    ] {
        let mut client = world.client().await;
        let is_fresh = resume.is_none();
        client
            .add(AddTarget {
                resume,
                ..target(1, all("c"))
            })
            .await;
        client.until(1, &[("b", 2)]).await;
        assert_eq!(client.words.contains(&"Reset [1]".to_owned()), !is_fresh);
        let at = client.snapshots.first().copied();
        assert!(at > Some(then.micros()) && at >= before);
        before = at;
    }
}

#[tokio::test]
async fn who_listens_after_a_failure_begins_anew() {
    let world = World::new();
    world.set("c/a", 1).await;
    let mut client = world.client().await;
    client.add(target(1, all("c"))).await;
    client.until(1, &[("a", 1)]).await;
    world.break_watch().await;
    let end = kind(client.take().await);
    assert_eq!(end, "the database cannot be listened to now; try again");
    let mut again = world.client().await;
    again.add(target(1, all("c"))).await;
    again.until(1, &[("a", 1)]).await;
    world.set("c/a", 2).await;
    again.until(1, &[("a", 2)]).await;
}

#[tokio::test]
async fn a_database_is_watched_while_somebody_listens() {
    let world = World::new();
    world.set("c/a", 1).await;
    let databases = &world.server.core.databases;
    let mut client = world.client().await;
    client.add(target(1, all("c"))).await;
    client.until(1, &[("a", 1)]).await;
    world.server.clock.advance(3_600);
    databases.close_idle();
    assert!(databases.is_open(&world.database));
    world.set("c/a", 2).await;
    client.until(1, &[("a", 2)]).await;
    drop(client);
    let until = std::time::Instant::now() + LONG;
    while databases.is_open(&world.database) && std::time::Instant::now() < until {
        world.server.clock.advance(400);
        tokio::time::sleep(Duration::from_millis(20)).await;
        databases.close_idle();
    }
    assert!(!databases.is_open(&world.database));
    world.set("c/a", 3).await;
    let mut client = world.client().await;
    client.add(target(1, all("c"))).await;
    client.until(1, &[("a", 3)]).await;
}

#[tokio::test]
async fn the_end_of_the_server_ends_listening() {
    let world = World::new();
    let mut client = world.client().await;
    client.add(target(1, all("c"))).await;
    client.snapshot().await;
    let core = Arc::clone(&world.server.core);
    core.end_streams();
    let end = client.take().await;
    assert_eq!(kind(end), "the server is stopping; try again");
    tokio::task::spawn_blocking(move || core.close())
        .await
        .unwrap();
}

/// Counts how often somebody is to be polled again.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_stream_whose_last_target_left_before_its_snapshot_sleeps() {
    let world = World::new();
    let mut client = world.client().await;
    client.add(target(1, all("c"))).await;
    while client.words.last().is_none_or(|word| word != "Current [1]") {
        client.take().await.unwrap();
    }
    client.remove(1).await;
    client.take().await.unwrap();
    let wakes = Arc::<Wakes>::default();
    let waker = Arc::clone(&wakes).into();
    let mut next = pin!(client.listening.next());
    let polled = next.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(matches!(polled, Poll::Pending));
    // Who never stops is made to pause by the runtime, and woken when that has looked at others.
    tokio::task::yield_now().await;
    assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn what_was_before_a_load_is_told_before_it() {
    let world = World::new();
    world.set("c/x", 5).await;
    let mut client = world.client().await;
    client.add(target(1, at_least("c", 3))).await;
    client.until(1, &[("x", 5)]).await;
    let mut other = world.client().await;
    other.add(target(1, all("c"))).await;
    // Two steps: it leaves the target, and then is changed again.
    for n in [1, 2] {
        let time = world.set("c/x", n).await;
        other.reach(time).await;
    }
    client.take_words();
    client.add(target(3, all("c"))).await;
    client.until(3, &[("x", 2)]).await;
    let told = [
        "c/x=1 [] [1]",
        "NoChange []",
        "Add [3]",
        "c/x=2 [3] []",
        "Current [3]",
        "NoChange []",
    ];
    assert_eq!(client.take_words(), told);
}

#[tokio::test]
async fn times_go_on_when_the_clock_is_set_back() {
    let world = World::new();
    world.set("c/a", 1).await;
    let mut client = world.client().await;
    client.add(target(1, all("c"))).await;
    let told = world.heartbeat(&mut client).await;
    world.server.clock.advance(-7_200);
    // In the same process, by another thread.
    world.break_watch().await;
    let mut client = world.client().await;
    client.add(target(1, all("c"))).await;
    client.snapshot().await;
    assert!(client.snapshots[0] >= told);
    let token = client.token.clone();
    drop(client);

    let world = World::of(world.server.restarted(Mode::Safe));
    let written = world.set("c/b", 2).await;
    assert!(written.micros() > told);
    let mut client = world.client().await;
    client
        .add(AddTarget {
            resume: Some(Resume::Token(token)),
            expected_count: Some(1),
            ..target(1, all("c"))
        })
        .await;
    client.snapshot().await;
    assert!(client.snapshots[0] >= written.micros());
    let told = ["Add [1]", "c/b=2 [1] []", "Current [1]", "NoChange []"];
    assert_eq!(client.take_words(), told);
}

#[tokio::test]
async fn large_documents_are_loaded_a_few_at_a_time() {
    let world = World::new();
    world.set("c/a", 1).await;
    let mut client = world.client().await;
    client.add(target(1, all("c"))).await;
    client.snapshot().await;
    let token = client.token.clone();
    let mut paths = Vec::new();
    for n in 0..40 {
        let mut fields = fields(n);
        let text = "x".repeat(900_000);
        fields.insert("text", text.as_str().into()).unwrap();
        paths.push(format!("c/{n}"));
        let operation = Operation::Update { fields, mask: None };
        let write = set(paths.last().unwrap(), n);
        world
            .commit(vec![Write { operation, ..write }])
            .await
            .unwrap();
    }
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    let limited = Query {
        limit: Some(100),
        ..all("c")
    };
    for add in [
        target(1, all("c")),
        target(1, limited),
        documents(1, &paths),
    ] {
        let mut client = world.client().await;
        client
            .add(AddTarget {
                resume: Some(Resume::Token(token.clone())),
                ..add
            })
            .await;
        let (mut most, mut documents) = (0, 0);
        while documents < 40 {
            let events = timeout(LONG, client.listening.next()).await.unwrap();
            let bytes = events.unwrap().into_iter().map(|event| match event {
                ListenEvent::Event(Event::Changed { document, .. }) => document.bytes(),
                _ => 0,
            });
            let bytes: Vec<_> = bytes.filter(|bytes| *bytes > 0).collect();
            documents += bytes.len();
            most = most.max(bytes.iter().sum());
        }
        assert!(most <= QUERY_PAGE.bytes + 8 * 1024 * 1024, "{most}");
    }
}

#[tokio::test]
async fn who_waits_may_leave_before_it_has_begun() {
    let world = World::new();
    let mut client = world.client().await;
    client.add(target(1, all("c"))).await;
    client.add(target(3, all("d"))).await;
    let again = ListenRequest::Add(Box::new(target(3, all("d"))));
    assert_eq!(kind(client.listening.request(again).await), "invalid");
    client.remove(3).await;
    client.add(target(3, all("e"))).await;
    client.snapshot().await;
    client.snapshot().await;
    let told = [
        "Add [3]",
        "Remove [3]",
        "Add [1]",
        "Current [1]",
        "NoChange []",
        "Add [3]",
        "Current [3]",
        "NoChange []",
    ];
    assert_eq!(client.take_words(), told);
}
