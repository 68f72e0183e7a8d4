//! Group commit, history, faults and closing, on the engine in memory.

mod serial;

use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::mpsc;

use bytes::Bytes;

use super::*;
use crate::limits::SNAPSHOT_AGE_MAX;
use crate::write_tx::{Reads, Write};
use crate::{
    CheckpointInfo, ClockView, CommitError, Decision, Direction, Fault, Key, KeyRange, LogRow,
    MemEngine, PageLimit, Read as _, Space, history_key, row,
};

const DB: DbId = DbId(1);
const SPACE: Space = Space::SysUsers;

struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

fn clock() -> Arc<HandClock> {
    Arc::new(HandClock(AtomicI64::new(1_000_000)))
}

fn open() -> (Arc<MemEngine>, Arc<Store>) {
    let engine = Arc::new(MemEngine::new(clock()));
    let store = Store::open(Arc::clone(&engine) as Arc<dyn Engine>, DB, clock()).unwrap();
    (engine, store)
}

fn put(store: &Store, key: &[u8]) -> Result<(), Error> {
    store.write(|tx| tx.put(SPACE, key.to_vec(), Bytes::from_static(b"v")))
}

fn has(store: &Store, key: &[u8]) -> bool {
    store.read().unwrap().get(SPACE, key).unwrap().is_some()
}

/// An engine whose commits wait for a word once they have their times, and that reports the size of every group.
struct Slow {
    engine: MemEngine,
    entered: AtomicUsize,
    go: Mutex<mpsc::Receiver<()>>,
    groups: Mutex<Vec<usize>>,
}

impl Engine for Slow {
    fn remote(&self) -> bool {
        false
    }

    fn snapshot(&self, db: DbId) -> Result<Box<dyn Snapshot + '_>, Error> {
        self.engine.snapshot(db)
    }

    fn commit(
        &self,
        db: DbId,
        known: CommitTime,
        decide: &mut dyn FnMut(&ClockView<'_>) -> Decision,
    ) -> Result<CommitTime, CommitError> {
        self.engine.commit(db, known, &mut |view| {
            let decision = decide(view);
            self.entered.fetch_add(1, Ordering::SeqCst);
            self.go.lock().unwrap().recv().unwrap();
            if let Decision::Apply(batches) = &decision {
                self.groups.lock().unwrap().push(batches.len());
            }
            decision
        })
    }

    fn tail(
        &self,
        db: DbId,
        after: CommitTime,
        limit: usize,
        wait: Duration,
    ) -> Result<Vec<LogRow>, Error> {
        self.engine.tail(db, after, limit, wait)
    }

    fn checkpoint(&self, to: &Path) -> Result<CheckpointInfo, Error> {
        self.engine.checkpoint(to)
    }

    fn trim(&self, db: DbId, below: CommitTime, budget: TrimBudget) -> Result<Trimmed, Error> {
        self.engine.trim(db, below, budget)
    }

    fn health(&self) -> Health {
        self.engine.health()
    }
}

#[test]
fn what_is_queued_while_a_group_commits_is_the_next_group() {
    let (go, wait) = mpsc::channel();
    let engine = Arc::new(Slow {
        engine: MemEngine::new(clock()),
        entered: AtomicUsize::new(0),
        go: Mutex::new(wait),
        groups: Mutex::default(),
    });
    go.send(()).unwrap();
    let store = Store::open(Arc::clone(&engine) as Arc<dyn Engine>, DB, clock()).unwrap();
    std::thread::scope(|scope| {
        let write = |at: u8| {
            let store = &store;
            scope.spawn(move || put(store, &[at]).unwrap())
        };
        // The first commit is the format's; the second one takes the first writer alone.
        let mut writers = vec![write(0)];
        while engine.entered.load(Ordering::SeqCst) < 2 {
            std::thread::yield_now();
        }
        writers.extend((1..20).map(write));
        while store.queue.waiting() < 19 {
            std::thread::yield_now();
        }
        assert!(
            !has(&store, &[0]),
            "nothing is visible before it is durable"
        );
        assert!(writers.iter().all(|writer| !writer.is_finished()));
        go.send(()).unwrap();
        go.send(()).unwrap();
    });
    assert!((0..20u8).all(|at| has(&store, &[at])));
    let groups = engine.groups.lock().unwrap().clone();
    assert_eq!(groups.iter().sum::<usize>(), 21);
    assert_eq!(groups, [1, 1, 19]);
}

