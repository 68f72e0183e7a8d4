//! The end of a watch: a failure, nobody left, the end of the server.

use super::*;

#[tokio::test]
async fn who_listens_after_a_failure_begins_anew() {
    let world = World::new();
    world.set("c/a", 1).await;
    let mut client = world.listener().await;
    client.until(1, &[("a", 1)]).await;
    world.break_watch().await;
    let end = kind(client.take().await);
    assert_eq!(end, "the database cannot be listened to now; try again");
    let mut again = world.client().await;
    again.add(target(1, all("c"))).await;
    again.until(1, &[("a", 1)]).await;
    world.set("c/a", 2).await;
    again.until(1, &[("a", 2)]).await;
}

#[tokio::test]
async fn a_database_is_watched_while_somebody_listens() {
    let world = World::new();
    world.set("c/a", 1).await;
    let databases = &world.server.core.databases;
    let mut client = world.listener().await;
    client.until(1, &[("a", 1)]).await;
    world.server.clock.advance(3_600);
    databases.close_idle();
    assert!(databases.is_open(&world.database));
    world.set("c/a", 2).await;
    client.until(1, &[("a", 2)]).await;
    drop(client);
    let until = std::time::Instant::now() + LONG;
    while databases.is_open(&world.database) && std::time::Instant::now() < until {
        world.server.clock.advance(400);
        tokio::time::sleep(Duration::from_millis(20)).await;
        databases.close_idle();
    }
    assert!(!databases.is_open(&world.database));
    world.set("c/a", 3).await;
    let mut client = world.listener().await;
    client.until(1, &[("a", 3)]).await;
}

#[tokio::test]
async fn the_end_of_the_server_ends_listening() {
    let world = World::new();
    let mut client = world.listener().await;
    client.snapshot().await;
    let core = Arc::clone(&world.server.core);
    core.end_streams();
    let end = client.take().await;
    assert_eq!(kind(end), "the server is stopping; try again");
    tokio::task::spawn_blocking(move || core.close())
        .await
        .unwrap();
}
