//! Who listens to one thing.

use std::collections::HashSet;
use std::sync::Arc;

use super::{SubscriberId, TargetId};

/// Targets of streams.
#[derive(Debug, Default)]
pub(super) struct Audience {
    members: HashSet<(SubscriberId, TargetId)>,
    /// The same, to hand out; `None` after a change.
    list: Option<Arc<[(SubscriberId, TargetId)]>>,
}

impl Audience {
    pub(super) fn add(&mut self, member: (SubscriberId, TargetId)) {
        self.members.insert(member);
        self.list = None;
    }

    pub(super) fn remove(&mut self, member: (SubscriberId, TargetId)) {
        self.members.remove(&member);
        self.list = None;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn list(&mut self) -> Arc<[(SubscriberId, TargetId)]> {
        let members = &self.members;
        let list = self
            .list
            .get_or_insert_with(|| members.iter().copied().collect());
        Arc::clone(list)
    }
}
