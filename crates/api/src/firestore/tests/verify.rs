//! What `firekeep verify` says of databases.

use firekeep_model::Clock;
use firekeep_store::{DbId, Engine, KeyRange, PageLimit, Read as _, Space, Store, WriteTx};

use super::*;
use crate::SystemClock;

/// The check of a stopped server: every database with its counts, and the sentences of its faults.
fn check(world: &World) -> Vec<(String, u64, u64, Vec<String>)> {
    let engine: Arc<dyn Engine> = world.server.engine.clone();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut told = 0;
    let all = verify_documents(&engine, DbId(0), &clock, &mut |_, _| told += 1).unwrap();
    assert!(told > 0);
    let shown = all.into_iter().map(|(name, found)| {
        let found = found.unwrap();
        assert_eq!(found.faults, found.first.len() as u64);
        let id = name.database().to_string();
        (id, found.documents, found.entries, found.first)
    });
    shown.collect()
}

#[tokio::test]
async fn every_database_is_checked_against_its_indexes() {
    let world = World::new();
    let (it, owner) = (&world.firestore, &world.owner);
    world
        .commit(vec![set("c/a", 1), set("c/b", 2)])
        .await
        .unwrap();
    for id in ["empty", "gone"] {
        let name = database("firekeep", id);
        it.create_database(owner, &name).await.unwrap();
    }
    let gone = database("firekeep", "gone");
    it.commit(owner, &gone, vec![set("c/a", 1)], None)
        .await
        .unwrap();
    it.delete_database(owner, &gone).await.unwrap();
    world.server.core.close();
    let (default, empty) = ("(default)".to_owned(), "empty".to_owned());
    // Each has an entry of its name and of its field.
    let sound = (default.clone(), 2, 4, Vec::new());
    let nothing = (empty, 0, 0, Vec::new());
    assert_eq!(check(&world), [sound, nothing.clone()]);

    // The first database has the first number.
    let engine: Arc<dyn Engine> = world.server.engine.clone();
    let store = Store::open(engine, DbId(1), Arc::new(SystemClock)).unwrap();
    let forward = firekeep_store::Direction::Forward;
    let page = store
        .read()
        .unwrap()
        .scan(Space::Idx, &KeyRange::all(), forward, PageLimit::default())
        .unwrap();
    let key = page.rows[0].0.clone();
    store
        .write(|tx: &mut WriteTx<'_>| tx.delete(Space::Idx, key.clone()))
        .unwrap();
    store.close();
    let fault = format!(
        "the document `c/a` has no index entry `{}`",
        key.escape_ascii()
    );
    let damaged = (default, 2, 3, vec![fault]);
    assert_eq!(check(&world), [damaged, nothing]);
}
