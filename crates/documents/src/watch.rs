//! Listening: what changes for whoever watches a query, or documents.
//!
//! Values that are fed by hand; no thread, no clock, no channel. The [`Hub`] is fed the log of a database and says what
//! each listened query sees of it, a [`Load`] reads what a target begins with, page by page, and a stream is told both.
//! Knows no wire format. Firestore specification, sections 11, 12 and 15.2.

mod audience;
mod bloom;
mod catch_up;
mod changed;
mod check;
mod comparison;
mod difference;
mod event;
#[cfg(test)]
pub(crate) mod fixture;
mod hub;
mod listing;
mod load;
mod names;
mod outcome;
mod resume;
mod route;
mod shape;
mod shared;
mod stream;
mod target;
mod token;
mod window;

pub use event::{BloomFilter, Change, Delivered, Event, TargetChange};
pub use hub::Hub;
pub use load::Load;
pub use outcome::{Delivery, Outcome, Step};
pub use resume::{Incarnation, Resume, ResumeToken, Start};
pub use stream::{Lasts, Stream};
pub use target::{SubscriberId, Target, TargetId};

#[cfg(test)]
mod tests;
