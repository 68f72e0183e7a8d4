//! Transactions are serializable, in the order of their commit times, and durable once acknowledged.

use std::sync::{Barrier, Mutex};

use super::*;
use crate::{Error, Read, WriteTx};

const SPACE: Space = Space::SysUsers;

fn read_number(tx: &dyn Read, key: &[u8]) -> Result<u64, Error> {
    Ok(number(tx.get(SPACE, key)?.as_ref()))
}

fn add(tx: &mut WriteTx<'_>, key: &[u8], amount: u64) -> Result<u64, Error> {
    let sum = read_number(tx, key)? + amount;
    tx.put(SPACE, key.to_vec(), number_bytes(sum))?;
    Ok(sum)
}

pub(super) fn concurrent_increments_all_count(data: &mut dyn Reopen) {
    let (store, _, _) = open_store(data);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..10 {
                    store.write(|tx| add(tx, b"count", 1)).unwrap();
                }
            });
        }
    });
    assert_eq!(read_number(&store.read().unwrap(), b"count").unwrap(), 160);
}

/// A transaction that calls its second argument between its reads and its writes.
type Racer = dyn Fn(&mut WriteTx<'_>, &dyn Fn()) -> Result<(), Error> + Sync;

/// Runs two transactions so that both read before either commits. The barrier is met in the first try only.
fn race(store: &Store, works: [&Racer; 2]) -> [u32; 2] {
    let barrier = Barrier::new(2);
    let run = |work: &Racer| {
        let mut tries = 0;
        let outcome = store.write(|tx| {
            tries += 1;
            let first = tries == 1;
            work(tx, &|| {
                if first {
                    barrier.wait();
                }
            })
        });
        outcome.unwrap();
        tries
    };
    let [left, right] = works;
    std::thread::scope(|scope| {
        let other = scope.spawn(|| run(right));
        [run(left), other.join().unwrap()]
    })
}

pub(super) fn a_lost_update_is_refused(data: &mut dyn Reopen) {
    let (store, _, _) = open_store(data);
    let work = |tx: &mut WriteTx<'_>, met: &dyn Fn()| {
        let sum = read_number(tx, b"sum")?;
        met();
        tx.put(SPACE, b"sum".to_vec(), number_bytes(sum + 1))
    };
    let tries = race(&store, [&work, &work]);
    assert_eq!(read_number(&store.read().unwrap(), b"sum").unwrap(), 2);
    assert!(tries[0] + tries[1] >= 3, "nobody ran again");
}

pub(super) fn a_write_skew_is_refused(data: &mut dyn Reopen) {
    let (store, _, _) = open_store(data);
    // Two doctors on call; each may leave only while the other one stays.
    store
        .write(|tx| add(tx, b"a", 1).and(add(tx, b"b", 1)))
        .unwrap();
    let leave = |own: &'static [u8], other: &'static [u8]| {
        move |tx: &mut WriteTx<'_>, met: &dyn Fn()| {
            let stays = read_number(tx, other)? == 1;
            met();
            if stays {
                tx.put(SPACE, own.to_vec(), number_bytes(0))
            } else {
                Ok(())
            }
        }
    };
    race(&store, [&leave(b"a", b"b"), &leave(b"b", b"a")]);
    let tx = store.read().unwrap();
    assert_eq!(
        read_number(&tx, b"a").unwrap() + read_number(&tx, b"b").unwrap(),
        1
    );
}

pub(super) fn a_phantom_is_refused(data: &mut dyn Reopen) {
    let (store, _, _) = open_store(data);
    // Each adds a row if there is none: of two, one must see the other's.
    let work = |own: &'static [u8], direction: Direction| {
        move |tx: &mut WriteTx<'_>, met: &dyn Fn()| {
            let range = KeyRange::prefix(b"room/");
            let page = tx.scan(SPACE, &range, direction, PageLimit::default())?;
            met();
            if page.rows.is_empty() {
                tx.put(SPACE, own.to_vec(), Bytes::new())
            } else {
                Ok(())
            }
        }
    };
    race(
        &store,
        [
            &work(b"room/a", Direction::Forward),
            &work(b"room/b", Direction::Reverse),
        ],
    );
    let range = KeyRange::prefix(b"room/");
    let tx = store.read().unwrap();
    let page = tx
        .scan(SPACE, &range, Direction::Forward, PageLimit::default())
        .unwrap();
    assert_eq!(page.rows.len(), 1);
}

