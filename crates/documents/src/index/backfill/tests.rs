//! What was asked for later is there in the end, whatever is written meanwhile, and wherever a task was interrupted.

use std::sync::atomic::{AtomicBool, Ordering};

use firekeep_testkit::random::Seeded;

use super::*;
use crate::Invalid;
use crate::fixture::{World, field};
use crate::index::change::{self, Declared};
use crate::index::fixture::{Plan, check, define, entries, fill, id, some_writes};
use crate::index::{FieldOverride, IndexOrder, Indexes, InvalidIndex, Kind, QueryScope};

/// What can be asked for.
fn declare(tx: &mut WriteTx<'_>, plan: &mut Plan) -> Result<(), Error> {
    change::enable_group(tx, &id("d"))?;
    let definition = define("c", QueryScope::Collection, "a ASC, b DESC");
    plan.groups = vec!["d"];
    plan.composites.clear();
    for definition in [
        definition,
        define("d", QueryScope::CollectionGroup, "a DESC, n CONTAINS"),
    ] {
        let Declared::New(id) = change::add_composite(tx, definition.clone())? else {
            panic!("there before");
        };
        plan.composites.push((id, definition));
    }
    Ok(())
}

fn exempt(tx: &mut WriteTx<'_>) -> Result<(), Error> {
    change::set_override(tx, rule("c", Some("m"), &[]))?;
    change::set_override(tx, rule("d", None, &[IndexOrder::Ascending]))
}

fn rule(collection: &str, of: Option<&str>, orders: &[IndexOrder]) -> FieldOverride {
    let orders = orders.iter();
    FieldOverride {
        collection: Some(id(collection)),
        field: of.map(field),
        indexes: orders
            .map(|order| (QueryScope::Collection, *order))
            .collect(),
    }
}

fn exempted() -> Vec<(&'static str, &'static str, Kind)> {
    vec![
        ("c", "m", Kind::Values),
        ("c", "m", Kind::Elements),
        ("d", "*", Kind::Elements),
    ]
}

fn tasks(world: &World) -> Vec<Task> {
    Catalog::load(&world.read()).unwrap().tasks()
}

/// Carries out everything; between steps, `between` does what it likes.
fn finish(world: &World, mut between: impl FnMut()) -> usize {
    let mut steps = 0;
    while let Some(task) = tasks(world).first() {
        step(&world.store, task).unwrap();
        between();
        steps += 1;
        assert!(steps < 10_000);
    }
    steps
}

/// Puts documents there that are in nobody's way, so that there are several steps.
fn fill_many(world: &World, indexes: &Indexes) {
    for at in 0..30 {
        let writes: Vec<_> = (0..10)
            .map(|n| {
                let path = format!("c/many{at}-{n}");
                crate::fixture::set(&path, &[("a", (at * 7 % 5).into()), ("m.x", n.into())])
            })
            .collect();
        world.commit_with(&writes, indexes).unwrap();
    }
}

#[test]
fn indexes_are_built_and_dropped_while_documents_change() {
    for seed in 1..=4 {
        let random = &mut Seeded::new(seed);
        let (world, indexes) = (World::new(), Indexes::new());
        let mut plan = Plan::default();
        fill(&world, &indexes, random, 40);
        fill_many(&world, &indexes);
        check(&world.read(), &plan);

        world.store.write(|tx| declare(tx, &mut plan)).unwrap();
        let steps = finish(&world, || fill(&world, &indexes, random, 2));
        assert!(steps > 5, "{steps}");
        check(&world.read(), &plan);

        world.store.write(exempt).unwrap();
        finish(&world, || fill(&world, &indexes, random, 2));
        plan.exempt = exempted();
        check(&world.read(), &plan);

        let taken_back = |tx: &mut WriteTx<'_>| {
            change::remove_override(tx, Some(&id("c")), Some(&field("m")))?;
            change::remove_override(tx, Some(&id("d")), None)?;
            change::disable_group(tx, &id("d"))?;
            plan.composites
                .iter()
                .try_for_each(|(id, _)| change::remove_composite(tx, *id))
        };
        world.store.write(taken_back).unwrap();
        finish(&world, || fill(&world, &indexes, random, 2));
        check(&world.read(), &Plan::default());
        assert!(
            Catalog::load(&world.read())
                .unwrap()
                .all_composites()
                .is_empty()
        );
    }
}

