//! Reading and writing documents.

use firekeep_model::FieldMask;

use super::*;

#[tokio::test]
async fn documents_are_written_read_and_deleted() {
    let world = World::new();
    let (it, owner, database) = (&world.firestore, &world.owner, &world.database);
    let none = Precondition::None;
    let made = it.create_document(
        owner,
        database,
        Some(document("a/b")),
        collection("c"),
        None,
        fields(1),
        None,
    );
    let made = made.await.unwrap();
    assert_eq!(made.path.id().len(), 20);
    assert_eq!(
        (made.create_time, n_of(&made.fields)),
        (made.update_time, 1)
    );
    let again = it.create_document(
        owner,
        database,
        Some(document("a/b")),
        collection("c"),
        Some(firekeep_model::DocumentId::parse(made.path.id()).unwrap()),
        fields(1),
        None,
    );
    assert_eq!(kind(again.await), "exists");

    world.server.clock.advance(1);
    let path = made.path.clone();
    let nothing = Some(FieldMask::new([]));
    let updated = it.update_document(
        owner,
        database,
        path.clone(),
        fields(2),
        None,
        nothing,
        none,
    );
    let updated = updated.await.unwrap();
    assert_eq!(updated.fields, Map::new());
    assert_eq!(updated.create_time, made.create_time);
    assert!(updated.update_time > made.update_time);
    let found = it.get_document(owner, database, path.clone(), None, Consistency::Strong);
    let found = found.await.unwrap();
    assert_eq!(
        (found.update_time, n_of(&found.fields)),
        (updated.update_time, 2)
    );

    let stale = Precondition::UpdateTime(made.update_time);
    let refused = it.delete_document(owner, database, path.clone(), stale);
    assert_eq!(kind(refused.await), "stale");
    it.delete_document(owner, database, path.clone(), none)
        .await
        .unwrap();
    it.delete_document(owner, database, path.clone(), none)
        .await
        .unwrap();
    let exists = Precondition::Exists(true);
    let refused = it.delete_document(owner, database, path.clone(), exists);
    assert_eq!(kind(refused.await), "not found");
    let found = it.get_document(owner, database, path, None, Consistency::Strong);
    assert_eq!(kind(found.await), "not found");
}

#[tokio::test]
async fn a_commit_is_whole_and_says_when_documents_changed() {
    let world = World::new();
    let first = world
        .commit(vec![set("c/a", 1), set("c/b", 1)])
        .await
        .unwrap();
    let times: Vec<_> = first
        .results
        .iter()
        .map(|result| result.update_time)
        .collect();
    assert_eq!(times, [Some(first.commit_time); 2]);
    world.server.clock.advance(5);
    // Nothing changes: the old time, and a commit time that is not before what there is.
    let same = world.commit(vec![set("c/a", 1)]).await.unwrap();
    assert_eq!(
        same.results.first().unwrap().update_time,
        Some(first.commit_time)
    );
    assert_eq!(same.commit_time, world.now());
    let empty = world.commit(Vec::new()).await.unwrap();
    assert_eq!((empty.results.len(), empty.commit_time), (0, world.now()));
    let deleted = world
        .commit(vec![delete("c/b"), increment("c/a")])
        .await
        .unwrap();
    assert_eq!(deleted.results.first().unwrap(), &Written::default());
    let added = deleted.results.get(1).unwrap();
    assert_eq!(added.transform_results, [2.into()]);
    let refused = Write {
        precondition: Precondition::Exists(true),
        ..set("c/none", 1)
    };
    assert_eq!(
        kind(world.commit(vec![set("c/a", 9), refused]).await),
        "not found"
    );
    assert_eq!(world.n("c/a", Consistency::Strong).await.unwrap(), Some(2));
    let large = "x".repeat(1_000_000);
    let writes = (0..12).map(|at| {
        let mut fields = Map::new();
        fields.insert("x", large.as_str().into()).unwrap();
        let operation = Operation::Update { fields, mask: None };
        Write {
            operation,
            ..set(&format!("large/{at}"), 0)
        }
    });
    let refused = world.commit(writes.collect()).await;
    assert!(matches!(refused, Err(Error::TooLarge(_))), "{refused:?}");
}

