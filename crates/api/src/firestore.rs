//! Documents, as Firestore offers them: one file for each operation, and what they share.
//!
//! Edges see the types of `documents` by the re-exports here only. Firestore specification, sections 4 to 7.

mod access;
mod admin;
mod batch_get;
mod commit;
mod database;
mod databases;
mod get_document;
mod reading;
mod tend;

use std::sync::Arc;

use bytes::Bytes;
use firekeep_model::Timestamp;

pub use firekeep_documents::aggregate::{Aggregation, AggregationQuery, Operator};
pub use firekeep_documents::filter::{Comparison, Condition, FieldFilter, Filter};
pub use firekeep_documents::query::{
    CollectionSelector, Cursor, Direction, DistanceMeasure, FindNearest, InvalidQuery, Order,
    Query, projection,
};
pub use firekeep_documents::read::Listed;
pub use firekeep_documents::{
    Error as DocumentError, Invalid, Operation, Precondition, Transform, Write,
};

pub use self::access::Access;
pub use self::admin::DatabaseSummary;
pub use self::batch_get::{Gets, Got};
pub use self::commit::{Committed, Written};
pub(crate) use self::databases::Databases;
use crate::Core;

/// Firestore: every operation on documents. Cloning is cheap.
///
/// Every operation checks in this order: its arguments ([`Error::Documents`](crate::Error::Documents),
/// [`Error::Invalid`](crate::Error::Invalid)), that the database
/// exists ([`Error::DatabaseNotFound`](crate::Error::DatabaseNotFound)), that the caller may
/// ([`Error::PermissionDenied`](crate::Error::PermissionDenied)), its transaction or read time
/// ([`Error::InvalidTransaction`](crate::Error::InvalidTransaction),
/// [`Error::TransactionExpired`](crate::Error::TransactionExpired),
/// [`Error::ReadTimeTooOld`](crate::Error::ReadTimeTooOld)), and then what is stored. Source: specification, section 5.
#[derive(Clone)]
pub struct Firestore(Arc<Core>);

impl Firestore {
    /// The documents of a server.
    #[must_use]
    pub fn new(core: Arc<Core>) -> Self {
        Self(core)
    }
}

/// Which state of the database a read sees. Source: specification, section 5.1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// Everything that was committed before the request arrived.
    #[default]
    Strong,
    /// What the transaction of this id sees.
    Transaction(Bytes),
    /// What a new transaction sees, whose id comes with the answer.
    New(TransactionOptions),
    /// What there was at a time.
    At(Timestamp),
}

/// What a transaction is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionOptions {
    /// It only reads.
    ReadOnly {
        /// What there was at this time; now when absent.
        read_time: Option<Timestamp>,
    },
    /// It reads, and then commits writes if nothing that it read was changed.
    ReadWrite {
        /// The id of a transaction that lost before, for another try.
        retry: Option<Bytes>,
    },
}
