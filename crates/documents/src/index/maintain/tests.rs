//! What is kept: after any writes, exactly the entries of the documents, now and in the past.

use firekeep_model::{FieldPath, Value};
use firekeep_store::{CommitTime, KeyRange, Space};
use firekeep_testkit::random::Seeded;

use crate::Error;
use crate::fixture::{World, collection, delete, document, field, fields, merge, set};
use crate::index::change::{self, Declared};
use crate::index::fixture::{self, Plan, check, define, entries, fill, id, some_writes};
use crate::index::key::{self, Component, Scope};
use crate::index::{FieldOverride, IndexId, Indexes, Kind, QueryScope, backfill};
use crate::query::Direction;

/// A database with indexes of every kind, before its first document.
fn world(indexes: &Indexes) -> (World, Plan) {
    let world = World::new();
    let collection = QueryScope::Collection;
    let group = QueryScope::CollectionGroup;
    let definitions = [
        define("c", collection, "a ASC, b DESC"),
        define("c", group, "a DESC, b CONTAINS, m.a ASC, __name__ ASC"),
        define("d", group, "a ASC, v VECTOR"),
        define("d", collection, "n CONTAINS, a ASC, b ASC"),
    ];
    let exempt = [("c", "m", Kind::Values), ("c", "b", Kind::Elements)];
    let composites = world.store.write(|tx| {
        change::enable_group(tx, &id("d"))?;
        let ascending = (collection, crate::index::IndexOrder::Ascending);
        let contains = (collection, crate::index::IndexOrder::Contains);
        for (field_path, index) in [("m", contains), ("b", ascending)] {
            let rule = FieldOverride {
                collection: Some(id("c")),
                field: Some(field(field_path)),
                indexes: vec![index],
            };
            change::set_override(tx, rule)?;
            finish_rules(tx)?;
        }
        let added = definitions.iter().cloned().map(|definition| {
            let Declared::New(id) = change::add_composite(tx, definition.clone())? else {
                panic!("there before");
            };
            Ok::<_, Error>((id, definition))
        });
        added.collect::<Result<Vec<_>, _>>()
    });
    for task in indexes.catalog(&world.read()).unwrap().tasks() {
        while backfill::step(&world.store, &task).unwrap() == backfill::Step::More {}
    }
    assert!(indexes.catalog(&world.read()).unwrap().is_settled());
    let plan = Plan {
        groups: vec!["d"],
        exempt: exempt.to_vec(),
        composites: composites.unwrap(),
    };
    (world, plan)
}

/// Where there are no documents, rules are carried out.
fn finish_rules(tx: &mut firekeep_store::WriteTx<'_>) -> Result<(), Error> {
    let catalog = crate::index::Catalog::load(tx)?;
    for task in catalog.tasks() {
        change::finish(tx, &catalog, &task)?;
    }
    Ok(())
}

#[test]
fn entries_are_those_of_the_documents_now_and_in_the_past() {
    for seed in 1..=6 {
        let random = &mut Seeded::new(seed);
        let indexes = Indexes::new();
        let (world, plan) = world(&indexes);
        let mut versions = Vec::new();
        for _ in 0..40 {
            world.pass(1_000);
            let (_, time) = world.commit_with(&some_writes(random), &indexes).unwrap();
            check(&world.read(), &plan);
            versions.extend(time.map(|time| (time, entries(&world.read()))));
        }
        for (time, expected) in versions {
            let then = world.store.read_at(time).unwrap();
            assert_eq!(entries(&then), expected, "{seed}");
        }
    }
}

#[test]
fn without_any_declaration_fields_and_elements_have_entries() {
    for seed in 1..=8 {
        let random = &mut Seeded::new(seed);
        let (world, indexes) = (World::new(), Indexes::new());
        fill(&world, &indexes, random, 40);
        check(&world.read(), &Plan::default());
    }
}

/// The changes of `idx` by the newest commit.
fn index_writes(world: &World, before: CommitTime) -> usize {
    let wait = std::time::Duration::ZERO;
    let rows = world.store.feed(before).unwrap().next(10, wait).unwrap();
    let changes = rows.iter().flat_map(|row| &row.changes);
    changes.filter(|change| change.space == Space::Idx).count()
}

#[test]
fn a_write_costs_the_entries_of_what_it_changes() {
    let (world, indexes) = (World::new(), Indexes::new());
    let check = |write, expected: usize| {
        let before = world.read().time();
        world.commit_with(&[write], &indexes).unwrap();
        assert_eq!(index_writes(&world, before), expected);
    };
    let array = |numbers: &[i64]| {
        let elements = numbers.iter().map(|number| (*number).into()).collect();
        Value::from(firekeep_model::Array::new(elements).unwrap())
    };
    let write = |a: Value, list: &[i64]| {
        set(
            "c/1",
            &[
                ("a", a),
                ("b", "x".into()),
                ("m.x", 1.into()),
                ("l", array(list)),
            ],
        )
    };
    // The name, five values, one of them a map and one in it, and two elements.
    check(write(1.into(), &[7, 8, 7]), 1 + 5 + 2);
    // Equal to filters: the entry is the same.
    check(write(1.0.into(), &[7, 8, 7]), 0);
    check(write(2.into(), &[7, 8, 7]), 2);
    // The array itself, and one element for another.
    check(write(2.into(), &[7, 9]), 4);
    // The value in the map, and the map.
    check(merge("c/1", &[("m.x", 2.into())], &["m.x"]), 4);
    check(delete("c/1"), 1 + 5 + 2);
}

