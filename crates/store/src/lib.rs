//! Storage without a disk: what every engine must do, and everything that is built on it once for all of them:
//! transactions, group commit, history, the log, key spaces, codecs, and the tests every engine passes.
//!
//! Synchronous, and ignorant of documents and users. Follows the storage design, sections 2 to 10.

mod clock;
mod codec;
pub mod conformance;
mod engine;
mod error;
mod ids;
mod keyspace;
pub mod limits;
mod log;
mod mem;
mod range;
mod walk;

pub use clock::{ClockState, ClockView, Stamped};
pub use engine::{
    Batch, CheckpointInfo, CommitError, Decision, Engine, Health, Snapshot, TrimBudget, Trimmed,
};
pub use error::Error;
pub use ids::{CommitId, CommitTime, DbId};
pub use keyspace::{META_CLOCK, META_FORMAT, META_TRIM, Space, history_key, physical_key};
pub use log::{Change, LogRow, log_key};
pub use mem::{Fault, MemEngine};
pub use range::{Direction, Key, KeyRange, Page, PageBuilder, PageLimit};
pub use walk::{TrimStep, plan_trim, read_log};
