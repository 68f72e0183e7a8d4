//! Aggregations by every plan are those of the plain way.

use std::collections::BTreeMap;

use firekeep_store::{ReadTx, WriteTx};
use firekeep_testkit::random::Seeded;

use super::*;
use crate::aggregate;
use crate::exec::tests::{any_query, budget, database_with, declare_some};
use crate::naive;
use crate::query::fixture::{self as queries, field_path};

fn any_aggregations(random: &mut Seeded) -> Vec<aggregate::Aggregation> {
    (0..1 + random.below(2))
        .map(|_| {
            let field = field_path(random.pick(&["a", "b", "m.x"]));
            aggregate::Aggregation {
                alias: None,
                operator: match random.below(4) {
                    0 => Operator::Count {
                        up_to: Some(u64::try_from(1 + random.below(5)).unwrap()),
                    },
                    1 => Operator::Count { up_to: None },
                    2 => Operator::Sum(field),
                    _ => Operator::Average(field),
                },
            }
        })
        .collect()
}

/// The results, and how many steps and rows it took.
fn results(
    tx: &ReadTx<'_>,
    mut aggregation: Aggregation,
    budget: Budget,
) -> (Vec<(Box<str>, Value)>, usize, u64) {
    let mut steps = 0;
    loop {
        steps += 1;
        if let Some(results) = aggregation.next(tx, budget).unwrap() {
            return (results, steps, aggregation.explain().documents_read);
        }
    }
}

#[test]
fn results_are_those_of_the_plain_way() {
    let mut tally = BTreeMap::<_, usize>::new();
    for seed in 0..30 {
        let mut world = match seed % 5 {
            0 => queries::World::long(seed),
            _ => queries::World::new(seed),
        };
        let random = Seeded::new(seed);
        let documents = world.documents();
        let declare = |tx: &mut WriteTx<'_>| declare_some(&mut random.clone(), tx);
        let (database, catalog) = database_with(&documents, declare);
        let tx = database.read();
        for _ in 0..80 {
            let mut query = any_query(&mut world, &documents);
            if world.random.once_in(2) {
                (query.limit, query.offset) = (None, 0);
                (query.start_at, query.end_at) = (None, None);
            }
            let aggregations = any_aggregations(&mut world.random);
            let query = AggregationQuery {
                query,
                aggregations,
            };
            let budget = budget(&mut world.random);
            let mut aggregation = Aggregation::new(query.clone(), Arc::clone(&catalog)).unwrap();
            if let From::Query(counting) = &mut aggregation.source
                && world.random.once_in(2)
            {
                let random = &mut world.random;
                let plan = plan::plan_any(&counting.ask, &catalog, |ways| random.below(ways + 1));
                counting.begin(plan.unwrap());
            }
            let (found, _, documents_read) = results(&tx, aggregation, budget);
            let all = naive::scan(&tx, &query.query);
            let expected = naive::aggregate(&query, all).unwrap();
            assert_eq!(found, expected, "{seed} {query:#?} {budget:?}");
            *tally.entry(documents_read == 0).or_default() += 1;
        }
    }
    // Often without documents.
    assert!(tally[&true] > 300, "{tally:?}");
}
