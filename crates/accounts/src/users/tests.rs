use super::*;
use crate::testing::Accounts;

fn named(name: &str) -> Change {
    Change {
        display_name: Edit::Set(name.to_owned()),
        ..Change::default()
    }
}

fn claims(text: &str) -> Change {
    Change {
        custom_attributes: Some(text.to_owned()),
        ..Change::default()
    }
}

#[test]
fn two_users_of_one_uid_differ() {
    let accounts = Accounts::new();
    let first = accounts.create(1, "alice", Change::default()).unwrap();
    accounts.delete(&first.uid);
    let second = accounts.create(1, "alice", Change::default()).unwrap();
    assert_ne!(first.incarnation, second.incarnation);
    assert_ne!(first.generation, second.generation);
}

#[test]
fn a_profile_text_has_at_most_two_kibibytes_of_json() {
    for (text, fits) in [
        ("n".repeat(2048), true),
        ("n".repeat(2049), false),
        ("\u{10348}".repeat(512), true),
        ("\u{10348}".repeat(513), false),
        ("\"".repeat(1024), true),
        ("\"".repeat(1025), false),
        ("\u{1}".repeat(341), true),
        ("\u{1}".repeat(342), false),
    ] {
        match Accounts::new().create(1, "alice", named(&text)) {
            Ok(user) => assert!(fits && user.display_name == Some(text)),
            Err(Error::TooLong("displayName")) => assert!(!fits),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn what_id_tokens_carry_is_bounded_together() {
    let accounts = Accounts::new();
    let full = Change {
        photo_url: Edit::Set("p".repeat(2048)),
        email: Edit::Set(Email::parse(&format!("{}@b", "e".repeat(252))).unwrap()),
        ..named(&"n".repeat(2048))
    };
    let user = accounts.create(1, "alice", full).unwrap();
    // Claims in a script of four bytes are 4000 bytes long.
    let long = format!("{{\"a\":\"{}\"}}", "\u{10348}".repeat(992));
    let refused = accounts.update(1, &user.uid, claims(&long));
    assert!(
        matches!(refused, Err(Error::TooLong("profile"))),
        "{refused:?}"
    );
    let ascii = format!("{{\"a\":\"{}\"}}", "c".repeat(992));
    accounts.update(1, &user.uid, claims(&ascii)).unwrap();
}

/// As records of earlier versions may be.
#[test]
fn who_carries_too_much_already_can_still_be_disabled() {
    let accounts = Accounts::new();
    let user = accounts.create(1, "alice", Change::default()).unwrap();
    let large = User {
        display_name: Some("n".repeat(8 * 1024)),
        ..user.clone()
    };
    let save = |tx: &mut WriteTx<'_>| save(tx, &accounts.pool, Some(&user), &large);
    accounts.write(1, |tx, _| save(tx)).unwrap();
    let change = Change {
        disabled: Some(true),
        ..Change::default()
    };
    assert!(accounts.update(1, &user.uid, change).unwrap().disabled);
    let refused = accounts.update(1, &user.uid, claims("{\"more\":1}"));
    assert!(matches!(refused, Err(Error::TooLong("profile"))));
    accounts.update(1, &user.uid, named("short")).unwrap();
}

#[test]
fn a_new_hash_of_the_same_password_ends_no_session_and_replaces_no_other() {
    let accounts = Accounts::new();
    let hash = |text: &str| PasswordHash(text.to_owned());
    let with_password = Change {
        password_hash: Edit::Set(hash("old")),
        ..Change::default()
    };
    let before = accounts.create(1, "alice", with_password).unwrap();
    let replace = |old: &str, new: &str| {
        let (old, new) = (hash(old), hash(new));
        let rehash = |tx: &mut WriteTx<'_>| rehash(tx, &accounts.pool, &before.uid, &old, &new);
        accounts.write(2, |tx, _| rehash(tx)).unwrap();
        find(&accounts.read(), &accounts.pool, &before.uid)
            .unwrap()
            .unwrap()
    };
    let expected = User {
        password_hash: Some(hash("new")),
        ..before.clone()
    };
    assert_eq!(replace("old", "new"), expected);
    assert_eq!(replace("old", "newer"), expected);
}

#[test]
fn a_hash_is_not_shown() {
    let change = Change {
        password_hash: Edit::Set(PasswordHash("$argon2id$secret".to_owned())),
        ..Change::default()
    };
    assert!(!format!("{change:?}").contains("secret"));
    let user = Accounts::new().create(1, "alice", change).unwrap();
    assert!(!format!("{user:?}").contains("secret"));
}
