use firekeep_accounts::users::{Change, Edit};
use firekeep_accounts::{Email, PasswordHash};
use firekeep_model::Caller;

use super::*;
use crate::identity::{Place, Target, Tokens, Update, Updated};
use crate::testing::{Server, client};
use crate::{AccountError, Mode};

fn password(phc: &str) -> Change {
    Change {
        password_hash: Edit::Set(PasswordHash(phc.to_owned())),
        ..Change::default()
    }
}

fn name(text: &str) -> Change {
    Change {
        display_name: Edit::Set(text.to_owned()),
        ..Change::default()
    }
}

type Meanwhile = fn(&Server, &User);

/// What happens while the caller's password is hashed, and whether its change still comes.
#[track_caller]
fn check(server: &Server, meanwhile: Meanwhile, expected: Option<&str>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let tokens = runtime.block_on(server.sign_in("alice"));
    let who = server.authenticate(&tokens).unwrap();
    meanwhile(server, &who.user);
    for change in [password("phc"), name("A")] {
        let changed = runtime.block_on(server.core.change_and_continue(
            &server.pool,
            &who,
            change,
            None,
        ));
        let refused = changed.err().map(|error| error.to_string());
        match expected {
            Some(text) => assert!(refused.unwrap().contains(text)),
            None => return assert_eq!(refused, None),
        }
    }
}

#[test]
fn a_session_that_ended_while_it_was_slow_does_not_continue_itself() {
    let revoked = Some("revoked");
    let rows: [(Meanwhile, Option<&str>); 6] = [
        (|_, _| (), None),
        (
            |server, user| drop(server.update(&user.uid, name("B"))),
            None,
        ),
        (
            |server, user| drop(server.update(&user.uid, password("other"))),
            revoked,
        ),
        (
            |server, user| {
                let change = Change {
                    disabled: Some(true),
                    ..Change::default()
                };
                server.update(&user.uid, change);
            },
            Some("disabled"),
        ),
        (
            |server, user| server.delete(&user.uid),
            Some("no such user"),
        ),
        (
            |server, user| {
                server.delete(&user.uid);
                server.create("alice", Change::default());
            },
            revoked,
        ),
    ];
    for (meanwhile, expected) in rows {
        check(&Server::new(Mode::Safe), meanwhile, expected);
    }
}

#[tokio::test]
async fn a_session_that_signed_out_while_it_was_slow_does_not_continue_itself() {
    for everywhere in [false, true] {
        let server = Server::new(Mode::Safe);
        let who = server.authenticate(&server.sign_in("alice").await);
        let who = who.unwrap();
        let (core, pool) = (&server.core, &server.pool);
        core.sign_out(pool, &who, everywhere).await.unwrap();
        let changed = core.change_and_continue(pool, &who, password("phc"), None);
        let refused = changed.await.unwrap_err();
        assert!(matches!(refused, Error::IdTokenRevoked), "{refused}");
    }
}

/// Updates as the edge asks for it.
async fn update(server: &Server, tokens: &Tokens, update: Update) -> Result<Updated, Error> {
    let project = server.pool.project.clone();
    let target = Target {
        id_token: Some(tokens.id_token.clone()),
        uid: None,
    };
    let update = Update { target, ..update };
    let caller = Caller::ApiKey { project };
    let client = client("192.0.2.1");
    let updated = server
        .core
        .update_user(&caller, Place::default(), client, update);
    updated.await
}

#[tokio::test]
async fn tokens_are_made_only_when_sessions_end() {
    let server = Server::new(Mode::Safe);
    let first = server.sign_in("alice").await;
    server.clock.advance(1);
    let profile = Update {
        display_name: Edit::Set("A".to_owned()),
        ..Update::default()
    };
    let updated = update(&server, &first, profile).await.unwrap();
    assert_eq!(updated.user.display_name.as_deref(), Some("A"));
    assert!(updated.tokens.is_none());
    let who = server.authenticate(&first).unwrap();

    let secret = Update {
        password: Edit::Set("correct horse".to_owned()),
        ..Update::default()
    };
    let next = update(&server, &first, secret).await.unwrap().tokens;
    let next = next.unwrap();
    assert!(matches!(
        server.authenticate(&first),
        Err(Error::IdTokenRevoked)
    ));
    let continued = server.authenticate(&next).unwrap();
    assert_eq!(continued.claims.auth_time, who.claims.auth_time + 1);
    assert_eq!(continued.claims.provider, "password");
    assert!(server.refresh(&next).is_ok());

    let revoked = Update {
        valid_since_secs: Some(0),
        ..Update::default()
    };
    let last = update(&server, &next, revoked).await.unwrap().tokens;
    assert!(server.authenticate(&next).is_err());
    assert!(server.authenticate(&last.unwrap()).is_ok());
}

#[tokio::test]
async fn changes_of_passwords_are_counted() {
    let server = Server::new(Mode::Safe);
    let mut tokens = server.sign_in("alice").await;
    let mut changes = 0;
    let refused = loop {
        let secret = Update {
            password: Edit::Set("correct horse".to_owned()),
            ..Update::default()
        };
        match update(&server, &tokens, secret).await {
            Ok(updated) => tokens = updated.tokens.unwrap(),
            Err(error) => break error,
        }
        changes += 1;
    };
    assert!(matches!(refused, Error::TooManyAttempts { .. }));
    assert_eq!(changes, 20);
}

#[tokio::test]
async fn where_accounts_are_hidden_an_address_is_linked_once() {
    for (mode, second) in [(Mode::Safe, false), (Mode::Dev, true)] {
        let server = Server::new(mode);
        let first = server.sign_in("alice").await;
        let link = async |tokens: &Tokens, email: &str| {
            let (core, pool) = (&server.core, &server.pool);
            let client = client("192.0.2.1");
            let token = &tokens.id_token;
            core.link_password(pool, client, token, email, "correct horse".to_owned())
                .await
        };
        let linked = link(&first, "mine@example.com").await.unwrap();
        assert_eq!(linked.user.email, Email::parse("mine@example.com").ok());
        let again = link(&linked, "mine@example.com").await.unwrap();
        let other = link(&again, "victim@example.com").await;
        match other {
            Ok(_) => assert!(second),
            Err(error) => {
                assert!(!second);
                assert!(matches!(error, Error::NotAllowed(_)), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn linking_is_counted_before_it_tells_who_has_an_account() {
    let server = Server::new(Mode::Safe);
    let taken = Change {
        email: Edit::Set(Email::parse("taken@example.com").unwrap()),
        ..Change::default()
    };
    server.create("victim", taken);
    let tokens = server.sign_in("alice").await;
    let mut told = 0;
    let refused = loop {
        let (client, password) = (client("192.0.2.1"), "correct horse".to_owned());
        let (pool, token) = (&server.pool, &tokens.id_token);
        let linked = server
            .core
            .link_password(pool, client, token, "taken@example.com", password);
        match linked.await {
            Err(Error::Account(AccountError::EmailExists)) => told += 1,
            other => break other.unwrap_err(),
        }
    };
    assert!(matches!(refused, Error::TooManyAttempts { .. }));
    assert_eq!(told, 20);
}
