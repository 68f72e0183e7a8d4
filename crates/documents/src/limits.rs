//! Limits that this crate enforces. Those of names, values and single documents are `model`'s.
//!
//! Source of all: Firestore specification, section 1.4, unless marked.

/// Field transforms of one document in one commit. [`Invalid::TooManyTransforms`](crate::Invalid::TooManyTransforms).
pub const FIELD_TRANSFORMS_MAX: usize = 500;

/// Writes of one batch of independent writes. [`Invalid::TooManyWrites`](crate::Invalid::TooManyWrites).
pub const BATCH_WRITES_MAX: usize = 500;

/// Characters of a generated document id. Source: section 1.2.
pub const GENERATED_ID_CHARS: usize = 20;

/// Bytes of stored documents that one commit may replace or remove: 128 MiB. Ours: they are in memory until the commit is
/// through. [`Invalid::TooMuchReplaced`](crate::Invalid::TooMuchReplaced).
pub const REPLACED_BYTES_MAX: usize = 128 * 1_024 * 1_024;

/// Documents that are read at a time. Ours: a document has at most 1 MiB.
pub const READ_DOCUMENTS: usize = 32;

/// Rows that a scan of a collection reads at a time where it does not know how many it needs. Ours.
pub const SCAN_ROWS: usize = 64;

/// Rows of indexes that are read to choose among them, for all conjunctions of a query together. Ours.
pub const PLAN_ROWS_MAX: usize = 1_024;

/// Rows of an index that are so few that none with fewer is looked for. Ours.
pub const SHORT_ROWS: usize = 8;

/// Documents of which the sort keys are kept while an answer is put in order that no index has in order. Ours.
pub const SORT_DOCUMENTS_MAX: usize = 100_000;

/// Bytes of sort keys that are kept meanwhile. A larger answer is put in order by several passes. Ours.
pub const SORT_BYTES_MAX: usize = 8 * 1_024 * 1_024;

/// Bytes of documents after which a block of an export file ends: 256 KiB. Ours.
pub const EXPORT_BLOCK_BYTES: usize = 256 * 1_024;

/// The longest block of an export file, unpacked: 2 MiB, room for a document by itself. Ours.
/// [`FileError::TooLarge`](crate::export::FileError::TooLarge).
pub const EXPORT_BLOCK_BYTES_MAX: usize = 2 * 1_024 * 1_024;

/// Bytes of documents that an import commits at a time: 1 MiB, or one document. Ours: their index entries are several
/// times as many.
pub const IMPORT_BATCH_BYTES: usize = 1_024 * 1_024;

/// Documents that an import commits at a time. Ours.
pub const IMPORT_BATCH_DOCUMENTS: usize = 500;

/// Index entries of one document. An entry by itself has no bound of its own: it holds 1 500 bytes of values and a name of
/// 6 KiB at most, which is the cloud's 7.5 KiB. [`Invalid::TooManyIndexEntries`](crate::Invalid::TooManyIndexEntries).
pub const INDEX_ENTRIES_MAX: usize = 40_000;

/// Bytes of all index entries of one document: 8 MiB. A commit that replaces such a document removes and adds so many, and
/// those of its group of collections: within what a transaction may write of entries.
/// [`Invalid::IndexEntriesTooLarge`](crate::Invalid::IndexEntriesTooLarge).
pub const INDEX_ENTRIES_BYTES_MAX: usize = 8 * 1_024 * 1_024;

/// Fields of a composite index, its documents' name among them. [`InvalidIndex`](crate::index::InvalidIndex).
pub const INDEX_FIELDS_MAX: usize = 100;

/// Documents that one step of building an index takes on. Ours: fewer, where they are written all the time.
pub const STEP_DOCUMENTS: usize = 64;

/// Rows that one step of building or removing an index looks at. Ours.
pub const STEP_ROWS: usize = 1_024;

/// Bytes of entries that one step of building an index writes: 4 MiB. Ours.
pub const STEP_ENTRY_BYTES: usize = 4 * 1_024 * 1_024;

/// Faults of indexes that a check describes; it counts all of them. Ours.
pub const FAULTS_MAX: usize = 20;

/// Documents that a listened query with a limit keeps in a window: those that its offset leaves out, and those that it
/// gives. For more, each change that concerns it costs two answers. Ours.
pub const WINDOW_ROWS_MAX: usize = 10_000;

/// Bytes of the window of one query; a larger one is read again at each change. Ours.
pub const WINDOW_BYTES_MAX: usize = 8 * 1_024 * 1_024;

/// Bytes of the windows of all listened queries of a database; over it, all are read again when they are needed. Ours.
pub const WINDOWS_BYTES_MAX: usize = 64 * 1_024 * 1_024;

/// Commits that a resumed listener looks through for changes. With more, the answers of then and now are compared. Ours.
pub const CATCH_UP_COMMITS_MAX: usize = 10_000;

/// Documents that a resumed listener looks at for that reason. Ours.
pub const CATCH_UP_DOCUMENTS_MAX: usize = 10_000;

/// Log rows that it reads at a time: each may repeat 1 MiB of documents. Ours.
pub const CATCH_UP_ROWS: usize = 16;

/// Documents that a listener's load reads at a time where it knows their names: each has at most 1 MiB. Ours.
pub const LOAD_DOCUMENTS: usize = 8;

/// Documents that are in one of two answers that are compared and not in the other; with more, the listener gets the
/// whole answer. Ours.
pub const DIFFERENCE_DOCUMENTS_MAX: usize = 100_000;

/// Names that a client is told when it may hold other documents than it should. Source: section 12.
pub const EXISTENCE_NAMES_MAX: usize = 50_000;

/// Bits of a bloom filter that are the least: smaller ones err more often than they should. Source: section 12.
pub const BLOOM_BITS_MIN: u64 = 128;
