//! What the tests of listening share: a database that is listened to, and changes as short text.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use firekeep_store::{CommitTime, LogRow, TrimBudget};

use super::{Change, Hub, Load, Outcome, Start, Step, SubscriberId, Target, TargetId};
use crate::index::Indexes;
use crate::query::Query;
use crate::{Budget, Error, Write, fixture};

/// A budget that most loads need one page of.
pub(crate) const AMPLE: Budget = Budget {
    documents: 1_000,
    bytes: 1 << 24,
    rows_read: 1_000_000,
};

pub(crate) fn target(id: i32) -> TargetId {
    TargetId::new(id).unwrap()
}

pub(crate) fn documents<const N: usize>(paths: [&str; N]) -> Target {
    Target::Documents(paths.map(fixture::document).into())
}

impl From<Query> for Target {
    fn from(query: Query) -> Self {
        Self::Query(query)
    }
}

/// `+` has, `~` changed and does not have, `-` is gone, `^` fell out.
pub(crate) fn show(change: &Change) -> String {
    let sign = match change {
        Change::Matches(_) => '+',
        Change::Left(_) => '~',
        Change::Deleted(_) => '-',
        Change::FellOut(_) => '^',
    };
    format!("{sign}{}", change.path())
}

pub(crate) fn show_all(changes: &[Change]) -> String {
    let changes: BTreeSet<_> = changes.iter().map(show).collect();
    changes.into_iter().collect::<Vec<_>>().join(" ")
}

/// A database, and who listens to it.
pub(crate) struct Watched {
    pub(crate) world: fixture::World,
    pub(crate) indexes: Arc<Indexes>,
    pub(crate) hub: Hub,
}

impl Watched {
    /// A database that got these documents before anybody listened.
    pub(crate) fn new(writes: &[Write]) -> Self {
        Self::of(fixture::World::new(), writes)
    }

    pub(crate) fn of(world: fixture::World, writes: &[Write]) -> Self {
        let indexes = Arc::new(Indexes::new());
        world.commit_with(writes, &*indexes).unwrap();
        let hub = Hub::new(world.read().time(), Arc::clone(&indexes));
        Self {
            world,
            indexes,
            hub,
        }
    }

    pub(crate) fn commit(&self, writes: &[Write]) -> CommitTime {
        self.world.pass(1_000);
        self.world.commit_with(writes, &*self.indexes).unwrap();
        self.now()
    }

    pub(crate) fn now(&self) -> CommitTime {
        self.world.read().time()
    }

    pub(crate) fn subscribe(&mut self, id: i32, to: impl Into<Target>) {
        self.hub.subscribe(SubscriberId(1), target(id), &to.into());
    }

    /// The commits that the hub was not fed.
    pub(crate) fn rows(&self, limit: usize) -> Vec<LogRow> {
        let mut feed = self.world.store.feed(self.hub.position()).unwrap();
        feed.next(limit, Duration::ZERO).unwrap()
    }

    /// Feeds the hub.
    pub(crate) fn feed(&mut self, limit: usize) -> Outcome {
        let rows = self.rows(limit);
        self.hub.apply(&self.world.store, &rows).unwrap()
    }

    /// Feeds the hub everything, and says who is told what: `1: +c/a; 2: ~c/a`.
    pub(crate) fn told(&mut self) -> String {
        let outcome = self.feed(usize::MAX);
        assert_eq!(outcome.position, self.now());
        let mut told = BTreeSet::new();
        for delivery in &outcome.deliveries {
            for (_, target) in delivery.to.iter() {
                told.insert(format!("{}: {}", target.get(), show_all(&delivery.changes)));
            }
        }
        told.into_iter().collect::<Vec<_>>().join("; ")
    }

    pub(crate) fn load(&self, to: impl Into<Target>, start: Start) -> Load {
        Load::new(&to.into(), self.now(), start, Arc::clone(&self.indexes))
    }

    /// All steps of a load, those without changes left out.
    pub(crate) fn steps(&self, mut load: Load, budget: Budget) -> Result<Vec<Step>, Error> {
        let mut steps = Vec::new();
        loop {
            match load.next(&self.world.store, budget)? {
                Step::Done => return Ok(steps),
                Step::Changes(changes) if changes.is_empty() => {}
                step => steps.push(step),
            }
        }
    }

    /// Makes the database forget everything before now.
    pub(crate) fn trim(&self) {
        let all = TrimBudget::rows(usize::MAX);
        self.world.store.trim(Duration::ZERO, all).unwrap();
    }
}
