//! `make bench`: what storage costs beside RocksDB alone, each figure as a ratio beside its target.
//!
//! The workload of the storage design, section 12, and the table of its section 11. Ours and bare run in turn, on
//! copies of one loaded folder, with the same settings; bare writes the bytes that ours writes, log rows with their
//! images included. Figures are medians of the rounds. `--documents N` loads more than 200 000; `--only PART` measures one
//! of [`PARTS`].

mod bare;
mod latency;
mod loader;
mod table;
mod workload;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use firekeep_store::{CommitTime, DbId, Engine, Read, Space, Store};
use firekeep_store_rocksdb::{Options, RocksEngine};

use bare::{Bare, rate};
use firekeep_bench::to_f64;
use loader::Loader;
use table::{alternate, at_least, at_most, compared, quantile, remark};
use workload::{DOCUMENT_BYTES, Document, Generator, WallClock};

// As the server: RocksDB keeps the C library's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DATABASE: DbId = DbId(1);
const DOCUMENTS: u64 = 200_000;
/// Many short rounds: the disk is now fast and now slow.
const ROUNDS: usize = 15;
/// Commits per round: by many writers, and by one.
const MANY: u64 = 4_096;
const FEW: u64 = 256;
/// The documents that are read again and again, so that they are in the cache.
const WARM: u64 = 2_000;
const GETS: usize = 20_000;
const QUERIES: usize = 400;
/// How long reads are timed, with a writer beside them and without.
const READ_TIME: Duration = Duration::from_secs(1);
const READ_ROUNDS: usize = 7;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [loader::ARGUMENT, folder, count] => loader::run(Path::new(folder), count.parse()?),
        ["--documents", count] => bench(count.parse()?, None),
        ["--documents", count, "--only", part] => bench(count.parse()?, Some(part)),
        ["--only", part] => bench(DOCUMENTS, Some(part)),
        [] => bench(DOCUMENTS, None),
        _ => bail!("usage: storage [--documents N] [--only PART]"),
    }
}

/// A part of the table: measures and prints its rows, on a folder of that many documents.
type Part = fn(&mut Sides, u64) -> Result<()>;

/// The parts by name.
const PARTS: &[(&str, Part)] = &[
    ("gets", |sides, documents| gets(sides, documents)),
    ("queries", |sides, _| queries(sides)),
    ("counts", |sides, _| counts(sides)),
    ("many", |sides, _| {
        sides.commits(
            "commits, 64 writers / bare batch of 128",
            MANY,
            (64, 128),
            Some(0.8),
        )?;
        sides.commits("  / bare batch of 64", MANY, (64, 64), None)
    }),
    ("one", |sides, _| {
        let name = "commits, one writer / bare, one per batch";
        sides.commits(name, FEW, (1, 1), Some(0.9))
    }),
    ("readers", readers_beside_a_writer),
];

fn bench(documents: u64, only: Option<&str>) -> Result<()> {
    // On the disk of the work tree: many machines have memory at /tmp.
    let folder = tempfile::tempdir_in("target")?;
    let [ours, theirs] = ["ours", "bare"].map(|name| folder.path().join(name));
    println!("storage, {documents} documents of 1 KiB with 12 index entries, cache 64 MiB");
    table::head();
    load(&ours, documents)?;

    let engine = open_engine(&ours)?;
    engine.checkpoint(&theirs)?;
    let store = Store::open(engine, DATABASE, Arc::new(WallClock))?;
    let mut sides = Sides {
        bare: Bare::open(&theirs)?,
        store,
        // The loader went on until it was killed.
        next: documents + 10_000_000,
    };
    loader::settle()?;
    let wanted = |(name, _): &&(&str, Part)| only.is_none_or(|only| only == *name);
    for (_, part) in PARTS.iter().filter(wanted) {
        part(&mut sides, documents)?;
    }
    println!("PostgreSQL, groups of 16 / 128 against RocksDB      not in this build");
    println!("PostgreSQL, commit on node A to event on node B     not in this build");
    Ok(())
}

