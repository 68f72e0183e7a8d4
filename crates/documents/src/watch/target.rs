//! What is listened to, and who listens.

use firekeep_model::DocumentPath;

use crate::query::Query;

/// The number of a target on its stream: positive. Chosen by the client. Source: specification, section 11.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetId(i32); // INVARIANT: see `new`, the only constructor.

impl TargetId {
    /// `None` for 0 and what is below.
    #[must_use]
    pub const fn new(id: i32) -> Option<Self> {
        match id {
            1.. => Some(Self(id)),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }
}

/// A stream, to the hub: whoever feeds it gives out the numbers, none twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriberId(pub u64);

/// What is listened to.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "there is one for each target")]
pub enum Target {
    /// The answer to a query that was [checked](Query::validate). Its `select` does not matter: listeners get whole
    /// documents. It asks for no nearest vectors.
    Query(Query),
    /// These documents, there or not.
    Documents(Vec<DocumentPath>),
}
