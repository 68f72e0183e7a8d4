//! What finds documents by their fields: the entries of `idx`, which of them there are, and how they are kept.
//!
//! Every field has an entry in the scope of its collection, and each element of an array has one. Groups of collections
//! get entries of their own, and several fields together, where somebody asked for them. Storage design, section 5.

pub mod backfill;
pub mod catalog;
pub mod change;
pub mod definition;
mod entries;
#[cfg(test)]
pub(crate) mod fixture;
pub mod key;
mod maintain;
mod room;
mod stored;
pub mod verify;

pub use catalog::{Catalog, Composite, Expiry, Indexes, Kind, Mode, State};
pub use definition::{Definition, FieldOverride, IndexField, IndexOrder, InvalidIndex, QueryScope};
pub use key::IndexId;
