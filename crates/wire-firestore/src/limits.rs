//! Limits that this crate enforces.

use std::time::Duration;

/// The most bytes of a request. More is INVALID_ARGUMENT. Source: Firestore specification, section 1.4.
pub const REQUEST_BYTES_MAX: usize = 10 * 1024 * 1024;

/// The most bytes of a gRPC message. What is longer is not even looked at: RESOURCE_EXHAUSTED. Source: specification,
/// section 1.4.
pub const MESSAGE_BYTES_MAX: usize = 12 * 1024 * 1024;

/// A gRPC message up to this size, in bytes, is read whoever else sends one. Ours.
pub const MESSAGE_BYTES_SMALL: usize = 16 * 1024;

/// How many bytes of larger messages may be in memory at once; more are UNAVAILABLE. Ours.
pub const MESSAGES_BYTES_MAX: usize = 128 * 1024 * 1024;

/// How long a client may take to send a message. Ours.
pub const MESSAGE_TIME_MAX: Duration = Duration::from_secs(30);

/// How long a client may go on asking in one stream what services there are. Ours.
pub const REFLECTION_TIME_MAX: Duration = Duration::from_secs(600);

/// The most bytes of an error's text in gRPC, which travels in a header: some clients take no more than 8 KiB of
/// headers, and escaped text is up to three times as long. Ours.
pub const STATUS_TEXT_BYTES_MAX: usize = 2 * 1024;

/// How often a client that watches the server's health is told anew, if it changed. Ours.
pub const HEALTH_EVERY: Duration = Duration::from_secs(1);

/// The most bytes of a WebChannel request with messages of `Write`: a message of 12 MiB, each byte of which may be three
/// in a form. Source: WebChannel specification, section 3.
pub const WRITE_FORM_BYTES_MAX: usize = 40 * 1024 * 1024;

/// The same of `Listen`. Source: WebChannel specification, section 3.
pub const LISTEN_FORM_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The most WebChannel sessions; more are UNAVAILABLE. Each tab of a browser has two. Ours.
pub const SESSIONS_MAX: usize = 40_000;

/// The most WebChannel sessions of one network; more are RESOURCE_EXHAUSTED. Ours: high, since a company may stand behind
/// one address.
pub const SESSIONS_PER_NETWORK_MAX: usize = 10_000;

/// How many bytes all WebChannel clients together may have unacknowledged before each has little room. Ours.
pub const OUTSTANDING_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The room that each has then, in bytes. Ours.
pub const ROOM_BYTES_SMALL: usize = 256 * 1024;

/// How many bytes of a stream's messages are gathered before they go to the client, of those that are there at once. Ours.
pub const GATHERED_BYTES: usize = 64 * 1024;

/// How long a client waits for an answer while messages of its wait that it sent before. Ours.
pub const CROWDED_TIME_MAX: Duration = Duration::from_secs(30);

/// How long clients of WebChannel take to hear that the server stops. Ours.
pub const LEAVE_TIME_MAX: Duration = Duration::from_secs(5);

/// How long `WaitOperation` waits where the client does not say. Ours.
pub const OPERATION_WAIT: Duration = Duration::from_secs(30);

/// How long `WaitOperation` waits at most: its client asks again. Ours.
pub const OPERATION_WAIT_MAX: Duration = Duration::from_secs(60);

/// How often an operation is looked at that somebody waits for. Ours.
pub const OPERATION_LOOKED_AT_EVERY: Duration = Duration::from_millis(100);

/// How long a WebChannel handshake waits for the first answer of its method. Ours.
pub const FIRST_ANSWER_TIME_MAX: Duration = Duration::from_millis(50);
