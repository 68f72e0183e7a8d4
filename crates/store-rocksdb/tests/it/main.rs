//! The engine against a real folder: the suite of all engines, restarts, crashes and damage.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails, in its helpers too"
)]

mod conformance;
mod damage;
mod kill;
mod restart;
mod support;
