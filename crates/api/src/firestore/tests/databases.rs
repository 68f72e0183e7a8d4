//! The life of databases.

use super::*;
use crate::limits::DATABASES_OPEN_MAX;

#[tokio::test]
async fn databases_are_made_listed_and_deleted_and_their_clocks_go_on() {
    let world = World::new();
    let (it, owner) = (&world.firestore, &world.owner);
    let name = database("firekeep", "second");
    assert_eq!(kind(it.database(owner, &name).await), "no database");
    assert_eq!(
        kind(it.create_database(&Caller::Anonymous, &name).await),
        "denied"
    );
    let made = it.create_database(owner, &name).await.unwrap();
    assert_eq!((&made.name, made.create_time), (&name, world.now()));
    assert_eq!(kind(it.create_database(owner, &name).await), "exists");
    let written = it.commit(owner, &name, vec![set("c/a", 1), set("c/a/d/b", 1)], None);
    let written = written.await.unwrap();
    // Apart from the other one, which is made when it is used.
    assert_eq!(world.n("c/a", Consistency::Strong).await.unwrap(), None);
    let listed = it.list_databases(owner, name.project()).await.unwrap();
    let ids: Vec<_> = listed
        .iter()
        .map(|it| it.name.database().to_string())
        .collect();
    assert_eq!(ids, ["(default)", "second"]);

    assert_eq!(
        kind(it.delete_database(&Caller::Anonymous, &name).await),
        "denied"
    );
    it.delete_database(owner, &name).await.unwrap();
    assert_eq!(kind(it.delete_database(owner, &name).await), "no database");
    let gone = it.get_document(owner, &name, document("c/a"), None, Consistency::Strong);
    assert_eq!(kind(gone.await), "no database");
    world.server.clock.advance(10);
    let again = it.create_database(owner, &name).await.unwrap();
    assert_ne!(again.uid, made.uid);
    let got = it.batch_get(
        owner,
        &name,
        vec![document("c/a")],
        None,
        Consistency::Strong,
    );
    let mut got = got.await.unwrap();
    assert!(got.read_time > written.commit_time);
    let page = got.next_page().await.unwrap().unwrap();
    assert_eq!(page, [Got::Missing(document("c/a"))]);
    // The past of the one that had its name is not its own.
    let then = Consistency::At(written.commit_time);
    let past = it.batch_get(owner, &name, vec![document("c/a")], None, then);
    assert_eq!(kind(past.await.map(drop)), "too old");
}

#[tokio::test]
async fn a_restart_finds_databases_and_documents() {
    let world = World::new();
    let name = database("firekeep", "second");
    let (it, owner) = (&world.firestore, &world.owner);
    let made = it.create_database(owner, &name).await.unwrap();
    it.commit(owner, &name, vec![set("c/a", 1)], None)
        .await
        .unwrap();
    let first = world.set("c/a", 2).await;
    let id = world.begin(READ_WRITE).await.unwrap();
    let world = World::of(world.server.restarted(Mode::Safe));
    let (it, owner) = (&world.firestore, &world.owner);
    assert_eq!(it.database(owner, &name).await.unwrap(), made);
    assert_eq!(world.n("c/a", Consistency::Strong).await.unwrap(), Some(2));
    let found = it.get_document(owner, &name, document("c/a"), None, Consistency::Strong);
    assert_eq!(n_of(&found.await.unwrap().fields), 1);
    // Transactions do not survive; the clock goes on.
    assert_eq!(
        kind(world.commit_in(Vec::new(), Some(&id)).await),
        "expired"
    );
    assert!(world.set("c/a", 3).await > first);
}

#[tokio::test]
async fn dev_mode_makes_any_database_and_closes_those_that_nobody_uses() {
    let world = World::of(Server::new(Mode::Dev));
    let it = &world.firestore;
    let open = || world.server.core.databases.all().len();
    let name = |at: usize| database(&format!("demo-{at}"), "(default)");
    for at in 0..DATABASES_OPEN_MAX + 20 {
        let name = name(at);
        let written = it.commit(&Caller::Anonymous, &name, vec![set("c/a", 7)], None);
        written.await.unwrap();
    }
    assert_eq!(open(), DATABASES_OPEN_MAX);
    // One that was closed is opened again.
    let (nobody, path) = (Caller::Anonymous, document("c/a"));
    let first = name(0);
    let found = it.get_document(&nobody, &first, path, None, Consistency::Strong);
    assert_eq!(n_of(&found.await.unwrap().fields), 7);
    // One that has a transaction stays open.
    let id = world.begin(READ_WRITE).await.unwrap();
    world.server.clock.advance(30);
    assert_eq!(
        world.n("c/a", Consistency::Transaction(id)).await.unwrap(),
        None
    );
    world.server.clock.advance(280);
    world.server.core.databases.close_idle();
    assert_eq!(open(), 1);
    world.server.core.tend().await.unwrap();
    world.server.clock.advance(300);
    world.server.core.tend().await.unwrap();
    assert_eq!(open(), 0);
}

#[tokio::test]
async fn a_closed_server_takes_nothing() {
    let world = World::new();
    world.set("c/a", 1).await;
    world.server.core.close();
    let refused = world.commit(vec![set("c/a", 2)]).await;
    assert!(matches!(refused, Err(Error::Store(_))), "{refused:?}");
}