/// Opens a folder as the server does.
fn open(folder: &Path) -> Result<Arc<Store>> {
    let engine = open_engine(folder)?;
    Ok(Store::open(engine, DATABASE, Arc::new(WallClock))?)
}

fn open_engine(folder: &Path) -> Result<Arc<dyn Engine>> {
    let engine = RocksEngine::open(folder, Arc::new(WallClock), Options::default())?;
    Ok(Arc::new(engine))
}

/// Loads the folder in a process of its own, kills that, and opens the folder.
fn load(folder: &Path, documents: u64) -> Result<()> {
    let mut loader = Loader::start(folder, documents)?;
    let loaded = loader.loaded()?;
    let mib = |bytes| to_f64(bytes) / 1024.0 / 1024.0;
    at_most("memory, idle", mib(loaded.idle_bytes), 60.0, "MiB", "");
    at_most(
        "memory, after load",
        mib(loaded.loaded_bytes),
        250.0,
        "MiB",
        "",
    );
    let per_commit = to_f64(loaded.written_bytes) / to_f64(documents) / 1e3;
    at_most("written per commit", per_commit, 12.0, "KB", "");
    let raw = to_f64(documents) * to_f64(DOCUMENT_BYTES as u64);
    let disk = to_f64(loaded.disk_bytes) / raw;
    at_most("disk after load / raw JSON", disk, 1.5, "x", "");
    let per_second = to_f64(documents) * 1e6 / to_f64(loaded.microseconds);
    remark("  load, 64 writers", per_second, "/s", "");
    let log = loader.kill_with_full_log(folder)?;
    let begun = Instant::now();
    drop(open(folder)?);
    let note = format!("   (log of {:.0} MiB)", mib(log));
    let opened = begun.elapsed().as_secs_f64();
    at_most("open after kill -9", opened, 2.0, "s", &note);
    Ok(())
}

/// Ours and bare, open on copies of one folder.
struct Sides {
    store: Arc<Store>,
    bare: Bare,
    /// The number of the next new document.
    next: u64,
}

impl Sides {
    fn new_documents(&mut self, count: u64) -> Vec<Document> {
        let numbers = self.next..self.next + count;
        self.next += count;
        workload::documents(numbers)
    }

    fn commits(
        &mut self,
        name: &str,
        count: u64,
        (writers, group): (usize, usize),
        target: Option<f64>,
    ) -> Result<()> {
        let documents: Vec<_> = (0..ROUNDS).map(|_| self.new_documents(count)).collect();
        let rows: Vec<_> = documents.iter().map(|all| self.bare.rows(all)).collect();
        let (mut ours, mut theirs) = (documents.iter(), rows.iter());
        let pair = alternate(
            ROUNDS,
            || {
                let documents = ours.next().context("a round")?;
                rate(documents.len(), || {
                    workload::commit_all(&self.store, documents, writers)
                })
            },
            || {
                let rows = theirs.next().context("a round")?;
                rate(rows.len(), || self.bare.commit_all(rows, group))
            },
        )?;
        match target {
            Some(target) => at_least(name, &pair, target),
            None => compared(name, &pair),
        }
        Ok(())
    }
}

/// Keys of documents that are in the cache soon.
fn warm_keys(documents: u64) -> Vec<Vec<u8>> {
    let mut random = Generator(1);
    let mut key = |_| workload::document(random.below(documents)).key;
    (0..WARM).map(&mut key).collect()
}

fn get(tx: &dyn Read, key: &[u8]) -> Result<()> {
    let found = tx.get(Space::Docs, key)?;
    found.context("a document is missing").map(drop)
}

