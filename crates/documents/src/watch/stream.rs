//! One stream of a listener: which targets it has, and what it is told of them.
//!
//! A value that is fed by hand: targets as the client asks for them, the steps of their loading, deliveries of the hub.
//! What it gives keeps the protocol's rules: one ADD and one REMOVE for each target and nothing outside of them; each
//! document of the deliveries at most once for each snapshot, in its final state, and where a target is loaded between, never
//! an older state behind a newer one; no snapshot while a target loads, since the client would show half of it; times that
//! never go back. Firestore specification, sections 11.2 to 11.5.

use std::collections::BTreeMap;

use firekeep_model::{DatabaseName, DocumentName, DocumentPath};
use firekeep_store::CommitTime;

use super::{BloomFilter, Change, Event, Step, TargetChange, TargetId};

mod pending;

use pending::Pending;

/// How long a target lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lasts {
    /// Until the client removes it.
    #[default]
    Open,
    /// Until its first snapshot was sent.
    Once,
}

/// One stream of a listener.
#[derive(Debug)]
pub struct Stream {
    database: DatabaseName,
    targets: BTreeMap<TargetId, State>,
    pending: Pending,
    /// The newest snapshot that was sent.
    sent: CommitTime,
    /// There is something that a snapshot is to close.
    due: bool,
}

/// How far a target is.
#[derive(Debug)]
struct State {
    lasts: Lasts,
    /// Whether it was loaded; no snapshot is sent meanwhile.
    loading: bool,
    /// It has everything up to here: what is delivered of earlier times is known.
    known: CommitTime,
}

impl Stream {
    /// One without targets.
    #[must_use]
    pub fn new(database: DatabaseName) -> Self {
        Self {
            database,
            targets: BTreeMap::new(),
            pending: Pending::default(),
            sent: CommitTime::default(),
            due: false,
        }
    }

    /// How many targets there are.
    #[must_use]
    pub fn targets(&self) -> usize {
        self.targets.len()
    }

    /// Takes a new target, which is loading from now on. Its number must be free.
    pub fn add(&mut self, id: TargetId, lasts: Lasts) -> Event {
        let state = State {
            lasts,
            loading: true,
            known: CommitTime::default(),
        };
        self.targets.insert(id, state);
        about(TargetChange::Add, id, None)
    }

    /// Ends a target because the client says so. The answer is the same for one that has ended by itself meanwhile: the
    /// client counts answers.
    pub fn remove(&mut self, id: TargetId) -> Event {
        self.forget(id);
        about(TargetChange::Remove, id, None)
    }

    /// Ends a target that is refused: whoever says why has the last word about it.
    pub fn forget(&mut self, id: TargetId) {
        self.targets.remove(&id);
        self.pending.forget(id);
    }

    /// Takes a step of the loading of a target, at the time that it is loaded at.
    pub fn step(&mut self, id: TargetId, at: CommitTime, step: Step) -> Vec<Event> {
        let Some(state) = self.targets.get_mut(&id) else {
            return Vec::new();
        };
        match step {
            Step::Reset => vec![about(TargetChange::Reset, id, None)],
            Step::Changes(changes) => {
                let events = changes.into_iter().map(|change| loaded(id, at, change));
                events.collect()
            }
            Step::Existence { count, names } => {
                let names = names.map(|paths| self.names(paths));
                vec![Event::Filter {
                    target: id,
                    count,
                    unchanged: names.and_then(|names| BloomFilter::of(&names)),
                }]
            }
            Step::Done => {
                state.loading = false;
                state.known = state.known.max(at);
                self.due = true;
                vec![about(TargetChange::Current, id, Some(at))]
            }
        }
    }

    /// Takes what the hub has to tell a target about the step to a snapshot. While a target loads, what is later than
    /// the time of the loading has to wait outside.
    pub fn deliver(&mut self, id: TargetId, at: CommitTime, changes: &[Change]) {
        let state = self.targets.get(&id);
        // What a target does not have yet while it loads at a later time is part of the loading.
        if state.is_some_and(|state| !state.loading && state.known < at) {
            changes
                .iter()
                .for_each(|change| self.pending.add(id, at, change));
            self.due = true;
        }
    }

    /// Has all targets loaded again, since deliveries were lost: each from the time that it has everything up to.
    ///
    /// Nothing may be loading.
    pub fn load_again(&mut self) -> Vec<(TargetId, CommitTime)> {
        self.pending.clear();
        let sent = self.sent;
        let again = self.targets.iter_mut().map(|(id, state)| {
            state.loading = true;
            state.known = state.known.max(sent);
            (*id, state.known)
        });
        again.collect()
    }

    /// The earliest time of the next snapshot; `None` while a target loads.
    #[must_use]
    pub fn next_snapshot(&self) -> Option<CommitTime> {
        let mut earliest = self.sent;
        for state in self.targets.values() {
            if state.loading {
                return None;
            }
            earliest = earliest.max(state.known);
        }
        Some(earliest)
    }

    /// Whether there is something that a snapshot is to close. Never without a target: nobody would hear it.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.due && !self.targets.is_empty()
    }

    /// Tells what was delivered, which is everything up to a time: before a target is loaded as of that time. Behind the
    /// load it would be old: a client takes the last state of a document that it is told for the newest.
    pub fn flush(&mut self, at: CommitTime) -> Vec<Event> {
        self.pending.take(at)
    }

    /// Closes what was delivered by the snapshot of a time, up to which everything was delivered: nothing, while a target
    /// loads or for a time before [`next_snapshot`](Self::next_snapshot).
    pub fn snapshot(&mut self, at: CommitTime) -> Vec<Event> {
        if self.next_snapshot().is_none_or(|earliest| at < earliest) {
            return Vec::new();
        }
        let mut events = self.pending.take(at);
        events.push(Event::Target {
            change: TargetChange::NoChange,
            targets: Vec::new(),
            at: Some(at),
        });
        self.sent = at;
        self.due = false;
        self.targets.retain(|id, state| {
            let is_over = state.lasts == Lasts::Once;
            if is_over {
                events.push(about(TargetChange::Remove, *id, None));
            }
            !is_over
        });
        events
    }

    fn names(&self, paths: Vec<DocumentPath>) -> Vec<String> {
        let name = |path| {
            let database = self.database.clone();
            DocumentName { database, path }.to_string()
        };
        paths.into_iter().map(name).collect()
    }
}

fn about(change: TargetChange, id: TargetId, at: Option<CommitTime>) -> Event {
    Event::Target {
        change,
        targets: vec![id],
        at,
    }
}

/// What a change that loading found is to the client.
fn loaded(id: TargetId, at: CommitTime, change: Change) -> Event {
    let removed = vec![id];
    match change {
        Change::Matches(document) => Event::Changed {
            document,
            targets: vec![id],
            removed: Vec::new(),
        },
        Change::Left(document) => Event::Changed {
            document,
            targets: Vec::new(),
            removed,
        },
        Change::Deleted(path) => Event::Deleted { path, removed, at },
        Change::FellOut(path) => Event::Removed { path, removed, at },
    }
}

#[cfg(test)]
mod tests;
