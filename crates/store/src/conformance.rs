//! The tests every engine passes. An engine's crate calls [`run`] from one of its own tests.
//!
//! Storage design, section 10. Not here: unknown outcomes and injected faults, which only the engine in memory can
//! make, and crashes, which each disk engine tests its own way.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test suite: it fails by panicking, with the line"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use firekeep_model::{Clock, Timestamp};

use crate::{
    Batch, ClockView, CommitError, CommitId, CommitTime, DbId, Decision, Direction, Engine, Key,
    KeyRange, LogRow, PageLimit, Snapshot, Space, Store,
};

mod commits;
mod differential;
mod feed;
mod limits;
mod past;
mod required;
mod scans;
mod transactions;

/// Data that outlives the engine opened on it.
pub trait Reopen {
    /// Opens the data: the first call on new, empty data, every later call on what the calls before left. The suite
    /// drops the engine of the call before first.
    fn open(&mut self, clock: Arc<dyn Clock>) -> Arc<dyn Engine>;
}

/// Runs every test, each on new data from `factory`; panics at the first failure.
pub fn run(factory: &dyn Fn() -> Box<dyn Reopen>) {
    for (name, test) in TESTS {
        // So that a failure's captured output ends with the name of the test.
        eprintln!("conformance: {name}");
        test(factory().as_mut());
    }
}

type Test = fn(&mut dyn Reopen);

const TESTS: &[(&str, Test)] = &[
    (
        "scans",
        scans::scans_are_byte_order_with_exact_bounds_and_pages,
    ),
    ("databases", scans::databases_do_not_see_each_other),
    (
        "atomicity",
        commits::readers_see_whole_commits_in_every_space,
    ),
    (
        "snapshots",
        commits::a_snapshot_does_not_change_while_commits_go_by,
    ),
    (
        "refusals",
        commits::a_group_that_decides_nothing_changes_nothing,
    ),
    (
        "clock",
        commits::times_increase_when_the_wall_clock_steps_back_and_after_reopening,
    ),
    ("committers", commits::two_committers_share_one_clock),
    (
        "feed",
        feed::feeds_have_no_hole_no_duplicate_and_no_disorder,
    ),
    ("wake-up", feed::a_waiting_tail_wakes_at_a_commit),
    (
        "trim",
        feed::trimming_removes_old_log_and_history_and_nothing_else,
    ),
    (
        "trim bytes",
        feed::a_step_of_trimming_has_room_for_some_bytes,
    ),
    ("past", past::reads_in_the_past_equal_a_recorded_model),
    (
        "required",
        required::what_changes_what_was_read_refuses_the_commit,
    ),
    (
        "client transactions",
        required::client_transactions_lose_no_update_and_keep_what_they_rest_on,
    ),
    (
        "required in a group",
        required::of_many_in_a_group_that_rest_on_one_row_one_commits,
    ),
    (
        "required beside own reads",
        required::own_reads_run_again_and_required_ones_do_not,
    ),
    ("increments", transactions::concurrent_increments_all_count),
    ("lost update", transactions::a_lost_update_is_refused),
    ("write skew", transactions::a_write_skew_is_refused),
    ("phantom", transactions::a_phantom_is_refused),
    (
        "serial",
        transactions::random_histories_equal_their_serial_order,
    ),
    (
        "durable",
        transactions::acknowledged_writes_survive_reopening,
    ),
    (
        "limits of engines",
        limits::engines_take_the_limit_and_refuse_one_more,
    ),
    (
        "limits of transactions",
        limits::transactions_take_the_limit_and_refuse_one_more,
    ),
    (
        "differential",
        differential::the_same_work_leaves_the_same_bytes_as_in_memory,
    ),
];

const DB: DbId = DbId(1);

/// Where the suite's clock begins.
const BEGIN: i64 = 1_700_000_000_000_000;

/// A clock that stands until it is set.
struct HandClock(AtomicI64);

