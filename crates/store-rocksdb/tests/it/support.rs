//! A folder, a clock that only tests move, and commits whose rows can be checked afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use firekeep_model::{Clock, Timestamp};
use firekeep_store::{
    Batch, CommitError, CommitTime, DbId, Decision, Engine, Key, LogRow, PageLimit, Snapshot, Space,
};
use firekeep_store_rocksdb::{OpenError, Options, RocksEngine};

pub(crate) const DB: DbId = DbId(7);

/// The spaces in which every test commit writes a row.
pub(crate) const SPACES: [Space; 3] = [Space::Docs, Space::Idx, Space::SysUsers];

/// Goes on by one second whenever it is read.
#[derive(Default)]
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

pub(crate) fn try_open(folder: &Path) -> Result<RocksEngine, OpenError> {
    RocksEngine::open(folder, Arc::new(Ticking::default()), Options::default())
}

pub(crate) fn open(folder: &Path) -> RocksEngine {
    try_open(folder).unwrap_or_else(|error| panic!("{error}"))
}

/// With so little memory that tables are written soon.
pub(crate) fn open_small(folder: &Path) -> RocksEngine {
    let options = Options { cache_bytes: 0 };
    RocksEngine::open(folder, Arc::new(Ticking::default()), options)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Commits the next number: a row with its number as the key in each of [`SPACES`], and a row that all overwrite.
pub(crate) fn commit(engine: &RocksEngine) -> Result<u64, CommitError> {
    commit_group(engine, 1)
}

/// Commits the next `count` numbers as one group; gives the last one.
pub(crate) fn commit_group(engine: &RocksEngine, count: u64) -> Result<u64, CommitError> {
    let mut seq = 0;
    let known = engine.snapshot(DB).unwrap().time();
    engine.commit(DB, known, &mut |view| {
        seq = view.state.seq;
        let mut time = view.state.last;
        let batches = (0..count).map(|_| {
            time = view.time_after(time);
            seq += 1;
            batch(seq, time)
        });
        Decision::Apply(batches.collect())
    })?;
    Ok(seq)
}

/// Writes all memory to tables, by a checkpoint beside the folder, and begins a new write-ahead log.
pub(crate) fn flush(engine: &RocksEngine, folder: &Path) {
    let copy = folder.with_extension("checkpoint");
    engine.checkpoint(&copy).unwrap();
    fs::remove_dir_all(copy).unwrap();
}

fn batch(seq: u64, time: CommitTime) -> Batch {
    let key = seq.to_be_bytes().to_vec();
    let mut puts: Vec<_> = SPACES
        .iter()
        .map(|space| (*space, key.clone(), value(seq)))
        .collect();
    puts.push((Space::SysConfig, b"newest".to_vec(), key.into()));
    Batch {
        puts,
        deletes: vec![(Space::SysKeys, b"nothing".to_vec())],
        log: LogRow {
            time,
            seq,
            ..LogRow::default()
        },
    }
}

/// What a commit writes under its number: now and then something for a blob file.
fn value(seq: u64) -> Bytes {
    let repeats = if seq.is_multiple_of(7) { 2_000 } else { 3 };
    seq.to_be_bytes().repeat(repeats).into()
}

/// Checks that commits `1..=n` are there whole, and nothing else is, and gives `n`.
pub(crate) fn check_whole(engine: &RocksEngine) -> u64 {
    let view = engine.snapshot(DB).unwrap();
    let newest = view.get(Space::SysConfig, &[b"newest"]).unwrap();
    let newest = newest[0].as_deref().map_or(0, |value| {
        u64::from_be_bytes(value.try_into().expect("eight bytes"))
    });
    let wanted: Vec<_> = (1..=newest)
        .map(|seq| (seq.to_be_bytes().to_vec(), value(seq)))
        .collect();
    for space in SPACES {
        let rows = all_rows(view.as_ref(), space);
        assert!(rows == wanted, "{} after commit {newest}", space.name());
    }
    let log = engine
        .tail(DB, CommitTime::ZERO, usize::MAX, Default::default())
        .unwrap();
    let seqs: Vec<_> = log.iter().map(|row| row.seq).collect();
    assert_eq!(seqs, (1..=newest).collect::<Vec<_>>());
    let last = log.last().map_or(CommitTime::ZERO, |row| row.time);
    assert_eq!(view.time(), last);
    newest
}

fn all_rows(view: &dyn Snapshot, space: Space) -> Vec<(Key, Bytes)> {
    use firekeep_store::{Direction, KeyRange};
    let mut range = KeyRange::all();
    let mut rows = Vec::new();
    loop {
        let page = view
            .scan(space, &range, Direction::Forward, PageLimit::default())
            .unwrap();
        rows.extend(page.rows);
        match page.next {
            Some(next) => range = range.rest(Direction::Forward, &next),
            None => return rows,
        }
    }
}

/// The newest file of the folder with this in its name.
pub(crate) fn newest_file(folder: &Path, part: &str) -> PathBuf {
    let mut files = files(folder);
    files.retain(|file| {
        let name = file.file_name().unwrap().to_str().unwrap();
        name.contains(part)
    });
    files.sort();
    files.pop().expect("a file of that name")
}

/// A copy of a closed folder.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in files(from) {
        fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}
