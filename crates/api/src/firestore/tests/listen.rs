//! Listening: a client that puts together what it is told, as SDKs do, and the tests that it serves.

mod ends;
mod pace;
mod resumed;
mod told;

use std::collections::BTreeMap;
use std::time::Duration;

use firekeep_store::CommitTime;
use tokio::time::timeout;

use super::*;
use crate::firestore::watch::End;

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

    /// A client that has asked for all of `c`, as its target 1.
    async fn listener(&self) -> Client {
        let mut client = self.client().await;
        client.add(target(1, all("c"))).await;
        client
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
