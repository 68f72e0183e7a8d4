use std::sync::mpsc;

use firekeep_accounts::{SessionId, Username};

use super::*;
use crate::Mode;
use crate::limits::HASHES_AT_ONCE;
use crate::testing::{Server, client};

const EMAIL: &str = "alice@example.com";
const PASSWORD: &str = "correct horse";
const HERE: &str = "192.0.2.1";

/// A server with an account that has an email address, a username and a password.
fn server() -> Server {
    let server = Server::new(Mode::Safe);
    let change = Change {
        email: Edit::Set(Email::parse(EMAIL).unwrap()),
        username: Edit::Set(Username::parse("Alice").unwrap()),
        password_hash: Edit::Set(hash_here(PASSWORD).unwrap()),
        ..Change::default()
    };
    server.create("alice-uid", change);
    server
}

/// How a login from an address ends: by email address on Identity Toolkit, or by any name at the account server.
async fn log_in(server: &Server, from: &str, name: &str, password: &str) -> &'static str {
    let (core, password) = (&server.core, password.to_owned());
    let ended = if name.contains('@') {
        let signed_in = core.sign_in_with_password(&server.pool, client(from), name, password);
        signed_in.await.map(|_| ())
    } else {
        let logged_in = core.account_login(client(from), name, password);
        logged_in.await.map(|_| ())
    };
    match ended {
        Ok(()) => "in",
        Err(Error::WrongPassword) => "wrong",
        Err(Error::TooManyAttempts { .. }) => "locked",
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn of_many_guesses_at_once_only_as_many_are_judged_as_may_fail() {
    let server = server();
    let guesses = (0..60).map(|at| {
        let (core, pool) = (Arc::clone(&server.core), server.pool.clone());
        tokio::spawn(async move {
            let guess = format!("guess number {at}");
            let signed_in = core.sign_in_with_password(&pool, client(HERE), EMAIL, guess);
            signed_in.await.unwrap_err()
        })
    });
    let (mut judged, mut refused) = (0, 0);
    for guess in guesses.collect::<Vec<_>>() {
        match guess.await.unwrap() {
            Error::WrongPassword => judged += 1,
            Error::TooManyAttempts { .. } => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!((judged, refused), (5, 55));
}

#[tokio::test]
async fn an_account_is_one_by_whatever_name_it_is_tried() {
    let server = server();
    for name in [EMAIL, "Alice", "ALICE", "ALICE@example.com", "alice"] {
        assert_eq!(log_in(&server, HERE, name, "wrong").await, "wrong");
    }
    for name in [EMAIL, "alice"] {
        assert_eq!(log_in(&server, HERE, name, PASSWORD).await, "locked");
    }
    // Its owner gets in elsewhere, and after a minute here too.
    assert_eq!(log_in(&server, "192.0.2.2", EMAIL, PASSWORD).await, "in");
    server.clock.advance(60);
    assert_eq!(log_in(&server, HERE, EMAIL, PASSWORD).await, "in");
    for _ in 0..5 {
        assert_eq!(log_in(&server, HERE, "alice", "wrong").await, "wrong");
    }
}

#[tokio::test]
async fn the_owners_password_change_is_locked_with_the_account() {
    let server = server();
    let signed_in =
        server
            .core
            .sign_in_with_password(&server.pool, client(HERE), EMAIL, PASSWORD.to_owned());
    let who = server.authenticate(&signed_in.await.unwrap()).unwrap();
    for _ in 0..5 {
        assert_eq!(log_in(&server, HERE, EMAIL, "wrong").await, "wrong");
    }
    let (old, new) = (PASSWORD.to_owned(), "battery staple".to_owned());
    let changed = server
        .core
        .account_change_password(client(HERE), &who, old, new);
    let refused = changed.await.unwrap_err();
    assert!(matches!(refused, Error::TooManyAttempts { .. }));
}

#[tokio::test]
async fn an_unknown_account_locks_like_a_known_one() {
    let server = server();
    for name in ["nobody", "NOBODY", "nobody", "nobody", "Nobody"] {
        assert_eq!(log_in(&server, HERE, name, "wrong").await, "wrong");
    }
    assert_eq!(log_in(&server, HERE, "nobody", "wrong").await, "locked");
    assert_eq!(log_in(&server, HERE, "somebody", "wrong").await, "wrong");
}

#[tokio::test]
async fn addresses_of_one_ipv6_network_are_one() {
    let server = server();
    for at in 1..=5 {
        let from = format!("2001:db8::{at}");
        assert_eq!(log_in(&server, &from, EMAIL, "wrong").await, "wrong");
    }
    let (same, other) = ("2001:db8::ffff", "2001:db8:0:1::1");
    assert_eq!(log_in(&server, same, EMAIL, PASSWORD).await, "locked");
    assert_eq!(log_in(&server, other, EMAIL, PASSWORD).await, "in");
}

#[tokio::test]
async fn an_account_is_tried_a_hundred_times_from_everywhere() {
    let server = server();
    for at in 0..100 {
        let from = format!("198.51.100.{at}");
        assert_eq!(log_in(&server, &from, EMAIL, "wrong").await, "wrong");
    }
    assert_eq!(log_in(&server, HERE, EMAIL, PASSWORD).await, "locked");
    server.clock.advance(15 * 60);
    assert_eq!(log_in(&server, HERE, EMAIL, PASSWORD).await, "in");
}

#[tokio::test]
async fn right_passwords_do_not_lock_their_address() {
    let server = server();
    for _ in 0..60 {
        assert_eq!(log_in(&server, HERE, EMAIL, PASSWORD).await, "in");
    }
    for at in 0..50 {
        let name = format!("name{at}");
        assert_eq!(log_in(&server, HERE, &name, "wrong").await, "wrong");
    }
    assert_eq!(log_in(&server, HERE, "name50", "wrong").await, "locked");
}

#[tokio::test]
async fn a_name_that_is_longer_than_any_is_refused_and_not_counted() {
    let server = server();
    for _ in 0..10 {
        let name = "n".repeat(255);
        let logged_in = server
            .core
            .account_login(client(HERE), &name, PASSWORD.to_owned());
        assert!(matches!(logged_in.await, Err(Error::Invalid(_))));
    }
    assert_eq!(
        log_in(&server, HERE, &"n".repeat(254), "wrong").await,
        "wrong"
    );
}

#[tokio::test]
async fn sign_ups_are_counted_before_they_tell_who_has_an_account() {
    let server = server();
    let mut told = 0;
    let refused = loop {
        let sign_up = SignUp::Password {
            email: EMAIL.to_owned(),
            password: PASSWORD.to_owned(),
        };
        let signed_up = server
            .core
            .sign_up(&server.pool, client(HERE), sign_up, None);
        match signed_up.await {
            Err(Error::Account(AccountError::EmailExists)) => told += 1,
            other => break other.unwrap_err(),
        }
    };
    assert!(matches!(refused, Error::TooManyAttempts { .. }));
    assert_eq!(told, 20);
}

#[tokio::test]
async fn who_hangs_up_does_not_make_room_for_more_hashes() {
    let server = Server::new(Mode::Safe);
    let core = &server.core;
    let free = || {
        (
            core.hashing.available_permits(),
            core.hash_queue.available_permits(),
        )
    };
    let (started, starts) = mpsc::channel();
    let (go_on, waits) = mpsc::channel::<()>();
    let working = Arc::clone(core);
    let request = tokio::spawn(async move {
        let work = move || {
            started.send(()).unwrap();
            let _ = waits.recv();
        };
        working.hashing(work).await
    });
    let starts = tokio::task::spawn_blocking(move || starts.recv().unwrap());
    starts.await.unwrap();
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    assert_eq!(free(), (HASHES_AT_ONCE - 1, HASH_PLACES - 1));
    drop(go_on);
    // The permits come back when the work is done, and nobody needs to ask for them.
    let all = core
        .hashing
        .acquire_many(u32::try_from(HASHES_AT_ONCE).unwrap());
    drop(all.await.unwrap());
    assert_eq!(free(), (HASHES_AT_ONCE, HASH_PLACES));
}

/// Source: the tests of the reference implementation, `phc-winner-argon2/src/test.c`, Argon2id version 19.
#[tokio::test]
async fn a_right_password_renews_a_hash_of_other_parameters() {
    let phc = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ\
               $nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    let server = server();
    let user = users::find_by_email(
        &server.core.read().unwrap(),
        &server.pool,
        &Email::parse(EMAIL).unwrap(),
    );
    let old = Change {
        password_hash: Edit::Set(PasswordHash(phc.to_owned())),
        ..Change::default()
    };
    let before = server.update(&user.unwrap().unwrap().uid, old);
    assert_eq!(log_in(&server, HERE, EMAIL, "wrong").await, "wrong");
    assert_eq!(server.find(&before.uid), before);
    let session = {
        let password = "password".to_owned();
        let signed_in =
            server
                .core
                .sign_in_with_password(&server.pool, client(HERE), EMAIL, password);
        server.authenticate(&signed_in.await.unwrap()).unwrap()
    };
    let after = server.find(&before.uid);
    let hash = after.password_hash.clone().unwrap().0;
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    let generation = session.session().as_ref().map(SessionId::generation);
    assert_eq!(generation, Some(after.generation));
    assert_eq!(after.password_updated_at, before.password_updated_at);
    assert_eq!(log_in(&server, HERE, EMAIL, "password").await, "in");
    assert_eq!(server.find(&before.uid), after);
}
