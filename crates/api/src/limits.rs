//! Limits that this crate enforces.

use std::time::Duration;

/// How many Firestore databases are open at once: each has a thread. Those that nobody uses are closed for others.
pub(crate) const DATABASES_OPEN_MAX: usize = 256;
/// How long a database that nobody uses stays open.
pub(crate) const DATABASE_IDLE: Duration = Duration::from_secs(300);
/// How many log rows one step of trimming a database removes, and how many steps are made at a time.
pub(crate) const TRIM_LOG_ROWS: usize = 1_000;
pub(crate) const TRIM_STEPS_MAX: usize = 50;
/// How far back documents can be read. Source: Firestore specification, section 1.4.
pub(crate) const HISTORY_KEPT: Duration = Duration::from_secs(3600);

/// How many verified tokens of a kind are remembered.
pub(crate) const VERIFIED_TOKENS_MAX: usize = 32_768;
/// How many password hashes are computed at once: each takes 19 MiB. Source: auth specification, section 22.3.
pub(crate) const HASHES_AT_ONCE: usize = 4;
/// How many password hashes may wait for their turn; more get the answer "busy, try again".
pub(crate) const HASHES_WAITING_MAX: usize = 64;
/// How many (account or address) buckets the rate limiter remembers.
pub(crate) const LIMITER_BUCKETS_MAX: usize = 65_536;
/// How many accounts' passwords may be judged at once, at most: accounts share turns by their keys.
pub(crate) const TURNS: usize = 1024;
/// How many users' last sign-in times may wait to be written.
pub(crate) const ACTIVITY_USERS_MAX: usize = 100_000;
/// How long a custom token of the account server lives. Source: auth specification, section 14.
pub(crate) const ACCOUNT_TOKEN_LIFETIME_SECS: i64 = 300;
/// How long an administrator's access token lives. Source: auth specification, section 17.1.
pub(crate) const ACCESS_TOKEN_LIFETIME_SECS: i64 = 3600;
/// How long a public key is published before it signs, and the caches' `max-age`.
/// Source: auth specification, section 10.
pub(crate) const KEY_PUBLISHED_BEFORE_USE: Duration = Duration::from_secs(3600);
/// How long a key signs before the next one takes over. Source: auth specification, section 10.
pub(crate) const KEY_ROTATION: Duration = Duration::from_secs(30 * 24 * 3600);
