//! Transactions of clients.

use super::*;

fn retry(id: &Bytes) -> TransactionOptions {
    TransactionOptions::ReadWrite {
        retry: Some(id.clone()),
    }
}

fn within(id: &Bytes) -> Consistency {
    Consistency::Transaction(id.clone())
}

#[tokio::test]
async fn a_transaction_sees_one_time_and_loses_no_update() {
    let world = World::new();
    world.set("c/a", 1).await;
    let id = world.begin(READ_WRITE).await.unwrap();
    world.set("c/a", 5).await;
    assert_eq!(world.n("c/a", within(&id)).await.unwrap(), Some(1));
    // A plain write meanwhile is not lost.
    assert_eq!(
        kind(world.commit_in(vec![set("c/a", 2)], Some(&id)).await),
        "aborted"
    );
    assert_eq!(world.n("c/a", Consistency::Strong).await.unwrap(), Some(5));
    // It has ended, its id is known to a rollback and to the next try.
    assert_eq!(kind(world.n("c/a", within(&id)).await), "expired");
    assert_eq!(
        kind(world.commit_in(Vec::new(), Some(&id)).await),
        "expired"
    );
    let (it, owner, database) = (&world.firestore, &world.owner, &world.database);
    it.rollback(owner, database, id.clone()).await.unwrap();
    it.rollback(owner, database, id.clone()).await.unwrap();
    let id = world.begin(retry(&id)).await.unwrap();
    assert_eq!(world.n("c/a", within(&id)).await.unwrap(), Some(5));
    world
        .commit_in(vec![set("c/a", 6)], Some(&id))
        .await
        .unwrap();
    assert_eq!(world.n("c/a", Consistency::Strong).await.unwrap(), Some(6));
    it.rollback(owner, database, id).await.unwrap();
}

