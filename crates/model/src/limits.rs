//! The limits of names, values and documents: everything here is refused with INVALID_ARGUMENT.
//!
//! Each limit names the error that carries its text. Limits of requests, queries and transactions belong to the crates
//! that enforce them. Source of all: Firestore specification, section 1.4, unless marked.

/// Bytes of a collection id or document id. [`PathError::IdTooLong`](crate::PathError::IdTooLong).
/// Source: section 1.2.
pub const ID_BYTES_MAX: usize = 1_500;

/// Bytes of a path below `documents`, slashes included: 6 KiB. [`PathError::TooLong`](crate::PathError::TooLong).
///
/// COMPAT: the official emulator does not enforce it; here it bounds the keys of the storage.
pub const PATH_BYTES_MAX: usize = 6 * 1_024;

/// Collections on the way to a document, the last one included. [`PathError::TooDeep`](crate::PathError::TooDeep).
pub const COLLECTION_DEPTH_MAX: usize = 100;

/// The fewest characters of a database id other than `(default)`.
/// [`DatabaseIdError`](crate::DatabaseIdError). Source: section 1.1.
pub const DATABASE_ID_CHARS_MIN: usize = 4;

/// The most characters of a database id. [`DatabaseIdError`](crate::DatabaseIdError). Source: section 1.1.
pub const DATABASE_ID_CHARS_MAX: usize = 63;

/// Bytes of a field name. [`FieldPathError::NameTooLong`](crate::FieldPathError::NameTooLong). Source: section 1.3.
pub const FIELD_NAME_BYTES_MAX: usize = 1_500;

/// Bytes of a field path: its names and the dots between them, without quotes and escapes.
/// [`FieldPathError::TooLong`](crate::FieldPathError::TooLong). Source: section 1.3.
pub const FIELD_PATH_BYTES_MAX: usize = 1_500;

/// Maps and arrays around a value inside a document. [`ValueError::TooDeep`](crate::ValueError::TooDeep).
pub const VALUE_DEPTH_MAX: usize = 20;

/// Bytes of one string or bytes value: 1 MiB - 89 bytes.
/// [`ValueError::TooLong`](crate::ValueError::TooLong).
pub const STRING_BYTES_MAX: usize = 1_048_487;

/// Elements of a vector. [`ValueError::VectorTooLong`](crate::ValueError::VectorTooLong).
pub const VECTOR_DIMENSION_MAX: usize = 2_048;

/// Bytes of a document, as section 1.5 counts them: 1 MiB. [`DocumentError::TooLarge`](crate::DocumentError::TooLarge).
pub const DOCUMENT_BYTES_MAX: usize = 1_048_576;
