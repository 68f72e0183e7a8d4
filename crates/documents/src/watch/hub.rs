//! Who listens to what, and what a batch of commits means to them.
//!
//! The hub is fed the log of one database, in order, and stands behind the last commit that it was fed. It keeps no
//! answers: what a document was before a change is in the history. Only of queries with a limit it keeps the sort keys of
//! the first documents. Specification, section 15.2.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use firekeep_model::DocumentPath;
use firekeep_store::{CommitTime, Key, LogRow, Store};

use super::audience::Audience;
use super::changed::Batch;
use super::route::{QueryId, Routes};
use super::shared::{Concern, Shared};
use super::{Delivery, Outcome, SubscriberId, Target, TargetId};
use crate::index::Indexes;
use crate::limits::WINDOWS_BYTES_MAX;
use crate::{Error, keys};

/// With more queries to ask than these, a document is decoded as a whole before, not field by field for each.
const CANDIDATES_FEW: usize = 8;

/// The listeners of a database.
#[derive(Debug)]
pub struct Hub {
    position: CommitTime,
    indexes: Arc<Indexes>,
    subscribers: HashMap<SubscriberId, HashMap<TargetId, Subscription>>,
    /// Who asks for a document by its name; by its key in `docs`.
    names: HashMap<Key, Audience>,
    queries: HashMap<QueryId, Shared>,
    by_shape: HashMap<Key, QueryId>,
    next_query: QueryId,
    routes: Routes,
    /// About what all windows take.
    windows_bytes: usize,
    evaluations: u64,
}

/// What a target listens to.
#[derive(Debug)]
enum Subscription {
    Query(QueryId, Key),
    Documents(Vec<Key>),
}

impl Hub {
    /// One that stands at a snapshot, and that nobody listens to.
    #[must_use]
    pub fn new(position: CommitTime, indexes: Arc<Indexes>) -> Self {
        Self {
            position,
            indexes,
            subscribers: HashMap::new(),
            names: HashMap::new(),
            queries: HashMap::new(),
            by_shape: HashMap::new(),
            next_query: 0,
            routes: Routes::default(),
            windows_bytes: 0,
            evaluations: 0,
        }
    }

    /// The snapshot behind everything that it was fed.
    #[must_use]
    pub const fn position(&self) -> CommitTime {
        self.position
    }

