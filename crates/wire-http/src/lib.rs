//! What every HTTP edge shares: reading a request, finding its logical host and path, its credentials, the lenient
//! JSON of the protocol, the error envelope, and CORS.
//!
//! Knows no operation. Source: auth specification, section 4.

mod cors;
mod envelope;
mod fields;
mod incoming;
pub mod limits;

pub use cors::{
    answer_preflight, apply as apply_cors, apply_with_credentials as apply_cors_with_credentials,
};
pub use envelope::Envelope;
pub use fields::Fields;
pub use incoming::{Credentials, Host, Incoming, Place, empty, find_host, json, text};