/// What one transaction saw and did.
struct Event {
    time: CommitTime,
    seen: Vec<(Key, Option<Bytes>)>,
    counted: Vec<(KeyRange, usize)>,
    written: Vec<(Key, Option<Bytes>)>,
}

pub(super) fn random_histories_equal_their_serial_order(data: &mut dyn Reopen) {
    let (store, _, _) = open_store(data);
    let events = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (store, events) = (&store, &events);
            scope.spawn(move || {
                for at in 0..40 {
                    let outcome = store.write_timed(|tx| random_work(tx, thread * 1_000 + at));
                    match outcome {
                        Ok((event, Some(time))) => {
                            events.lock().unwrap().push(Event { time, ..event });
                        }
                        Ok((_, None)) | Err(Error::Contended) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    let mut events = events.into_inner().unwrap();
    events.sort_by_key(|event| event.time);
    assert!(
        events.is_sorted_by(|a, b| a.time < b.time),
        "two commits have one time"
    );
    let mut model: BTreeMap<Key, Bytes> = BTreeMap::new();
    for event in events {
        for (key, value) in event.seen {
            assert_eq!(model.get(&key), value.as_ref(), "at {:?}", event.time);
        }
        for (range, count) in event.counted {
            let inside = model.keys().filter(|key| range.contains(key)).count();
            assert_eq!(inside, count, "at {:?}", event.time);
        }
        for (key, value) in event.written {
            match value {
                Some(value) => drop(model.insert(key, value)),
                None => drop(model.remove(&key)),
            }
        }
    }
    let rows = store.read().unwrap().scan(
        Space::Docs,
        &KeyRange::all(),
        Direction::Forward,
        PageLimit::default(),
    );
    assert_eq!(rows.unwrap().rows, model.into_iter().collect::<Vec<_>>());
}

/// Reads, counts and then writes a few of twelve keys. Documents, so that the history is made too.
fn random_work(tx: &mut WriteTx<'_>, seed: u64) -> Result<Event, Error> {
    let mut generator = Generator(seed);
    let key = |generator: &mut Generator| vec![b"abcdefghijkl"[generator.below(12)]];
    let (mut seen, mut counted, mut written) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..generator.below(3) {
        let key = key(&mut generator);
        seen.push((key.clone(), tx.get(Space::Docs, &key)?));
    }
    if generator.below(3) == 0 {
        let (a, b) = (key(&mut generator), key(&mut generator));
        let range = KeyRange::between(&a, &b);
        let directions = [Direction::Forward, Direction::Reverse];
        let direction = directions[generator.below(2)];
        let page = tx.scan(Space::Docs, &range, direction, PageLimit::default())?;
        counted.push((range, page.rows.len()));
    }
    for at in 0..1 + generator.below(3) {
        let key = key(&mut generator);
        let value = Bytes::from(format!("{seed}/{at}"));
        let value = Some(value).filter(|_| generator.below(4) > 0);
        match value.clone() {
            Some(value) => tx.put(Space::Docs, key.clone(), value)?,
            None => tx.delete(Space::Docs, key.clone())?,
        }
        assert_eq!(
            tx.get(Space::Docs, &key)?,
            value,
            "a transaction sees its own writes"
        );
        written.push((key, value));
    }
    Ok(Event {
        time: CommitTime::ZERO,
        seen,
        counted,
        written,
    })
}

pub(super) fn acknowledged_writes_survive_reopening(data: &mut dyn Reopen) {
    for round in 0..4u64 {
        let (store, engine, _) = open_store(data);
        let tx = store.read().unwrap();
        for at in 0..round * 8 {
            assert_eq!(read_number(&tx, &at.to_be_bytes()).unwrap(), at + 1);
        }
        drop(tx);
        std::thread::scope(|scope| {
            for at in round * 8..round * 8 + 8 {
                let store = &store;
                scope.spawn(move || {
                    store
                        .write(|tx| add(tx, &at.to_be_bytes(), at + 1))
                        .unwrap()
                });
            }
        });
        drop((store, engine));
    }
}
