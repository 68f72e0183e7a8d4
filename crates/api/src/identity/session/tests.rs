use firekeep_accounts::Email;
use firekeep_accounts::users::{Change, Edit};
use serde_json::{Value, json};

use super::*;
use crate::Mode;
use crate::testing::{Server, new_file};

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[tokio::test]
async fn tokens_of_a_deleted_user_are_void_when_its_uid_comes_back() {
    let server = Server::new(Mode::Safe);
    let standing = server.sign_in("alice").await;
    let left = server.sign_in("alice").await;
    let who = server.authenticate(&left).unwrap();
    let pool = &server.pool;
    server.core.sign_out(pool, &who, false).await.unwrap();
    server.delete(&standing.user.uid);
    let unknown = server.authenticate(&standing).unwrap_err();
    assert!(matches!(
        unknown,
        Error::Account(AccountError::UserNotFound)
    ));

    // In the same second, so that no time tells the two users apart.
    let again = server.sign_in("alice").await;
    assert!(again.is_new_user);
    for old in [&standing, &left] {
        let refused = server.authenticate(old).unwrap_err();
        assert!(matches!(refused, Error::IdTokenRevoked), "{refused}");
        let refused = server.refresh(old).unwrap_err();
        let expected = matches!(refused, Error::Account(AccountError::InvalidRefreshToken));
        assert!(expected, "{refused}");
    }
    assert!(server.authenticate(&again).is_ok());
    assert!(server.refresh(&again).is_ok());
}

#[tokio::test]
async fn a_refreshed_token_belongs_to_the_same_session() {
    let server = Server::new(Mode::Safe);
    let first = server.sign_in("alice").await;
    server.clock.advance(10);
    let refreshed = server.refresh(&first).unwrap();
    let [a, b] = [&first, &refreshed].map(|tokens| server.authenticate(tokens).unwrap().claims);
    assert_eq!(a.session_id, b.session_id);
    assert_eq!(a.incarnation, b.incarnation);
    assert!(a.incarnation.is_some());
    assert_eq!((a.auth_time, b.iat), (b.auth_time, a.iat + 10));
}

#[tokio::test]
async fn the_clock_is_read_once_per_sign_in() {
    let server = Server::new(Mode::Safe);
    let token = server.custom_token("alice", &Map::new());
    for _ in 0..2 {
        server.clock.take_looks();
        let signed_in = server.core.sign_in_with_custom_token(&server.pool, &token);
        let tokens = signed_in.await.unwrap();
        assert_eq!(server.clock.take_looks(), 1);
        server.refresh(&tokens).unwrap();
        assert_eq!(server.clock.take_looks(), 1);
    }
}

#[tokio::test]
async fn the_largest_id_token_is_read_again() {
    let server = Server::new(Mode::Safe);
    let uid = "\u{10348}".repeat(128);
    let change = Change {
        display_name: Edit::Set("n".repeat(2048)),
        photo_url: Edit::Set("p".repeat(2048)),
        email: Edit::Set(Email::parse(&format!("{}@b", "e".repeat(252))).unwrap()),
        phone_number: Edit::Set(firekeep_accounts::Phone::parse("+123456789012345").unwrap()),
        custom_attributes: Some(format!("{{\"a\":\"{}\"}}", "c".repeat(992))),
        link_provider: Some(firekeep_accounts::ProviderInfo {
            provider_id: "example.com".to_owned(),
            raw_id: "r".repeat(420),
            ..Default::default()
        }),
        ..Change::default()
    };
    let user = server.create(&uid, change);
    let more = Change {
        link_provider: Some(firekeep_accounts::ProviderInfo {
            provider_id: "example.org".to_owned(),
            raw_id: "r".repeat(32),
            ..Default::default()
        }),
        ..Change::default()
    };
    let refused = server.core.write_here(|tx, cx| {
        let more = more.clone();
        Ok(users::update(tx, cx, &server.pool, &user.uid, more)?)
    });
    let full = matches!(
        refused,
        Err(Error::Account(AccountError::TooLong("profile")))
    );
    assert!(full, "{refused:?}");

    // A claim whose name is almost everything is carried twice.
    let claims = object(json!({ "k".repeat(994): 1 }));
    let token = server.custom_token(&uid, &claims);
    let signed_in = server.core.sign_in_with_custom_token(&server.pool, &token);
    let tokens = signed_in.await.unwrap();
    assert!(tokens.id_token.len() > 10 * 1024);
    let who = server.authenticate(&tokens).unwrap();
    assert_eq!(who.claims.session_claims, claims);
    server.refresh(&tokens).unwrap();
}

