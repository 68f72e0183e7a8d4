//! Firestore on the wire: gRPC, REST and WebChannel.
//!
//! Decodes, calls `api`, encodes. Wire types are converted once, in `convert`, into types that cannot hold nonsense; from
//! there on nothing here knows what a request means. What went wrong becomes a code and a text in `error`.

mod admin;
pub mod convert;
mod credential;
mod error;
pub mod grpc;
pub mod limits;
pub mod rest;
mod streams;
pub mod webchannel;

pub use error::{Code, Refusal};