#[test]
fn a_try_waits_in_line_without_a_thread() {
    let (_, store) = open();
    let value = Bytes::from_static(b"v");
    let put = |key: u8| {
        let value = value.clone();
        move |tx: &mut WriteTx<'_>| tx.put(SPACE, vec![key], value.clone())
    };
    let Tried::InLine((), first) = store.try_write(put(1)).unwrap() else {
        panic!("not in line");
    };
    let Committed::At(Some(time)) = block_on(first).unwrap() else {
        panic!("not committed");
    };
    assert!(has(&store, &[1]) && store.read().unwrap().time() == time);
    // Another one commits between its reads and its turn.
    let tried = store.try_write(|tx| -> Result<(), Error> {
        tx.get(SPACE, &[1])?;
        store.write(put(1))?;
        put(2)(tx)
    });
    let Tried::InLine((), lost) = tried.unwrap() else {
        panic!("not in line");
    };
    assert_eq!(block_on(lost).unwrap(), Committed::Lost);
    assert!(!has(&store, &[2]));
    let nothing = store.try_write(|_| Ok::<_, Error>(7)).unwrap();
    assert!(matches!(nothing, Tried::Idle(7)));
    let _turn = store.gates.enter(&(SPACE, vec![1]));
    assert!(matches!(store.try_write(put(1)).unwrap(), Tried::Behind));
    store.close();
    assert!(matches!(store.try_write(put(3)), Err(Error::Closed)));
}

/// Waits for a future on this thread.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        match future
            .as_mut()
            .poll(&mut std::task::Context::from_waker(&waker))
        {
            std::task::Poll::Ready(done) => return done,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn a_settled_time_shows_the_commits_under_way_and_no_later_one() {
    let (go, wait) = mpsc::channel();
    let hand = clock();
    let engine = Arc::new(Slow {
        engine: MemEngine::new(Arc::clone(&hand) as Arc<dyn Clock>),
        entered: AtomicUsize::new(0),
        go: Mutex::new(wait),
        groups: Mutex::default(),
    });
    go.send(()).unwrap();
    let store = Store::open(Arc::clone(&engine) as Arc<dyn Engine>, DB, clock()).unwrap();
    hand.0.store(2_000_000, Ordering::SeqCst);
    let read_time = CommitTime(2_500_000);
    std::thread::scope(|scope| {
        scope.spawn(|| put(&store, b"k").unwrap());
        while engine.entered.load(Ordering::SeqCst) < 2 {
            std::thread::yield_now();
        }
        // It has its time, and nobody sees it yet.
        hand.0.store(3_000_000, Ordering::SeqCst);
        let settled = scope.spawn(|| store.settle(read_time));
        while store.queue.waiting() < 1 {
            std::thread::yield_now();
        }
        assert!(!settled.is_finished() && !has(&store, b"k"));
        go.send(()).unwrap();
        go.send(()).unwrap();
        settled.join().unwrap().unwrap();
    });
    let seen = |key: &[u8]| store.read_at(read_time).unwrap().get(SPACE, key).unwrap();
    assert!(seen(b"k").is_some());
    // Whatever the wall clock says.
    hand.0.store(2_200_000, Ordering::SeqCst);
    go.send(()).unwrap();
    let later = store.write_timed(|tx| tx.put(Space::Docs, b"l".to_vec(), Bytes::new()));
    assert_eq!(later.unwrap().1, Some(read_time.successor()));
    let view = store.read_at(read_time).unwrap();
    assert_eq!(view.get(Space::Docs, b"l").unwrap(), None);
    store.close();
    assert!(matches!(store.settle(read_time), Err(Error::Closed)));
}

#[test]
fn reading_and_refusing_commits_nothing() {
    let (_, store) = open();
    let before = store.read().unwrap().time();
    store.write(|tx| tx.get(SPACE, b"k").map(drop)).unwrap();
    let refused = store.write(|tx| {
        tx.put(SPACE, b"k".to_vec(), Bytes::new())?;
        Err::<(), _>(Error::Contended)
    });
    assert!(matches!(refused, Err(Error::Contended)));
    assert_eq!(store.read().unwrap().time(), before);
    assert!(!has(&store, b"k"));
}

#[test]
fn replaced_documents_and_index_entries_go_to_the_history() {
    let (engine, store) = open();
    let write = |space, key: &[u8], value: Option<&'static [u8]>| {
        let work = |tx: &mut WriteTx<'_>| match value {
            Some(value) => tx.put(space, key.to_vec(), Bytes::from_static(value)),
            None => tx.delete(space, key.to_vec()),
        };
        store.write_timed(work).unwrap().1.unwrap()
    };
    for (space, history) in [(Space::Docs, Space::DocsHist), (Space::Idx, Space::IdxHist)] {
        let times = [Some(&b"one"[..]), Some(b"two"), None, None, Some(b"three")]
            .map(|value| write(space, b"k", value));
        let tx = store.read().unwrap();
        let all = KeyRange::all();
        let page = tx
            .scan_rows(history, &all, Direction::Forward, PageLimit::default())
            .unwrap();
        let row = |value: &'static [u8], time| row::Row {
            time: Some(time),
            value: Bytes::from_static(value),
        };
        let expected = [
            (history_key(b"k", times[1]), row(b"one", times[0])),
            (history_key(b"k", times[2]), row(b"two", times[1])),
        ];
        assert_eq!(page.rows, expected);
        let log = engine
            .tail(DB, CommitTime::ZERO, usize::MAX, Duration::ZERO)
            .unwrap();
        let of_space = |row: &LogRow| row.changes.iter().any(|change| change.space == space);
        let log: Vec<_> = log.into_iter().filter(of_space).collect();
        let replaced: Vec<_> = log.iter().map(|row| row.changes[0].replaced).collect();
        assert_eq!(replaced, [None, Some(times[0]), Some(times[1]), None]);
        let image = log[0].changes[0]
            .after
            .clone()
            .map(|row| row::decode(row).unwrap().value);
        assert_eq!(
            image.as_deref(),
            (space == Space::Docs).then_some(&b"one"[..])
        );
    }
    write(SPACE, b"u", Some(b"secret"));
    let log = engine
        .tail(DB, CommitTime::ZERO, usize::MAX, Duration::ZERO)
        .unwrap();
    assert_eq!(
        log.last().unwrap().changes[0].after,
        None,
        "the log repeats no account"
    );
}

