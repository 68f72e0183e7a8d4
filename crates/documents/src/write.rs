//! What a commit is made of: writes, their preconditions and their results.
//!
//! What they do is `commit.rs`. Firestore specification, sections 4.1, 4.2 and 4.5.

use firekeep_model::{DocumentPath, FieldMask, FieldPath, Map, Timestamp, Value};

use crate::{Error, Invalid, Transform};

/// One write of a commit.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// The document.
    pub path: DocumentPath,
    /// What happens to it.
    pub operation: Operation,
    /// What happens to single fields after that; updates only. The old `transform` write is an update of an empty mask.
    pub transforms: Vec<(FieldPath, Transform)>,
    /// What must be so before.
    pub precondition: Precondition,
}

/// What a write does to its document.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Sets fields, and makes the document where it is missing.
    Update {
        /// The fields.
        fields: Map,
        /// The fields to set, or to take out when `fields` has none there. All others stay, and an empty mask leaves
        /// them all. `None` replaces the whole document.
        mask: Option<FieldMask>,
    },
    /// Removes the document, which need not be there. Those below it stay.
    Delete,
    /// Only checks the precondition.
    Verify,
}

/// What a write asks of its document before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    #[default]
    None,
    /// That it is there, or is not.
    Exists(bool),
    /// That it changed last at this time. The epoch stands for a document that is not there.
    UpdateTime(Timestamp),
}

/// When a document changed that was just written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateTime {
    /// By this commit, whose time the store gives it later.
    ThisCommit,
    /// Before: the commit leaves it as it was.
    At(Timestamp),
}

impl UpdateTime {
    /// The time, once that of the commit is known.
    #[must_use]
    pub const fn at(self, commit: Timestamp) -> Timestamp {
        match self {
            Self::ThisCommit => commit,
            Self::At(time) => time,
        }
    }
}

/// The answer to a write.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteResult {
    /// When the document changed last. `None` for deletes, verifies, and documents that the commit leaves missing.
    pub update_time: Option<UpdateTime>,
    /// One value for each transform of the write, in their order.
    pub transform_results: Vec<Value>,
}

impl Write {
    /// Checks what does not depend on the stored document.
    ///
    /// # Errors
    /// [`Invalid`].
    pub fn check(&self) -> Result<(), Invalid> {
        let updates = matches!(self.operation, Operation::Update { .. });
        if !updates && !self.transforms.is_empty() {
            return Err(Invalid::TransformsWithoutUpdate);
        }
        let verifies = matches!(self.operation, Operation::Verify);
        if verifies && self.precondition == Precondition::None {
            return Err(Invalid::VerifyWithoutPrecondition);
        }
        for (field, transform) in &self.transforms {
            transform.check(field)?;
        }
        self.check_overlaps()
    }

    /// COMPAT: as the official emulator, one field may be transformed several times, but not together with one that it
    /// is in.
    fn check_overlaps(&self) -> Result<(), Invalid> {
        let mut fields: Vec<_> = self.transforms.iter().map(|(field, _)| field).collect();
        fields.sort_unstable();
        fields.dedup();
        // A field is sorted directly before those that are in it.
        let mut pairs = fields.iter().zip(fields.iter().skip(1));
        match pairs.find(|(outer, inner)| outer.covers(inner)) {
            Some((outer, _)) => Err(Invalid::TransformsOverlap((*outer).clone())),
            None => Ok(()),
        }
    }
}

impl Precondition {
    /// Checks the precondition of a write.
    ///
    /// `exists` is after the writes before it. `stored` is the version before the commit, the epoch when there was
    /// none.
    ///
    /// COMPAT: several writes of one commit to one document may each name the version that they all started from, as
    /// with the official emulator; the specification leaves it open (section 4.2).
    pub(crate) fn check(
        self,
        path: &DocumentPath,
        exists: bool,
        stored: Timestamp,
    ) -> Result<(), Error> {
        match self {
            Self::Exists(true) if !exists => Err(Error::NotFound { path: path.clone() }),
            Self::Exists(false) if exists => Err(Error::AlreadyExists { path: path.clone() }),
            // COMPAT: as the official emulator; no version that a client read is later than one that is there.
            Self::UpdateTime(required) if exists && required > stored => {
                Err(Invalid::VersionAhead(path.clone()).into())
            }
            Self::UpdateTime(required) if required != stored => {
                Err(Error::StaleVersion { stored, required })
            }
            _ => Ok(()),
        }
    }
}