#[tokio::test]
async fn batches_get_every_document_once_and_of_one_time() {
    let world = World::new();
    let count = 70;
    for at in 0..count {
        world.set(&format!("c/{at:03}"), at).await;
    }
    let mut paths: Vec<_> = (0..=count)
        .map(|at| document(&format!("c/{at:03}")))
        .collect();
    paths.push(document("c/001"));
    let mask = Some(FieldMask::new([]));
    let gets = (world.firestore).batch_get(
        &world.owner,
        &world.database,
        paths.clone(),
        mask,
        Consistency::Strong,
    );
    let mut gets = gets.await.unwrap();
    assert_eq!(gets.transaction, None);
    // What happens meanwhile is later.
    world.commit(vec![delete("c/069")]).await.unwrap();
    let mut got = Vec::new();
    while let Some(page) = gets.next_page().await.unwrap() {
        got.extend(page);
    }
    let shown: Vec<_> = (got.into_iter())
        .map(|got| match got {
            Got::Found(found) => {
                let found = found.decode().unwrap();
                assert_eq!(found.fields, Map::new());
                assert!(found.update_time <= gets.read_time);
                found.path.to_string()
            }
            Got::Missing(path) => format!("no {path}"),
        })
        .collect();
    let mut expected: Vec<_> = (0..count).map(|at| format!("c/{at:03}")).collect();
    expected.push(format!("no c/{count:03}"));
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn writes_of_a_batch_have_their_own_answers() {
    let world = World::new();
    let missing = Write {
        precondition: Precondition::Exists(true),
        ..set("c/b", 1)
    };
    let (it, owner, database) = (&world.firestore, &world.owner, &world.database);
    let answers = it.batch_write(owner, database, vec![set("c/a", 1), missing, set("c/c", 1)]);
    let answers = answers.await.unwrap().into_iter().map(kind);
    assert_eq!(answers.collect::<Vec<_>>(), ["ok", "not found", "ok"]);
    let twice = it.batch_write(owner, database, vec![set("c/a", 1), delete("c/a")]);
    assert_eq!(kind(twice.await), "invalid");
}

#[tokio::test]
async fn the_past_can_be_read_for_an_hour() {
    let world = World::new();
    let clock = &world.server.clock;
    let first = world.set("c/a", 1).await;
    clock.advance(10);
    world.set("c/a", 2).await;
    clock.advance(10);
    let later = |secs: i64| Timestamp::from_micros(first.micros() + secs * 1_000_000);
    for (secs, expected) in [(0, Some(1)), (9, Some(1)), (10, Some(2)), (19, Some(2))] {
        let at = Consistency::At(later(secs));
        assert_eq!(world.n("c/a", at).await.unwrap(), expected, "{secs}");
    }
    for secs in [21, 1_000_000, -3_600] {
        let at = Consistency::At(later(secs));
        assert_eq!(kind(world.n("c/a", at).await), "too old", "{secs}");
    }
    clock.advance(3_590);
    assert_eq!(
        kind(world.n("c/a", Consistency::At(first)).await),
        "too old"
    );
    world.server.core.tend().await.unwrap();
    assert_eq!(
        world.n("c/a", Consistency::At(later(10))).await.unwrap(),
        Some(2)
    );
}

#[tokio::test]
async fn clearing_deletes_everything() {
    let world = World::of(Server::new(Mode::Dev));
    let writes = (0..600).map(|at| set(&format!("c/{at}/d/e"), at));
    world.commit(writes.collect()).await.unwrap();
    let owner = &world.owner;
    let cleared = world.firestore.clear(&Caller::Anonymous, &world.database);
    cleared.await.unwrap();
    let ids = (world.firestore).list_collection_ids(
        owner,
        &world.database,
        None,
        0,
        "",
        Consistency::Strong,
    );
    assert_eq!(ids.await.unwrap().0, []);
    let world = World::new();
    let refused = world.firestore.clear(&Caller::Anonymous, &world.database);
    assert_eq!(kind(refused.await), "denied");
    world
        .firestore
        .clear(&world.owner, &world.database)
        .await
        .unwrap();
}
