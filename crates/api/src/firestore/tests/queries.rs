//! Queries, their explanations, and what is computed of them.

use super::*;

fn group(id: &str) -> Query {
    let mut query = all(id);
    query.from.all_descendants = true;
    query
}

async fn filled(count: i64) -> World {
    let world = World::new();
    for from in (0..count).step_by(400) {
        let writes = (from..count.min(from + 400)).map(|n| set(&format!("c/{n:05}"), n));
        world.commit(writes.collect()).await.unwrap();
    }
    world
}

#[tokio::test]
async fn answers_come_in_pages_of_one_time() {
    let world = filled(1_000).await;
    for query in [all("c"), at_least("c", 0)] {
        let (it, owner, database) = (&world.firestore, &world.owner, &world.database);
        let answers = it.run_query(owner, database, query, Consistency::Strong, None);
        let mut answers = answers.await.unwrap();
        let mut paths = Vec::new();
        let mut pages = 0;
        while let Some(page) = answers.next_page().await.unwrap() {
            pages += 1;
            paths.extend(page.documents.iter().map(|found| found.path().to_string()));
            // What happens meanwhile is later.
            let at = format!("c/{:05}", 999 - pages);
            world.commit(vec![delete(&at)]).await.unwrap();
        }
        assert!(pages > 3, "{pages}");
        let expected: Vec<_> = (0..1_000).map(|n| format!("c/{n:05}")).collect();
        assert_eq!(paths, expected);
        let back = (1..=pages).map(|page| set(&format!("c/{:05}", 999 - page), 999 - page));
        world.commit(back.collect()).await.unwrap();
    }
}

#[tokio::test]
async fn answers_are_cut_and_explained() {
    let world = filled(50).await;
    let (it, owner, database) = (&world.firestore, &world.owner, &world.database);
    let query = Query {
        offset: 2,
        limit: Some(3),
        ..at_least("c", 10)
    };
    let (paths, _) = world
        .query(query.clone(), Consistency::Strong)
        .await
        .unwrap();
    assert_eq!(paths, ["c/00012", "c/00013", "c/00014"]);
    for (analyze, documents) in [(true, 3), (false, 0)] {
        let explain = Some(Explain { analyze });
        let answers = it.run_query(owner, database, query.clone(), Consistency::Strong, explain);
        let mut answers = answers.await.unwrap();
        let (mut found, mut skipped, mut explained) = (0, 0, None);
        while let Some(page) = answers.next_page().await.unwrap() {
            assert_eq!(explained, None);
            found += page.documents.len();
            skipped += page.skipped;
            explained = page.explained;
        }
        assert_eq!((found, skipped), (documents, if analyze { 2 } else { 0 }));
        let used = explained.unwrap().indexes_used;
        let used: Vec<_> = used.iter().map(|used| used.properties.as_str()).collect();
        assert_eq!(used, ["(n ASC, __name__ ASC)"]);
    }
    let bad = Query {
        order_by: vec![
            Order::ascending(FieldRef::Field(field("n"))),
            Order::ascending(FieldRef::Field(field("n"))),
        ],
        ..all("c")
    };
    assert_eq!(kind(world.query(bad, Consistency::Strong).await), "invalid");
}

#[tokio::test]
async fn numbers_are_computed() {
    let world = filled(50).await;
    let aggregation = |operator| Aggregation {
        alias: None,
        operator,
    };
    for (query, expected) in [
        (all("c"), [50, 1_225]),
        (at_least("c", 40), [10, 445]),
        (
            Query {
                limit: Some(2),
                offset: 1,
                ..all("c")
            },
            [2, 3],
        ),
        (all("none"), [0, 0]),
    ] {
        let query = AggregationQuery {
            query,
            aggregations: vec![
                aggregation(Operator::Count { up_to: None }),
                aggregation(Operator::Sum(field("n"))),
            ],
        };
        let (it, owner, database) = (&world.firestore, &world.owner, &world.database);
        let found = it.run_aggregation_query(owner, database, query, Consistency::Strong, None);
        let found: Vec<_> = found.await.unwrap().fields;
        let names = ["field_1", "field_2"].into_iter();
        let expected: Vec<(Box<str>, Value)> = names
            .zip(expected)
            .map(|(name, n)| (name.into(), n.into()))
            .collect();
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn a_group_is_partitioned_in_pages() {
    let world = filled(100).await;
    let (it, owner, database) = (&world.firestore, &world.owner, &world.database);
    let ask = |query: Query, size: u32, token: String| async move {
        it.partition_query(owner, database, query, 4, size, &token, Consistency::Strong)
            .await
    };
    let (whole, token) = ask(group("c"), 0, String::new()).await.unwrap();
    assert_eq!((whole.len(), token.as_str()), (4, ""));
    let (first, token) = ask(group("c"), 3, String::new()).await.unwrap();
    world
        .commit((0..100).map(|n| set(&format!("c/a{n}"), n)).collect())
        .await
        .unwrap();
    let (second, end) = ask(group("c"), 3, token.clone()).await.unwrap();
    assert_eq!([first, second].concat(), whole);
    assert_eq!(end, "");
    assert_eq!(kind(ask(group("d"), 3, token).await), "invalid");
    for bad in [
        all("c"),
        Query {
            limit: Some(1),
            ..group("c")
        },
        Query {
            order_by: vec![Order::descending(FieldRef::DocumentName)],
            ..group("c")
        },
    ] {
        assert_eq!(kind(ask(bad, 0, String::new()).await), "invalid");
    }
}