#[tokio::test]
async fn claims_that_no_id_token_has_room_for_are_the_custom_tokens_fault() {
    let server = Server::new(Mode::Safe);
    let claims = object(json!({ "\u{10348}".repeat(994): 1 }));
    let change = Change {
        display_name: Edit::Set("n".repeat(2048)),
        photo_url: Edit::Set("p".repeat(2048)),
        ..Change::default()
    };
    server.create("alice", change);
    let token = server.custom_token("alice", &claims);
    let signed_in = server.core.sign_in_with_custom_token(&server.pool, &token);
    let refused = signed_in.await.unwrap_err();
    let expected = matches!(
        refused,
        Error::CustomToken(firekeep_token::Error::ClaimsTooLarge)
    );
    assert!(expected, "{refused}");
}

#[tokio::test]
async fn no_token_is_shown() {
    let tokens = Server::new(Mode::Safe).sign_in("alice").await;
    let shown = format!("{tokens:?} {:?}", tokens.refresh_token);
    assert!(!shown.contains("eyJ") && !shown.contains("fk1."), "{shown}");
}

#[tokio::test]
async fn times_that_are_noted_while_others_are_written_wait_for_the_next_time() {
    let server = Server::new(Mode::Safe);
    let core = &server.core;
    let user = |at: usize| Uid::parse(&format!("u{at}")).unwrap();
    for at in 0..2 * ACTIVITY_BATCH + 1 {
        core.activity
            .note(&server.pool, &user(at), core.now(), true);
    }
    let pending = core.activity.pending();
    assert_eq!(pending.len(), 2 * ACTIVITY_BATCH + 1);
    let late = Uid::parse("late").unwrap();
    core.activity.note(&server.pool, &late, core.now(), true);
    assert_eq!(core.activity.take(&pending).len(), pending.len());
    assert_eq!(core.activity.pending(), [(server.pool.clone(), late)]);
}

#[tokio::test]
async fn the_last_sign_in_is_written_when_the_server_is_tended() {
    let server = Server::new(Mode::Safe);
    let uid = server.sign_in("alice").await.user.uid;
    server.clock.advance(5);
    server.sign_in("alice").await;
    let now = Some(server.core.now());
    assert_ne!(server.find(&uid).last_login_at, now);
    server.core.tend().await.unwrap();
    assert_eq!(server.find(&uid).last_login_at, now);
    assert!(server.core.activity.pending().is_empty());
}

#[tokio::test]
async fn a_bad_assertion_is_no_custom_token_s_fault() {
    let server = Server::new(Mode::Safe);
    let refused = server.core.access_token("x").unwrap_err();
    assert!(matches!(refused, Error::Assertion(_)));
    let import = crate::admin::Command::ServiceAccountImport {
        key_file: "{}".to_owned(),
    };
    let owner = server.core.owner();
    let imported = server.core.run(&owner, import);
    assert!(matches!(imported.await, Err(Error::KeyFile(_))));
}

#[test]
fn a_bridge_does_not_go_with_dev_mode() {
    let refused = Server::open(Mode::Dev, Some(new_file("bridge")));
    match refused.err() {
        Some(Error::Invalid(text)) => {
            assert!(
                text.contains("--bridge-key") && text.contains("--dev"),
                "{text}"
            );
        }
        other => panic!("{other:?}"),
    }
    assert!(Server::open(Mode::Safe, Some(new_file("bridge"))).is_ok());
}
