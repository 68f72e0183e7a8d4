//! Where a target goes on: behind a restart, a database made anew, a clock that was set back.

use firekeep_documents::watch::{Incarnation, ResumeToken};
use firekeep_store::CommitTime;

use super::*;

#[tokio::test]
async fn a_token_is_good_after_a_restart() {
    let world = World::new();
    for (path, n) in [("c/a", 1), ("c/b", 2), ("c/c", 3)] {
        world.set(path, n).await;
    }
    let mut client = world.client().await;
    client.add(target(1, at_least("c", 1))).await;
    client.snapshot().await;
    let (view, token) = (client.views[&1].clone(), client.token.clone());
    drop(client);
    let world = World::of(world.server.restarted(Mode::Safe));
    world
        .commit(vec![delete("c/a"), set("c/b", 0), set("c/d", 4)])
        .await
        .unwrap();
    let mut client = world.client().await;
    let resumed = |resume, expected_count| AddTarget {
        resume: Some(resume),
        expected_count,
        ..target(1, at_least("c", 1))
    };
    client
        .add(resumed(Resume::Token(token.clone()), Some(3)))
        .await;
    client.take().await.unwrap();
    client.views.insert(1, view.clone());
    client.until(1, &[("c", 3), ("d", 4)]).await;
    let words = client.take_words();
    assert_eq!(words.first().unwrap(), "Add [1]");
    let mut told = words[1..words.len() - 2].to_vec();
    told.sort();
    assert_eq!(told, ["c/b=0 [] [1]", "c/d=4 [1] []", "deleted c/a [1]"]);
    assert!(client.snapshots[0] > 0);

    // A time does as well; what is wrong about either begins anew.
    let stale = ResumeToken {
        incarnation: Incarnation([1; 16]),
        time: CommitTime(1),
    };
    let time = Timestamp::from_micros(client.snapshots[0]);
    let anew = vec![
        "Add [1]",
        "Reset [1]",
        "c/c=3 [1] []",
        "c/d=4 [1] []",
        "Current [1]",
        "NoChange []",
    ];
    for (resume, expected) in [
        (
            Resume::At(time),
            vec!["Add [1]", "Current [1]", "NoChange []"],
        ),
        (Resume::Token(stale.encode()), anew.clone()),
        (Resume::Token("x".into()), anew),
    ] {
        client.remove(1).await;
        client.take().await.unwrap();
        client.take_words();
        client.add(resumed(resume, None)).await;
        client.snapshot().await;
        assert_eq!(client.take_words(), expected);
    }
}

#[tokio::test]
async fn a_deleted_database_ends_its_streams_and_an_emptied_one_does_not() {
    let world = World::new();
    world.set("c/a", 1).await;
    let mut client = world.listener().await;
    client.until(1, &[("a", 1)]).await;
    let (firestore, owner) = (&world.firestore, &world.owner);
    firestore.clear(owner, &world.database).await.unwrap();
    client.until(1, &[]).await;
    firestore
        .delete_database(owner, &world.database)
        .await
        .unwrap();
    let end = loop {
        if let Err(end) = client.take().await {
            break end;
        }
    };
    assert_eq!(kind::<()>(Err(end)), "no database");
    // A new one of the name is listened to from its beginning, whatever the client knows of the other.
    let then = Timestamp::from_micros(*client.snapshots.last().unwrap());
    world.server.clock.advance(1);
    world.set("c/b", 2).await;
    let mut before = None;
    for resume in [
        None,
        Some(Resume::At(then)),
        Some(Resume::Token(client.token)),
    ] {
        let mut client = world.client().await;
        let is_fresh = resume.is_none();
        client
            .add(AddTarget {
                resume,
                ..target(1, all("c"))
            })
            .await;
        client.until(1, &[("b", 2)]).await;
        assert_eq!(client.words.contains(&"Reset [1]".to_owned()), !is_fresh);
        let at = client.snapshots.first().copied();
        assert!(at > Some(then.micros()) && at >= before);
        before = at;
    }
}

#[tokio::test]
async fn times_go_on_when_the_clock_is_set_back() {
    let world = World::new();
    world.set("c/a", 1).await;
    let mut client = world.listener().await;
    let told = world.heartbeat(&mut client).await;
    world.server.clock.advance(-7_200);
    // In the same process, by another thread.
    world.break_watch().await;
    let mut client = world.listener().await;
    client.snapshot().await;
    assert!(client.snapshots[0] >= told);
    let token = client.token.clone();
    drop(client);

    let world = World::of(world.server.restarted(Mode::Safe));
    let written = world.set("c/b", 2).await;
    assert!(written.micros() > told);
    let mut client = world.client().await;
    client
        .add(AddTarget {
            resume: Some(Resume::Token(token)),
            expected_count: Some(1),
            ..target(1, all("c"))
        })
        .await;
    client.snapshot().await;
    assert!(client.snapshots[0] >= written.micros());
    let told = ["Add [1]", "c/b=2 [1] []", "Current [1]", "NoChange []"];
    assert_eq!(client.take_words(), told);
}
