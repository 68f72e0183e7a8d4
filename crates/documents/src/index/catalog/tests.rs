//! The catalogue: what it says of fields, that it survives storage, and which one a transaction sees.

use std::sync::Arc;

use firekeep_store::WriteTx;

use super::*;
use crate::fixture::{World, field};
use crate::index::change;
use crate::index::fixture::{define, id};

fn world_with(change: impl Fn(&mut WriteTx<'_>) -> Result<(), Error>) -> (World, Catalog) {
    let world = World::new();
    let finish = |tx: &mut WriteTx<'_>| {
        change(tx)?;
        finish(tx)
    };
    world.store.write(finish).unwrap();
    let catalog = Catalog::load(&world.read()).unwrap();
    (world, catalog)
}

/// Without documents, everything is done at once.
fn finish(tx: &mut WriteTx<'_>) -> Result<(), Error> {
    let catalog = Catalog::load(tx)?;
    let mut tasks = catalog.tasks().into_iter();
    tasks.try_for_each(|task| change::finish(tx, &catalog, &task))
}

fn set(
    tx: &mut WriteTx<'_>,
    collection: Option<&str>,
    of: Option<&str>,
    indexes: &[IndexOrder],
) -> Result<(), Error> {
    let indexes = indexes.iter();
    let rule = FieldOverride {
        collection: collection.map(id),
        field: of.map(field),
        indexes: indexes
            .map(|order| (QueryScope::Collection, *order))
            .collect(),
    };
    change::set_override(tx, rule)?;
    finish(tx)
}

#[test]
fn rules_reach_into_fields_until_another_one_does() {
    use IndexOrder::{Ascending, Contains, Descending};
    let (_, catalog) = world_with(|tx| {
        set(tx, None, None, &[Ascending])?;
        set(tx, Some("c"), None, &[Ascending, Contains])?;
        set(tx, Some("c"), Some("m"), &[])?;
        set(tx, Some("c"), Some("m.x.y"), &[Descending])?;
        set(tx, Some("d"), Some("`a.b`"), &[Contains])
    });
    for (collection, of, values, elements) in [
        ("c", "a", true, true),
        ("c", "m", false, false),
        ("c", "m.x", false, false),
        ("c", "m.x.y", true, false),
        ("c", "m.x.y.z", true, false),
        ("c", "mm", true, true),
        ("d", "a", true, false),
        ("d", "a.b", true, false),
        ("d", "`a.b`", false, true),
        ("d", "`a.b`.c", false, true),
        ("e", "m", true, false),
    ] {
        let exempt = |kind| catalog.is_exempt(&id(collection), &field(of), kind);
        let found = (!exempt(Kind::Values), !exempt(Kind::Elements));
        assert_eq!(found, (values, elements), "{collection} {of}");
    }
}

#[test]
fn what_is_declared_is_listed() {
    let long = "l".repeat(1_400);
    let definition = define(&long, QueryScope::CollectionGroup, "a ASC, `b.c` CONTAINS");
    let rule = FieldOverride {
        collection: Some(id(&long)),
        field: Some(field(&format!("{}.`a b`", "m".repeat(1_400)))),
        indexes: vec![
            (QueryScope::Collection, IndexOrder::Descending),
            (QueryScope::CollectionGroup, IndexOrder::Contains),
        ],
    };
    let (_, catalog) = world_with(|tx| {
        change::set_mode(tx, Mode::Enforce)?;
        change::set_override(tx, rule.clone())?;
        change::add_composite(tx, definition.clone())?;
        change::add_composite(tx, define("v", QueryScope::Collection, "v VECTOR"))?;
        Ok(())
    });
    assert_eq!(catalog.mode(), Mode::Enforce);
    let rules = catalog.overrides().iter();
    let rules: Vec<_> = rules.filter_map(Override::declaration).collect();
    assert_eq!(rules, [rule]);
    // A rule for a group needs the group's entries.
    assert_eq!(catalog.group_state(&id(&long)), State::Ready);
    let composites: Vec<_> = catalog.composites(&id(&long)).collect();
    assert_eq!(composites.len(), 1);
    assert_eq!(composites[0].definition, definition);
    assert_eq!(composites[0].state, State::Ready);
    let texts = catalog.all_composites().iter();
    let texts: Vec<_> = texts
        .map(|composite| composite.definition.to_string())
        .collect();
    assert_eq!(
        texts,
        [
            "(a ASC, `b.c` CONTAINS, __name__ ASC)",
            "(v VECTOR<2>, __name__ ASC)"
        ]
    );
}

