//! Order, bounds and pages of scans.

use std::ops::Bound;

use super::*;
use crate::limits::{KEY_BYTES_MAX, PAGE_BYTES_MAX};

/// Keys of every length, with the bytes that break careless bounds.
fn keys(generator: &mut Generator) -> Vec<Key> {
    let mut keys: Vec<Key> = vec![vec![]];
    for byte in [0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF] {
        keys.extend([1, 2, 3, 255, 256, KEY_BYTES_MAX - 1, KEY_BYTES_MAX].map(|n| vec![byte; n]));
    }
    let short = (1..=2_400).step_by(7);
    for length in short.chain((2_400..KEY_BYTES_MAX).step_by(1_021)) {
        let bytes = [0x00, 0x01, 0x61, 0xFF];
        keys.push(
            (0..length)
                .map(|_| bytes[generator.below(bytes.len())])
                .collect(),
        );
    }
    keys
}

pub(super) fn scans_are_byte_order_with_exact_bounds_and_pages(data: &mut dyn Reopen) {
    let (engine, _) = open(data);
    let mut generator = Generator(1);
    let keys = keys(&mut generator);
    let mut model = BTreeMap::new();
    for space in [Space::Docs, Space::Idx, Space::SysUsers] {
        let mut group = Vec::new();
        for (at, key) in keys.iter().enumerate() {
            let value = vec![b'v'; (at % 40) * 100];
            group.push(Writes::put(space, key, &value));
            model.insert(key.clone(), Bytes::from(value));
        }
        commit(engine.as_ref(), DB, group).unwrap();
    }
    // Some are overwritten, some removed, some removed and written again.
    for (at, key) in keys.iter().enumerate().filter(|(at, _)| at % 3 == 0) {
        let gone = Writes {
            deletes: vec![(Space::Idx, key.clone())],
            ..Writes::default()
        };
        let again = Writes::put(Space::Idx, key, b"again");
        let group = if at % 2 == 0 {
            vec![gone, again]
        } else {
            vec![again, gone]
        };
        commit(engine.as_ref(), DB, group).unwrap();
    }
    let mut changed = model.clone();
    for (at, key) in keys.iter().enumerate().filter(|(at, _)| at % 3 == 0) {
        if at % 2 == 0 {
            changed.insert(key.clone(), Bytes::from_static(b"again"));
        } else {
            changed.remove(key);
        }
    }
    let snapshot = engine.snapshot(DB).unwrap();
    for (space, model) in [
        (Space::Docs, &model),
        (Space::Idx, &changed),
        (Space::SysUsers, &model),
    ] {
        check_gets(snapshot.as_ref(), space, model, &keys);
        check_ranges(snapshot.as_ref(), space, model, &keys, &mut generator);
    }
}

fn check_gets(snapshot: &dyn Snapshot, space: Space, model: &BTreeMap<Key, Bytes>, keys: &[Key]) {
    let mut asked: Vec<&[u8]> = keys.iter().map(Key::as_slice).collect();
    asked.push(b"not there");
    let found = snapshot.get(space, &asked).unwrap();
    let expected: Vec<_> = asked.iter().map(|key| model.get(*key).cloned()).collect();
    assert_eq!(found, expected, "{space:?}");
    assert!(snapshot.get(space, &[]).unwrap().is_empty());
}

fn check_ranges(
    snapshot: &dyn Snapshot,
    space: Space,
    model: &BTreeMap<Key, Bytes>,
    keys: &[Key],
    generator: &mut Generator,
) {
    let bound = |generator: &mut Generator| {
        let key = keys[generator.below(keys.len())].clone();
        match generator.below(5) {
            0 => Bound::Unbounded,
            1 | 2 => Bound::Included(key),
            _ => Bound::Excluded(key),
        }
    };
    let mut ranges: Vec<KeyRange> = (0..150)
        .map(|_| KeyRange {
            start: bound(generator),
            end: bound(generator),
        })
        .collect();
    ranges.push(KeyRange::all());
    ranges.extend([&[0xFF][..], &[0xFF, 0xFF], &[0x00], b"a", b""].map(KeyRange::prefix));
    let limits = [
        PageLimit::default(),
        PageLimit::rows(1),
        PageLimit::rows(7),
        PageLimit {
            rows: 100,
            bytes: 5_000,
        },
        PageLimit {
            rows: 100,
            bytes: 0,
        },
        PageLimit {
            rows: usize::MAX,
            bytes: PAGE_BYTES_MAX,
        },
    ];
    for (at, range) in ranges.iter().enumerate() {
        let inside = model.iter().filter(|(key, _)| range.contains(key));
        let mut expected: Vec<_> = inside
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let limit = limits[at % limits.len()];
        let found = scan_all(snapshot, space, range, Direction::Forward, limit);
        assert_eq!(found, expected, "{space:?} {range:?} {limit:?}");
        expected.reverse();
        let found = scan_all(snapshot, space, range, Direction::Reverse, limit);
        assert_eq!(found, expected, "{space:?} {range:?} {limit:?} in reverse");
    }
}

pub(super) fn databases_do_not_see_each_other(data: &mut dyn Reopen) {
    let (engine, clock) = open(data);
    let databases = [DbId(0), DbId(1), DbId(255), DbId(256), DbId(u32::MAX)];
    for db in databases {
        let writes = |key: &[u8]| Writes::put(Space::Docs, key, &db.0.to_be_bytes());
        let group = vec![writes(b""), writes(&[0xFF; 9]), writes(&[0; 9])];
        commit(engine.as_ref(), db, group).unwrap();
    }
    let check = |engine: &dyn Engine| {
        for db in databases {
            let snapshot = engine.snapshot(db).unwrap();
            assert_eq!(snapshot.time(), CommitTime(BEGIN + 2));
            for direction in [Direction::Forward, Direction::Reverse] {
                let all = KeyRange::all();
                let limit = PageLimit::default();
                let rows = scan_all(snapshot.as_ref(), Space::Docs, &all, direction, limit);
                assert_eq!(rows.len(), 3);
                assert!(
                    rows.iter()
                        .all(|(_, value)| value.as_ref() == db.0.to_be_bytes())
                );
            }
            let log = engine
                .tail(db, CommitTime::ZERO, 10, std::time::Duration::ZERO)
                .unwrap();
            assert_eq!(log.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 2, 3]);
        }
        let empty = engine.snapshot(DbId(77)).unwrap();
        assert_eq!(empty.time(), CommitTime::ZERO);
        assert!(dump(empty.as_ref(), Space::Docs).is_empty());
    };
    check(engine.as_ref());
    drop(engine);
    check(data.open(clock).as_ref());
}