#[test]
fn a_large_document_is_not_repeated_in_the_log() {
    let (engine, store) = open();
    let value = Bytes::from(vec![1; crate::limits::LOG_IMAGE_BYTES_MAX]);
    store
        .write(|tx| tx.put(Space::Docs, b"k".to_vec(), value.clone()))
        .unwrap();
    let log = engine
        .tail(DB, CommitTime::ZERO, usize::MAX, Duration::ZERO)
        .unwrap();
    assert_eq!(log.last().unwrap().changes[0].after, None);
}

#[test]
fn scans_lay_own_writes_over_the_pages_of_the_view() {
    let (_, store) = open();
    let key = |at: u16| at.to_be_bytes().to_vec();
    let all: Vec<u16> = (0..600).step_by(2).collect();
    store
        .write(|tx| {
            all.iter()
                .try_for_each(|at| tx.put(SPACE, key(*at), Bytes::new()))
        })
        .unwrap();
    store
        .write(|tx| {
            // The view's first pages are removed, and odd keys come between and behind.
            (0..400).try_for_each(|at| tx.delete(SPACE, key(at)))?;
            [1, 401, 403, 999]
                .into_iter()
                .try_for_each(|at| tx.put(SPACE, key(at), Bytes::new()))?;
            let mut expected: Vec<_> = (400..600)
                .step_by(2)
                .chain([1, 401, 403, 999])
                .map(key)
                .collect();
            expected.sort();
            for direction in [Direction::Forward, Direction::Reverse] {
                let mut range = KeyRange::all();
                let mut found = Vec::new();
                loop {
                    let page = tx.scan(SPACE, &range, direction, PageLimit::rows(26))?;
                    found.extend(page.rows.into_iter().map(|(key, _)| key));
                    match page.next {
                        Some(next) => range = range.rest(direction, &next),
                        None => break,
                    }
                }
                assert_eq!(found, expected);
                expected.reverse();
            }
            Ok::<_, Error>(())
        })
        .unwrap();
}

