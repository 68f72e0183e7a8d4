//! How RocksDB is set up. Storage design, section 7, "Settings that matter".

use firekeep_store::Space;
use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType,
    DBRecoveryMode, LogLevel, LruCacheOptions, ReadOptions, WriteBufferManager, WriteOptions,
};

use crate::limits::{
    ARENA_BLOCK_BYTES, BACKGROUND_BYTES_PER_SEC_MAX, BACKGROUND_JOBS_MAX, BLOOM_BITS_PER_KEY,
    INFO_LOG_BYTES_MAX, INFO_LOG_FILES_MAX, INLINE_VALUE_BYTES_MAX, MANIFEST_BYTES_MAX,
    METADATA_BLOCK_BYTES, OPEN_FILES_MAX, TOMBSTONE_WINDOW_ROWS, TOMBSTONES_MAX, WAL_BYTES_MAX,
    WRITE_BUFFER_BYTES, WRITE_BUFFERS_BYTES_MIN,
};

/// What may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The memory for blocks, filters, indexes and write buffers together, in bytes. Default: 64 MiB.
    pub cache_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 64 * 1024 * 1024,
        }
    }
}

/// The options of the whole folder, and those of each family.
pub(crate) struct Settings {
    pub(crate) folder: rocksdb::Options,
    pub(crate) families: Vec<ColumnFamilyDescriptor>,
}

impl Settings {
    pub(crate) fn new(options: Options) -> Self {
        let cache = shared_cache(options.cache_bytes);
        let families = Space::ALL
            .into_iter()
            .map(|space| ColumnFamilyDescriptor::new(space.name(), family(space, &cache)))
            .chain([ColumnFamilyDescriptor::new(
                rocksdb::DEFAULT_COLUMN_FAMILY_NAME,
                default_family(&cache),
            )])
            .collect();
        Self {
            folder: folder(options, &cache),
            families,
        }
    }
}

/// Every commit is on the disk before it is answered.
pub(crate) fn synced() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    options
}

/// Reads of the keys from `low` on and before `high`. There is no other way to get an iterator here: without
/// bounds, one walks over the tombstones of other databases.
pub(crate) fn bounded(low: Vec<u8>, high: Vec<u8>) -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_iterate_lower_bound(low);
    options.set_iterate_upper_bound(high);
    options.set_background_purge_on_iterator_cleanup(true);
    options
}

fn shared_cache(bytes: usize) -> Cache {
    let mut options = LruCacheOptions::default();
    options.set_capacity(bytes);
    // 16 parts: each must hold a few of the largest blocks.
    options.set_num_shard_bits(4);
    Cache::new_lru_cache_opts(&options)
}

fn folder(options: Options, cache: &Cache) -> rocksdb::Options {
    let mut folder = rocksdb::Options::default();
    folder.create_if_missing(true);
    folder.create_missing_column_families(true);
    folder.set_paranoid_checks(true);

    // A torn tail is cut off; everything else that a longest prefix would hide, `framing` has refused before.
    folder.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    folder.set_max_total_wal_size(WAL_BYTES_MAX);
    folder.set_recycle_log_file_num(0);
    folder.set_track_and_verify_wals_in_manifest(true);
    folder.set_max_manifest_file_size(MANIFEST_BYTES_MAX);

    // Half of the cache: more would leave a small cache no room for indexes. No stall: RocksDB flushes early instead.
    let write_buffers = (options.cache_bytes / 2).max(WRITE_BUFFERS_BYTES_MIN);
    folder.set_write_buffer_manager(&WriteBufferManager::new_write_buffer_manager_with_cache(
        write_buffers,
        false,
        cache.clone(),
    ));
    folder.set_max_open_files(OPEN_FILES_MAX);
    folder.set_table_cache_num_shard_bits(4);
    folder.set_max_file_opening_threads(2);
    folder.set_skip_stats_update_on_db_open(true);

    folder.set_max_background_jobs(BACKGROUND_JOBS_MAX);
    // Not the one that RocksDB tunes by itself: that goes down to a twentieth in quiet times, and takes minutes to come up
    // again, while a load waits for its flushes.
    folder.set_ratelimiter(BACKGROUND_BYTES_PER_SEC_MAX, 100_000, 10);
    folder.set_bytes_per_sync(1024 * 1024);
    folder.set_avoid_unnecessary_blocking_io(true);

    folder.set_log_level(LogLevel::Warn);
    folder.set_max_log_file_size(INFO_LOG_BYTES_MAX);
    folder.set_keep_log_file_num(INFO_LOG_FILES_MAX);
    folder.set_stats_dump_period_sec(0);
    folder.set_stats_persist_period_sec(0);
    folder
}

/// The family that RocksDB insists on; it holds the folder's format number alone.
fn default_family(cache: &Cache) -> rocksdb::Options {
    let mut family = rocksdb::Options::default();
    family.set_arena_block_size(ARENA_BLOCK_BYTES);
    family.set_block_based_table_factory(&blocks(cache));
    family
}

fn family(space: Space, cache: &Cache) -> rocksdb::Options {
    let mut family = rocksdb::Options::default();
    family.set_write_buffer_size(WRITE_BUFFER_BYTES);
    family.set_arena_block_size(ARENA_BLOCK_BYTES);
    family.set_compression_type(DBCompressionType::Lz4);
    let mut blocks = blocks(cache);
    if is_looked_up(space) {
        blocks.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
        blocks.set_optimize_filters_for_memory(true);
    }
    family.set_block_based_table_factory(&blocks);
    if !matches!(space, Space::Idx | Space::IdxHist) {
        family.set_enable_blob_files(true);
        // RocksDB's bound is the shortest value that is moved out.
        family.set_min_blob_size(INLINE_VALUE_BYTES_MAX + 1);
        family.set_blob_compression_type(DBCompressionType::Lz4);
        family.set_enable_blob_gc(true);
    }
    if is_queue_like(space) {
        family.add_compact_on_deletion_collector_factory(
            TOMBSTONE_WINDOW_ROWS,
            TOMBSTONES_MAX,
            0.5,
        );
    }
    family
}

/// Two-level indexes and partitioned filters in the shared cache, their top level pinned: the one setting nobody may
/// lose. Without it a small cache loads whole filters again for every seek (storage design, 12.1).
fn blocks(cache: &Cache) -> BlockBasedOptions {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_cache_index_and_filter_blocks_with_high_priority(true);
    blocks.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    blocks.set_partition_filters(true);
    blocks.set_pin_top_level_index_and_filter(true);
    blocks.set_metadata_block_size(METADATA_BLOCK_BYTES);
    blocks
}

/// Spaces that are read by whole keys; the others are scanned, where a filter only costs.
fn is_looked_up(space: Space) -> bool {
    match space {
        Space::Docs
        | Space::SysUsers
        | Space::SysUserIndex
        | Space::SysKeys
        | Space::SysAccounts
        | Space::SysConfig => true,
        Space::DocsHist | Space::Idx | Space::IdxHist | Space::Log | Space::Meta => false,
    }
}

/// Spaces that rows leave in the order in which they came.
fn is_queue_like(space: Space) -> bool {
    matches!(
        space,
        Space::DocsHist | Space::IdxHist | Space::Log | Space::SysUserIndex
    )
}
