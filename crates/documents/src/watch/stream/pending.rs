//! What was delivered since the last snapshot: of each document its final state, and what that means to the targets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use firekeep_model::DocumentPath;
use firekeep_store::CommitTime;

use crate::watch::{Change, Delivered, Event, TargetId};

/// What was delivered, by document.
#[derive(Debug, Default)]
pub(super) struct Pending(BTreeMap<DocumentPath, Changed>);

#[derive(Debug, Default)]
struct Changed {
    state: State,
    /// Which targets have it now.
    targets: BTreeSet<TargetId>,
    /// Which do not have it any more.
    removed: BTreeSet<TargetId>,
}

#[derive(Debug, Default)]
enum State {
    /// As before, as far as anybody said.
    #[default]
    Unchanged,
    Present(Arc<Delivered>),
    /// As of then: it may be back since, where no target of the stream sees it.
    Deleted(CommitTime),
}

impl Pending {
    /// Takes a change of the step to `at`.
    pub(super) fn add(&mut self, id: TargetId, at: CommitTime, change: &Change) {
        let known = self.0.get_mut(change.path());
        let changed = match known {
            Some(known) => known,
            None => self.0.entry(change.path().clone()).or_default(),
        };
        match change {
            Change::Matches(document) | Change::Left(document) => {
                changed.state = State::Present(Arc::clone(document));
            }
            Change::Deleted(_) => changed.state = State::Deleted(at),
            Change::FellOut(_) => {}
        }
        match change {
            Change::Matches(_) => {
                changed.removed.remove(&id);
                changed.targets.insert(id);
            }
            Change::Left(_) | Change::Deleted(_) | Change::FellOut(_) => {
                changed.targets.remove(&id);
                changed.removed.insert(id);
            }
        }
    }

    /// Forgets a target, and what was for it alone.
    pub(super) fn forget(&mut self, id: TargetId) {
        self.0.retain(|_, changed| {
            changed.targets.remove(&id);
            changed.removed.remove(&id);
            !changed.targets.is_empty() || !changed.removed.is_empty()
        });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes everything, as of a time.
    pub(super) fn take(&mut self, at: CommitTime) -> Vec<Event> {
        let all = std::mem::take(&mut self.0).into_iter();
        all.map(|(path, changed)| changed.event(path, at)).collect()
    }
}

impl Changed {
    fn event(self, path: DocumentPath, at: CommitTime) -> Event {
        let removed = self.removed.into_iter().collect();
        match self.state {
            State::Present(document) => Event::Changed {
                document,
                targets: self.targets.into_iter().collect(),
                removed,
            },
            State::Deleted(at) => Event::Deleted { path, removed, at },
            State::Unchanged => Event::Removed { path, removed, at },
        }
    }
}
