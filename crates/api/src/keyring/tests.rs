use std::sync::Arc;

use firekeep_model::Clock;
use firekeep_store::{DbId, MemEngine, Store};

use super::*;
use crate::SystemRng;

const START: i64 = 1_700_000_000;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        at(0)
    }
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(START + secs)
}

/// A data folder's keys, moved through time by hand.
struct Folder(Arc<Store>);

impl Folder {
    fn new() -> Self {
        let clock = Arc::new(Noon);
        let engine = Arc::new(MemEngine::new(clock.clone()));
        let folder = Self(Store::open(engine, DbId(1), clock).unwrap());
        folder.write(|tx| {
            let mut rng = SystemRng;
            let now = at(0);
            Keyring::create_missing(tx, &mut OpContext { now, rng: &mut rng })
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
        self.write(|tx| Keyring::advance(tx, at(secs)))
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
    folder.write(|tx| Keyring::rotate(tx, at(10)));
    assert_eq!(folder.states(), [KeyState::Current, KeyState::Next]);
    let again = folder
        .0
        .write(|tx: &mut WriteTx<'_>| Keyring::rotate(tx, at(20)));
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
    folder.write(|tx| Keyring::rotate(tx, at(10)));
    let before: Vec<_> = folder.load().summaries();
    folder.write(|tx| Keyring::rotate_emergency(tx, at(20)));
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
    folder.write(|tx| Keyring::rotate_emergency(tx, at(20)));
    let open = |purpose: &str| folder.load().seal_key(purpose).open(&sealed, b"");
    assert_eq!(open("a").as_deref(), Some(b"plain".as_slice()));
    assert_eq!(open("b"), None);
}