#[test]
fn an_fsync_error_stops_all_writes_until_the_engine_is_opened_again() {
    let (engine, store) = open();
    put(&store, b"before").unwrap();
    engine.fail_commit(1, Fault::Fsync);
    assert!(matches!(put(&store, b"lost"), Err(Error::Fatal(_))));
    assert!(matches!(put(&store, b"after"), Err(Error::Fatal(_))));
    assert!(matches!(store.ready(), Err(Error::Fatal(_))));
    assert!(store.health().fatal.is_some());
    assert!(has(&store, b"before") && !has(&store, b"lost"));
    store.close();
    let again = Arc::new(engine.reopen(clock()));
    let store = Store::open(again, DB, clock()).unwrap();
    assert!(has(&store, b"before") && !has(&store, b"lost"));
    put(&store, b"after").unwrap();
}

#[test]
fn an_unavailable_engine_loses_one_group_only() {
    let (engine, store) = open();
    engine.fail_commit(1, Fault::Unavailable);
    assert!(matches!(put(&store, b"a"), Err(Error::Unavailable(_))));
    put(&store, b"b").unwrap();
    assert!(!has(&store, b"a") && has(&store, b"b"));
}

#[test]
fn lost_connections_are_looked_up() {
    let (engine, store) = open();
    engine.fail_commit(1, Fault::LostAfter);
    put(&store, b"applied").unwrap();
    engine.fail_commit(1, Fault::LostBefore);
    assert!(matches!(put(&store, b"lost"), Err(Error::Unavailable(_))));
    assert!(has(&store, b"applied") && !has(&store, b"lost"));
    put(&store, b"next").unwrap();
}

#[test]
fn contention_ends_after_the_tries() {
    let (_, store) = open();
    let mut tries = 0;
    let outcome = store.write(|tx| {
        tries += 1;
        tx.get(SPACE, b"hot")?;
        // Somebody else writes what was read, every time. Blind: it must not wait for our turn at the key's gate.
        let write = Write {
            value: Some(Bytes::new()),
            inserts: false,
        };
        let writes = [((SPACE, b"hot".to_vec()), write)].into();

        let intent = Intent::new(CommitTime::ZERO, Reads::default(), Vec::new(), writes, 0);
        assert!(matches!(store.submit(intent, false), Ok(Ok(_))));
        tx.put(SPACE, b"mine".to_vec(), Bytes::new())
    });
    assert!(matches!(outcome, Err(Error::Contended)));
    assert_eq!(tries, WRITE_TRIES_MAX);
    assert!(!has(&store, b"mine"));
}

#[test]
fn blind_writes_never_lose() {
    let (_, store) = open();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..100).for_each(|_| put(&store, b"k").unwrap()));
        }
    });
    assert!(has(&store, b"k"));
}

#[test]
fn a_closed_store_refuses_writes_and_still_reads() {
    let (_, store) = open();
    put(&store, b"k").unwrap();
    store.close();
    store.close();
    assert!(matches!(put(&store, b"l"), Err(Error::Closed)));
    assert!(has(&store, b"k"));
}

#[test]
fn an_old_snapshot_is_refused() {
    let hand = clock();
    let engine = Arc::new(MemEngine::new(clock()));
    let store = Store::open(engine, DB, Arc::clone(&hand) as Arc<dyn Clock>).unwrap();
    let tx = store.read().unwrap();
    let age_micros = i64::try_from(SNAPSHOT_AGE_MAX.as_micros()).unwrap();
    hand.0.fetch_add(age_micros, Ordering::SeqCst);
    tx.get(SPACE, b"k").unwrap();
    hand.0.fetch_add(1, Ordering::SeqCst);
    assert!(matches!(tx.get(SPACE, b"k"), Err(Error::SnapshotExpired)));
    assert_eq!(store.old_snapshots(), 0);
    drop(tx);
    assert_eq!(store.old_snapshots(), 1);
}