/// What is read in a transaction, what happens meanwhile, and whether it may commit.
#[tokio::test]
async fn conflicts_are_those_that_matter() {
    enum Reads {
        Document(&'static str),
        Query(Query),
        Count(Query),
        List(&'static str),
        Batch(&'static str),
        Nothing,
    }
    let first_two = || Query {
        limit: Some(2),
        ..all("c")
    };
    for (reads, meanwhile, expected) in [
        (Reads::Document("c/a"), set("c/a", 9), "aborted"),
        (Reads::Document("c/a"), delete("c/a"), "aborted"),
        (Reads::Document("c/a"), set("c/b", 9), "ok"),
        (Reads::Document("c/none"), set("c/none", 1), "aborted"),
        (Reads::Document("c/none"), delete("c/none"), "ok"),
        (Reads::Document("c/a"), set("c/a", 1), "ok"),
        (Reads::Batch("c/none"), set("c/none", 1), "aborted"),
        (Reads::Nothing, set("c/a", 9), "ok"),
        // A document enters, changes, leaves; and one that was never in the answer.
        (Reads::Query(at_least("c", 2)), set("c/new", 5), "aborted"),
        (Reads::Query(at_least("c", 2)), set("c/b", 7), "aborted"),
        (Reads::Query(at_least("c", 2)), set("c/b", 0), "aborted"),
        (Reads::Query(at_least("c", 2)), set("c/new", 1), "ok"),
        (Reads::Query(at_least("c", 2)), set("d/new", 5), "ok"),
        (Reads::Query(all("c")), set("c/new", 1), "aborted"),
        (Reads::Query(first_two()), set("c/z", 1), "ok"),
        (Reads::Query(first_two()), set("c/aa", 1), "aborted"),
        (Reads::Query(all("empty")), set("empty/new", 1), "aborted"),
        (Reads::Count(at_least("c", 2)), set("c/new", 5), "aborted"),
        (Reads::Count(at_least("c", 2)), set("c/new", 1), "ok"),
        (Reads::List("c"), set("c/new", 1), "aborted"),
        (Reads::List("c"), set("d/new", 1), "ok"),
    ] {
        let world = World::new();
        let (it, owner, database) = (&world.firestore, &world.owner, &world.database);
        world
            .commit(vec![
                set("c/a", 1),
                set("c/b", 2),
                set("c/c", 3),
                set("c/d", 0),
            ])
            .await
            .unwrap();
        let id = world.begin(READ_WRITE).await.unwrap();
        let what = match reads {
            Reads::Document(path) => {
                world.n(path, within(&id)).await.unwrap();
                path.to_owned()
            }
            Reads::Batch(path) => {
                let paths = vec![document(path)];
                let got = it.batch_get(owner, database, paths, None, within(&id));
                got.await.unwrap();
                format!("batch {path}")
            }
            Reads::Query(query) => {
                let what = format!("{query:?}");
                world.query(query, within(&id)).await.unwrap();
                what
            }
            Reads::Count(query) => {
                let what = format!("count {query:?}");
                let query = AggregationQuery {
                    query,
                    aggregations: vec![Aggregation {
                        alias: None,
                        operator: Operator::Count { up_to: None },
                    }],
                };
                let counted = it.run_aggregation_query(owner, database, query, within(&id), None);
                counted.await.unwrap();
                what
            }
            Reads::List(id_of) => {
                let list = List {
                    collection: Some(collection(id_of)),
                    consistency: within(&id),
                    ..List::default()
                };
                it.list_documents(owner, database, list).await.unwrap();
                format!("list {id_of}")
            }
            Reads::Nothing => "nothing".to_owned(),
        };
        let shown = format!("{what}; {meanwhile:?}");
        world.commit(vec![meanwhile]).await.unwrap();
        let committed = world.commit_in(vec![set("x/y", 1)], Some(&id)).await;
        assert_eq!(kind(committed), expected, "{shown}");
        let written = world.n("x/y", Consistency::Strong).await.unwrap().is_some();
        assert_eq!(written, expected == "ok", "{shown}");
    }
}

#[tokio::test]
async fn of_two_that_read_what_the_other_writes_one_loses() {
    let world = World::new();
    world
        .commit(vec![set("c/a", 1), set("c/b", 1)])
        .await
        .unwrap();
    let one = world.begin(READ_WRITE).await.unwrap();
    let other = world.begin(READ_WRITE).await.unwrap();
    for id in [&one, &other] {
        world.query(at_least("c", 1), within(id)).await.unwrap();
    }
    let first = world.commit_in(vec![set("c/a", 0)], Some(&one)).await;
    let second = world.commit_in(vec![set("c/b", 0)], Some(&other)).await;
    assert_eq!(
        (kind(first), kind(second)),
        ("ok".to_owned(), "aborted".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn counters_count_every_transaction() {
    let world = Arc::new(World::new());
    world.set("c/n", 0).await;
    let tasks = (0..16).map(|_| {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            let mut options = READ_WRITE;
            for tries in 1.. {
                let id = world.begin(options).await.unwrap();
                let n = world.n("c/n", within(&id)).await.unwrap().unwrap();
                match world.commit_in(vec![set("c/n", n + 1)], Some(&id)).await {
                    Ok(_) => return tries,
                    Err(Error::Aborted) => options = retry(&id),
                    Err(error) => panic!("{error}"),
                }
            }
            unreachable!()
        })
    });
    let mut most = 0;
    for task in tasks.collect::<Vec<_>>() {
        most = most.max(task.await.unwrap());
    }
    assert_eq!(world.n("c/n", Consistency::Strong).await.unwrap(), Some(16));
    // Client libraries try five times.
    assert!(most <= 5, "{most}");
}

#[tokio::test]
async fn reads_begin_transactions_and_tell_their_ids() {
    let world = World::new();
    world.set("c/a", 1).await;
    let (it, owner, database) = (&world.firestore, &world.owner, &world.database);
    let new = || Consistency::New(READ_WRITE);
    let got = it.batch_get(owner, database, vec![document("c/a")], None, new());
    let got = got.await.unwrap();
    let answers = it
        .run_query(owner, database, all("c"), new(), None)
        .await
        .unwrap();
    world.set("c/a", 2).await;
    for id in [got.transaction.unwrap(), answers.transaction.unwrap()] {
        assert_eq!(id.len(), 32);
        assert_eq!(world.n("c/a", within(&id)).await.unwrap(), Some(1));
        let lost = world.commit_in(vec![set("c/b", 1)], Some(&id)).await;
        assert_eq!(kind(lost), "aborted");
    }
}

#[tokio::test]
async fn transactions_that_only_read_do() {
    let world = World::new();
    let first = world.set("c/a", 1).await;
    world.server.clock.advance(1);
    world.set("c/a", 2).await;
    let at = |read_time| TransactionOptions::ReadOnly { read_time };
    for (options, expected) in [(at(None), 2), (at(Some(first)), 1)] {
        let id = world.begin(options).await.unwrap();
        let then = world.n("c/a", within(&id)).await.unwrap();
        assert_eq!(then, Some(expected));
        let refused = world.commit_in(vec![set("c/b", 1)], Some(&id)).await;
        assert_eq!(kind(refused), "read-only");
        assert_eq!(kind(world.commit_in(Vec::new(), Some(&id)).await), "ok");
        assert_eq!(kind(world.n("c/a", within(&id)).await), "expired");
    }
    let future = Timestamp::from_micros(world.now().micros() + 1);
    assert_eq!(kind(world.begin(at(Some(future))).await), "too old");
}

#[tokio::test]
async fn transactions_expire() {
    for (pauses, expected) in [
        (&[59, 59][..], "ok"),
        (&[60], "expired"),
        (&[59, 59, 59, 59, 33], "ok"),
        (&[59, 59, 59, 59, 34], "expired"),
    ] {
        let world = World::new();
        let id = world.begin(READ_WRITE).await.unwrap();
        let mut last = "ok".to_owned();
        for pause in pauses {
            world.server.clock.advance(*pause);
            last = kind(world.n("c/a", within(&id)).await);
        }
        assert_eq!(last, expected, "{pauses:?}");
        let committed = world.commit_in(vec![set("c/a", 1)], Some(&id)).await;
        assert_eq!(kind(committed), expected, "{pauses:?}");
    }
    let world = World::new();
    let id = world.begin(READ_WRITE).await.unwrap();
    world.server.clock.advance(60);
    world.server.core.tend().await.unwrap();
    let rolled_back = world
        .firestore
        .rollback(&world.owner, &world.database, id.clone());
    assert_eq!(kind(rolled_back.await), "expired");
    // A forgotten predecessor keeps nobody from trying again.
    assert_eq!(kind(world.begin(retry(&id)).await), "ok");
}

#[tokio::test]
async fn ids_are_their_owners() {
    let world = World::of(Server::new(Mode::Dev));
    let (it, owner) = (&world.firestore, &world.owner);
    let id = world.begin(READ_WRITE).await.unwrap();
    let other = database("demo-other", "(default)");
    let nobody = Caller::Anonymous;
    let unknown = Bytes::from_static(&[7; 32]);
    for (caller, place, id, expected) in [
        (owner, &world.database, Bytes::from_static(b"x"), "foreign"),
        (owner, &world.database, Bytes::new(), "foreign"),
        (owner, &world.database, unknown, "expired"),
        (&nobody, &world.database, id.clone(), "expired"),
        (owner, &other, id.clone(), "expired"),
    ] {
        let read = it.batch_get(caller, place, vec![document("c/a")], None, within(&id));
        assert_eq!(kind(read.await.map(drop)), expected);
        let commit = it.commit(caller, place, Vec::new(), Some(id.clone()));
        assert_eq!(kind(commit.await), expected);
        assert_eq!(kind(it.rollback(caller, place, id).await), expected);
    }
    it.rollback(owner, &world.database, id.clone())
        .await
        .unwrap();
    assert_eq!(
        kind(world.commit_in(Vec::new(), Some(&id)).await),
        "expired"
    );
}

#[tokio::test]
async fn a_request_that_fails_ends_the_transaction_that_it_began() {
    let world = World::new();
    world.set("c/a", 1).await;
    let transactions = &world.server.core.transactions;
    let new = || Consistency::New(READ_WRITE);
    assert_eq!(kind(world.n("c/b", new()).await), "ok");
    let mode = IndexMode::Enforce;
    let (it, owner, database) = (&world.firestore, &world.owner, &world.database);
    it.set_index_mode(owner, database, mode).await.unwrap();
    let group = Query {
        from: CollectionSelector {
            all_descendants: true,
            ..all("c").from
        },
        ..at_least("c", 1)
    };
    assert_eq!(kind(world.query(group, new()).await), "index");
    assert_eq!(transactions.open(), 0);
    assert_eq!(kind(world.query(all("c"), new()).await), "ok");
    assert_eq!(transactions.open(), 1);
}

#[tokio::test]
async fn pages_of_an_answer_keep_its_transaction_alive() {
    let world = World::new();
    let writes = (0..200).map(|at| set(&format!("c/{at}"), at));
    world.commit(writes.collect()).await.unwrap();
    let id = world.begin(READ_WRITE).await.unwrap();
    let (it, owner, database) = (&world.firestore, &world.owner, &world.database);
    let paths = (0..200).map(|at| document(&format!("c/{at}"))).collect();
    let mut gets = it
        .batch_get(owner, database, paths, None, within(&id))
        .await
        .unwrap();
    for _ in 0..3 {
        world.server.clock.advance(50);
        gets.next_page().await.unwrap().unwrap();
    }
    assert_eq!(world.n("c/1", within(&id)).await.unwrap(), Some(1));
}