#[test]
fn a_change_of_mind_in_the_middle_ends_well() {
    let random = &mut Seeded::new(7);
    let (world, indexes) = (World::new(), Indexes::new());
    fill(&world, &indexes, random, 40);
    fill_many(&world, &indexes);
    let one_step = |random: &mut Seeded| {
        for task in tasks(&world) {
            step(&world.store, &task).unwrap();
        }
        fill(&world, &indexes, random, 3);
    };
    world.store.write(exempt).unwrap();
    one_step(random);
    // Half of the entries are gone, and are wanted again.
    let again = |tx: &mut WriteTx<'_>| {
        let both = [IndexOrder::Descending, IndexOrder::Contains];
        change::set_override(tx, rule("c", Some("m"), &both))?;
        change::remove_override(tx, Some(&id("d")), None)
    };
    world.store.write(again).unwrap();
    one_step(random);
    world.store.write(exempt).unwrap();
    one_step(random);
    world.store.write(again).unwrap();
    finish(&world, || fill(&world, &indexes, random, 1));
    check(&world.read(), &Plan::default());
}

#[test]
fn threads_that_write_do_not_keep_an_index_from_being_built() {
    let random = &mut Seeded::new(11);
    let (world, indexes) = (World::new(), Indexes::new());
    fill(&world, &indexes, random, 40);
    fill_many(&world, &indexes);
    let mut plan = Plan::default();
    let stop = AtomicBool::new(false);
    std::thread::scope(|threads| {
        for seed in 20..22 {
            let (world, indexes, stop) = (&world, &indexes, &stop);
            threads.spawn(move || {
                let random = &mut Seeded::new(seed);
                while !stop.load(Ordering::SeqCst) {
                    match world.commit_with(&some_writes(random), indexes) {
                        Ok(_) | Err(Error::Store(firekeep_store::Error::Contended)) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
        world.store.write(|tx| declare(tx, &mut plan)).unwrap();
        finish(&world, || {});
        world.store.write(exempt).unwrap();
        plan.exempt = exempted();
        // Two do the same.
        threads.spawn(|| finish(&world, || {}));
        finish(&world, || {});
        stop.store(true, Ordering::SeqCst);
    });
    check(&world.read(), &plan);
}

#[test]
fn progress_is_kept_and_told() {
    let (world, indexes) = (World::new(), Indexes::new());
    fill_many(&world, &indexes);
    let definition = define("c", QueryScope::Collection, "a ASC, m.x ASC");
    let declared = |tx: &mut WriteTx<'_>| change::add_composite(tx, definition.clone());
    let Declared::New(index) = world.store.write(declared).unwrap() else {
        panic!("there before");
    };
    assert_eq!(world.store.write(declared).unwrap(), Declared::Known(index));
    let task = Task::Composite(index);
    let told = || {
        let tx = world.read();
        let progress = progress(&tx, &task).unwrap();
        (progress.done, estimate(&tx, &progress).unwrap())
    };
    assert_eq!(told(), (0, None));
    assert_eq!(step(&world.store, &task).unwrap(), Step::More);
    let (done, guess) = told();
    assert_eq!(done, 64);
    assert!((150..800).contains(&guess.unwrap()), "{guess:?}");
    assert_eq!(step(&world.store, &task).unwrap(), Step::More);
    assert_eq!(told().0, 128);
    finish(&world, || {});
    assert_eq!(told(), (0, None));
    assert_eq!(step(&world.store, &task).unwrap(), Step::Done);
    // Ids do not come again.
    world
        .store
        .write(|tx| change::remove_composite(tx, index))
        .unwrap();
    finish(&world, || {});
    let next = IndexId(index.0 + 1);
    assert_eq!(world.store.write(declared).unwrap(), Declared::New(next));
}

#[test]
fn an_old_document_of_many_entries_is_built_in_several_steps() {
    let (world, indexes) = (World::new(), Indexes::new());
    let elements = (0..12_000).map(Value::from).collect();
    let array = firekeep_model::Array::new(elements).unwrap();
    let path = format!("c/{}", "x".repeat(400));
    let write = crate::fixture::set(&path, &[("a", array.into())]);
    world
        .store
        .write(|tx| change::set_override(tx, rule("c", Some("a"), &[])))
        .unwrap();
    finish(&world, || {});
    world.commit_with(&[write], &indexes).unwrap();
    // That of the name.
    assert_eq!(entries(&world.read()).len(), 1);
    world
        .store
        .write(|tx| change::remove_override(tx, Some(&id("c")), Some(&field("a"))))
        .unwrap();
    let steps = finish(&world, || {});
    assert!((2..10).contains(&steps), "{steps}");
    assert_eq!(entries(&world.read()).len(), 2 + 12_000);
}

#[test]
fn what_is_being_removed_is_not_asked_for_at_once() {
    let (world, indexes) = (World::new(), Indexes::new());
    fill_many(&world, &indexes);
    let write = |change: &dyn Fn(&mut WriteTx<'_>) -> Result<(), Error>| match world
        .store
        .write(|tx| change(tx))
    {
        Err(Error::InvalidArgument(Invalid::Index(error))) => Err(error),
        other => {
            other.unwrap();
            Ok(())
        }
    };
    let set = |collection, field, orders| {
        write(&|tx| change::set_override(tx, rule(collection, field, orders)))
    };
    write(&|tx| change::enable_group(tx, &id("c"))).unwrap();
    write(&|tx| change::disable_group(tx, &id("c"))).unwrap();
    assert_eq!(
        write(&|tx| change::enable_group(tx, &id("c"))),
        Err(InvalidIndex::Busy)
    );
    set("c", Some("a"), &[]).unwrap();
    assert_eq!(set("c", None, &[]), Err(InvalidIndex::Busy));
    assert_eq!(set("d", None, &[]), Ok(()));
    finish(&world, || {});
    assert_eq!(set("c", None, &[]), Ok(()));
    assert_eq!(
        set("c", Some("v"), &[IndexOrder::Vector(2)]),
        Err(InvalidIndex::SingleVector)
    );
    let missing = IndexId(99);
    assert_eq!(
        write(&|tx| change::remove_composite(tx, missing)),
        Err(InvalidIndex::NoSuchIndex(missing))
    );
}

#[test]
fn a_step_that_was_read_before_a_removal_does_not_end_it() {
    type Change = fn(&mut WriteTx<'_>, IndexId) -> Result<(), Error>;
    let composite = Task::Composite(IndexId::FIRST_COMPOSITE);
    let rows: [(Task, Change, Change); 2] = [
        (
            composite,
            |tx, _| {
                let definition = define("c", QueryScope::Collection, "a ASC, b DESC");
                change::add_composite(tx, definition).map(drop)
            },
            change::remove_composite,
        ),
        (
            Task::Group(id("c")),
            |tx, _| change::enable_group(tx, &id("c")),
            |tx, _| change::disable_group(tx, &id("c")),
        ),
    ];
    for (task, declare, remove) in rows {
        let (world, indexes) = (World::new(), Indexes::new());
        let first = IndexId::FIRST_COMPOSITE;
        world.store.write(|tx| declare(tx, first)).unwrap();
        // Few enough for one step, and their writers keep the index from the start.
        for at in 0..5 {
            let path = format!("c/{at}");
            let write = crate::fixture::set(&path, &[("a", at.into()), ("b", at.into())]);
            world.commit_with(&[write], &indexes).unwrap();
        }
        let page = Page::read(&world.read(), &task, STEP_DOCUMENTS).unwrap();
        world.store.write(|tx| remove(tx, first)).unwrap();
        let stale = world.store.write(|tx| page.apply(tx, &task));
        assert_eq!(stale.unwrap(), Step::More);
        finish(&world, || {});
        check(&world.read(), &Plan::default());
    }
}
