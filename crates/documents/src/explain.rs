//! How a query was carried out, and which index would help.
//!
//! Firestore specification, section 7.10.

use crate::exec::reader::Counts;
use crate::index::definition::QueryScope;
use crate::plan::RequiredIndex;

/// What was done for an answer so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explained {
    /// The indexes that are used. The documents themselves count as the index of their names.
    pub indexes_used: Vec<IndexUsed>,
    /// Rows of indexes that were read, those for choosing an index among them.
    pub entries_scanned: u64,
    /// Rows of documents that were read, whether they are in the answer or not.
    pub documents_read: u64,
    /// Documents, or results of an aggregation, that were given.
    pub results: u64,
    /// The index that the cloud would demand, and that there is not.
    pub wanted: Option<RequiredIndex>,
}

/// An index that a query uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexUsed {
    /// For which queries it is.
    pub scope: QueryScope,
    /// Its fields: `(a ASC, __name__ ASC)`.
    pub properties: String,
}

impl Explained {
    pub(crate) fn new(
        used: &[(QueryScope, String)],
        counts: Counts,
        results: u64,
        wanted: Option<RequiredIndex>,
    ) -> Self {
        let used = used.iter().map(|(scope, properties)| IndexUsed {
            scope: *scope,
            properties: properties.clone(),
        });
        Self {
            indexes_used: used.collect(),
            entries_scanned: counts.entries,
            documents_read: counts.documents,
            results,
            wanted,
        }
    }
}
