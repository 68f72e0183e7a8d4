//! The log: no hole, no duplicate, no disorder, and nothing left after trimming but what must be.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::{Error, TrimBudget, WriteTx};

const WRITERS: u64 = 16;
const COMMITS: u64 = 12;

pub(super) fn feeds_have_no_hole_no_duplicate_and_no_disorder(data: &mut dyn Reopen) {
    let (store, _, _) = open_store(data);
    let begin = store.read().unwrap().time();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let store = &store;
            scope.spawn(move || {
                for at in 0..COMMITS {
                    let key = [writer.to_be_bytes(), at.to_be_bytes()].concat();
                    store
                        .write(|tx| tx.put(Space::Docs, key.clone(), Bytes::new()))
                        .unwrap();
                }
            });
        }
        for reader in 0..4 {
            let store = &store;
            scope.spawn(move || read_to_the_end(store, begin, reader));
        }
    });
    store.close();
    // Once more, from the start, in small steps.
    read_to_the_end(&store, begin, 0);
}

/// Readers begin at different commits, some of which are still to come.
fn read_to_the_end(store: &Store, begin: CommitTime, reader: u64) {
    let start = CommitTime(begin.0 + i64::try_from(reader * 20).unwrap());
    let mut feed = store.feed(start).unwrap();
    let mut keys = BTreeSet::new();
    let mut times = vec![start];
    // The suite's clock stands, so commit n has the time `begin` + n.
    let last = CommitTime(begin.0 + i64::try_from(WRITERS * COMMITS).unwrap());
    while feed.position() < last {
        for row in feed
            .next(1 + usize::try_from(reader).unwrap() * 7, SOON)
            .unwrap()
        {
            times.push(row.time);
            for change in row.changes {
                assert!(keys.insert(change.key), "a commit came twice");
            }
        }
    }
    assert!(
        times.windows(2).all(|pair| pair[1] == pair[0].successor()),
        "a hole or disorder"
    );
    assert_eq!(
        keys.len(),
        usize::try_from(WRITERS * COMMITS - reader * 20).unwrap()
    );
}

const SOON: Duration = Duration::from_secs(10);

pub(super) fn a_waiting_tail_wakes_at_a_commit(data: &mut dyn Reopen) {
    let (engine, _) = open(data);
    let engine = engine.as_ref();
    assert!(
        engine
            .tail(DB, CommitTime::ZERO, 5, Duration::ZERO)
            .unwrap()
            .is_empty()
    );
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let mut after = CommitTime::ZERO;
            let mut seqs = Vec::new();
            while seqs.len() < 3 {
                for row in engine.tail(DB, after, 5, SOON).unwrap() {
                    after = row.time;
                    seqs.push(row.seq);
                }
            }
            seqs
        });
        for _ in 0..3 {
            commit(engine, DB, vec![Writes::put(Space::Docs, b"k", b"v")]).unwrap();
        }
        assert_eq!(waiting.join().unwrap(), [1, 2, 3]);
    });
    assert!(begun.elapsed() < SOON, "the tail slept through a commit");
}

pub(super) fn trimming_removes_old_log_and_history_and_nothing_else(data: &mut dyn Reopen) {
    let (store, engine, clock) = open_store(data);
    let begin = store.read().unwrap().time();
    for at in 0..10u8 {
        let value = Bytes::copy_from_slice(&[at]);
        store
            .write(|tx| tx.put(Space::Docs, b"k".to_vec(), value.clone()))
            .unwrap();
    }
    let rows = |space| dump(engine.snapshot(DB).unwrap().as_ref(), space).len();
    assert_eq!((rows(Space::Log), rows(Space::DocsHist)), (11, 9));
    // Six commits are older than a second: the format's and five of ours, four of which replaced a row.
    clock.set(begin.0 + 1_000_006);
    let second = Duration::from_secs(1);
    let least = TrimBudget {
        log_rows: 100,
        bytes: 0,
    };
    let steps = [
        (TrimBudget::rows(4), 4, false, (7, 7)),
        // However few the bytes, one log row goes.
        (least, 1, false, (6, 6)),
        (TrimBudget::rows(100), 1, true, (5, 5)),
        (TrimBudget::rows(100), 0, true, (5, 5)),
    ];
    for (budget, log_rows, done, left) in steps {
        let step = store.trim(second, budget).unwrap();
        assert_eq!((step.log_rows, step.done), (log_rows, done), "{budget:?}");
        assert_eq!(step.bytes > 0, log_rows > 0);
        assert_eq!((rows(Space::Log), rows(Space::DocsHist)), left);
    }
    assert!(matches!(store.feed(begin), Err(Error::ReadTimeTooOld)));
    let mut feed = store.feed(CommitTime(begin.0 + 6)).unwrap();
    assert_eq!(feed.next(100, Duration::ZERO).unwrap().len(), 4);
    // However old, the newest log row stays, and the store opens again.
    clock.set(BEGIN + 3_600_000_000);
    store.trim(second, TrimBudget::rows(100)).unwrap();
    assert_eq!((rows(Space::Log), rows(Space::Docs)), (1, 1));
    drop((store, engine, feed));
    let (store, _, _) = open_store(data);
    store
        .write(|tx| tx.put(Space::Docs, b"k".to_vec(), Bytes::new()))
        .unwrap();
}

pub(super) fn a_step_of_trimming_has_room_for_some_bytes(data: &mut dyn Reopen) {
    let (store, engine, clock) = open_store(data);
    let image = Bytes::from(vec![7; 10_000]);
    for round in 0..20u8 {
        let put = |tx: &mut WriteTx<'_>| {
            for key in 0..5 {
                tx.put(Space::Docs, vec![key], image.slice(usize::from(round)..))?;
            }
            Ok::<_, Error>(())
        };
        store.write(put).unwrap();
    }
    clock.set(BEGIN + 3_600_000_000);
    let budget = TrimBudget {
        log_rows: 1_000,
        bytes: 200_000,
    };
    let mut steps = 0;
    loop {
        let step = store.trim(Duration::from_secs(1), budget).unwrap();
        assert!(step.bytes <= budget.bytes, "{step:?}");
        assert!(step.log_rows <= 4, "{step:?}");
        steps += 1;
        if step.done {
            break;
        }
    }
    assert!(steps >= 5, "{steps}");
    let rows = |space| dump(engine.snapshot(DB).unwrap().as_ref(), space).len();
    // The newest log row stays, and what it replaced.
    assert_eq!((rows(Space::Log), rows(Space::DocsHist)), (1, 5));
}
