//! The nouns that two or more rooms of the house share: ids, times, callers, what an operation is handed, and the
//! documents of Firestore: their names, values and order.
//!
//! No storage, no wire format, no clock: see `style.md` of the design for the floors.

mod caller;
mod context;
mod database;
mod document;
mod field_mask;
mod field_path;
mod ids;
pub mod limits;
mod map;
mod order;
mod path;
mod timestamp;
mod value;

pub use caller::Caller;
pub use context::{Clock, OpContext, Rng};
pub use database::{
    CollectionName, DatabaseId, DatabaseIdError, DatabaseName, DocumentName, NameError, ParentName,
};
pub use document::{Document, DocumentError, check_document, document_size};
pub use field_mask::FieldMask;
pub use field_path::{FieldPath, FieldPathError, FieldRef};
pub use ids::{IdError, ProjectId, UID_CHARS_MAX, Uid};
pub use map::Map;
pub use order::TypeGroup;
pub use path::{
    CollectionId, CollectionPath, DocumentId, DocumentPath, PathError, compare_ids, numeric_id,
};
pub use timestamp::{Timestamp, TimestampError};
pub use value::{Array, Depth, GeoPoint, Value, ValueError, Vector};
