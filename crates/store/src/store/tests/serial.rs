//! Transactions of clients at once, while memory forgets what they read: whatever it remembers, all that they saw is
//! explained by the order of their commit times.

use std::collections::BTreeMap;
use std::ops::Bound;

use firekeep_testkit::random::Seeded;

use super::*;
use crate::{ReadLog, Recording};

const CLIENTS: u64 = 4;
const STEPS: u64 = 250;
const KEYS: [u8; 5] = [0, 1, 2, 3, 4];
/// Everybody writes it, so that each commit changes something.
const LAST: u8 = 9;

type State = BTreeMap<u8, Bytes>;

/// A transaction that came through.
struct Event {
    at: CommitTime,
    /// From which key to which it read, and what was there.
    seen: Vec<(u8, u8, State)>,
    /// `None` deletes.
    writes: Vec<(u8, Option<Bytes>)>,
}

/// Reads a key alone, or a range of them.
fn read(recording: &Recording<'_>, from: u8, to: u8) -> State {
    if from == to {
        let found = recording.get(Space::Docs, &[from]).unwrap();
        return found.map(|value| (from, value)).into_iter().collect();
    }
    let range = KeyRange {
        start: Bound::Included(vec![from]),
        end: Bound::Included(vec![to]),
    };
    let limit = PageLimit::default();
    let page = recording.scan(Space::Docs, &range, Direction::Forward, limit);
    let rows = page.unwrap().rows.into_iter();
    rows.map(|(key, value)| (key[0], value)).collect()
}

/// A transaction over several views, as clients have them; `None` when others came first.
fn attempt(store: &Store, random: &mut Seeded, name: &str) -> Option<Event> {
    let since = store.read().unwrap().time();
    let (mut log, mut seen) = (ReadLog::default(), Vec::new());
    for _ in 0..=random.below(2) {
        // Others commit meanwhile.
        std::thread::yield_now();
        let tx = store.read_at(since).unwrap();
        let recording = Recording::new(&tx, log);
        let (one, other) = (random.pick(&KEYS), random.pick(&KEYS));
        let (from, to) = (one.min(other), one.max(other));
        seen.push((from, to, read(&recording, from, to)));
        log = recording.into_log();
    }
    let write = |_| {
        let value = Bytes::copy_from_slice(name.as_bytes());
        let deletes = random.once_in(4);
        (random.pick(&KEYS), Some(value).filter(|_| !deletes))
    };
    let writes: Vec<_> = (0..2).map(write).collect();
    let outcome = store.write_timed(|tx| -> Result<(), Error> {
        tx.require_unchanged(since, &log);
        for (key, value) in &writes {
            match value.clone() {
                Some(value) => tx.put(Space::Docs, vec![*key], value)?,
                None => tx.delete(Space::Docs, vec![*key])?,
            }
        }
        tx.put(
            Space::Docs,
            vec![LAST],
            Bytes::copy_from_slice(name.as_bytes()),
        )
    });
    match outcome {
        Ok(((), at)) => Some(Event {
            at: at.unwrap(),
            seen,
            writes,
        }),
        Err(Error::Changed | Error::Contended) => None,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn transactions_of_clients_have_an_order_however_little_is_remembered() {
    for remembered_bytes in [0, 500, 2_000, usize::MAX] {
        let (_, store) = open();
        store.limit_memory(remembered_bytes);
        let client = |client: u64| {
            let mut random = Seeded::new(client);
            let name = |step| format!("{client}/{step}");
            let steps = (0..STEPS).filter_map(|step| attempt(&store, &mut random, &name(step)));
            steps.collect::<Vec<_>>()
        };
        let mut history: Vec<Event> = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|id| scope.spawn(move || client(id)))
                .collect();
            let done = clients.into_iter().map(|client| client.join().unwrap());
            done.flatten().collect()
        });
        history.sort_by_key(|event| event.at);
        let count = u64::try_from(history.len()).unwrap();
        assert!(count > STEPS / 2 && count < CLIENTS * STEPS, "{count}");
        let mut state = State::new();
        for event in history {
            for (from, to, seen) in event.seen {
                let there = state
                    .range(from..=to)
                    .map(|(key, value)| (*key, value.clone()));
                let there: State = there.collect();
                assert_eq!(seen, there, "{remembered_bytes}: at {:?}", event.at);
            }
            for (key, value) in event.writes {
                match value {
                    Some(value) => drop(state.insert(key, value)),
                    None => drop(state.remove(&key)),
                }
            }
        }
    }
}
