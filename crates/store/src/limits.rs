//! Every bound of the store, with its unit.

use std::time::Duration;

/// The longest key, in bytes, without the database id in front.
///
/// The longest document name (6 KiB) encodes to 12 KiB at worst, and an index entry holds that and values. So no legal
/// name needs a key that is cut, and scans are exact by themselves. An engine whose map takes less (a B-tree of
/// PostgreSQL: some 2 700 bytes) cuts keys below this contract, where it alone pays for it.
pub const KEY_BYTES_MAX: usize = 32 * 1024;

/// The longest value, in bytes: a document of 1 MiB and its surroundings. Log rows are exempt.
pub const VALUE_BYTES_MAX: usize = 1024 * 1024 + 16 * 1024;

/// The most one transaction may write, in bytes of keys and values.
pub const TRANSACTION_BYTES_MAX: usize = 10 * 1024 * 1024;

/// The most index rows one transaction may write beside [`TRANSACTION_BYTES_MAX`], in bytes.
pub const TRANSACTION_INDEX_BYTES_MAX: usize = 40 * 1024 * 1024;

/// The most rows of one page.
pub const PAGE_ROWS_MAX: usize = 256;

/// The most rows of the pages by which [`Read::visit`](crate::Read::visit) goes where it needs pages: a page in the past
/// costs some seeks.
pub const VISIT_PAGE_ROWS_MAX: usize = 4_096;

/// The most bytes of keys and values of one page; a first row that is longer is a page by itself.
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;

/// The longest row that the log repeats, in bytes.
pub const LOG_IMAGE_BYTES_MAX: usize = 16 * 1024;

/// The most bytes of repeated rows in one log row.
pub const LOG_IMAGES_BYTES_MAX: usize = 1024 * 1024;

/// The most bytes of log rows and keys of the history that one step of trimming removes: it is one batch. A step takes
/// one log row whatever its size.
pub const TRIM_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The most commits of one group.
pub const GROUP_COMMITS_MAX: usize = 512;

/// The bytes after which a group takes no further commit.
pub const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How many transactions may wait for the committer; further ones wait for a place.
pub const QUEUE_COMMITS_MAX: usize = 4_096;

/// How often [`Store::write`](crate::Store::write) runs its closure before it gives up.
pub const WRITE_TRIES_MAX: u32 = 5;

/// The memory for recently written keys, in bytes. A transaction that read before the oldest of them runs again.
pub const RECENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How many log rows are read at a time to check a transaction that read before what is remembered.
pub const OLDER_ROWS: usize = 16;

/// The bytes of keys that are read for such a check at most. A transaction that would need more has lost.
pub const OLDER_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// Snapshots that were kept for longer are counted: [`Store::old_snapshots`](crate::Store::old_snapshots).
pub const SNAPSHOT_AGE_NOTED: Duration = Duration::from_secs(60);

/// How long a snapshot may be read. An older one keeps the engine from tidying up.
pub const SNAPSHOT_AGE_MAX: Duration = Duration::from_secs(5 * 60);
