//! Streams of writes, and what ends streams.

use std::time::Duration;

use firekeep_accounts::users::Change;
use tokio::time::timeout;

use super::*;
use crate::identity::Tokens;

/// Much longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

impl World {
    pub(super) fn administrator(&self) -> StreamCredential {
        StreamCredential {
            bearer: None,
            caller: self.owner.clone(),
        }
    }

    fn credential(&self, tokens: &Tokens) -> StreamCredential {
        let bearer = Some(tokens.id_token.clone());
        let core = &self.server.core;
        let caller = core.documents_caller(bearer.as_deref(), &self.database);
        StreamCredential {
            bearer,
            caller: caller.unwrap(),
        }
    }

    async fn writing(&self) -> Writing {
        let opened = self
            .firestore
            .write_stream(self.administrator(), &self.database);
        opened.await.unwrap()
    }
}

#[tokio::test]
async fn batches_are_applied_one_behind_the_other() {
    let world = World::new();
    let mut writing = world.writing().await;
    let (id, first) = writing.open();
    assert_eq!(id.len(), 20);
    let set_one = vec![set("c/a", 1)];
    let one = writing.write(&first, set_one).await.unwrap().unwrap();
    assert_ne!(one.token, first);
    // A client sends some before it has the answers: the token is an earlier one.
    let batch = vec![increment("c/a"), set("c/b", 7)];
    let two = writing.write(&first, batch).await.unwrap().unwrap();
    assert!(two.committed.commit_time > one.committed.commit_time);
    assert_eq!(two.committed.results.len(), 2);
    let transformed = &two.committed.results[0].transform_results;
    assert_eq!(*transformed, [Value::from(2)]);
    let none = writing.write(&two.token, Vec::new()).await.unwrap();
    assert_eq!(none, None);
    let refused = writing.write(&two.token, vec![exists("c/none")]).await;
    assert_eq!(kind(refused), "not found");
    let n = world.n("c/a", Consistency::Strong).await;
    assert_eq!(n.unwrap(), Some(2));
}

fn exists(path: &str) -> Write {
    Write {
        precondition: Precondition::Exists(true),
        ..set(path, 1)
    }
}

#[tokio::test]
async fn only_its_own_tokens_are_good() {
    let world = World::new();
    let mut other = world.writing().await;
    let foreign = other.open().1;
    for token in [&b""[..], b"x", &foreign, &[&foreign[..], b"x"].concat()] {
        let mut writing = world.writing().await;
        let mut ahead = writing.open().1.to_vec();
        let refused = writing.write(token, vec![set("c/a", 1)]).await;
        assert_eq!(kind(refused), "invalid", "{token:?}");
        *ahead.last_mut().unwrap() += 1;
        let refused = writing.write(&ahead, vec![set("c/a", 1)]).await;
        assert_eq!(kind(refused), "invalid");
    }
    assert_eq!(world.n("c/a", Consistency::Strong).await.unwrap(), None);
}

#[tokio::test]
async fn a_batch_is_refused_and_not_the_stream_where_nobody_may_write() {
    let world = World::of(Server::with_documents(Mode::Safe, Access::Administrators));
    let credential = StreamCredential {
        bearer: None,
        caller: Caller::Anonymous,
    };
    let opened = world
        .firestore
        .write_stream(credential.clone(), &world.database);
    let mut writing = opened.await.unwrap();
    let token = writing.open().1;
    let refused = writing.write(&token, vec![set("c/a", 1)]).await;
    assert_eq!(kind(refused), "denied");
    let other = database("demo-other", "(default)");
    let opened = world.firestore.write_stream(credential, &other).await;
    assert_eq!(kind(opened.map(drop)), "no database");
}

/// What ends a stream, as soon as it does.
async fn end_of(writing: &mut Writing) -> String {
    let end = timeout(LONG, writing.ended()).await.unwrap();
    // From then on nothing is applied.
    let token = writing.open().1;
    let refused = writing.write(&token, vec![set("c/a", 1)]).await;
    assert_eq!(kind(refused), kind::<()>(Err(end)));
    kind(writing.write(&token, Vec::new()).await)
}

#[tokio::test]
async fn a_users_streams_end_when_its_sessions_do() {
    let world = World::of(Server::new(Mode::Dev));
    let server = &world.server;
    let bystander = server.sign_in("bystander").await;
    let opened = (world.firestore).write_stream(world.credential(&bystander), &world.database);
    let mut other = opened.await.unwrap();
    for how in [
        "disabled",
        "deleted",
        "revoked",
        "signed out",
        "one session",
    ] {
        let tokens = server.sign_in("alice").await;
        let opened = (world.firestore).write_stream(world.credential(&tokens), &world.database);
        let mut writing = opened.await.unwrap();
        let uid = &tokens.user.uid;
        let who = server.authenticate(&tokens).unwrap();
        let pool = &server.pool;
        match how {
            "disabled" => {
                let disabled = Change {
                    disabled: Some(true),
                    ..Change::default()
                };
                server.update(uid, disabled);
            }
            "deleted" => server.delete(uid),
            "revoked" => {
                let revoked = Change {
                    valid_since_secs: Some(world.now().secs() + 1),
                    ..Change::default()
                };
                server.update(uid, revoked);
            }
            everywhere => {
                let everywhere = everywhere == "signed out";
                server.core.sign_out(pool, &who, everywhere).await.unwrap();
            }
        }
        assert_eq!(end_of(&mut writing).await, "unauthenticated", "{how}");
        if how == "disabled" {
            server.delete(uid);
        }
        server.clock.advance(10);
    }
    let token = other.open().1;
    let written = other.write(&token, vec![set("c/a", 1)]).await;
    assert_eq!(kind(written), "ok");
}

#[tokio::test]
async fn a_stream_of_a_session_that_has_just_ended_is_not_opened() {
    let world = World::of(Server::new(Mode::Dev));
    let tokens = world.server.sign_in("alice").await;
    let credential = world.credential(&tokens);
    world.server.delete(&tokens.user.uid);
    let opened = world.firestore.write_stream(credential, &world.database);
    assert_eq!(kind(opened.await.map(drop)), "unauthenticated");
}

#[tokio::test]
async fn a_stream_ends_some_minutes_after_its_token() {
    let world = World::of(Server::new(Mode::Dev));
    let tokens = world.server.sign_in("alice").await;
    let opened = (world.firestore).write_stream(world.credential(&tokens), &world.database);
    let mut writing = opened.await.unwrap();
    tokio::time::pause();
    let before = Duration::from_secs(3_600 + 110);
    assert!(timeout(before, writing.ended()).await.is_err());
    let within = Duration::from_secs(140);
    let end = timeout(within, writing.ended()).await.unwrap();
    assert_eq!(kind::<()>(Err(end)), "unauthenticated");
}

#[tokio::test]
async fn the_end_of_the_server_is_that_of_all_streams() {
    let world = World::new();
    let mut writing = world.writing().await;
    world.server.core.end_streams();
    assert_eq!(
        end_of(&mut writing).await,
        "the server is stopping; try again"
    );
    let opened = (world.firestore).write_stream(world.administrator(), &world.database);
    assert_eq!(
        kind(opened.await.map(drop)),
        "the server is stopping; try again"
    );
}