#[test]
fn an_insert_runs_again_when_the_key_was_written_meanwhile_and_makes_no_history() {
    let (engine, store) = open();
    let mut tries = 0;
    let entry = |value: &'static [u8]| Bytes::from_static(value);
    let insert = store.write(|tx| {
        tries += 1;
        // As index entries are: inserted where the transaction's own reads say that there is none.
        let found = tx.get(Space::Idx, b"k")?;
        if tries == 1 {
            store.write(|tx| tx.insert(Space::Idx, b"k".to_vec(), entry(b"other")))?;
            tx.insert(Space::Idx, b"k".to_vec(), entry(b"own"))?;
            // What was known stays known, whatever is written after it.
            return tx.put(Space::Idx, b"k".to_vec(), entry(b"own"));
        }
        assert_eq!(found, Some(entry(b"other")));
        tx.insert(Space::Idx, b"new".to_vec(), Bytes::new())?;
        tx.delete(Space::Idx, b"new".to_vec())
    });
    insert.unwrap();
    assert_eq!(tries, 2);
    // Without any read the insert alone makes it run again.
    let mut tries = 0;
    let insert = store.write(|tx| {
        tries += 1;
        let key = if tries == 1 { b"l" } else { b"m" };
        if tries == 1 {
            store.write(|tx| tx.insert(Space::Idx, b"l".to_vec(), Bytes::new()))?;
        }
        tx.insert(Space::Idx, key.to_vec(), Bytes::new())
    });
    insert.unwrap();
    assert_eq!(tries, 2);
    let snapshot = engine.snapshot(DB).unwrap();
    let page = |space| {
        let limit = PageLimit::default();
        let page = snapshot.scan(space, &KeyRange::all(), Direction::Forward, limit);
        let rows = page.unwrap().rows.into_iter();
        rows.map(|(key, _)| key).collect::<Vec<_>>()
    };
    assert_eq!(page(Space::Idx), [b"k", b"l", b"m"]);
    assert!(page(Space::IdxHist).is_empty());
}

