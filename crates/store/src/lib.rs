//! Storage without a disk: what every engine must do, and everything that is built on it once for all of them:
//! transactions, group commit, history, the log, key spaces, codecs, and the tests every engine passes.
//!
//! Synchronous, and ignorant of documents and users. Follows the storage design, sections 2 to 10.

mod clock;
mod codec;
mod committer;
pub mod conformance;
mod engine;
mod error;
mod feed;
mod gate;
mod ids;
mod keyspace;
pub mod limits;
mod log;
mod mem;
pub mod meta;
mod older;
mod past;
mod places;
mod plan;
mod queue;
mod range;
mod ranges;
mod read;
mod read_log;
mod recent;
pub mod row;
mod store;
pub mod tuple;
mod walk;
mod write_tx;

pub use clock::{ClockState, ClockView, Stamped};
pub use engine::{
    Batch, CheckpointInfo, CommitError, Decision, Engine, Health, Snapshot, TrimBudget, Trimmed,
    Visit,
};
pub use error::Error;
pub use feed::Feed;
pub use ids::{CommitId, CommitTime, DbId};
pub use keyspace::{META_CLOCK, META_FORMAT, META_TRIM, Space, history_key, physical_key};
pub use log::{Change, LogRow, log_key};
pub use mem::{Fault, MemEngine};
pub use range::{Direction, Key, KeyRange, Page, PageBuilder, PageLimit};
pub use read::{Read, ReadTx, RowPage};
pub use read_log::{ReadLog, Recording};
pub use row::Row;
pub use store::{Committed, InLine, Store, Tried};
pub use walk::{TrimStep, plan_trim, read_log};
pub use write_tx::WriteTx;