fn gets(sides: &Sides, documents: u64) -> Result<()> {
    let keys = warm_keys(documents);
    let bare = || {
        rate(GETS, || {
            let mut keys = keys.iter().cycle().take(GETS);
            keys.try_for_each(|key| sides.bare.get(key).map(drop))
        })
    };
    let kept = || {
        let tx = sides.store.read()?;
        rate(GETS, || {
            let mut keys = keys.iter().cycle().take(GETS);
            keys.try_for_each(|key| get(&tx, key))
        })
    };
    bare()?;
    kept()?;
    let pair = alternate(ROUNDS, kept, bare)?;
    at_least("get through a snapshot, warm / bare get", &pair, 0.5);
    let own = || {
        rate(GETS, || {
            let mut keys = keys.iter().cycle().take(GETS);
            keys.try_for_each(|key| get(&sides.store.read()?, key))
        })
    };
    let pair = alternate(ROUNDS, own, bare)?;
    compared("  with a snapshot for each get", &pair);
    Ok(())
}

fn queries(sides: &Sides) -> Result<()> {
    let mut random = Generator(2);
    let ranges: Vec<_> = (0..100)
        .map(|_| workload::query_range(random.next()))
        .collect();
    let ours = || {
        rate(QUERIES, || {
            let mut ranges = ranges.iter().cycle().take(QUERIES);
            ranges.try_for_each(|range| workload::query(&sides.store, range).map(drop))
        })
    };
    let bare = || {
        rate(QUERIES, || {
            let mut ranges = ranges.iter().cycle().take(QUERIES);
            ranges.try_for_each(|range| sides.bare.query(range).map(drop))
        })
    };
    ours()?;
    bare()?;
    let pair = alternate(ROUNDS, ours, bare)?;
    at_least("query of 20, then documents / bare", &pair, 0.6);
    Ok(())
}

/// Counts the entries of one index: how fast rows come through a scan, now and in the past.
fn counts(sides: &Sides) -> Result<()> {
    let range = workload::index_range();
    let now = sides.store.read()?;
    let then = CommitTime(now.time().0 - 1);
    let then = sides.store.read_at(then)?;
    let count = workload::count(&now, &range)?;
    let bare = || rate(count, || sides.bare.count(&range).map(drop));
    bare()?;
    let visited = || rate(count, || workload::count_visited(&now, &range).map(drop));
    let pair = alternate(ROUNDS, visited, bare)?;
    at_least("entries counted / bare", &pair, 0.8);
    let per_core = pair.ours_per_cpu_second * to_f64(count as u64);
    remark("  per second of CPU", per_core / 1e6, "M", "");
    let paged = || rate(count, || workload::count(&now, &range).map(drop));
    compared("  by pages", &alternate(ROUNDS, paged, bare)?);
    let past = || rate(count, || workload::count_visited(&then, &range).map(drop));
    compared("  in the past", &alternate(ROUNDS, past, bare)?);
    Ok(())
}

fn readers_beside_a_writer(sides: &mut Sides, documents: u64) -> Result<()> {
    let keys = warm_keys(documents);
    let fresh = sides.new_documents(MANY * 8);
    let rows = sides.bare.rows(&fresh);
    let [mut ours, mut bare] = [Vec::new(), Vec::new()];
    let (mut fresh, mut rows) = (fresh.iter(), rows.iter());
    for _ in 0..READ_ROUNDS {
        let mut next = keys.iter().cycle();
        let mut read = || {
            let key = next.next().context("a key")?;
            get(&sides.store.read()?, key)
        };
        let idle = latency::p99(READ_TIME, &mut read)?;
        let write = || {
            Ok(workload::commit(
                &sides.store,
                fresh.next().context("more")?,
            )?)
        };
        let busy = latency::beside(write, || latency::p99(READ_TIME, &mut read))?;
        ours.push(busy / idle);
        let mut next = keys.iter().cycle();
        let mut read = || sides.bare.get(next.next().context("a key")?).map(drop);
        let idle = latency::p99(READ_TIME, &mut read)?;
        let mut write = || {
            let row = rows.next().context("more")?.clone();
            sides.bare.commit_all(&[row], 1)
        };
        let busy = latency::beside(&mut write, || latency::p99(READ_TIME, &mut read))?;
        bare.push(busy / idle);
    }
    let note = format!("   (bare {:.1}x)", quantile(&mut bare, 0.5));
    let name = "readers' p99 beside a writer / idle";
    at_most(name, quantile(&mut ours, 0.5), 3.0, "x", &note);
    Ok(())
}
