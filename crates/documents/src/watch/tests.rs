//! Whatever is written, in whatever steps the hub is fed, and wherever listeners go on: they have what their query gives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use firekeep_model::{Document, DocumentPath};
use firekeep_store::CommitTime;
use firekeep_testkit::random::Seeded;

use super::fixture::{Watched, target};
use super::*;
use crate::exec::tests::{any_query, budget, database_with, declare_some, expected};
use crate::query::Query;
use crate::query::fixture as queries;
use crate::{fixture, read};

type State = BTreeMap<DocumentPath, Document>;

/// A client with one target.
struct Client {
    id: i32,
    target: Target,
    state: State,
    /// What it had before.
    past: Vec<(CommitTime, State)>,
}

/// What a target has at a time, the plain way.
fn state_of(watched: &Watched, target: &Target, time: CommitTime) -> State {
    let tx = watched.world.store.read_at(time).unwrap();
    let documents = match target {
        Target::Query(query) => {
            let whole = Query {
                select: None,
                ..query.clone()
            };
            expected(&tx, &whole).documents
        }
        Target::Documents(paths) => {
            let found = read::find_many(&tx, paths).unwrap();
            found.into_iter().flatten().collect()
        }
    };
    let documents = documents.into_iter();
    documents
        .map(|document| (document.path.clone(), document))
        .collect()
}

/// Applies what the hub tells, which is exact.
fn apply(client: &mut Client, changes: &[Change]) {
    for change in changes {
        match change {
            Change::Matches(delivered) => {
                let document = delivered.document.clone();
                let before = client.state.insert(document.path.clone(), document.clone());
                assert_ne!(before, Some(document), "nothing new");
            }
            Change::Left(delivered) => {
                let before = client.state.remove(change.path());
                let before = before.expect("it was there");
                assert!(before.update_time < delivered.document.update_time);
            }
            Change::Deleted(path) | Change::FellOut(path) => {
                assert!(client.state.remove(path).is_some(), "it was there");
            }
        }
    }
}

struct Model {
    world: queries::World,
    watched: Watched,
    documents: Vec<Document>,
    clients: Vec<Client>,
    next: i32,
    resumed: BTreeMap<&'static str, usize>,
}

impl Model {
    fn new(mut world: queries::World, seed: u64) -> Self {
        let documents = world.documents();
        let random = Seeded::new(seed);
        let (database, _) = database_with(&documents, |tx| declare_some(&mut random.clone(), tx));
        let watched = Watched::of(database, &[]);
        Self {
            world,
            watched,
            documents,
            clients: Vec::new(),
            next: 1,
            resumed: BTreeMap::new(),
        }
    }

    fn commit(&mut self) {
        let documents = self.world.documents();
        let one_in = self.world.random.pick(&[3, 10]);
        let mut writes = Vec::new();
        for document in documents {
            let path = document.path.as_str();
            if !self.world.random.once_in(one_in) {
                continue;
            }
            writes.push(match self.world.random.once_in(3) {
                true => fixture::delete(path),
                false => fixture::replace(path, document.fields),
            });
        }
        self.watched.commit(&writes);
    }

    fn any_target(&mut self) -> Target {
        if self.world.random.once_in(6) {
            let paths = self.documents.iter().map(|document| document.path.clone());
            let paths = paths.filter(|_| self.world.random.once_in(4));
            return Target::Documents(paths.collect());
        }
        Target::Query(any_query(&mut self.world, &self.documents))
    }

    /// Begins to listen, while others write.
    fn listen(&mut self) {
        let target_of = self.any_target();
        self.watched.subscribe(self.next, target_of.clone());
        let time = self.watched.hub.position();
        let state = self.load(&target_of, time, Start::Fresh, State::new());
        self.clients.push(Client {
            id: self.next,
            target: target_of,
            state,
            past: Vec::new(),
        });
        self.next += 1;
    }

