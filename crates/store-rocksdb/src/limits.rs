//! Every bound of this engine, with its unit.

/// Memory for one family's rows before they are written as a table file, in bytes.
pub(crate) const WRITE_BUFFER_BYTES: usize = 32 * 1024 * 1024;

/// The least memory for all write buffers together, in bytes, however small the cache is.
pub(crate) const WRITE_BUFFERS_BYTES_MIN: usize = 8 * 1024 * 1024;

/// The steps in which write buffers take memory, in bytes: eleven families are mostly empty.
pub(crate) const ARENA_BLOCK_BYTES: usize = 64 * 1024;

/// The write-ahead logs together, in bytes: bounds the replay after a crash.
pub(crate) const WAL_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// A longer value goes to a blob file, so that compaction does not copy it, in bytes.
pub(crate) const INLINE_VALUE_BYTES_MAX: u64 = 8 * 1024;

/// Bits of a Bloom filter per key: one look-up in a hundred reads a block for nothing.
pub(crate) const BLOOM_BITS_PER_KEY: f64 = 10.0;

/// Blocks of the index and of filters, in bytes: what a look-up loads when the cache is cold.
pub(crate) const METADATA_BLOCK_BYTES: usize = 4 * 1024;

/// Files kept open.
pub(crate) const OPEN_FILES_MAX: i32 = 512;

/// Threads that flush and compact.
pub(crate) const BACKGROUND_JOBS_MAX: i32 = 2;

/// What flushes and compactions may write, in bytes per second: so that reads and commits get a part of the disk.
pub(crate) const BACKGROUND_BYTES_PER_SEC_MAX: i64 = 128 * 1024 * 1024;

/// One file of RocksDB's own log, in bytes.
pub(crate) const INFO_LOG_BYTES_MAX: usize = 1024 * 1024;

/// Files of RocksDB's own log.
pub(crate) const INFO_LOG_FILES_MAX: usize = 4;

/// The manifest is written anew when it grows over this, in bytes.
pub(crate) const MANIFEST_BYTES_MAX: usize = 16 * 1024 * 1024;

/// In queue-like families, this many removed rows …
pub(crate) const TOMBSTONES_MAX: usize = 2_048;

/// … among this many rows have a table file compacted at once.
pub(crate) const TOMBSTONE_WINDOW_ROWS: usize = 4_096;

/// How far `verify` reads ahead, in bytes.
pub(crate) const VERIFY_READAHEAD_BYTES: usize = 1024 * 1024;

/// After how many rows `verify` tells how far it is.
pub(crate) const VERIFY_ROWS_TOLD: u64 = 8_192;

/// The most problems one `verify` names.
pub(crate) const VERIFY_PROBLEMS_MAX: usize = 100;
