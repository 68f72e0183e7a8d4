//! Who may do what.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firekeep_accounts::users::{Change, Edit};
use serde_json::json;

use super::*;

/// Every operation that anybody asks for, with its name and what came of it.
async fn ask_all(
    world: &World,
    caller: &Caller,
    database: &DatabaseName,
) -> Vec<(&'static str, String)> {
    let it = &world.firestore;
    let path = || document("c/d");
    let strong = || Consistency::Strong;
    let group = || Query {
        from: CollectionSelector {
            collection: Some(collection("c")),
            all_descendants: true,
        },
        ..Query::default()
    };
    let aggregation = AggregationQuery {
        query: all("c"),
        aggregations: vec![Aggregation {
            alias: None,
            operator: Operator::Count { up_to: None },
        }],
    };
    let list = List {
        collection: Some(collection("c")),
        ..List::default()
    };
    vec![
        (
            "commit",
            kind(it.commit(caller, database, vec![set("c/d", 1)], None).await),
        ),
        (
            "get",
            kind(
                it.get_document(caller, database, path(), None, strong())
                    .await,
            ),
        ),
        (
            "batch get",
            kind(
                it.batch_get(caller, database, vec![path()], None, strong())
                    .await
                    .map(drop),
            ),
        ),
        (
            "query",
            kind(
                it.run_query(caller, database, all("c"), strong(), None)
                    .await
                    .map(drop),
            ),
        ),
        (
            "aggregation",
            kind(
                it.run_aggregation_query(caller, database, aggregation, strong(), None)
                    .await,
            ),
        ),
        (
            "list",
            kind(it.list_documents(caller, database, list).await),
        ),
        (
            "collection ids",
            kind(
                it.list_collection_ids(caller, database, None, 0, "", strong())
                    .await,
            ),
        ),
        (
            "partition",
            kind(
                it.partition_query(caller, database, group(), 2, 0, "", strong())
                    .await,
            ),
        ),
        (
            "begin",
            kind(it.begin_transaction(caller, database, READ_WRITE).await),
        ),
        (
            "create",
            kind(
                it.create_document(
                    caller,
                    database,
                    None,
                    collection("c"),
                    None,
                    fields(1),
                    None,
                )
                .await,
            ),
        ),
        (
            "update",
            kind(
                it.update_document(
                    caller,
                    database,
                    path(),
                    fields(2),
                    None,
                    None,
                    Precondition::None,
                )
                .await,
            ),
        ),
        (
            "batch write",
            kind(it.batch_write(caller, database, vec![set("c/d", 1)]).await),
        ),
        (
            "delete",
            kind(
                it.delete_document(caller, database, path(), Precondition::None)
                    .await,
            ),
        ),
    ]
}