    /// Loads a target step by step, while others write.
    fn load(&mut self, target: &Target, time: CommitTime, start: Start, mut state: State) -> State {
        let indexes = Arc::clone(&self.watched.indexes);
        let mut load = Load::new(target, time, start, indexes);
        let budget = budget(&mut self.world.random);
        let expected = state_of(&self.watched, target, time);
        let mut seen = BTreeSet::new();
        let mut is_exact = start != Start::Fresh;
        loop {
            match load.next(&self.watched.world.store, budget).unwrap() {
                Step::Reset => {
                    state.clear();
                    seen.clear();
                    is_exact = false;
                    *self.resumed.entry("reset").or_default() += 1;
                }
                Step::Changes(changes) => {
                    for change in &changes {
                        let path = change.path();
                        assert!(seen.insert(path.clone()), "{path} twice");
                        match change {
                            Change::Matches(delivered) => {
                                let document = delivered.document.clone();
                                let before = state.insert(path.clone(), document.clone());
                                assert!(!is_exact || before != Some(document), "nothing new");
                            }
                            _ => drop(state.remove(path)),
                        }
                    }
                }
                Step::Existence { count, names } => {
                    let names: BTreeSet<_> = names.unwrap().into_iter().collect();
                    assert_eq!(names, expected.keys().cloned().collect());
                    assert_eq!(usize::try_from(count).unwrap(), names.len());
                    state.retain(|path, _| names.contains(path));
                    *self.resumed.entry("existence").or_default() += 1;
                }
                Step::Done => break,
            }
            if self.world.random.once_in(10) {
                self.commit();
            }
        }
        assert_eq!(state, expected, "{start:?} {target:#?}");
        state
    }

    /// Goes on from an earlier snapshot, maybe one that has a document too many.
    fn resume(&mut self) {
        if self.clients.is_empty() {
            return;
        }
        let at = self.world.random.below(self.clients.len());
        let client = &self.clients[at];
        if client.past.is_empty() {
            return;
        }
        let past = self.world.random.below(client.past.len());
        let (time, mut state) = client.past[past].clone();
        let target = client.target.clone();
        let is_wrong = self.world.random.once_in(4);
        if is_wrong {
            let strange = queries::document("strange/x", &[]);
            state.insert(strange.path.clone(), strange);
        }
        let counts = is_wrong || self.world.random.once_in(2);
        let expected_count = counts.then(|| u32::try_from(state.len()).unwrap());
        let start = Start::After {
            time,
            expected_count,
        };
        let now = self.watched.now();
        self.load(&target, now, start, state);
        *self.resumed.entry("resumed").or_default() += 1;
    }

    /// Feeds the hub a step.
    fn feed(&mut self) {
        if self.world.random.once_in(8) {
            self.watched.hub.forget_windows();
        }
        let limit = 1 + self.world.random.below(4);
        let outcome = self.watched.feed(limit);
        for delivery in &outcome.deliveries {
            assert!(!delivery.changes.is_empty());
            for (_, id) in delivery.to.iter() {
                let client = self
                    .clients
                    .iter_mut()
                    .find(|client| target(client.id) == *id);
                let client = client.unwrap();
                apply(client, &delivery.changes);
            }
        }
        for client in &mut self.clients {
            let expected = state_of(&self.watched, &client.target, outcome.position);
            assert_eq!(client.state, expected, "{:#?}", client.target);
            client.past.push((outcome.position, client.state.clone()));
        }
    }

    fn trim(&mut self) {
        // The hub is not left behind.
        while self.watched.hub.position() < self.watched.now() {
            self.feed();
        }
        self.watched.trim();
    }
}

fn run(world: queries::World, seed: u64) -> BTreeMap<&'static str, usize> {
    let mut model = Model::new(world, seed);
    for _ in 0..60 {
        match model.world.random.below(12) {
            0 | 1 => model.listen(),
            2 if model.clients.len() > 8 => {
                let client = model.clients.remove(0);
                let subscriber = SubscriberId(1);
                model.watched.hub.unsubscribe(subscriber, target(client.id));
            }
            3 | 4 => model.resume(),
            5..=7 => model.commit(),
            8 if model.world.random.once_in(3) => model.trim(),
            _ => model.feed(),
        }
    }
    model.resumed
}

#[test]
fn listeners_have_what_their_queries_give() {
    let mut resumed = BTreeMap::<_, usize>::new();
    for seed in 0..80 {
        for (way, count) in run(queries::World::new(seed), seed) {
            *resumed.entry(way).or_default() += count;
        }
    }
    for way in ["resumed", "reset", "existence"] {
        assert!(resumed.get(way) > Some(&30), "{resumed:?}");
    }
}

#[test]
fn values_and_names_that_entries_cannot_hold_do_not_matter() {
    for seed in 0..10 {
        run(queries::World::long(seed), seed);
    }
}

/// They are fed and asked by whichever thread is free.
#[test]
fn they_are_sent_between_threads() {
    const fn is_sent<T: Send + 'static>() {}
    is_sent::<Hub>();
    is_sent::<Load>();
    is_sent::<Outcome>();
}
