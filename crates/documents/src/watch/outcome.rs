//! What comes of feeding the hub, and of loading a target.

use std::sync::Arc;

use firekeep_model::DocumentPath;
use firekeep_store::CommitTime;

use super::{Change, SubscriberId, TargetId};

/// What a batch of commits means to listeners: one step from snapshot to snapshot.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The snapshot that all targets have reached once they have the deliveries.
    pub position: CommitTime,
    /// What there is to tell. Several deliveries may be for one target; no two of them are about one document.
    pub deliveries: Vec<Delivery>,
}

/// What some listeners see: all who listen to the same.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The documents, each once.
    pub changes: Arc<[Change]>,
    /// Who is told.
    pub to: Arc<[(SubscriberId, TargetId)]>,
}

/// A step of loading a target.
#[derive(Clone, Debug)]
pub enum Step {
    /// What the client has of the target is to be forgotten: all follows.
    Reset,
    /// Some documents, maybe none. Of the whole load, each document comes once behind the last reset.
    Changes(Vec<Change>),
    /// The client seems to hold other documents than it should: how many there are, and which. Behind all changes.
    Existence {
        /// How many documents the target has.
        count: u32,
        /// Which; `None` when there are too many of them to be named.
        names: Option<Vec<DocumentPath>>,
    },
    /// That was all: the target is current at the time that it was loaded at.
    Done,
}
