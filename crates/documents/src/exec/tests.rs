//! Every plan gives what the plain way gives, whatever the pages.

use firekeep_model::{Document, FieldMask};
use firekeep_store::ReadTx;
use firekeep_testkit::random::Seeded;

use super::*;
use crate::query::fixture as queries;
use crate::query::{CollectionSelector, Query};
use crate::{fixture, naive};

/// More than anything here needs.
pub(crate) const AMPLE: Budget = Budget {
    documents: 1_000,
    bytes: 1 << 24,
    rows_read: 1_000_000,
};

/// A database with these documents.
pub(crate) fn database_of(documents: &[Document]) -> fixture::World {
    let world = fixture::World::new();
    for some in documents.chunks(100) {
        let writes: Vec<_> = some
            .iter()
            .map(|document| fixture::replace(document.path.as_str(), document.fields.clone()))
            .collect();
        world.commit(&writes).unwrap();
    }
    world
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

/// A generated query, now and then with what the generator leaves out.
pub(crate) fn any_query(world: &mut queries::World) -> Query {
    let mut query = world.query();
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

#[test]
fn answers_without_indexes_are_those_of_the_plain_way() {
    for seed in 0..60 {
        let mut world = queries::World::new(seed);
        let database = database_of(&world.documents());
        let tx = database.read();
        for _ in 0..40 {
            let query = any_query(&mut world);
            let budget = budget(&mut world.random);
            let found = answer(&tx, Execution::new(query.clone()).unwrap(), budget);
            assert_eq!(found, expected(&tx, &query), "{seed} {query:?} {budget:?}");
        }
    }
}