#[test]
fn transactions_see_the_catalogue_of_their_snapshot() {
    let (world, indexes) = (World::new(), Indexes::new());
    let old = world.store.read().unwrap();
    let never = indexes.catalog(&old).unwrap();
    let enable = |tx: &mut WriteTx<'_>| change::enable_group(tx, &id("c"));
    world.store.write(enable).unwrap();
    let new = world.read();
    let enabled = indexes.catalog(&new).unwrap();
    assert_eq!(enabled.group_state(&id("c")), State::Building);
    assert!(Arc::ptr_eq(&enabled, &indexes.catalog(&new).unwrap()));
    // Documents do not change it.
    world.fill(["c/1".to_owned()]);
    assert!(Arc::ptr_eq(
        &enabled,
        &indexes.catalog(&world.read()).unwrap()
    ));
    assert!(Arc::ptr_eq(&never, &indexes.catalog(&old).unwrap()));
    // What is rolled back is seen by nobody else.
    let refused: Result<(), Error> = world.store.write(|tx| {
        change::disable_group(tx, &id("c"))?;
        let own = indexes.catalog(tx)?;
        assert_eq!(own.group_state(&id("c")), State::Dropping);
        Err(Error::Corrupt("a test"))
    });
    assert!(refused.is_err());
    assert!(Arc::ptr_eq(
        &enabled,
        &indexes.catalog(&world.read()).unwrap()
    ));
}

#[test]
fn a_change_of_the_catalogue_makes_writers_run_again() {
    let (world, indexes) = (World::new(), Indexes::new());
    let mut runs = 0;
    let work = |tx: &mut WriteTx<'_>| -> Result<State, Error> {
        let state = indexes.catalog(tx)?.group_state(&id("c"));
        runs += 1;
        if runs == 1 {
            world.store.write(|tx| change::enable_group(tx, &id("c")))?;
        }
        tx.put(Space::SysConfig, b"test".to_vec(), bytes::Bytes::new())?;
        Ok(state)
    };
    assert_eq!(world.store.write(work).unwrap(), State::Building);
    assert_eq!(runs, 2);
}

#[test]
fn an_index_is_not_ready_before_it_was() {
    let (world, _) = world_with(|_| Ok(()));
    let before = world.read().time();
    world.pass(10);
    let everything = |tx: &mut WriteTx<'_>| {
        change::enable_group(tx, &id("c"))?;
        change::add_composite(tx, define("c", QueryScope::Collection, "a ASC, b ASC"))?;
        set(tx, Some("c"), Some("a"), &[])?;
        set(tx, Some("c"), Some("a"), &[IndexOrder::Ascending])?;
        finish(tx)
    };
    world.store.write(everything).unwrap();
    let after = world.read().time();
    let now = Catalog::load(&world.read()).unwrap();
    for (time, state) in [(before, State::Building), (after, State::Ready)] {
        let then = now.as_of(time);
        assert_eq!(then.group_state(&id("c")), state);
        assert_eq!(then.composites(&id("c")).next().unwrap().state, state);
        let single = then.field_state(&id("c"), &field("a"), Kind::Values);
        assert_eq!(single, state);
    }
}

#[test]
fn a_rule_that_was_taken_back_is_kept_below_another_one() {
    use IndexOrder::Ascending;
    let (world, _) = world_with(|tx| set(tx, Some("c"), Some("a"), &[Ascending]));
    let write = |work: &dyn Fn(&mut WriteTx<'_>) -> Result<(), Error>| {
        let time = world.store.write_timed(work).unwrap().1;
        world.store.write(finish).unwrap();
        time.unwrap()
    };
    let state = |at: Option<CommitTime>, of: &str| {
        let now = Catalog::load(&world.read()).unwrap();
        let then = at.map_or_else(|| now.clone(), |at| now.as_of(at));
        then.field_state(&id("c"), &field(of), Kind::Values)
    };
    let inner = field("a.b");
    let exempted = write(&|tx| set(tx, Some("c"), Some("a.b"), &[]));
    write(&|tx| change::remove_override(tx, Some(&id("c")), Some(&inner)));
    assert_eq!(state(None, "a.b"), State::Ready);
    assert_eq!(state(Some(exempted), "a.b"), State::Building);
    // `a` goes on to say what holds for `a.b`, but `a.b` has entries since later only.
    write(&|tx| set(tx, Some("c"), None, &[Ascending]));
    assert_eq!(state(None, "a.b"), State::Ready);
    assert_eq!(state(Some(exempted), "a.b"), State::Building);
    assert_eq!(state(Some(exempted), "a"), State::Ready);
    // Once nothing is between them, it is forgotten.
    write(&|tx| set(tx, Some("c"), Some("a"), &[]));
    assert_eq!(state(None, "a.b"), State::Off);
    let rules = Catalog::load(&world.read()).unwrap().overrides().len();
    assert_eq!(rules, 2);
}