#[track_caller]
fn check(answers: &[(&'static str, String)], expected: &str, what: &str) {
    for (operation, answer) in answers {
        assert_eq!(answer, expected, "{operation} {what}");
    }
}

#[tokio::test]
async fn documents_are_for_administrators_or_for_everybody() {
    let user = |world: &World| Caller::User {
        project: world.database.project().clone(),
        uid: firekeep_model::Uid::parse("alice").unwrap(),
        claims: Arc::default(),
    };
    for (mode, documents, others) in [
        (Mode::Safe, Access::Open, "denied"),
        (Mode::Safe, Access::Administrators, "denied"),
        (Mode::Dev, Access::Administrators, "denied"),
        (Mode::Dev, Access::Open, "ok"),
    ] {
        let world = World::of(Server::with_documents(mode, documents));
        let api_key = Caller::ApiKey {
            project: world.database.project().clone(),
        };
        for (caller, expected) in [
            (Caller::Anonymous, others),
            (api_key, others),
            (user(&world), others),
            (world.owner.clone(), "ok"),
        ] {
            let answers = ask_all(&world, &caller, &world.database).await;
            check(
                &answers,
                expected,
                &format!("{mode:?} {documents:?} {caller:?}"),
            );
        }
    }
}

#[tokio::test]
async fn what_is_refused_tells_and_makes_nothing() {
    let world = World::new();
    let other = database(world.database.project().as_str(), "other");
    check(
        &ask_all(&world, &Caller::Anonymous, &other).await,
        "no database",
        "anonymous",
    );
    check(
        &ask_all(&world, &world.owner, &other).await,
        "no database",
        "owner",
    );
    let foreign = database("elsewhere", "(default)");
    check(
        &ask_all(&world, &world.owner, &foreign).await,
        "no database",
        "owner",
    );
    let text = (world.firestore)
        .get_document(
            &world.owner,
            &other,
            document("a/b"),
            None,
            Consistency::Strong,
        )
        .await
        .unwrap_err()
        .to_string();
    assert!(
        text.starts_with("The database other does not exist for project firekeep"),
        "{text}"
    );
    // The database of dev mode is not made by whom it refuses.
    let world = World::of(Server::with_documents(Mode::Dev, Access::Administrators));
    check(
        &ask_all(&world, &Caller::Anonymous, &foreign).await,
        "denied",
        "dev",
    );
    let made = world
        .firestore
        .list_databases(&world.owner, foreign.project());
    assert_eq!(made.await.unwrap(), []);
}

#[tokio::test]
async fn arguments_are_judged_before_anything_else() {
    let world = World::new();
    let foreign = database("elsewhere", "(default)");
    let bad = Write {
        operation: Operation::Verify,
        ..set("c/d", 1)
    };
    let asked = world
        .firestore
        .commit(&Caller::Anonymous, &foreign, vec![bad], None);
    assert_eq!(kind(asked.await), "invalid");
    let asked =
        (world.firestore).batch_write(&Caller::Anonymous, &world.database, vec![set("a/b", 1)]);
    assert_eq!(kind(asked.await), "denied");
}

/// A token as `rules-unit-testing` makes them.
fn unsigned(project: &str) -> String {
    let segment = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = segment(json!({"alg": "none", "typ": "JWT"}));
    let payload = segment(json!({
        "iss": format!("https://securetoken.google.com/{project}"),
        "aud": project,
        "sub": "made-up",
        "user_id": "made-up",
        "iat": 1,
        "auth_time": 1,
        "firebase": {"sign_in_provider": "custom", "identities": {}},
        "role": "cook",
    }));
    format!("{header}.{payload}.")
}

#[tokio::test]
async fn callers_are_whom_their_tokens_name() {
    for mode in [Mode::Safe, Mode::Dev] {
        let world = World::of(Server::new(mode));
        let core = &world.server.core;
        core.set_local_secret("secret");
        let alice = world.server.create("alice", Change::default());
        let tokens = world.server.sign_in("alice").await;
        let of = |bearer: Option<&str>| core.documents_caller(bearer, &world.database);
        assert_eq!(of(None).unwrap(), Caller::Anonymous);
        assert!(matches!(
            of(Some("secret")).unwrap(),
            Caller::Privileged { .. }
        ));
        match of(Some(&tokens.id_token)).unwrap() {
            Caller::User { uid, claims, .. } => {
                assert_eq!(uid, alice.uid);
                assert_eq!(claims.get("user_id"), Some(&json!("alice")));
            }
            other => panic!("{other:?}"),
        }
        let made_up = unsigned(world.database.project().as_str());
        let dev = mode == Mode::Dev;
        match of(Some(&made_up)) {
            Ok(Caller::User { uid, claims, .. }) if dev => {
                assert_eq!(uid.as_str(), "made-up");
                assert_eq!(claims.get("role"), Some(&json!("cook")));
            }
            other => assert!(
                !dev && matches!(other, Err(Error::Unauthenticated)),
                "{other:?}"
            ),
        }
        assert_eq!(of(Some("owner")).is_ok(), dev);
        for nothing in ["", "x", "a.b.c"] {
            assert_eq!(kind(of(Some(nothing))), "unauthenticated", "{nothing}");
        }
        // Whoever is disabled or signed out is nobody any more.
        let change = Change {
            disabled: Some(true),
            display_name: Edit::Keep,
            ..Change::default()
        };
        world.server.update(&alice.uid, change);
        assert_eq!(kind(of(Some(&tokens.id_token))), "unauthenticated");
    }
}
