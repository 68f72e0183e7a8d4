//! Firestore on the wire: gRPC and REST.
//!
//! Decodes, calls `api`, encodes. Wire types are converted once, in `convert`, into types that cannot hold nonsense; from
//! there on nothing here knows what a request means.

pub mod convert;
