//! Managed exports: the folders that the cloud's export service and the official emulator write documents to.
//!
//! ```text
//! x.overall_export_metadata                 records: `3`, and a message that points to the next file
//! all_namespaces/all_kinds/….export_metadata   a message that names the outputs beside it
//! all_namespaces/all_kinds/output-0         records: one entity a document
//! ```
//!
//! Records are those of a LevelDB log ([`records`]); an entity is a message of Datastore's first protocol
//! ([`entity`]). No specification is published. What stands here was established from the cloud's documentation, which
//! names the container; from the App Engine SDKs, which publish the entity's messages; and from exports of the official
//! emulator of June 2025, for what each Firestore value becomes. A value whose meaning none of them tells is refused.
//!
//! Knows the format and the file system, and nothing of databases.

mod crc;
mod encode;
pub mod entity;
mod error;
mod folder;
pub mod limits;
pub mod records;
mod wire;

pub use encode::{Writer, encode_entity};
pub use entity::{Entity, decode_entity};
pub use error::{EntityError, Error, RecordError};
pub use folder::{Export, METADATA_SUFFIX, find_metadata};
