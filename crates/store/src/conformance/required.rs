//! Transactions of clients: read over many requests, committed in one that requires what was read to be unchanged.

use std::sync::Barrier;

use super::*;
use crate::{Error, Read, ReadLog, Recording, WriteTx};

const SPACE: Space = Space::Docs;

/// A transaction as the server keeps it between requests.
#[derive(Clone, Default)]
struct Client {
    since: CommitTime,
    log: ReadLog,
}

impl Client {
    fn begin(store: &Store) -> Self {
        Self {
            since: store.read().unwrap().time(),
            log: ReadLog::default(),
        }
    }

    /// One request that reads.
    fn read<T>(&mut self, store: &Store, work: impl FnOnce(&dyn Read) -> T) -> T {
        let tx = store.read_at(self.since).unwrap();
        let recording = Recording::new(&tx, std::mem::take(&mut self.log));
        assert_eq!(recording.time(), self.since);
        let answer = work(&recording);
        self.log = recording.into_log();
        answer
    }

    /// The request that commits.
    fn commit(
        &self,
        store: &Store,
        writes: impl Fn(&mut WriteTx<'_>) -> Result<(), Error>,
    ) -> Result<Option<CommitTime>, Error> {
        let outcome = store.write_timed(|tx| {
            tx.require_unchanged(self.since, &self.log);
            writes(tx)
        });
        outcome.map(|((), time)| time)
    }
}

fn put(tx: &mut WriteTx<'_>, space: Space, key: &[u8]) -> Result<(), Error> {
    tx.put(space, key.to_vec(), number_bytes(7))
}

fn get(tx: &dyn Read, key: &[u8]) -> u64 {
    number(tx.get(SPACE, key).unwrap().as_ref())
}

fn look(tx: &dyn Read, key: &[u8]) {
    get(tx, key);
}

/// Reads a range in pages of so many rows, at most so many pages.
fn scan(tx: &dyn Read, range: &KeyRange, direction: Direction, rows: usize, pages: usize) {
    let mut rest = range.clone();
    for _ in 0..pages {
        let limit = PageLimit::rows(rows);
        let page = tx.scan(Space::Idx, &rest, direction, limit).unwrap();
        let Some(next) = page.next else { return };
        rest = rest.rest(direction, &next);
    }
}

type Reading = fn(&dyn Read);
type Writing = fn(&mut WriteTx<'_>) -> Result<(), Error>;

/// What a client read, what somebody else then wrote, and whether the client's commit is refused. There are the documents
/// `a` and `b`, and the index entries `i0` to `i9`.
const CASES: &[(&str, Reading, Writing, bool)] = &[
    ("nothing", |_| {}, |tx| put(tx, SPACE, b"a"), false),
    (
        "a row",
        |tx| look(tx, b"a"),
        |tx| put(tx, SPACE, b"a"),
        true,
    ),
    (
        "a row removed",
        |tx| look(tx, b"a"),
        |tx| tx.delete(SPACE, b"a".to_vec()),
        true,
    ),
    (
        "another row",
        |tx| look(tx, b"a"),
        |tx| put(tx, SPACE, b"b"),
        false,
    ),
    (
        "another space",
        |tx| look(tx, b"a"),
        |tx| put(tx, Space::Idx, b"a"),
        false,
    ),
    (
        "a missing row",
        |tx| look(tx, b"none"),
        |tx| put(tx, SPACE, b"none"),
        true,
    ),
    (
        "a phantom",
        |tx| forward(tx, 256, 1),
        |tx| put(tx, Space::Idx, b"i55"),
        true,
    ),
    (
        "a phantom behind pages",
        |tx| forward(tx, 2, 9),
        |tx| put(tx, Space::Idx, b"i99"),
        true,
    ),
    (
        "in the first page",
        |tx| forward(tx, 3, 1),
        |tx| put(tx, Space::Idx, b"i1"),
        true,
    ),
    (
        "the last row of a page",
        |tx| forward(tx, 3, 1),
        |tx| tx.delete(Space::Idx, b"i2".to_vec()),
        true,
    ),
    (
        "behind the first page",
        |tx| forward(tx, 3, 1),
        |tx| put(tx, Space::Idx, b"i2x"),
        false,
    ),
    (
        "before the range",
        |tx| forward(tx, 3, 1),
        |tx| put(tx, Space::Idx, b"h"),
        false,
    ),
    (
        "between two pages",
        |tx| forward(tx, 3, 2),
        |tx| put(tx, Space::Idx, b"i2x"),
        true,
    ),
    (
        "visited",
        |tx| visit(tx, 3),
        |tx| put(tx, Space::Idx, b"i1x"),
        true,
    ),
    (
        "not visited",
        |tx| visit(tx, 3),
        |tx| put(tx, Space::Idx, b"i2x"),
        false,
    ),
    (
        "backwards",
        |tx| backward(tx, 3, 1),
        |tx| put(tx, Space::Idx, b"i8x"),
        true,
    ),
    (
        "backwards, not read",
        |tx| backward(tx, 3, 1),
        |tx| put(tx, Space::Idx, b"i6x"),
        false,
    ),
];

fn visit(tx: &dyn Read, rows: usize) {
    let mut count = 0;
    let mut visit = |_: &[u8], _: &[u8]| {
        count += 1;
        count < rows
    };
    let range = KeyRange::prefix(b"i");
    tx.visit(Space::Idx, &range, Direction::Forward, &mut visit)
        .unwrap();
}

fn forward(tx: &dyn Read, rows: usize, pages: usize) {
    scan(tx, &KeyRange::prefix(b"i"), Direction::Forward, rows, pages);
}

fn backward(tx: &dyn Read, rows: usize, pages: usize) {
    scan(tx, &KeyRange::prefix(b"i"), Direction::Reverse, rows, pages);
}

pub(super) fn what_changes_what_was_read_refuses_the_commit(data: &mut dyn Reopen) {
    let (store, engine, clock) = open_store(data);
    // A second committer, as another node's: it learns of the first one's commits under the clock.
    let elsewhere = Store::open(engine, DB, clock as Arc<dyn Clock>).unwrap();
    let fill = |tx: &mut WriteTx<'_>| -> Result<(), Error> {
        for key in [b"a", b"b"] {
            tx.put(SPACE, key.to_vec(), number_bytes(1))?;
        }
        (0..10).try_for_each(|at| tx.put(Space::Idx, format!("i{at}").into(), Bytes::new()))
    };
    for (name, reading, writing, refused) in CASES {
        for writer in [&store, &elsewhere] {
            store.write(fill).unwrap();
            let mut client = Client::begin(&store);
            client.read(&store, |tx| reading(tx));
            writer.write(writing).unwrap();
            // A second request still reads as the first one did.
            client.read(&store, |tx| reading(tx));
            let outcomes = [
                client
                    .commit(&store, |tx| put(tx, SPACE, b"own"))
                    .map(|_| ()),
                client
                    .commit(&store, |_| Ok(()))
                    .map(|time| assert_eq!(time, None, "{name}")),
            ];
            for outcome in outcomes {
                let changed = matches!(outcome, Err(Error::Changed));
                assert!(changed || outcome.is_ok(), "{name}: {outcome:?}");
                assert_eq!(changed, *refused, "{name}");
            }
            store.write(remove_all).unwrap();
        }
    }
    // What is forgotten may have changed; to read nothing rests on nothing.
    let mut ancient = Client::begin(&store);
    ancient.since = CommitTime(1);
    assert!(ancient.commit(&store, |_| Ok(())).is_ok());
    let mut reader = Client::begin(&store);
    reader.read(&store, |tx| get(tx, b"a"));
    ancient.log = reader.log;
    let outcome = ancient.commit(&store, |_| Ok(()));
    assert!(matches!(outcome, Err(Error::Changed)), "{outcome:?}");
}

fn remove_all(tx: &mut WriteTx<'_>) -> Result<(), Error> {
    for space in [SPACE, Space::Idx] {
        let page = tx.scan(
            space,
            &KeyRange::all(),
            Direction::Forward,
            PageLimit::default(),
        )?;
        page.rows
            .into_iter()
            .try_for_each(|(key, _)| tx.delete(space, key))?;
    }
    Ok(())
}

pub(super) fn client_transactions_lose_no_update_and_keep_what_they_rest_on(data: &mut dyn Reopen) {
    let (store, _, _) = open_store(data);
    let set = |key: &'static [u8], to: u64| {
        move |tx: &mut WriteTx<'_>| tx.put(SPACE, key.to_vec(), number_bytes(to))
    };
    // Both read 0 and would write 1.
    let mut both = [Client::begin(&store), Client::begin(&store)];
    for client in &mut both {
        assert_eq!(client.read(&store, |tx| get(tx, b"sum")), 0);
    }
    assert!(both[0].commit(&store, set(b"sum", 1)).is_ok());
    assert!(matches!(
        both[1].commit(&store, set(b"sum", 1)),
        Err(Error::Changed)
    ));
    // Two doctors on call; each may leave only while the other one stays.
    store.write(set(b"x", 1)).unwrap();
    store.write(set(b"y", 1)).unwrap();
    let mut both = [Client::begin(&store), Client::begin(&store)];
    assert_eq!(both[0].read(&store, |tx| get(tx, b"y")), 1);
    assert_eq!(both[1].read(&store, |tx| get(tx, b"x")), 1);
    assert!(both[0].commit(&store, set(b"x", 0)).is_ok());
    assert!(matches!(
        both[1].commit(&store, set(b"y", 0)),
        Err(Error::Changed)
    ));
    // One that only reads, of two rows in two requests, between which both were written.
    let mut reader = Client::begin(&store);
    let x = reader.read(&store, |tx| get(tx, b"x"));
    store.write(set(b"x", 5)).unwrap();
    store.write(set(b"y", 5)).unwrap();
    let y = reader.read(&store, |tx| get(tx, b"y"));
    assert_eq!((x, y), (0, 1), "one time for all requests");
    assert!(matches!(
        reader.commit(&store, |_| Ok(())),
        Err(Error::Changed)
    ));
}

