//! Firebase's tokens: custom tokens, ID tokens, service accounts' assertions and key files; mint and verify.
//!
//! Pure functions of a text, keys and the time: who is registered, which key is published and whether a user exists is
//! asked through arguments, or judged by the caller. Nothing in a token is ever fetched, and nothing is logged.
//! Source: auth specification, sections 5 to 7, 17.1 and 22.1.

pub mod assertion;
mod claims;
pub mod custom;
mod error;
pub mod id;
mod inspect;
mod key_file;
mod signer;

pub use claims::is_reserved_claim;
pub use custom::CUSTOM_TOKEN_AUDIENCE;
pub use error::Error;
pub use inspect::{Check, Report, Verdict, inspect};
pub use key_file::KeyFile;
