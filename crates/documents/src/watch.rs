//! Listening: what changes for whoever watches a query, or documents.
//!
//! Values that are fed by hand; no thread, no clock, no channel. The hub is fed the log of a database and says what each
//! listened query sees of it, a load reads what a target begins with, page by page, and a stream is told both. Knows no
//! wire format. Firestore specification, sections 11, 12 and 15.2.

mod bloom;
mod event;
mod outcome;
mod resume;
mod stream;
mod target;
mod token;

pub use event::{BloomFilter, Change, Delivered, Event, TargetChange};
pub use outcome::{Delivery, Outcome, Step};
pub use resume::{Incarnation, Resume, ResumeToken, Start};
pub use stream::{Lasts, Stream};
pub use target::{SubscriberId, Target, TargetId};
