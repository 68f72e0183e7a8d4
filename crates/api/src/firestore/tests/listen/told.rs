//! What a target is told, in which order, and what is refused.

use super::*;
use crate::limits::{TARGETS_BYTES_MAX, TARGETS_MAX};

#[tokio::test]
async fn a_target_is_told_what_there_is_and_then_what_changes() {
    let world = World::new();
    world.set("c/a", 1).await;
    let mut client = world.client().await;
    client.add(target(2, all("c"))).await;
    client.add(documents(4, &["c/a"])).await;
    client.add(documents(6, &["c/b"])).await;
    // One behind the other, and the one that may be long at the end.
    for (number, told) in [
        (4, "c/a=1 [4] []"),
        (6, "deleted c/b [6]"),
        (2, "c/a=1 [2] []"),
    ] {
        client.snapshot().await;
        let [add, current] = ["Add", "Current"].map(|word| format!("{word} [{number}]"));
        assert_eq!(client.take_words(), [&add, told, &current, "NoChange []"]);
    }
    world.set("c/b", 2).await;
    client.snapshot().await;
    assert_eq!(client.take_words(), ["c/b=2 [2, 6] []", "NoChange []"]);
    world
        .commit(vec![delete("c/a"), set("c/c", 3), set("d/a", 1)])
        .await
        .unwrap();
    client.snapshot().await;
    assert_eq!(
        client.take_words(),
        ["deleted c/a [2, 4]", "c/c=3 [2] []", "NoChange []"]
    );
    client.remove(2).await;
    client.add(target(2, at_least("c", 3))).await;
    client.snapshot().await;
    assert_eq!(
        client.take_words(),
        [
            "Remove [2]",
            "Add [2]",
            "c/c=3 [2] []",
            "Current [2]",
            "NoChange []"
        ]
    );
    world.set("c/c", 1).await;
    client.snapshot().await;
    assert_eq!(client.take_words(), ["c/c=1 [] [2]", "NoChange []"]);
}

#[tokio::test]
async fn windows_follow() {
    let world = World::new();
    for (path, n) in [("c/a", 1), ("c/b", 2), ("c/c", 3)] {
        world.set(path, n).await;
    }
    let mut client = world.client().await;
    let query = Query {
        order_by: vec![Order::ascending(FieldRef::Field(field("n")))],
        limit: Some(2),
        ..all("c")
    };
    client.add(target(1, query)).await;
    client.until(1, &[("a", 1), ("b", 2)]).await;
    world.set("c/d", 0).await;
    client.until(1, &[("a", 1), ("d", 0)]).await;
    world
        .commit(vec![delete("c/a"), delete("c/d")])
        .await
        .unwrap();
    client.until(1, &[("b", 2), ("c", 3)]).await;
}

#[tokio::test]
async fn what_is_refused_is_said_of_the_target_and_the_stream_goes_on() {
    let world = World::new();
    let mut client = world.client().await;
    let nearest = Query {
        limit: None,
        find_nearest: Some(FindNearest {
            field: field("v"),
            vector: firekeep_model::Vector::new(vec![1.0]).unwrap(),
            measure: DistanceMeasure::Euclidean,
            limit: 1,
            distance_threshold: None,
            distance_result_field: None,
        }),
        ..all("c")
    };
    let wrong = Query {
        start_at: Some(Cursor {
            values: vec![1.into(); 5],
            before: true,
        }),
        ..all("c")
    };
    let bad = AddTarget {
        target: Err(Error::Invalid("no path".to_owned())),
        ..target(5, all("c"))
    };
    for add in [target(1, nearest), target(3, wrong), bad] {
        let number = add.id.unwrap().get();
        client.add(add).await;
        client.take().await.unwrap();
        let expected = [
            format!("Add [{number}]"),
            format!("rejected {number}: invalid"),
        ];
        assert_eq!(client.take_words(), expected);
    }
    // Its client had not heard of the refusal yet.
    client.remove(5).await;
    let (firestore, owner) = (&world.firestore, &world.owner);
    let enforce = firestore.set_index_mode(owner, &world.database, IndexMode::Enforce);
    enforce.await.unwrap();
    let orders = ["n", "m"].map(|name| Order::ascending(FieldRef::Field(field(name))));
    let ordered = Query {
        order_by: orders.to_vec(),
        ..all("c")
    };
    client.add(target(5, ordered)).await;
    client.add(target(6, all("c"))).await;
    client.snapshot().await;
    assert_eq!(
        client.take_words(),
        [
            "Remove [5]",
            "Add [5]",
            "rejected 5: index",
            "Add [6]",
            "Current [6]",
            "NoChange []"
        ]
    );
    let again = ListenRequest::Add(Box::new(target(6, all("d"))));
    assert_eq!(kind(client.listening.request(again).await), "invalid");
}