    /// If nobody listens.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.subscribers.is_empty()
    }

    /// How many different queries are listened to.
    #[must_use]
    pub fn queries(&self) -> usize {
        self.queries.len()
    }

    /// How often a query was asked about a version of a document, so far: what feeding costs.
    #[must_use]
    pub const fn evaluations(&self) -> u64 {
        self.evaluations
    }

    /// Tells a target everything behind the [position](Self::position). In place of what it listened to before, if it did.
    ///
    /// Load it at that position, and at no later time: a step that leads across the time of the load would not tell of a
    /// document that came before it and went behind it.
    pub fn subscribe(&mut self, subscriber: SubscriberId, target: TargetId, to: &Target) {
        self.unsubscribe(subscriber, target);
        let member = (subscriber, target);
        let subscription = match to {
            Target::Query(query) => {
                let (shape, shared) = Shared::new(query);
                let id = self.share(&shape, shared);
                if let Some(shared) = self.queries.get_mut(&id) {
                    shared.audience.add(member);
                }
                Subscription::Query(id, shape)
            }
            Target::Documents(paths) => {
                let keys: Vec<_> = paths.iter().map(keys::document).collect();
                for key in &keys {
                    self.names.entry(key.clone()).or_default().add(member);
                }
                Subscription::Documents(keys)
            }
        };
        let targets = self.subscribers.entry(subscriber).or_default();
        targets.insert(target, subscription);
    }

    /// Tells a target nothing more.
    pub fn unsubscribe(&mut self, subscriber: SubscriberId, target: TargetId) {
        let Some(targets) = self.subscribers.get_mut(&subscriber) else {
            return;
        };
        let subscription = targets.remove(&target);
        if targets.is_empty() {
            self.subscribers.remove(&subscriber);
        }
        if let Some(subscription) = subscription {
            self.forget(&subscription, (subscriber, target));
        }
    }

    /// Tells a stream nothing more.
    pub fn drop_subscriber(&mut self, subscriber: SubscriberId) {
        for (target, subscription) in self.subscribers.remove(&subscriber).into_iter().flatten() {
            self.forget(&subscription, (subscriber, target));
        }
    }

    /// Takes the next commits of the log: those behind the position, in order and without a hole; any before it are left
    /// out. They are one step, from snapshot to snapshot.
    ///
    /// After an error the hub stands where it stood, and takes the same rows again.
    ///
    /// # Errors
    /// [`ReadTimeTooOld`](firekeep_store::Error::ReadTimeTooOld) when the history of the position was trimmed: then only
    /// a new hub helps. [`Error::Corrupt`]; those of storage.
    pub fn apply(&mut self, store: &Store, rows: &[LogRow]) -> Result<Outcome, Error> {
        let last = rows.last().map(|row| row.time);
        let position = last.unwrap_or(self.position).max(self.position);
        let deliveries = match self.step(store, rows, position) {
            Ok(deliveries) => deliveries,
            Err(error) => {
                // Some windows may be ahead of the position.
                self.forget_windows();
                return Err(error);
            }
        };
        self.advance(position);
        if self.windows_bytes > WINDOWS_BYTES_MAX {
            self.forget_windows();
        }
        Ok(Outcome {
            position,
            deliveries,
        })
    }

    /// Moves to a later snapshot that no commit lies before, but those that it was fed: see
    /// [`Store::settle`](firekeep_store::Store::settle).
    pub fn advance(&mut self, time: CommitTime) {
        self.position = self.position.max(time);
    }

    fn step(
        &mut self,
        store: &Store,
        rows: &[LogRow],
        after: CommitTime,
    ) -> Result<Vec<Delivery>, Error> {
        let is_watched = |key: &[u8], path: &DocumentPath| {
            self.names.contains_key(key) || self.routes.reach(path)
        };
        let Some(batch) = Batch::new(store, rows, self.position, after, is_watched)? else {
            return Ok(Vec::new());
        };
        let mut deliveries = self.tell_names(&batch)?;
        for (id, concerns) in self.judge(&batch)? {
            let Some(shared) = self.queries.get_mut(&id) else {
                continue;
            };
            self.windows_bytes -= shared.window_bytes();
            let changes = shared.changes(&batch, &self.indexes, concerns)?;
            self.windows_bytes += shared.window_bytes();
            if !changes.is_empty() {
                deliveries.push(Delivery {
                    changes: changes.into(),
                    to: shared.audience.list(),
                });
            }
        }
        Ok(deliveries)
    }

    /// What those see who ask for documents by their names.
    fn tell_names(&mut self, batch: &Batch<'_>) -> Result<Vec<Delivery>, Error> {
        let mut deliveries = Vec::new();
        for changed in &batch.documents {
            let Some(audience) = self.names.get_mut(&changed.key) else {
                continue;
            };
            // One that came and went is no news.
            if changed.after.is_some() || changed.was_there() {
                deliveries.push(Delivery {
                    changes: [changed.matches()?].into(),
                    to: audience.list(),
                });
            }
        }
        Ok(deliveries)
    }

    /// Which queries the documents matter to.
    fn judge(&mut self, batch: &Batch<'_>) -> Result<BTreeMap<QueryId, Vec<Concern>>, Error> {
        let mut concerns = BTreeMap::<_, Vec<_>>::new();
        let mut candidates = Vec::new();
        for (document, changed) in batch.documents.iter().enumerate() {
            if !self.routes.reach(&changed.path) {
                continue;
            }
            candidates.clear();
            if let Some(image) = &changed.after {
                self.routes.candidates(image, &mut candidates)?;
            }
            let asks_before = changed.after.is_none() || self.routes.ask_values(&changed.path);
            if asks_before && let Some(image) = changed.before(&batch.tx)? {
                self.routes.candidates(image, &mut candidates)?;
            }
            candidates.sort_unstable();
            candidates.dedup();
            if candidates.len() > CANDIDATES_FEW
                && let Some(image) = &changed.after
            {
                image.whole()?;
            }
            for id in &candidates {
                let Some(shared) = self.queries.get(id) else {
                    continue;
                };
                if let Some(sort) = shared.judge(batch, changed, &mut self.evaluations)? {
                    let concern = Concern { document, sort };
                    concerns.entry(*id).or_default().push(concern);
                }
            }
        }
        Ok(concerns)
    }

    /// The query of a shape, which is this one if there is none yet.
    fn share(&mut self, shape: &Key, mut shared: Shared) -> QueryId {
        if let Some(id) = self.by_shape.get(shape) {
            return *id;
        }
        let id = self.next_query;
        self.next_query += 1;
        shared.route = self.routes.add(id, shared.query());
        self.queries.insert(id, shared);
        self.by_shape.insert(shape.clone(), id);
        id
    }

    fn forget(&mut self, subscription: &Subscription, member: (SubscriberId, TargetId)) {
        match subscription {
            Subscription::Query(id, shape) => {
                let Some(shared) = self.queries.get_mut(id) else {
                    return;
                };
                shared.audience.remove(member);
                if shared.audience.is_empty() {
                    if let Some(route) = &shared.route {
                        self.routes.remove(*id, route);
                    }
                    self.windows_bytes -= shared.window_bytes();
                    self.queries.remove(id);
                    self.by_shape.remove(shape);
                }
            }
            Subscription::Documents(keys) => {
                for key in keys {
                    if let Some(audience) = self.names.get_mut(key) {
                        audience.remove(member);
                        if audience.is_empty() {
                            self.names.remove(key);
                        }
                    }
                }
            }
        }
    }

    pub(super) fn forget_windows(&mut self) {
        for shared in self.queries.values_mut() {
            shared.forget();
        }
        self.windows_bytes = 0;
    }
}

#[cfg(test)]
mod tests;
