use std::sync::Arc;

use firekeep_store::Store;

use super::*;
use crate::testing::{START, Server, rows, store};
use crate::{Mode, SystemRng};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(START + secs)
}

/// A data folder's keys, moved through time by hand.
struct Folder(Arc<Store>);

impl Folder {
    fn new() -> Self {
        let folder = Self(store());
        let new = NewKey::make(at(0)).unwrap();
        folder.write(|tx| {
            let mut rng = SystemRng;
            let now = at(0);
            let mut cx = OpContext { now, rng: &mut rng };
            Keyring::create_missing(tx, &mut cx, Some(&new))
        });
        folder
    }

    fn write<T>(&self, work: impl Fn(&mut WriteTx<'_>) -> Result<T, Error>) -> T {
        self.0.write(|tx: &mut WriteTx<'_>| work(tx)).unwrap()
    }

    fn load(&self) -> Keyring {
        Keyring::load(&self.0.read().unwrap()).unwrap()
    }

    fn advance(&self, secs: i64) -> bool {
        let now = at(secs);
        let wanted = Keyring::wants_next(&self.0.read().unwrap(), now).unwrap();
        let new = wanted.then(|| NewKey::make(now).unwrap());
        self.write(|tx| Keyring::advance(tx, now, new.as_ref()))
    }

    fn rotate(&self, secs: i64) -> Result<(), Error> {
        let new = NewKey::make(at(secs)).unwrap();
        let rotate = |tx: &mut WriteTx<'_>| Keyring::rotate(tx, at(secs), &new);
        self.0.write(rotate)
    }

    fn rotate_emergency(&self, secs: i64) {
        let new = NewKey::make(at(secs)).unwrap();
        self.write(|tx| Keyring::rotate_emergency(tx, at(secs), &new));
    }

    /// The states, oldest key first, and whether all of them are published.
    fn states(&self) -> Vec<KeyState> {
        let keys = self.load();
        let states: Vec<_> = keys.summaries().iter().map(|key| key.state).collect();
        let published = keys.published();
        assert_eq!(
            published.jwks["keys"].as_array().unwrap().len(),
            states.len()
        );
        assert_eq!(
            published.certificates.as_object().unwrap().len(),
            states.len()
        );
        states
    }
}

#[test]
fn a_key_is_published_then_signs_then_only_verifies_then_goes() {
    use KeyState::{Current, Next, RetiredVerifying};
    let folder = Folder::new();
    let first = folder.load().signing().unwrap().kid.clone();
    let due = 30 * DAY - HOUR;
    // (seconds after the start, whether something changes, states afterwards)
    let rows: [(i64, bool, &[KeyState]); 8] = [
        (0, false, &[Current]),
        (due - 1, false, &[Current]),
        (due, true, &[Current, Next]),
        (due + HOUR - 1, false, &[Current, Next]),
        (due + HOUR, true, &[RetiredVerifying, Current]),
        (due + 3 * HOUR - 1, false, &[RetiredVerifying, Current]),
        (due + 3 * HOUR, true, &[Current]),
        (due + 3 * HOUR + 1, false, &[Current]),
    ];
    for (secs, changes, states) in rows {
        assert_eq!(folder.advance(secs), changes, "at {secs}");
        assert_eq!(folder.states(), states, "at {secs}");
        let keys = folder.load();
        assert_eq!(
            keys.signing().unwrap().kid == first,
            secs < due + HOUR,
            "at {secs}"
        );
        assert_eq!(
            keys.id_token_key(&first).is_some(),
            secs < due + 3 * HOUR,
            "at {secs}"
        );
    }
}

#[test]
fn caches_know_a_key_before_it_signs() {
    let max_age_secs = Folder::new().load().published().max_age_secs;
    assert!(max_age_secs <= KEY_PUBLISHED_BEFORE_USE.as_secs());
}

#[test]
fn a_rotation_by_hand_overlaps_too() {
    let folder = Folder::new();
    folder.rotate(10).unwrap();
    assert_eq!(folder.states(), [KeyState::Current, KeyState::Next]);
    let again = folder.rotate(20);
    assert!(matches!(again, Err(Error::Invalid(_))), "{again:?}");
    assert!(!folder.advance(10 + HOUR - 1));
    assert!(folder.advance(10 + HOUR));
    assert_eq!(
        folder.states(),
        [KeyState::RetiredVerifying, KeyState::Current]
    );
}

#[test]
fn an_emergency_leaves_one_new_key() {
    let folder = Folder::new();
    folder.rotate(10).unwrap();
    let before: Vec<_> = folder.load().summaries();
    folder.rotate_emergency(20);
    assert_eq!(folder.states(), [KeyState::Current]);
    let keys = folder.load();
    for old in before {
        assert!(keys.id_token_key(&old.kid).is_none());
    }
}

#[test]
fn what_is_sealed_stays_readable_by_the_same_purpose_alone() {
    let folder = Folder::new();
    let sealed = folder.load().seal_key("a").seal([7; 12], b"plain", b"");
    folder.rotate_emergency(20);
    let open = |purpose: &str| folder.load().seal_key(purpose).open(&sealed, b"");
    assert_eq!(open("a").as_deref(), Some(b"plain".as_slice()));
    assert_eq!(open("b"), None);
}

#[test]
fn no_key_is_published_that_was_not_made_before() {
    let folder = Folder::new();
    let due = at(30 * DAY);
    let wants = |now| Keyring::wants_next(&folder.0.read().unwrap(), now).unwrap();
    assert!(!wants(at(0)) && wants(due));
    assert!(!folder.write(|tx| Keyring::advance(tx, due, None)));
    assert_eq!(folder.states(), [KeyState::Current]);
}

#[tokio::test]
async fn the_server_makes_and_loads_its_next_key() {
    let server = Server::new(Mode::Safe);
    let states = || {
        let keys = server.core.keys().summaries();
        keys.iter().map(|key| key.state).collect::<Vec<_>>()
    };
    server.core.tend().await.unwrap();
    assert_eq!(states(), [KeyState::Current]);
    server.clock.advance(30 * DAY);
    server.core.tend().await.unwrap();
    assert_eq!(states(), [KeyState::Current, KeyState::Next]);
    server.core.rotate_keys(true).await.unwrap();
    assert_eq!(states(), [KeyState::Current]);
    server.clock.advance(1);
    server.core.rotate_keys(false).await.unwrap();
    assert_eq!(states(), [KeyState::Current, KeyState::Next]);
}

/// A row that fails here is a format that data folders do not have.
#[test]
fn the_stored_keys_are_these_rows() {
    let store = store();
    let states = [
        KeyState::Next,
        KeyState::Current,
        KeyState::RetiredVerifying,
    ];
    let key = |state| StoredKey {
        kid: format!("{state:?}"),
        private_key: "PRIVATE\n".to_owned(),
        certificate: "PEM\n".to_owned(),
        state,
        created_at: 1,
        since: 2,
    };
    let write = |tx: &mut WriteTx<'_>| -> Result<(), Error> {
        for state in states {
            put(tx, &key(state))?;
        }
        Ok(tx.put(Space::SysKeys, SEAL_KEY.to_vec(), vec![0xff; 32].into())?)
    };
    store.write(write).unwrap();
    let json = |kid: &str, state: &str| {
        let head = format!(r#"{{"kid":"{kid}","private_key":"PRIVATE\n","certificate":"PEM\n","#);
        let text = format!(r#"{head}"state":"{state}","created_at":1,"since":2}}"#);
        (format!(r"id\0{kid}"), text)
    };
    let expected = [
        json("Current", "current"),
        json("Next", "next"),
        json("RetiredVerifying", "retired-verifying"),
        ("seal".to_owned(), r"\xff".repeat(32)),
    ];
    assert_eq!(rows(&store, Space::SysKeys), expected);
    let read = stored_keys(&store.read().unwrap()).unwrap();
    let again = read
        .iter()
        .map(|key| (key.kid.clone(), key.state, key.created_at, key.since));
    let found: Vec<_> = again.collect();
    let expected = |at: usize| (format!("{:?}", states[at]), states[at], 1, 2);
    assert_eq!(found, [expected(1), expected(0), expected(2)]);
}

/// What the stored secret seals must be opened by the next version: refresh tokens outlive it.
#[test]
fn the_key_of_refresh_tokens_is_derived_like_this() {
    let server = Server::new(Mode::Safe);
    let write = |tx: &mut WriteTx<'_>, _: &mut OpContext<'_>| -> Result<(), Error> {
        Ok(tx.put(Space::SysKeys, SEAL_KEY.to_vec(), vec![1; 32].into())?)
    };
    server.write(write);
    let keys = Keyring::load(&server.core.read().unwrap()).unwrap();
    for (purpose, key) in [
        (
            "refresh token",
            "9d839735edb175cfaa5511fac42dc1755a15344445ed0144b30ca2b4a34291a0",
        ),
        (
            "access token",
            "fd40bdaa997f031149b9b0ee65f6d163afa85c53f9789dc1076d957c6047aa1a",
        ),
    ] {
        let key: [u8; 32] = hex::decode(key).unwrap().try_into().unwrap();
        let sealed = SealKey::from_bytes(key).seal([7; 12], b"plain", b"");
        let opened = keys.seal_key(purpose).open(&sealed, b"");
        assert_eq!(opened.as_deref(), Some(b"plain".as_slice()), "{purpose}");
    }
}