impl HandClock {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(BEGIN)))
    }

    fn set(&self, micros: i64) {
        self.0.store(micros, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// SplitMix64.
struct Generator(u64);

impl Generator {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }
}

fn open(data: &mut dyn Reopen) -> (Arc<dyn Engine>, Arc<HandClock>) {
    let clock = HandClock::new();
    let engine = data.open(Arc::clone(&clock) as Arc<dyn Clock>);
    (engine, clock)
}

fn open_store(data: &mut dyn Reopen) -> (Arc<Store>, Arc<dyn Engine>, Arc<HandClock>) {
    let (engine, clock) = open(data);
    let store = Store::open(
        Arc::clone(&engine),
        DB,
        Arc::clone(&clock) as Arc<dyn Clock>,
    )
    .unwrap();
    (store, engine, clock)
}

/// What one commit of a group writes.
#[derive(Clone, Default)]
struct Writes {
    puts: Vec<(Space, Key, Bytes)>,
    deletes: Vec<(Space, Key)>,
}

impl Writes {
    fn put(space: Space, key: &[u8], value: &[u8]) -> Self {
        let puts = vec![(space, key.to_vec(), Bytes::copy_from_slice(value))];
        Self {
            puts,
            deletes: Vec::new(),
        }
    }
}

/// Commits a group as the committer would.
fn commit(engine: &dyn Engine, db: DbId, group: Vec<Writes>) -> Result<CommitTime, CommitError> {
    let known = engine.snapshot(db).unwrap().time();
    let mut group = Some(group);
    engine.commit(db, known, &mut |view| {
        Decision::Apply(batches(view, group.take().unwrap()))
    })
}

fn batches(view: &ClockView<'_>, group: Vec<Writes>) -> Vec<Batch> {
    let mut time = view.state.last;
    let stamp = |(writes, seq): (Writes, u64)| {
        time = view.time_after(time);
        let commit = CommitId(u128::from(seq).to_be_bytes());
        let log = LogRow {
            time,
            seq,
            commit,
            epoch: view.state.epoch,
            changes: Vec::new(),
        };
        Batch {
            puts: writes.puts,
            deletes: writes.deletes,
            log,
        }
    };
    group
        .into_iter()
        .zip(view.state.seq + 1..)
        .map(stamp)
        .collect()
}

/// Every row of a range, page by page.
fn scan_all(
    snapshot: &dyn Snapshot,
    space: Space,
    range: &KeyRange,
    direction: Direction,
    limit: PageLimit,
) -> Vec<(Key, Bytes)> {
    let mut rows = Vec::new();
    let mut rest = range.clone();
    loop {
        let page = snapshot.scan(space, &rest, direction, limit).unwrap();
        assert!(
            page.rows.len() <= limit.rows,
            "{} rows in a page",
            page.rows.len()
        );
        let last = page.rows.last().map(|(key, _)| key.clone());
        rows.extend(page.rows);
        let Some(next) = page.next else {
            let mut visited = Vec::new();
            let mut visit = |key: &[u8], value: &[u8]| {
                visited.push((key.to_vec(), Bytes::copy_from_slice(value)));
                visited.len() < rows.len()
            };
            snapshot.visit(space, range, direction, &mut visit).unwrap();
            assert_eq!(
                visited, rows,
                "a visit ends when it is told to, or at the end"
            );
            return rows;
        };
        assert_eq!(
            Some(&next),
            last.as_ref(),
            "a page goes on behind its last row"
        );
        rest = rest.rest(direction, &next);
    }
}

/// Every row of a space.
fn dump(snapshot: &dyn Snapshot, space: Space) -> BTreeMap<Key, Bytes> {
    let all = KeyRange::all();
    scan_all(
        snapshot,
        space,
        &all,
        Direction::Forward,
        PageLimit::default(),
    )
    .into_iter()
    .collect()
}

fn number(bytes: Option<&Bytes>) -> u64 {
    bytes.map_or(0, |bytes| {
        u64::from_be_bytes(bytes.as_ref().try_into().unwrap())
    })
}

fn number_bytes(number: u64) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}
