//! A check finds nothing where nothing is wrong, and every single fault.

use bytes::Bytes;
use firekeep_store::WriteTx;
use firekeep_testkit::random::Seeded;

use super::*;
use crate::fixture::{World, document, set};
use crate::index::fixture::{self, define, fill, id};
use crate::index::{Indexes, QueryScope, backfill, change};

/// Documents, and every kind of index.
fn world(seed: u64) -> World {
    let random = &mut Seeded::new(seed);
    let (world, indexes) = (World::new(), Indexes::new());
    let declare = |tx: &mut WriteTx<'_>| {
        change::enable_group(tx, &id("d"))?;
        change::add_composite(tx, define("c", QueryScope::Collection, "a ASC, b DESC"))?;
        let group = QueryScope::CollectionGroup;
        change::add_composite(tx, define("d", group, "a DESC, n CONTAINS"))
    };
    world.store.write(declare).unwrap();
    finish(&world);
    fill(&world, &indexes, random, 60);
    world
}

fn finish(world: &World) {
    while let Some(task) = Catalog::load(&world.read()).unwrap().tasks().first() {
        backfill::step(&world.store, task).unwrap();
    }
}

fn verify(world: &World) -> Report {
    let time = world.read().time();
    let mut verify = Verify::new(&world.read()).unwrap();
    loop {
        // Whatever is written meanwhile.
        let micros = world.now().micros();
        world.pass(1);
        let write = set("other/1", &[("a", micros.into())]);
        world.commit_with(&[write], &Indexes::new()).unwrap();
        let tx = world.store.read_at(time).unwrap();
        if let Some(report) = verify.step(&tx).unwrap() {
            return report.clone();
        }
    }
}

#[test]
fn a_whole_database_has_no_fault() {
    for seed in 1..=4 {
        let world = world(seed);
        let documents = fixture::documents(&world.read()).len();
        let entries = fixture::entries(&world.read()).len();
        let report = verify(&world);
        assert_eq!(report.first, [], "{seed}");
        assert_eq!(report.documents, documents as u64);
        assert_eq!(report.entries, entries as u64);
    }
}

#[test]
fn half_built_and_half_dropped_indexes_are_no_fault() {
    let world = world(5);
    let declare = |tx: &mut WriteTx<'_>| {
        change::disable_group(tx, &id("d"))?;
        change::enable_group(tx, &id("c"))?;
        let catalog = Catalog::load(tx)?;
        change::remove_composite(tx, catalog.all_composites()[0].id)?;
        change::set_override(
            tx,
            crate::index::FieldOverride {
                collection: Some(id("c")),
                field: None,
                indexes: vec![],
            },
        )
    };
    world.store.write(declare).unwrap();
    let report = verify(&world);
    assert_eq!(report.first, []);
    for task in Catalog::load(&world.read()).unwrap().tasks() {
        backfill::step(&world.store, &task).unwrap();
    }
    assert_eq!(verify(&world).first, []);
}

#[test]
fn every_single_fault_is_found() {
    let random = &mut Seeded::new(9);
    let world = world(9);
    let all: Vec<_> = fixture::entries(&world.read()).into_iter().collect();
    let write = |key: &Key, row: Option<&Bytes>| {
        let change = |tx: &mut WriteTx<'_>| match row {
            Some(row) => tx.put(Space::Idx, key.clone(), row.clone()),
            None => tx.delete(Space::Idx, key.clone()),
        };
        world.store.write(change).unwrap();
    };
    for _ in 0..12 {
        let (key, row) = &all[random.below(all.len())];
        write(key, None);
        let report = verify(&world);
        assert_eq!(report.faults, 1);
        assert!(matches!(&report.first[..], [Fault::Missing { key: found, .. }] if found == key));
        write(key, Some(&Bytes::from_static(&[1, 2, 3])));
        let report = verify(&world);
        assert!(matches!(&report.first[0], Fault::Wrong { key: found, .. } if found == key));
        write(key, Some(row));
    }
    // An entry of nothing, and one instead of another.
    for (key, row) in all.iter().take(3) {
        let mut strange = key.clone();
        *strange.last_mut().unwrap() ^= 0x40;
        write(&strange, Some(row));
        let report = verify(&world);
        assert_eq!(report.faults, 1, "{key:?}");
        assert!(matches!(&report.first[..], [Fault::Excess { key, .. }] if *key == strange));
        write(key, None);
        assert_eq!(verify(&world).faults, 2, "{key:?}");
        write(&strange, None);
        write(key, Some(row));
    }
    let gone = document("c/1");
    let delete = |tx: &mut WriteTx<'_>| tx.delete(Space::Docs, keys::document(&gone));
    let own = fixture::documents(&world.read());
    assert!(own.iter().any(|(path, _)| *path == gone));
    world.store.write(delete).unwrap();
    let report = verify(&world);
    assert!(report.faults > 0);
    let of_it = |fault: &Fault| matches!(fault, Fault::Excess { document: Some(document), .. } if *document == gone);
    assert!(report.first.iter().all(of_it));
}