pub(super) fn of_many_in_a_group_that_rest_on_one_row_one_commits(data: &mut dyn Reopen) {
    const CLIENTS: usize = 24;
    let (store, _, _) = open_store(data);
    for round in 0..8 {
        let mut client = Client::begin(&store);
        // In turn a row, and a range without one.
        match round % 2 {
            0 => client.read(&store, |tx| look(tx, b"row")),
            _ => client.read(&store, |tx| forward(tx, 256, 1)),
        }
        let barrier = Barrier::new(CLIENTS);
        let committed = std::thread::scope(|scope| {
            let commit = |at: usize| {
                let (client, store, barrier) = (&client, &store, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    let outcome = client.commit(store, |tx| {
                        put(tx, SPACE, b"row")?;
                        put(tx, Space::Idx, format!("i/{round}/{at}").as_bytes())
                    });
                    match outcome {
                        Ok(_) => true,
                        Err(Error::Changed) => false,
                        Err(error) => panic!("{error}"),
                    }
                })
            };
            let threads: Vec<_> = (0..CLIENTS).map(commit).collect();
            let outcomes = threads.into_iter().map(|thread| thread.join().unwrap());
            outcomes.filter(|committed| *committed).count()
        });
        assert_eq!(committed, 1, "round {round}");
    }
}

pub(super) fn own_reads_run_again_and_required_ones_do_not(data: &mut dyn Reopen) {
    let (store, _, _) = open_store(data);
    let run = |raced: &'static [u8]| {
        let mut client = Client::begin(&store);
        client.read(&store, |tx| get(tx, b"required"));
        let mut tries = 0;
        let outcome = store.write(|tx| {
            tries += 1;
            tx.require_unchanged(client.since, &client.log);
            let own = get(tx, b"own");
            if tries == 1 {
                store.write(|tx| tx.put(SPACE, raced.to_vec(), number_bytes(7)))?;
            }
            tx.put(SPACE, b"own".to_vec(), number_bytes(own + 1))
        });
        (tries, outcome)
    };
    let (tries, outcome) = run(b"own");
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!((tries, get(&store.read().unwrap(), b"own")), (2, 8));
    let (tries, outcome) = run(b"required");
    assert!(matches!(outcome, Err(Error::Changed)), "{outcome:?}");
    assert_eq!((tries, get(&store.read().unwrap(), b"own")), (1, 8));
}
