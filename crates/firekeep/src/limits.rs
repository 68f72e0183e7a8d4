//! Limits that the program itself enforces: connections, files, times, room.

use std::time::Duration;

/// The most connections of the public door at once; further ones wait in the kernel's queue.
pub(crate) const CONNECTIONS_MAX: usize = 20_000;
/// The most connections that wait to be accepted; the kernel's own limit may be lower.
pub(crate) const BACKLOG: u32 = 4096;
/// The most connections of the command line's door.
pub(crate) const LOCAL_CONNECTIONS_MAX: usize = 64;
/// Open files that are not connections: the engine's 512, its logs, listeners, the runtime's own.
pub(crate) const FILES_RESERVED: usize = 640;
/// How long a connection may be idle, or take to send the head of a request, before it is cut off. Longer than the idle
/// time of the usual proxies (60 s), which otherwise would send a request into a closing connection.
pub(crate) const HEAD_TIME_MAX: Duration = Duration::from_secs(75);
/// How long a connection lives on which no byte moves, whatever it waits for. What takes longer to answer must send
/// something meanwhile.
pub(crate) const IDLE_TIME_MAX: Duration = HEAD_TIME_MAX;
/// How long a client may take for the TLS handshake.
pub(crate) const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);
/// The most requests at once on one HTTP/2 connection.
pub(crate) const STREAMS_MAX: u32 = 256;
/// How often an HTTP/2 client is asked whether it is still there.
pub(crate) const PING_EVERY: Duration = Duration::from_secs(60);
/// The most bytes that a connection writes together: two of the longest frames of HTTP/2 and what goes with them.
pub(crate) const GATHERED_BYTES_MAX: usize = 36 * 1024;
/// The most bytes of a request's head.
pub(crate) const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long to wait when the machine has no file handle left.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a scraper of metrics may take for its request and the answer.
pub(crate) const SCRAPE_TIME_MAX: Duration = Duration::from_secs(5);
/// How often it is looked whether the certificate's files have changed.
pub(crate) const LOOK_AT_CERTIFICATE_EVERY: Duration = Duration::from_secs(2);

/// How often the command line asks how far an export or import is.
pub(crate) const PROGRESS_EVERY: Duration = Duration::from_millis(200);
/// How often it tells.
pub(crate) const PROGRESS_SHOWN_EVERY: Duration = Duration::from_secs(3);

/// The engine's cache for commands that look at little, in bytes.
pub(crate) const CACHE_BYTES_SMALL: usize = 8 * 1024 * 1024;
/// How often keys and sign-in times are tended.
pub(crate) const TEND_EVERY: Duration = Duration::from_secs(30);
/// How often it is asked whether the store still takes writes.
pub(crate) const LOOK_AT_STORE_EVERY: Duration = Duration::from_millis(250);
/// How long requests in flight may take to end at shutdown.
pub(crate) const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(20);

/// How long a running server may take to answer the command line.
pub(crate) const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// The most users of one `firekeep user list`.
pub(crate) const USERS_LISTED_MAX: u16 = 1000;
/// Less room than this on the disk is reported, in MiB: a few times what the write-ahead logs may take.
pub(crate) const DISK_FREE_MIB_MIN: u64 = 512;
/// An older key that still signs is reported, in days: a running server changes it after 30.
pub(crate) const SIGNING_KEY_DAYS_MAX: i64 = 31;
/// A certificate that expires sooner is reported, in days.
pub(crate) const CERTIFICATE_DAYS_MIN: i64 = 30;
