//! Golden wire tests: a real request in; status and whole body out, refusals too.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod admin;
mod harness;
mod paths;
mod sign_in;
mod update;
