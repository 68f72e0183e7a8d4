//! Calls against a server on the engine in memory, by the generated client and over REST: request and answer as rows of
//! JSON.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod admin;
mod calls;
mod documents;
mod harness;
mod queries;
mod rest;
mod streams;
mod transactions;
mod webchannel;
mod writes;
