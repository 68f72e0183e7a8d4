//! Commits at the engine: whole or not at all, in time order, and never changing a snapshot.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::*;
use crate::META_CLOCK;

/// The spaces that hold rows of their own in these tests.
fn spaces() -> impl Iterator<Item = Space> {
    Space::ALL.into_iter().filter(|space| *space != Space::Log)
}

fn everywhere(number: u64) -> Writes {
    let puts = spaces().map(|space| (space, b"number".to_vec(), number_bytes(number)));
    Writes {
        puts: puts.collect(),
        deletes: Vec::new(),
    }
}

pub(super) fn readers_see_whole_commits_in_every_space(data: &mut dyn Reopen) {
    let (engine, _) = open(data);
    let engine = engine.as_ref();
    commit(engine, DB, vec![everywhere(1)]).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    check_whole(engine);
                }
            });
        }
        for group in 0..60 {
            let numbers = (2..6).map(|at| everywhere(group * 4 + at));
            commit(engine, DB, numbers.collect()).unwrap();
        }
        done.store(true, Ordering::SeqCst);
    });
    check_whole(engine);
}

fn check_whole(engine: &dyn Engine) {
    let snapshot = engine.snapshot(DB).unwrap();
    let newest = snapshot
        .scan(
            Space::Log,
            &KeyRange::all(),
            Direction::Reverse,
            PageLimit::rows(1),
        )
        .unwrap();
    let newest = LogRow::decode(&newest.rows[0].1).unwrap();
    assert_eq!(newest.time, snapshot.time());
    // Groups of four began at number 2: a snapshot never ends within one.
    assert_eq!(newest.seq % 4, 1, "a group is visible in part");
    for space in spaces() {
        let value = snapshot.get(space, &[b"number"]).unwrap();
        assert_eq!(number(value[0].as_ref()), newest.seq, "{space:?}");
    }
}

pub(super) fn a_snapshot_does_not_change_while_commits_go_by(data: &mut dyn Reopen) {
    let (engine, _) = open(data);
    let engine = engine.as_ref();
    let put = |at: u64, value: u64| {
        Writes::put(Space::Docs, &(at % 500).to_be_bytes(), &value.to_be_bytes())
    };
    let time = commit(engine, DB, (0..500).map(|at| put(at, at)).collect()).unwrap();
    let snapshot = engine.snapshot(DB).unwrap();
    let (before, log) = (
        dump(snapshot.as_ref(), Space::Docs),
        dump(snapshot.as_ref(), Space::Log),
    );
    for group in 0..50u64 {
        let mut writes: Vec<_> = (0..199).map(|at| put(group * 199 + at, group)).collect();
        let key = (group * 7 % 500).to_be_bytes().to_vec();
        writes.push(Writes {
            deletes: vec![(Space::Docs, key)],
            ..Writes::default()
        });
        commit(engine, DB, writes).unwrap();
        if group % 10 == 0 {
            assert_eq!(dump(snapshot.as_ref(), Space::Docs), before);
        }
    }
    assert_eq!(snapshot.time(), time);
    assert_eq!(dump(snapshot.as_ref(), Space::Docs), before);
    assert_eq!(dump(snapshot.as_ref(), Space::Log), log);
    let after = engine.snapshot(DB).unwrap();
    assert_eq!(after.time(), CommitTime(time.0 + 10_000));
    assert_ne!(dump(after.as_ref(), Space::Docs), before);
}

pub(super) fn a_group_that_decides_nothing_changes_nothing(data: &mut dyn Reopen) {
    let (engine, _) = open(data);
    let time = commit(
        engine.as_ref(),
        DB,
        vec![Writes::put(Space::Docs, b"k", b"v")],
    )
    .unwrap();
    let mut asked = 0;
    let answer = engine.commit(DB, time, &mut |view| {
        asked += 1;
        assert_eq!((view.state.last, view.state.seq), (time, 1));
        assert!(view.since.is_empty());
        // The clock is held, and reading goes on.
        assert_eq!(engine.snapshot(DB).unwrap().time(), time);
        Decision::Nothing
    });
    assert_eq!((answer.unwrap(), asked), (time, 1));
    assert_eq!(engine.snapshot(DB).unwrap().time(), time);
}

pub(super) fn times_increase_when_the_wall_clock_steps_back_and_after_reopening(
    data: &mut dyn Reopen,
) {
    let (mut engine, clock) = open(data);
    let mut times = Vec::new();
    let steps = [
        0,
        5,
        5,
        -1_000_000,
        -999_999,
        3_600_000_000,
        0,
        i64::from(i32::MIN),
    ];
    for (at, step) in steps.iter().enumerate() {
        clock.set(BEGIN + step);
        let writes = || Writes::put(Space::Docs, b"k", &[u8::try_from(at).unwrap()]);
        times.push(commit(engine.as_ref(), DB, vec![writes()]).unwrap());
        times.push(commit(engine.as_ref(), DB, vec![writes(), writes()]).unwrap());
        drop(engine);
        engine = data.open(Arc::clone(&clock) as Arc<dyn Clock>);
        let time = engine.snapshot(DB).unwrap().time();
        assert_eq!(Some(&time), times.last(), "the clock of before");
    }
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
    assert_eq!(times[0], CommitTime(BEGIN));
    assert_eq!(times[10], CommitTime(BEGIN + 3_600_000_000));
    let log = engine
        .tail(DB, CommitTime::ZERO, usize::MAX, Duration::ZERO)
        .unwrap();
    assert!(log.is_sorted_by(|a, b| a.time < b.time && a.seq + 1 == b.seq));
    assert_eq!(log.len(), steps.len() * 3);
    let snapshot = engine.snapshot(DB).unwrap();
    assert!(snapshot.get(Space::Meta, &[META_CLOCK]).unwrap()[0].is_some());
}

pub(super) fn two_committers_share_one_clock(data: &mut dyn Reopen) {
    let (engine, _) = open(data);
    let engine = engine.as_ref();
    std::thread::scope(|scope| {
        for committer in 0..2u64 {
            scope.spawn(move || {
                for _ in 0..25 {
                    let known = CommitTime::ZERO;
                    let key = committer.to_be_bytes().to_vec();
                    let mut decide = |view: &ClockView<'_>| {
                        // Counting by what stands under the clock loses nothing.
                        let snapshot = engine.snapshot(DB).unwrap();
                        let value = snapshot.get(Space::Docs, &[b"sum"]).unwrap();
                        let sum = number(value[0].as_ref()) + 1;
                        let puts = vec![
                            (Space::Docs, b"sum".to_vec(), number_bytes(sum)),
                            (Space::Docs, key.clone(), number_bytes(sum)),
                        ];
                        let writes = Writes {
                            puts,
                            deletes: Vec::new(),
                        };
                        Decision::Apply(batches(view, vec![writes]))
                    };
                    engine.commit(DB, known, &mut decide).unwrap();
                }
            });
        }
    });
    let snapshot = engine.snapshot(DB).unwrap();
    assert_eq!(
        number(snapshot.get(Space::Docs, &[b"sum"]).unwrap()[0].as_ref()),
        50
    );
    let log = engine
        .tail(DB, CommitTime::ZERO, usize::MAX, Duration::ZERO)
        .unwrap();
    assert_eq!(
        log.iter().map(|row| row.seq).collect::<Vec<_>>(),
        (1..=50).collect::<Vec<_>>()
    );
    assert!(log.is_sorted_by(|a, b| a.time < b.time));
}
