//! What is said to a listener.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use firekeep_model::{Document, DocumentPath};
use firekeep_store::CommitTime;

use super::TargetId;

/// A document on its way to listeners: one value for all of them, however many.
#[derive(Debug)]
pub struct Delivered {
    /// The document, with all its fields.
    pub document: Document,
    /// Its bytes as gRPC has them: made by the first edge that wants them.
    pub grpc: OnceLock<Bytes>,
    /// Its bytes as JSON, likewise.
    pub json: OnceLock<Bytes>,
    bytes: usize,
}

impl Delivered {
    /// One of which nothing was encoded yet.
    #[must_use]
    pub fn new(document: Document) -> Arc<Self> {
        Arc::new(Self {
            bytes: document.size(),
            document,
            grpc: OnceLock::new(),
            json: OnceLock::new(),
        })
    }

    /// The bytes that the document counts for: about what it takes in memory, and on the wire.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

/// What became of one document, as seen by one target. Of each document one at a time: its final state.
#[derive(Clone, Debug)]
pub enum Change {
    /// It is new or was changed, and the target has it now.
    Matches(Arc<Delivered>),
    /// It was changed, and the target does not have it any more.
    Left(Arc<Delivered>),
    /// It is not there any more, or never was: the target names it, or had it.
    Deleted(DocumentPath),
    /// Others stand before it now, and the target does not have it any more. It did not change.
    FellOut(DocumentPath),
}

impl Change {
    /// Which document.
    #[must_use]
    pub fn path(&self) -> &DocumentPath {
        match self {
            Self::Matches(delivered) | Self::Left(delivered) => &delivered.document.path,
            Self::Deleted(path) | Self::FellOut(path) => path,
        }
    }
}

/// What a stream says, whatever carries it. Source: specification, sections 11.3 and 11.5.
#[derive(Clone, Debug)]
pub enum Event {
    /// Something about targets.
    Target {
        /// What.
        change: TargetChange,
        /// Which; none means all of the stream.
        targets: Vec<TargetId>,
        /// The snapshot that they have reached, from which they can be resumed.
        at: Option<CommitTime>,
    },
    /// A document is new or was changed.
    Changed {
        /// The document.
        document: Arc<Delivered>,
        /// Which targets have it now.
        targets: Vec<TargetId>,
        /// Which do not have it any more.
        removed: Vec<TargetId>,
    },
    /// A document is not there any more.
    Deleted {
        /// Which document.
        path: DocumentPath,
        /// Which targets had it, or ask for it.
        removed: Vec<TargetId>,
        /// As of when.
        at: CommitTime,
    },
    /// A document did not change, and is in fewer targets.
    Removed {
        /// Which document.
        path: DocumentPath,
        /// Which targets do not have it any more.
        removed: Vec<TargetId>,
        /// As of when.
        at: CommitTime,
    },
    /// How many documents a target has, so that the client notices if it holds others.
    Filter {
        /// The target.
        target: TargetId,
        /// How many.
        count: u32,
        /// Their names, about.
        unchanged: Option<BloomFilter>,
    },
}

/// What happened to targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetChange {
    /// Nothing: they have reached a snapshot.
    NoChange,
    /// The target was accepted.
    Add,
    /// The client asked to end it.
    Remove,
    /// It has everything up to a snapshot.
    Current,
    /// The client is to forget its documents: all follow.
    Reset,
}

/// A set of names that says of few others that they are in it. Source: specification, section 12.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BloomFilter {
    /// The bits, each byte's lowest first.
    pub bits: Bytes,
    /// How many bits of the last byte do not count: 0 to 7.
    pub padding: u8,
    /// How many bits each name sets.
    pub hash_count: u32,
}
