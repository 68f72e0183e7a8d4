//! Reads in the past equal what a model recorded then.

use std::time::Duration;

use super::*;
use crate::{Error, Read, TrimBudget};

const SPACES: [Space; 2] = [Space::Docs, Space::Idx];

/// What the spaces with history held.
type Model = BTreeMap<(Space, Key), Bytes>;

pub(super) fn reads_in_the_past_equal_a_recorded_model(data: &mut dyn Reopen) {
    let (store, engine, clock) = open_store(data);
    let mut generator = Generator(5);
    let begin = store.read().unwrap().time();
    let mut now = Model::new();
    let mut recorded = vec![(begin, now.clone())];
    for at in 1..=150 {
        // Times with gaps between them, and some without.
        clock.set(BEGIN + at / 2 * 7);
        let writes: Vec<_> = (0..1 + generator.below(4))
            .map(|_| random_write(&mut generator))
            .collect();
        let (_, time) = store
            .write_timed(|tx| {
                for ((space, key), value) in writes.clone() {
                    match value {
                        Some(value) => tx.put(space, key, value)?,
                        None => tx.delete(space, key)?,
                    }
                }
                Ok::<_, Error>(())
            })
            .unwrap();
        for (place, value) in writes {
            match value {
                Some(value) => drop(now.insert(place, value)),
                None => drop(now.remove(&place)),
            }
        }
        recorded.extend(time.map(|time| (time, now.clone())));
    }
    check_all(&store, &recorded, &mut generator);

    // A time below the mark is refused; at the mark and above, nothing has changed.
    let (mark, _) = recorded[recorded.len() / 2];
    clock.set(mark.0 + 1_000_000);
    let budget = TrimBudget::rows(1_000);
    store.trim(Duration::from_secs(1), budget).unwrap();
    let (gone, kept) = recorded.split_at(recorded.len() / 2);
    for (time, _) in gone {
        assert!(matches!(store.read_at(*time), Err(Error::ReadTimeTooOld)));
    }
    check_all(&store, kept, &mut generator);
    drop((store, engine));
    let (store, _, _) = open_store(data);
    check_all(&store, kept, &mut generator);
}

/// Keys that begin other keys, and bytes on both sides of those that times in keys begin with.
fn random_write(generator: &mut Generator) -> ((Space, Key), Option<Bytes>) {
    let key = random_key(generator);
    let value = Bytes::from(vec![1; generator.below(30)]);
    let value = Some(value).filter(|_| generator.below(3) > 0);
    ((SPACES[generator.below(2)], key), value)
}

fn random_key(generator: &mut Generator) -> Key {
    let byte = |generator: &mut Generator| [0, b'a', 0x80, 0xFF][generator.below(4)];
    let length = generator.below(4);
    (0..length).map(|_| byte(generator)).collect()
}

fn check_all(store: &Store, recorded: &[(CommitTime, Model)], generator: &mut Generator) {
    for (at, (time, model)) in recorded.iter().enumerate() {
        check(store, *time, *time, model, generator);
        // Until the next commit, nothing changes; after the last one, now is read.
        let next = recorded.get(at + 1).map(|(next, _)| next.0 - 1);
        let between = CommitTime(next.unwrap_or(time.0 + 5));
        let seen = between.min(store.read().unwrap().time());
        check(store, between, seen, model, generator);
    }
}

fn check(
    store: &Store,
    time: CommitTime,
    seen: CommitTime,
    model: &Model,
    generator: &mut Generator,
) {
    let tx = store.read_at(time).unwrap();
    assert_eq!(tx.time(), seen);
    for space in SPACES {
        let rows: BTreeMap<_, _> = model
            .iter()
            .filter(|((other, _), _)| *other == space)
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect();
        let keys: Vec<_> = (0..8).map(|_| random_key(generator)).collect();
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let found = tx.find_rows(space, &keys).unwrap();
        for (key, row) in keys.iter().zip(found) {
            let value = row.map(|row| {
                assert!(row.time.unwrap() <= time);
                row.value
            });
            assert_eq!(value.as_ref(), rows.get(*key), "{key:?} at {time:?}");
        }
        let ranges = [
            KeyRange::all(),
            KeyRange::prefix(&random_key(generator)),
            KeyRange::between(&random_key(generator), &random_key(generator)),
            KeyRange::all().up_to(Direction::Forward, &random_key(generator)),
            KeyRange::all().after(&random_key(generator)),
        ];
        let limit = PageLimit::rows(1 + generator.below(6));
        for range in ranges {
            let inside = rows.iter().filter(|(key, _)| range.contains(key));
            let mut expected: Vec<_> = inside
                .map(|(key, row)| (key.clone(), row.clone()))
                .collect();
            for direction in [Direction::Forward, Direction::Reverse] {
                let found = scan_in_pages(&tx, space, &range, direction, limit);
                assert_eq!(found, expected, "{space:?} {range:?} at {time:?}");
                expected.reverse();
            }
        }
    }
}

fn scan_in_pages(
    tx: &dyn Read,
    space: Space,
    range: &KeyRange,
    direction: Direction,
    limit: PageLimit,
) -> Vec<(Key, Bytes)> {
    let mut rows = Vec::new();
    let mut rest = range.clone();
    loop {
        let page = tx.scan(space, &rest, direction, limit).unwrap();
        assert!(page.rows.len() <= limit.rows);
        rows.extend(page.rows);
        let Some(next) = page.next else {
            check_visits(tx, space, range, direction, &rows);
            return rows;
        };
        rest = rest.rest(direction, &next);
    }
}

/// A visit that goes on to the end, and one that ends before.
fn check_visits(
    tx: &dyn Read,
    space: Space,
    range: &KeyRange,
    direction: Direction,
    rows: &[(Key, Bytes)],
) {
    for limit in [usize::MAX, rows.len().div_ceil(2)] {
        let mut visited = Vec::new();
        let mut visit = |key: &[u8], value: &[u8]| {
            visited.push((key.to_vec(), Bytes::copy_from_slice(value)));
            visited.len() < limit
        };
        let next = tx.visit(space, range, direction, &mut visit).unwrap();
        let last = visited.last().map(|(key, _)| key.clone());
        assert_eq!(next, last.filter(|_| visited.len() >= limit));
        assert_eq!(visited, rows[..visited.len()]);
        assert!(visited.len() == rows.len() || next.is_some());
    }
}
