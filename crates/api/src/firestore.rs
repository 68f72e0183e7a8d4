//! Documents, as Firestore offers them: one file for each operation, and what they share.
//!
//! Edges see the types of `documents` by the re-exports here only. Firestore specification, sections 4 to 7.

mod access;
mod admin;
mod batch_get;
mod batch_write;
mod begin_transaction;
mod building;
mod bulk_delete;
mod clear;
mod commit;
mod database;
mod databases;
mod delete_database;
mod deploy_indexes;
mod document;
mod expiry;
mod export;
mod get_document;
mod index_file;
mod indexes;
mod list_collection_ids;
mod list_documents;
mod listen;
mod long_operations;
mod operations;
mod page_token;
mod partition_query;
mod promised;
mod reading;
mod run_aggregation_query;
mod run_query;
mod streams;
mod tend;
mod transactions;
mod verify;
mod watch;
mod write_stream;

use std::sync::Arc;

use bytes::Bytes;
use firekeep_model::Timestamp;

pub use firekeep_documents::aggregate::{Aggregation, AggregationQuery, Operator};
pub use firekeep_documents::codec::{StoredElements, StoredFields, StoredNumbers, StoredValue};
pub use firekeep_documents::explain::{Explained, IndexUsed};
pub use firekeep_documents::filter::{Comparison, Condition, FieldFilter, Filter};
pub use firekeep_documents::index::backfill::Task;
pub use firekeep_documents::index::catalog::{Group, Kinds, Override};
pub use firekeep_documents::index::change::Declared;
pub use firekeep_documents::index::{
    Catalog, Composite, Definition, Expiry, FieldOverride, IndexField, IndexId, IndexOrder,
    InvalidIndex, Kind, Mode as IndexMode, QueryScope, State as IndexState,
};
pub use firekeep_documents::plan::RequiredIndex;
pub use firekeep_documents::query::{
    CollectionSelector, Cursor, Direction, DistanceMeasure, FindNearest, InvalidQuery, Order,
    Query, projection,
};
pub use firekeep_documents::read::Listed;
pub use firekeep_documents::watch::{
    BloomFilter, Delivered, Event, Lasts, Resume, Target, TargetChange, TargetId,
};
pub use firekeep_documents::{
    Error as DocumentError, Given, Invalid, Operation, Precondition, StoredDocument, Transform,
    Write,
};

pub use self::access::Access;
pub use self::admin::{DatabaseChange, DatabaseSummary};
pub use self::batch_get::{Gets, Got};
pub use self::commit::{Committed, Written};
pub(crate) use self::databases::Databases;
pub use self::deploy_indexes::{Deployed, Others};
pub use self::export::{ExportTo, References};
pub use self::index_file::{AUTOMATIC, IndexFile};
pub use self::indexes::IndexProgress;
pub use self::list_documents::{List, ListPage};
pub use self::listen::{AddTarget, ListenEvent, ListenRequest, Listening};
pub(crate) use self::operations::Operations;
pub use self::operations::{End, LongOperation, OperationKind};
pub use self::run_aggregation_query::Aggregated;
pub use self::run_query::{AnswerPage, Answers, Explain};
pub use self::streams::StreamCredential;
pub(crate) use self::streams::Streams;
pub(crate) use self::transactions::Transactions;
pub use self::verify::{Checked, Verified, verify_documents};
pub(crate) use self::watch::Watches;
pub use self::write_stream::{Acknowledged, Writing};
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

#[cfg(test)]
mod tests;
