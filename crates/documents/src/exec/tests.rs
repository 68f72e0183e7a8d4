//! Every plan gives what the plain way gives, whatever the pages.

use firekeep_model::{CollectionId, Document, FieldMask, FieldRef, Vector};
use firekeep_store::{ReadTx, Space, WriteTx};
use firekeep_testkit::random::Seeded;

use std::collections::BTreeMap;

use super::*;
use crate::index::{Definition, FieldOverride, IndexOrder, Indexes, QueryScope, backfill, change};
use crate::query::fixture as queries;
use crate::query::{CollectionSelector, Cursor, DistanceMeasure, FindNearest, Order, Query};
use crate::{IndexMaintenance, cursor, fixture, naive, order};

/// More than anything here needs.
pub(crate) const AMPLE: Budget = Budget {
    documents: 1_000,
    bytes: 1 << 24,
    rows_read: 1_000_000,
};

/// A database with these documents, and the indexes that every database has.
pub(crate) fn database_of(documents: &[Document]) -> (fixture::World, Arc<Catalog>) {
    database_with(documents, |_| Ok(()))
}

/// A database with these documents and further indexes.
pub(crate) fn database_with(
    documents: &[Document],
    declare: impl Fn(&mut WriteTx<'_>) -> Result<(), Error>,
) -> (fixture::World, Arc<Catalog>) {
    let world = fixture::World::new();
    let indexes = Indexes::new();
    world.store.write(|tx| declare(tx)).unwrap();
    loop {
        let tasks = indexes.catalog(&world.read()).unwrap().tasks();
        let Some(task) = tasks.first() else { break };
        while backfill::step(&world.store, task).unwrap() == backfill::Step::More {}
    }
    for some in documents.chunks(100) {
        let writes: Vec<_> = some
            .iter()
            .map(|document| fixture::replace(document.path.as_str(), document.fields.clone()))
            .collect();
        world.commit_with(&writes, &indexes).unwrap();
    }
    let catalog = indexes.catalog(&world.read()).unwrap();
    (world, catalog)
}

/// Declares some indexes of the generated fields.
pub(crate) fn declare_some(random: &mut Seeded, tx: &mut WriteTx<'_>) -> Result<(), Error> {
    let collection = CollectionId::parse("c").unwrap();
    let scopes = [QueryScope::Collection, QueryScope::CollectionGroup];
    if random.once_in(2) {
        change::enable_group(tx, &collection)?;
    }
    if random.once_in(3) {
        let scope = QueryScope::Collection;
        let order = random.pick(&[
            None,
            Some(IndexOrder::Contains),
            Some(IndexOrder::Ascending),
        ]);
        let declared = FieldOverride {
            collection: Some(collection.clone()),
            field: Some(queries::field_path(random.pick(&["a", "m", "b"]))),
            indexes: order.map(|order| (scope, order)).into_iter().collect(),
        };
        change::set_override(tx, declared)?;
    }
    for _ in 0..random.pick(&[0, 6, 40]) {
        let mut names = vec!["a", "b", "m.x", "m"];
        let mut fields = Vec::new();
        for _ in 0..2 + random.below(2) {
            let name = names.remove(random.below(names.len()));
            let order = random.pick(&[
                IndexOrder::Ascending,
                IndexOrder::Descending,
                IndexOrder::Contains,
            ]);
            fields.push((queries::field(name), order));
        }
        if random.once_in(3) {
            let order = random.pick(&[IndexOrder::Ascending, IndexOrder::Descending]);
            fields.push((FieldRef::DocumentName, order));
        }
        let scope = random.pick(&scopes);
        if let Ok(definition) = Definition::new(collection.clone(), scope, fields) {
            change::add_composite(tx, definition)?;
        }
    }
    Ok(())
}

/// The whole answer, page by page.
pub(crate) fn answer(tx: &ReadTx<'_>, mut execution: Execution, budget: Budget) -> naive::Answer {
    let mut answer = naive::Answer::default();
    loop {
        let page = execution.next_page(tx, budget).unwrap();
        assert!(page.documents.len() <= budget.documents);
        answer.documents.extend(page.documents);
        answer.skipped += usize::try_from(page.skipped).unwrap();
        if page.done {
            return answer;
        }
    }
}

pub(crate) fn expected(tx: &ReadTx<'_>, query: &Query) -> naive::Answer {
    naive::answer(query, naive::scan(tx, query)).unwrap()
}

pub(crate) fn budget(random: &mut Seeded) -> Budget {
    Budget {
        documents: random.pick(&[1, 2, 3, 1_000]),
        bytes: random.pick(&[1, 60, 1 << 24]),
        rows_read: random.pick(&[1, 2, 7, 1_000_000]),
    }
}

/// A cursor at a document, as clients go on behind the last one of a page.
fn cursor_at_some(random: &mut Seeded, orders: &[Order], documents: &[Document]) -> Option<Cursor> {
    let document = &documents[random.below(documents.len())];
    if !order::has_all(orders, document).unwrap() {
        return None;
    }
    let mut values = cursor::values_of(orders, document);
    values.truncate(1 + random.below(values.len()));
    Some(Cursor {
        values,
        before: random.once_in(2),
    })
}

/// A generated query, now and then with what the generator leaves out.
pub(crate) fn any_query(world: &mut queries::World, documents: &[Document]) -> Query {
    let mut query = match world.random.below(3) {
        0 => world.query(),
        _ => world.query_of(|world| Some(world.likely_filter(documents))),
    };
    let orders = query.normal_order();
    for cursor in [&mut query.start_at, &mut query.end_at] {
        if world.random.once_in(4) {
            *cursor = cursor_at_some(&mut world.random, &orders, documents);
        }
    }
    if world.random.once_in(6) {
        let paths: &[&str] = world.random.pick(&[&[], &["a"], &["m.x", "b"], &["zz"]]);
        query.select = Some(FieldMask::parse(paths).unwrap());
    }
    if world.random.once_in(8) {
        query = Query {
            from: CollectionSelector {
                collection: None,
                all_descendants: world.random.once_in(2),
            },
            filter: world.random.once_in(2).then(|| world.name_filter()),
            order_by: Vec::new(),
            start_at: None,
            end_at: None,
            ..query
        };
    }
    query
}

/// An execution that takes any of the ways there are, and can keep little while it sorts.
fn any_execution(
    random: &mut Seeded,
    query: &Query,
    catalog: &Arc<Catalog>,
    tally: &mut BTreeMap<String, usize>,
) -> Execution {
    let mut execution = Execution::new(query.clone(), Arc::clone(catalog)).unwrap();
    if random.once_in(2) {
        execution.ask.keep = random.pick(&[(1, 1), (2, 1_000), (100, 150)]);
    }
    if random.once_in(4) {
        return execution;
    }
    let plan = plan::plan_any(&execution.ask, catalog, |ways| random.below(ways + 1)).unwrap();
    for stream in &plan.streams {
        *tally.entry(stream.kind()).or_default() += 1;
    }
    execution.begin(plan);
    execution
}

fn check_answers(
    mut world: queries::World,
    random: &Seeded,
    queries: usize,
    tally: &mut BTreeMap<String, usize>,
) {
    let documents = world.documents();
    let declare = |tx: &mut WriteTx<'_>| declare_some(&mut random.clone(), tx);
    let (database, catalog) = database_with(&documents, declare);
    let tx = database.read();
    for _ in 0..queries {
        let query = any_query(&mut world, &documents);
        let budget = budget(&mut world.random);
        let execution = any_execution(&mut world.random, &query, &catalog, tally);
        let plan = format!("{:?}", execution.used);
        let (found, expected) = (answer(&tx, execution, budget), expected(&tx, &query));
        if found != expected {
            let names = |answer: &naive::Answer| {
                let names = answer.documents.iter().map(|document| {
                    let path = document.path.as_str();
                    path.replace(&"y".repeat(1_400), "Y")
                });
                names.collect::<Vec<_>>().join(" ")
            };
            for document in &expected.documents {
                let text = format!("{document:?}").replace(&"x".repeat(1_400), "X");
                println!("{}", text.replace(&"y".repeat(1_400), "Y"));
            }
            panic!(
                "{}\nfound    {}\nexpected {}\n{plan} {budget:?} {random:?}",
                format!("{query:#?}").replace(&"x".repeat(1_400), "X"),
                names(&found),
                names(&expected)
            );
        }
    }
}

#[test]
fn answers_are_those_of_the_plain_way() {
    let mut tally = BTreeMap::new();
    for seed in 0..40 {
        check_answers(
            queries::World::new(seed),
            &Seeded::new(seed),
            80,
            &mut tally,
        );
    }
    for way in [
        "direct walk",
        "sorted walk",
        "entries, whole, Exact, composite false",
        "entries, whole, Exact, composite true",
        "entries, whole, None, composite true",
        "entries, partly, None, composite false",
        "entries, partly, None, composite true",
        "entries, unordered",
        "zigzag, whole false",
        "zigzag, whole true, Exact",
        "chain of",
    ] {
        let taken = tally.iter().filter(|(kind, _)| kind.contains(way));
        assert!(
            taken.map(|(_, count)| count).sum::<usize>() > 5,
            "{way} {tally:#?}"
        );
    }
}

#[test]
fn values_and_names_that_entries_cannot_hold_do_not_matter() {
    let mut tally = BTreeMap::new();
    for seed in 0..20 {
        check_answers(
            queries::World::long(seed),
            &Seeded::new(seed),
            80,
            &mut tally,
        );
    }
}

/// An answer is read by whichever thread is free.
#[test]
fn executions_are_sent_between_threads() {
    const fn is_sent<T: Send + 'static>() {}
    is_sent::<Execution>();
    is_sent::<Aggregation>();
}

/// A generated search for near vectors.
fn any_nearest(world: &mut queries::World, documents: &[Document]) -> Query {
    let filter = world.random.once_in(2);
    let filter = filter.then(|| world.likely_filter(documents));
    let random = &mut world.random;
    let measure = random.pick(&[
        DistanceMeasure::Euclidean,
        DistanceMeasure::Cosine,
        DistanceMeasure::DotProduct,
    ]);
    let vector: Vec<_> = (0..2).map(|_| random.pick(&[-1.0, 0.5, 3.0])).collect();
    Query {
        from: CollectionSelector {
            collection: Some(CollectionId::parse("c").unwrap()),
            all_descendants: random.once_in(2),
        },
        filter,
        find_nearest: Some(FindNearest {
            field: queries::field_path("v"),
            vector: Vector::new(vector).unwrap(),
            measure,
            limit: random.pick(&[1, 3, 100]),
            distance_threshold: random.pick(&[None, Some(2.0)]),
            distance_result_field: random.once_in(2).then(|| "distance".into()),
        }),
        ..Query::default()
    }
}

#[test]
fn near_vectors_are_those_of_the_plain_way() {
    let mut tally = BTreeMap::new();
    for seed in 0..30 {
        let mut world = queries::World::new(seed);
        let mut documents = world.documents();
        for document in &mut documents {
            let length = world.random.pick(&[0, 2, 2, 2, 3]);
            let numbers: Vec<_> = (0..length)
                .map(|_| world.random.pick(&[-2.0, -1.0, 0.0, 0.5, 1.0, 4.0]))
                .collect();
            if let Ok(vector) = Vector::new(numbers) {
                let field = queries::field_path("v");
                document
                    .fields
                    .set_path(&field, firekeep_model::Value::Vector(vector));
            }
        }
        let random = Seeded::new(seed);
        let (database, catalog) = database_with(&documents, |tx| {
            let fields = ["a", "v"].map(queries::field);
            let [a, v] = fields;
            for scope in [QueryScope::Collection, QueryScope::CollectionGroup] {
                let fields = vec![
                    (a.clone(), IndexOrder::Ascending),
                    (v.clone(), IndexOrder::Vector(2)),
                ];
                let collection = CollectionId::parse("c").unwrap();
                change::add_composite(tx, Definition::new(collection, scope, fields).unwrap())?;
            }
            declare_some(&mut random.clone(), tx)
        });
        let tx = database.read();
        for _ in 0..40 {
            let query = any_nearest(&mut world, &documents);
            let budget = budget(&mut world.random);
            let execution = any_execution(&mut world.random, &query, &catalog, &mut tally);
            let found = answer(&tx, execution, budget);
            // A distance of NaN is not equal to itself.
            let (found, expected) = (format!("{found:?}"), format!("{:?}", expected(&tx, &query)));
            assert_eq!(found, expected, "{seed} {query:#?}");
        }
    }
    assert!(tally.keys().any(|kind| kind.contains("any")), "{tally:#?}");
    assert!(
        tally.keys().any(|kind| kind.contains("composite true")),
        "{tally:#?}"
    );
}

/// Changes some documents.
fn write_some(world: &mut queries::World, database: &fixture::World, indexes: &Indexes) {
    database.pass(1_000);
    let documents = world.documents();
    let mut writes = Vec::new();
    for document in documents {
        let path = document.path.as_str();
        match world.random.below(6) {
            0 => writes.push(fixture::delete(path)),
            1 | 2 => writes.push(fixture::replace(path, document.fields)),
            _ => {}
        }
    }
    database.commit_with(&writes, indexes).unwrap();
}

#[test]
fn pages_are_those_of_their_read_time_whatever_is_written_between() {
    let mut tally = BTreeMap::new();
    for seed in 0..24 {
        let mut world = queries::World::new(seed);
        let random = Seeded::new(seed);
        let documents = world.documents();
        let (database, catalog) =
            database_with(&documents, |tx| declare_some(&mut random.clone(), tx));
        let indexes = Indexes::new();
        let mut times = Vec::new();
        for _ in 0..4 {
            times.push(database.read().time());
            write_some(&mut world, &database, &indexes);
        }
        for _ in 0..25 {
            let query = any_query(&mut world, &documents);
            let time = world.random.pick(&times);
            let expected = expected(&database.store.read_at(time).unwrap(), &query);
            let budget = budget(&mut world.random);
            let mut execution = any_execution(&mut world.random, &query, &catalog, &mut tally);
            let mut found = naive::Answer::default();
            loop {
                let tx = database.store.read_at(time).unwrap();
                let page = execution.next_page(&tx, budget).unwrap();
                drop(tx);
                found.documents.extend(page.documents);
                found.skipped += usize::try_from(page.skipped).unwrap();
                if page.done {
                    break;
                }
                if world.random.once_in(8) {
                    write_some(&mut world, &database, &indexes);
                }
            }
            assert_eq!(found, expected, "{seed} {query:#?}");
        }
    }
}

/// A transaction that writes sees what it wrote, in index entries too.
#[test]
fn transactions_find_their_own_writes() {
    for seed in 0..200 {
        let mut world = queries::World::new(seed);
        let documents = world.documents();
        let (database, catalog) = database_of(&documents);
        let indexes = Indexes::new();
        let changed = world.documents();
        let query = any_query(&mut world, &documents);
        let check = |tx: &mut WriteTx<'_>| {
            for document in changed.iter().step_by(3) {
                let path = &document.path;
                let before = crate::read::find(tx, path)?.map(|document| document.fields);
                let row = crate::codec::encode(&document.fields, crate::codec::Created::ByThisRow);
                tx.put(Space::Docs, crate::keys::document(path), row)?;
                let after = Some(&document.fields);
                indexes.update(tx, path, before.as_ref(), after)?;
            }
            let mut execution = Execution::new(query.clone(), Arc::clone(&catalog))?;
            let page = execution.next_page(tx, AMPLE)?;
            let expected = naive::answer(&query, naive::scan(tx, &query))?;
            assert!(page.done);
            assert_eq!(page.documents, expected.documents, "{query:#?}");
            Ok::<_, Error>(())
        };
        database.store.write(check).unwrap();
    }
}
