//! The messages and services of the published protocol: Rust structs, gRPC server traits and JSON, all from the
//! `.proto` files in `proto/`.
//!
//! `generated` is written by `cargo xtask codegen` and committed; [`json`] holds the rules of JSON that the generated
//! code hangs on. Wire types stay at the wire: `wire-firestore` converts them, once, into the nouns of `model`.
//!
//! Follows the Firestore specification, sections 4 to 12, 14, and 8.2 for JSON.

mod codec;
mod elements;
mod generated;
pub mod json;
pub mod limits;

pub use codec::{Codec, MessageDecoder};
pub use generated::google;

/// All descriptors as an encoded `google.protobuf.FileDescriptorSet`, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/descriptors.bin");
