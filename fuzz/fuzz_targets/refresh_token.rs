//! Refresh tokens: only what we sealed opens, for the same pool and with a key that we hold, and gives the session.
//!
//! Input: any text, and the same bytes as what might stand inside a sealed token.

#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firekeep_accounts::{Pool, Session, SessionId, SessionKeys};
use firekeep_crypto::seal::SealKey;
use firekeep_fuzz::{Fixed, NOW, place};
use firekeep_model::{OpContext, ProjectId};
use libfuzzer_sys::fuzz_target;

const NONCE: [u8; 12] = [7; 12];
/// What a sealed token of the pool of project `p` is bound to.
const CONTEXT: &[u8] = b"p\0\0";
/// The most bytes of a refresh token.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

static POOL: LazyLock<Pool> = LazyLock::new(|| pool("p"));
static OTHER_POOL: LazyLock<Pool> = LazyLock::new(|| pool("q"));
static KEYS: LazyLock<SessionKeys> = LazyLock::new(|| keys(&[1]));
static OTHER_KEYS: LazyLock<SessionKeys> = LazyLock::new(|| keys(&[2]));
static ROTATED_KEYS: LazyLock<SessionKeys> = LazyLock::new(|| keys(&[2, 1]));

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(KEYS.open(&POOL, text).is_err(), "a forged token opens");
        if let Some(id) = SessionId::from_hex(text) {
            assert_eq!(id.to_hex(), text.to_ascii_lowercase());
        }
    }
    let sealed = SealKey::from_bytes([1; 32]).seal(NONCE, data, CONTEXT);
    let token = format!("fk1.{}", URL_SAFE_NO_PAD.encode(sealed));
    if let Ok(session) = KEYS.open(&POOL, &token) {
        comes_back(&session);
        opens_only_here(&token, data);
    }
});

/// The session survives being sealed.
fn comes_back(session: &Session) {
    let mut cx = OpContext {
        now: NOW,
        rng: &mut Fixed(NONCE),
    };
    let token = KEYS
        .seal(&mut cx, &POOL, session)
        .expect("a session can be sealed");
    // Escapes may have made the text longer.
    if token.0.len() <= TOKEN_BYTES_MAX {
        let again = KEYS.open(&POOL, &token.0).expect("what we seal opens");
        assert_eq!(&again, session);
    }
}

fn opens_only_here(token: &str, data: &[u8]) {
    assert!(ROTATED_KEYS.open(&POOL, token).is_ok());
    assert!(OTHER_KEYS.open(&POOL, token).is_err());
    assert!(KEYS.open(&OTHER_POOL, token).is_err());
    // One character changed, at a place that depends on the input.
    let at = place(data, token.len());
    let mut changed = token.to_owned().into_bytes();
    changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).expect("ASCII");
    assert!(ROTATED_KEYS.open(&POOL, &changed).is_err());
}

fn pool(project: &str) -> Pool {
    Pool::of(&ProjectId::parse(project).expect("a project's id"))
}

fn keys(bytes: &[u8]) -> SessionKeys {
    SessionKeys::new(
        bytes
            .iter()
            .map(|byte| SealKey::from_bytes([*byte; 32]))
            .collect(),
    )
}
