//! Accounts: who exists, how they sign in, and which sessions still stand.
//!
//! Synchronous and without a clock of its own: every function is handed the transaction and the time. Knows no HTTP and
//! no JSON of the wire; the names of the auth specification that differ there (`localId`) stay at the edge.

mod error;
#[cfg(test)]
mod golden;
mod keys;
pub mod limits;
pub mod sessions;
pub mod sign_in;
#[cfg(test)]
mod testing;
mod text;
mod user;
pub mod users;

pub use error::Error;
pub use keys::Pool;
pub use sessions::{RefreshToken, Session, SessionId, SessionKeys};
pub use text::{Email, Phone, Username};
pub use user::{PasswordHash, ProviderInfo, User};
