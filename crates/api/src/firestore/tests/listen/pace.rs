//! Clients that are slow, many, idle, or break off; and what is kept in memory for them.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake};

use tokio::time::timeout;

use super::*;
use crate::limits::{MAILBOX_BYTES_MAX, QUERY_PAGE};

/// Counts how often somebody is to be polled again.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
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
    let mut client = world.listener().await;
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
    let mut client = world.listener().await;
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
    let mut client = world.listener().await;
    client.snapshot().await;
    let first = client.snapshots[0];
    assert!(first >= before.micros());
    world.heartbeat(&mut client).await;
    let later = world.set("c/b", 1).await;
    client.until(1, &[("a", 1), ("b", 1)]).await;
    assert!(*client.snapshots.last().unwrap() >= later.micros());
}

#[tokio::test]
async fn a_stream_whose_last_target_left_before_its_snapshot_sleeps() {
    let world = World::new();
    let mut client = world.listener().await;
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
async fn large_documents_are_loaded_a_few_at_a_time() {
    let world = World::new();
    world.set("c/a", 1).await;
    let mut client = world.listener().await;
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
