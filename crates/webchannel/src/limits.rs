//! Limits that this crate enforces, and the times of the protocol.

use std::time::Duration;

/// The most messages of one POST. Source: WebChannel specification, section 3.
pub const MESSAGES_PER_POST_MAX: usize = 1000;

/// The most lines of the form field `headers`. Ours; browsers send six.
pub const HEADERS_MAX: usize = 64;

/// The most messages that wait for one before them. Source: section 3.
pub const HELD_MESSAGES_MAX: usize = 1000;

/// How long messages wait for one before them. Source: section 3.
pub const HELD_TIME_MAX: Duration = Duration::from_secs(30);

/// The most messages that have come and are not taken. Ours.
pub const INBOX_MESSAGES_MAX: usize = 10_000;

/// The most bytes of them. Ours; the client sends ten writes of up to 10 MiB each before it waits for an answer.
pub const INBOX_BYTES_MAX: usize = 128 * 1024 * 1024;

/// With this many messages that are not taken, a POST is answered only when some have been. Ours.
pub const INBOX_MESSAGES_CROWDED: usize = 1000;

/// The same in bytes. Ours.
pub const INBOX_BYTES_CROWDED: usize = 16 * 1024 * 1024;

/// The most bytes of arrays that the client has not acknowledged; beyond, the session is over. Source: section 6.
pub const OUTBOX_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The most of these arrays. Source: section 6.
pub const OUTBOX_ARRAYS_MAX: usize = 10_000;

/// How many bytes of arrays may be unacknowledged before there is no room for more: whoever makes them waits. Half of it
/// ends a back channel, since a client acknowledges only with its next request. Ours.
pub const OUTBOX_BYTES_ROOM: usize = 8 * 1024 * 1024;

/// The same in arrays. Ours.
pub const OUTBOX_ARRAYS_ROOM: usize = 8_000;

/// From this many bytes on a chunk is not made longer. A client reads a chunk when it is there whole. Source: section 4.
pub const CHUNK_BYTES: usize = 128 * 1024;

/// The interval that the handshake names: the client gives a back channel up after one and a half without a byte.
/// Source: section 2.3.
pub const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How long a back channel is open before it ends by itself. Source: section 6.3.
pub const BACK_TIME_MAX: Duration = Duration::from_secs(120);

/// How long a long poll waits for something to say, and the least and the most that a client may ask for. Source:
/// sections 1.1 and 6.1.
pub const POLL_TIME: Duration = Duration::from_secs(30);
/// See [`POLL_TIME`].
pub const POLL_TIME_MIN: Duration = Duration::from_secs(5);

/// How long a long poll gathers from its first array on. Source: section 6.1.
pub const GATHER_TIME: Duration = Duration::from_millis(8);

/// How long a session lives on which there is neither a GET nor a POST. Source: section 6.3.
pub const ABANDONED_AFTER: Duration = Duration::from_secs(75);

/// How long a session waits for its first GET. Source: section 6.3.
pub const UNCLAIMED_AFTER: Duration = Duration::from_secs(30);

/// How long a session stays that has said its last: the client comes back to close it. Source: section 7.1.
pub const LINGER_TIME: Duration = Duration::from_secs(10);