#[test]
fn scans_of_entries_come_in_the_order_of_queries() {
    let random = &mut Seeded::new(5);
    let indexes = Indexes::new();
    let (world, plan) = world(&indexes);
    fill(&world, &indexes, random, 150);
    let documents = fixture::documents(&world.read());
    let path = collection("c");
    let scope = Scope::Collection(&path);
    let in_c = documents
        .iter()
        .filter(|(document, _)| path.contains(document));
    let in_c: Vec<_> = in_c.collect();
    let paths_of = |prefix: Vec<u8>, components: &[Component]| {
        let tx = world.read();
        let rows = fixture::rows(&tx, Space::Idx, &KeyRange::prefix(&prefix));
        let paths = rows.iter().map(|(key, row)| {
            let entry = key::split(&scope, prefix.len(), components, key, row).unwrap();
            (scope.document(entry.tail).unwrap(), entry.cut)
        });
        paths.collect::<Vec<_>>()
    };
    let get = |fields: &firekeep_model::Map, path: &str| -> Option<Value> {
        fields.get_path(&field(path)).cloned()
    };

    let mut expected: Vec<_> = in_c
        .iter()
        .filter_map(|(path, fields)| Some((get(fields, "a")?, path.clone())))
        .collect();
    expected.sort_by(|a, b| a.0.compare(&b.0).then_with(|| a.1.cmp(&b.1)));
    let found = paths_of(key::values(&scope, &field("a")), &[Component::SINGLE]);
    assert!(expected.len() > 3);
    compare_whole(&found, expected.iter().map(|(_, path)| path));

    // (a ASC, b DESC, __name__ DESC), backwards.
    let mut expected: Vec<_> = in_c
        .iter()
        .filter_map(|(path, fields)| Some((get(fields, "a")?, get(fields, "b")?, path.clone())))
        .collect();
    expected.sort_by(|a, b| {
        let order = a.0.compare(&b.0).then_with(|| b.1.compare(&a.1));
        order.then_with(|| b.2.cmp(&a.2)).reverse()
    });
    let (index, definition) = &plan.composites[0];
    let components: Vec<_> = definition
        .parts()
        .iter()
        .map(|part| part.component)
        .collect();
    let directions = components.iter().map(|component| component.direction);
    assert_eq!(
        directions.collect::<Vec<_>>(),
        [Direction::Descending, Direction::Ascending]
    );
    let found = paths_of(key::composite(*index, &scope), &components);
    compare_whole(&found, expected.iter().map(|(_, _, path)| path));
}

/// The same documents; in the same order, as far as no value is cut.
fn compare_whole<'a>(
    found: &[(firekeep_model::DocumentPath, key::Cut)],
    expected: impl Iterator<Item = &'a firekeep_model::DocumentPath>,
) {
    let expected: Vec<_> = expected.collect();
    let mut all: Vec<_> = found.iter().map(|(path, _)| path).collect();
    let cut = |path: &firekeep_model::DocumentPath| {
        let entry = found.iter().find(|(other, _)| other == path);
        entry.is_some_and(|(_, cut)| *cut == key::Cut::Cut)
    };
    let whole = |paths: &[&firekeep_model::DocumentPath]| {
        let whole = paths.iter().filter(|path| !cut(path));
        whole.map(|path| path.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(whole(&all), whole(&expected));
    let mut expected = expected;
    all.sort();
    expected.sort();
    assert_eq!(all, expected);
}

#[test]
fn fields_that_no_query_can_name_have_no_entries() {
    let (world, indexes) = (World::new(), Indexes::new());
    let (long, inner) = ("x".repeat(800), "y".repeat(700));
    let too_long = "y".repeat(701);
    let mut map = firekeep_model::Map::new();
    map.insert(&inner, 1.into()).unwrap();
    map.insert(&too_long, 2.into()).unwrap();
    let mut all = fields(&[]);
    all.insert(&long, map.into()).unwrap();
    assert!(FieldPath::new([long.as_str(), &inner]).is_err());
    let write = crate::Write {
        path: document("c/1"),
        operation: crate::Operation::Update {
            fields: all,
            mask: None,
        },
        transforms: Vec::new(),
        precondition: crate::Precondition::None,
    };
    world.commit_with(&[write], &indexes).unwrap();
    check(&world.read(), &Plan::default());
    // Those of the name and of the map.
    assert_eq!(entries(&world.read()).len(), 2);
    let ids = [IndexId::FIELDS, IndexId::GROUP_FIELDS, IndexId::NAMES];
    assert_eq!(ids.map(|id| id.0), [1, 2, 3]);
}