#[tokio::test]
async fn who_may_not_is_told_so_of_every_target() {
    let world = World::of(Server::with_documents(Mode::Safe, Access::Administrators));
    world.set("c/a", 1).await;
    let mut client = world.client().await;
    let credential = StreamCredential {
        bearer: None,
        caller: Caller::Anonymous,
    };
    let opened = world.firestore.listen(credential, &world.database);
    client.listening = opened.await.unwrap();
    client.add(target(1, all("c"))).await;
    client.add(documents(3, &["c/a"])).await;
    client.take().await.unwrap();
    assert_eq!(
        client.take_words(),
        [
            "Add [1]",
            "rejected 1: denied",
            "Add [3]",
            "rejected 3: denied"
        ]
    );
}

#[tokio::test]
async fn numbers_are_given_and_bounded() {
    let world = World::new();
    let mut client = world.client().await;
    let once = AddTarget {
        id: None,
        lasts: Lasts::Once,
        ..target(9, all("c"))
    };
    client.add(once).await;
    client.snapshot().await;
    let expected = ["Add [1]", "Current [1]", "NoChange []", "Remove [1]"];
    assert_eq!(client.take_words(), expected);
    for number in 1..=i32::try_from(TARGETS_MAX).unwrap() {
        client.add(documents(number, &["c/a"])).await;
    }
    client.add(documents(5_000, &["c/a"])).await;
    client.remove(1).await;
    client.remove(5_000).await;
    let large = AddTarget {
        bytes: TARGETS_BYTES_MAX - 100 * (TARGETS_MAX - 1) + 1,
        ..documents(5_001, &["c/a"])
    };
    client.add(large).await;
    let last = format!("Current [{TARGETS_MAX}]");
    while !client.words.contains(&last) {
        client.snapshot().await;
    }
    let words = client.take_words();
    for number in [5_000, 5_001] {
        let refused =
            format!("rejected {number}: too many targets on this stream; try again later");
        assert!(words.contains(&refused), "{refused} {words:?}");
    }
    world.set("c/a", 1).await;
    client.snapshot().await;
    let words = client.take_words();
    assert_eq!(words.len(), 2, "one message for all targets");
}

#[tokio::test]
async fn what_was_before_a_load_is_told_before_it() {
    let world = World::new();
    world.set("c/x", 5).await;
    let mut client = world.client().await;
    client.add(target(1, at_least("c", 3))).await;
    client.until(1, &[("x", 5)]).await;
    let mut other = world.client().await;
    other.add(target(1, all("c"))).await;
    // Two steps: it leaves the target, and then is changed again.
    for n in [1, 2] {
        let time = world.set("c/x", n).await;
        other.reach(time).await;
    }
    client.take_words();
    client.add(target(3, all("c"))).await;
    client.until(3, &[("x", 2)]).await;
    let told = [
        "c/x=1 [] [1]",
        "NoChange []",
        "Add [3]",
        "c/x=2 [3] []",
        "Current [3]",
        "NoChange []",
    ];
    assert_eq!(client.take_words(), told);
}

#[tokio::test]
async fn who_waits_may_leave_before_it_has_begun() {
    let world = World::new();
    let mut client = world.listener().await;
    client.add(target(3, all("d"))).await;
    let again = ListenRequest::Add(Box::new(target(3, all("d"))));
    assert_eq!(kind(client.listening.request(again).await), "invalid");
    client.remove(3).await;
    client.add(target(3, all("e"))).await;
    client.snapshot().await;
    client.snapshot().await;
    let told = [
        "Add [3]",
        "Remove [3]",
        "Add [1]",
        "Current [1]",
        "NoChange []",
        "Add [3]",
        "Current [3]",
        "NoChange []",
    ];
    assert_eq!(client.take_words(), told);
}
