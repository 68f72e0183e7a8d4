//! Calls against a server on the engine in memory, by the generated client: request and answer as rows of JSON.

mod calls;
mod documents;
mod harness;
mod queries;
mod transactions;
mod writes;
