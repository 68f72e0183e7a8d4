//! The nouns that two or more rooms of the house share: ids, times, callers, and what an operation is handed.
//!
//! No storage, no wire format, no clock: see `style.md` of the design for the floors.

mod caller;
mod context;
mod ids;
mod timestamp;

pub use caller::Caller;
pub use context::{Clock, OpContext, Rng};
pub use ids::{IdError, ProjectId, UID_CHARS_MAX, Uid};
pub use timestamp::Timestamp;