#[test]
fn an_insert_behind_another_write_of_the_key_keeps_the_history() {
    type Work = fn(&mut WriteTx<'_>, Key) -> Result<(), Error>;
    let works: [Work; 2] = [
        |tx, key| tx.delete(Space::Idx, key),
        |tx, key| tx.put(Space::Idx, key, Bytes::new()),
    ];
    for work in works {
        let (_, store) = open();
        let value = Bytes::from_static;
        let old = store.write_timed(|tx| tx.put(Space::Idx, b"k".to_vec(), value(b"old")));
        let old = old.unwrap().1.unwrap();
        let insert = store.write(|tx| {
            work(tx, b"k".to_vec())?;
            tx.insert(Space::Idx, b"k".to_vec(), value(b"new"))
        });
        insert.unwrap();
        let then = store.read_at(old).unwrap().get(Space::Idx, b"k").unwrap();
        assert_eq!(then, Some(value(b"old")));
        let now = store.read().unwrap().get(Space::Idx, b"k").unwrap();
        assert_eq!(now, Some(value(b"new")));
    }
}

#[test]
fn what_a_client_read_is_checked_in_the_log_where_memory_has_forgotten_it() {
    let docs = |key: &[u8]| (Space::Docs, key.to_vec());
    let write = |store: &Store, (space, key): (Space, Vec<u8>)| {
        let value = Bytes::from_static(b"v");
        store
            .write(|tx| -> Result<(), Error> { tx.put(space, key.clone(), value.clone()) })
            .unwrap();
    };
    // What is written behind the read, and before so much else that nothing of it is remembered; if the read holds.
    for (meanwhile, holds) in [
        (None, true),
        (Some(docs(b"other")), true),
        (Some(docs(b"point")), false),
        (Some(docs(b"range/7")), false),
        (Some((Space::SysUsers, b"point".to_vec())), true),
    ] {
        let (_, store) = open();
        write(&store, docs(b"point"));
        let tx = store.read().unwrap();
        let since = tx.time();
        let recording = crate::Recording::new(&tx, crate::ReadLog::default());
        recording.get(Space::Docs, b"point").unwrap();
        let range = KeyRange::prefix(b"range/");
        let limit = PageLimit::default();
        recording
            .scan(Space::Docs, &range, Direction::Forward, limit)
            .unwrap();
        let log = recording.into_log();
        drop(tx);
        store.limit_memory(1_000);
        if let Some(place) = meanwhile.clone() {
            write(&store, place);
        }
        for at in 0..100 {
            write(&store, docs(format!("bulk/{at}").as_bytes()));
        }
        assert!(store.remembered.get() > since);
        let outcome = store.write(|tx| -> Result<(), Error> {
            tx.require_unchanged(since, &log);
            tx.put(Space::Docs, b"point".to_vec(), Bytes::from_static(b"w"))
        });
        match holds {
            true => outcome.unwrap(),
            false => assert!(matches!(outcome, Err(Error::Changed)), "{meanwhile:?}"),
        }
    }
}

#[test]
fn what_a_client_read_before_the_history_may_have_changed() {
    let engine = Arc::new(MemEngine::new(clock()));
    let hand = clock();
    let shared = Arc::clone(&hand) as Arc<dyn Clock>;
    let store = Store::open(Arc::clone(&engine) as Arc<dyn Engine>, DB, shared).unwrap();
    let tx = store.read().unwrap();
    let since = tx.time();
    let recording = crate::Recording::new(&tx, crate::ReadLog::default());
    recording.get(Space::Docs, b"a").unwrap();
    let log = recording.into_log();
    drop(tx);
    store.limit_memory(0);
    hand.0.fetch_add(10_000_000, Ordering::SeqCst);
    put(&store, b"b").unwrap();
    hand.0.fetch_add(10_000_000, Ordering::SeqCst);
    put(&store, b"c").unwrap();
    let trimmed = store.trim(Duration::from_secs(1), TrimBudget::rows(100));
    assert!(trimmed.unwrap().done);
    let outcome = store.write(|tx| -> Result<(), Error> {
        tx.require_unchanged(since, &log);
        tx.put(Space::Docs, b"a".to_vec(), Bytes::new())
    });
    assert!(matches!(outcome, Err(Error::Changed)), "{outcome:?}");
}

#[test]
fn a_reader_of_the_log_may_begin_at_a_time_that_is_still_to_come() {
    // By how much it is ahead, and how many of ten commits come after it: the clock stands, so they are a microsecond apart.
    for (ahead, after) in [(0, 10), (1, 9), (9, 1), (10, 0)] {
        let (_, store) = open();
        let start = CommitTime(store.read().unwrap().time().0 + ahead);
        let mut feed = store.feed(start).unwrap();
        (0..10).for_each(|_| put(&store, b"a").unwrap());
        let rows = feed.next(100, Duration::ZERO).unwrap();
        assert_eq!(rows.len(), after, "{ahead}");
    }
}

#[test]
fn a_reader_of_the_log_notices_what_was_trimmed_before_it_came_to_it() {
    // How many commits it reads, and how many there are beside, before the old ones are trimmed; whether it misses any.
    for (read, others, misses) in [
        (0, 3, true),
        (1, 3, true),
        (1, 2, true),
        (1, 1, false),
        (0, 1, false),
    ] {
        let engine = Arc::new(MemEngine::new(clock()));
        let hand = clock();
        let shared = Arc::clone(&hand) as Arc<dyn Clock>;
        let store = Store::open(Arc::clone(&engine) as Arc<dyn Engine>, DB, shared).unwrap();
        let mut feed = store.feed(store.read().unwrap().time()).unwrap();
        let commit = || {
            hand.0.fetch_add(10_000_000, Ordering::SeqCst);
            put(&store, b"a").unwrap();
        };
        (0..read).for_each(|_| commit());
        if read > 0 {
            assert_eq!(feed.next(read, Duration::ZERO).unwrap().len(), read);
        }
        (0..others).for_each(|_| commit());
        let trimmed = store.trim(Duration::from_secs(1), TrimBudget::rows(100));
        // The format's, and all but the newest.
        assert_eq!(trimmed.unwrap().log_rows, read + others);
        let rows = feed.next(10, Duration::ZERO);
        match misses {
            true => assert!(matches!(rows, Err(Error::ReadTimeTooOld)), "{rows:?}"),
            false => assert_eq!(rows.unwrap().len(), others),
        }
    }
}
