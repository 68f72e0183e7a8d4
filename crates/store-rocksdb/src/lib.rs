//! The embedded engine: `store::Engine` on RocksDB, in this process and one data folder.
//!
//! A space is a column family. Nothing here knows documents or users, and nothing here is configurable but the size
//! of the cache: durability is not a matter of taste. Follows the storage design, sections 3, 7, 9, 10 and 15.

mod disk;
mod engine;
mod error;
mod framing;
mod limits;
mod open;
mod settings;
mod snapshot;
mod verify;
mod writes;

pub use disk::disk_free_bytes;
pub use engine::RocksEngine;
pub use error::OpenError;
pub use open::open_bare;
pub use settings::Options;
pub use verify::Report;
