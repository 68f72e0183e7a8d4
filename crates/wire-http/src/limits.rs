//! Limits that this crate enforces.

use std::time::Duration;

/// The most bytes of a client's body. Source: auth specification, section 4.4.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// How long a client may take to send its body.
pub const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// The most nested arrays and objects of a JSON body; ours.
pub const JSON_DEPTH_MAX: usize = 64;
