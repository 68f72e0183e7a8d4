//! Documents: what a write does to them, how they are stored, and how they are read.
//!
//! Synchronous and without a clock of its own: every function is handed the transaction and the time. Knows no wire
//! format and no callers. Follows the Firestore specification, sections 1 to 7, and the storage design, sections 4 to 7.

pub mod aggregate;
pub mod codec;
pub mod commit;
mod cursor;
pub mod dnf;
mod error;
pub mod exec;
pub mod expiry;
pub mod explain;
pub mod export;
mod fields;
pub mod filter;
#[cfg(test)]
mod fixture;
mod given;
pub mod index;
pub mod keys;
pub mod limits;
pub mod naive;
pub mod nearest;
pub mod order;
pub mod partition;
pub mod plan;
pub mod query;
mod ranges;
pub mod read;
mod scan;
mod transform;
pub mod watch;
mod write;

pub use commit::IndexMaintenance;
pub use error::{Error, Invalid};
pub use exec::{Aggregation, Budget, Execution, Page};
pub use explain::Explained;
pub use fields::Fields;
pub use given::{Given, StoredDocument};
pub use scan::{Found, Missing, Scan};
pub use transform::Transform;
pub use write::{Operation, Precondition, UpdateTime, Write, WriteResult};
