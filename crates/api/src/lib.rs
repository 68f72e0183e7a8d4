//! Every operation anybody can ask for, and who may ask: the only door to accounts and documents and, later, push.
//!
//! Opens the transactions, reads the clock once per operation, and moves slow work (commits, password hashing) off the
//! async threads. Knows no HTTP: the edges decode, call, encode.

pub mod account;
mod activity;
pub mod admin;
mod core;
mod error;
pub mod firestore;
pub mod identity;
mod keyring;
mod limiter;
mod limits;
mod memory;
mod mode;
mod project;
mod service_accounts;
mod system;
#[cfg(test)]
mod testing;

pub use firekeep_accounts::limits::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, USERNAME_CHARS};
pub use firekeep_accounts::users::{Change, Edit};
pub use firekeep_accounts::{
    Email, Error as AccountError, PasswordHash, Phone, Pool, ProviderInfo, RefreshToken, User,
    Username,
};
pub use firekeep_store::Error as StoreError;
pub use firekeep_token::{Error as TokenError, KeyFile};

pub use crate::core::{Core, Options, Status};
pub use crate::error::Error;
pub use crate::firestore::{Access, Firestore};
pub use crate::keyring::{KeyState, KeySummary, PublishedKeys};
pub use crate::limiter::Client;
pub use crate::mode::Mode;
pub use crate::project::{BASE_URL_DEFAULT, ProjectSummary};
pub use crate::service_accounts::ServiceAccountSummary;
pub use crate::system::{SystemClock, SystemRng};
