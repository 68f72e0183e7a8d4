//! What the fuzz targets share: a key, an account, a time, a source of no randomness, and the judgement of tokens.
//!
//! A target states properties of one reader of foreign bytes: what it takes, it gives back unchanged; what it refuses,
//! it refuses with an error. `make fuzz` runs them all; `fuzz/corpus/<target>/` holds what each begins with.

pub mod documents;
mod judge;
pub mod requests;

use std::sync::LazyLock;

use firekeep_model::{Rng, Timestamp};
use firekeep_token::KeyFile;
use firekeep_token::custom::{ServiceAccount, ServiceAccounts};
use serde_json::Value;

pub use judge::judge;

/// The time in every target.
pub const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

/// A key file that was made for tests only.
pub static KEY: LazyLock<KeyFile> = LazyLock::new(|| {
    KeyFile::parse(include_str!("../../crates/token/tests/data/key_file.json"))
        .expect("the test's key file can be read")
});

/// The registry that knows the account of [`KEY`].
pub struct Accounts;

impl ServiceAccounts for Accounts {
    fn find(&self, client_email: &str) -> Option<ServiceAccount> {
        (client_email == KEY.client_email).then(|| ServiceAccount {
            client_email: KEY.client_email.clone(),
            disabled: false,
            keys: vec![(KEY.private_key_id.clone(), KEY.private_key.public())],
        })
    }
}

/// Gives the same bytes again and again: a target must behave the same each time.
pub struct Fixed(pub [u8; 12]);

impl Rng for Fixed {
    fn fill(&mut self, buffer: &mut [u8]) {
        for (byte, fixed) in buffer.iter_mut().zip(self.0.iter().cycle()) {
            *byte = *fixed;
        }
    }
}

/// How many arrays and objects stand around the innermost value.
#[must_use]
pub fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// A place in a text of that length, which depends on the input.
///
/// # Panics
/// When the length is 0.
#[must_use]
pub fn place(data: &[u8], length: usize) -> usize {
    let hash = |sum: usize, byte: &u8| sum.wrapping_mul(31).wrapping_add(usize::from(*byte));
    data.iter().fold(data.len(), hash) % length
}
