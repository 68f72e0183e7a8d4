//! Limits that this crate enforces.

use std::time::Duration;

/// The most bytes of a client's body, where an edge does not take larger ones. Source: auth specification, section 4.4.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// How much of a larger body is read and thrown away, so that the client reads its refusal and not a broken connection,
/// in bytes.
pub const BODY_BYTES_DISCARDED_MAX: u64 = 32 * 1024 * 1024;
/// A body up to this size, in bytes, is read whoever else sends one.
pub const BODY_BYTES_SMALL: usize = 16 * 1024;
/// How much bodies above the small size may take in memory together, each rounded up to whole MiB; what does not fit is
/// answered "busy, try again".
pub const BODIES_LARGE_MIB_MAX: usize = 128;
/// How long a client may take to send its body.
pub const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// The most nested arrays and objects of a JSON body; ours.
pub const JSON_DEPTH_MAX: usize = 64;
