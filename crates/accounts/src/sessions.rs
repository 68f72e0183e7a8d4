//! Sessions: what a refresh token holds, and when one no longer stands.
//!
//! A refresh token is not stored: it is the session itself, sealed (AEAD) with a key of the server, so that a sign-in
//! writes nothing. What ends a session is stored instead, and is rare: the user's `disabled`, `valid_since` and
//! `generation`, a deleted user (by its `incarnation`), and one row for a session that was signed out by itself.
//! A refresh token and the ID tokens of its session are judged by the same.
//! This wins over the auth specification, section 8, by the issue that asked for it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firekeep_crypto::seal::SealKey;
use firekeep_model::{OpContext, Uid};
use firekeep_store::{Direction, KeyRange, PageLimit, Read, Space, WriteTx};
use firekeep_token::id::IdClaims;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Error, Pool, User};

/// What every refresh token of this format begins with.
const PREFIX: &str = "fk1.";
/// The most bytes of a refresh token that are looked at; a session's claims have at most 1000 characters.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// A session's id: the user's generation (4 bytes, big-endian) and 12 random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub [u8; 16]);

impl SessionId {
    fn new(cx: &mut OpContext<'_>, generation: u32) -> Self {
        let mut id = [0; 16];
        cx.rng.fill(&mut id);
        for (byte, value) in id.iter_mut().zip(generation.to_be_bytes()) {
            *byte = value;
        }
        Self(id)
    }

    /// The generation of the user that the session belongs to.
    #[must_use]
    pub fn generation(&self) -> u32 {
        let [a, b, c, d, ..] = self.0;
        u32::from_be_bytes([a, b, c, d])
    }

    /// 32 hexadecimal characters, as the ID token carries it.
    #[must_use]
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }

    /// Reads what [`Self::to_hex`] gives.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        hex::decode(text).ok()?.try_into().ok().map(Self)
    }
}

/// A signed-in device.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// The session's id.
    pub id: SessionId,
    /// Who is signed in.
    pub uid: Uid,
    /// The user's incarnation.
    pub incarnation: u64,
    /// When this session signed in, in seconds; unchanged by refresh.
    pub auth_time_secs: i64,
    /// How: `custom`, `password`, `anonymous`.
    pub provider: String,
    /// The claims of the custom token, which every ID token of the session carries.
    pub claims: Map<String, Value>,
}

impl Session {
    /// Begins a session of a user who has just proved who they are.
    #[must_use]
    pub fn start(
        cx: &mut OpContext<'_>,
        user: &User,
        provider: &str,
        claims: Map<String, Value>,
    ) -> Self {
        Self {
            id: SessionId::new(cx, user.generation),
            uid: user.uid.clone(),
            incarnation: user.incarnation,
            auth_time_secs: cx.now.secs(),
            provider: provider.to_owned(),
            claims,
        }
    }
}

/// A refresh token as the client holds it: opaque to it.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken(pub String);

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshToken(***)")
    }
}

/// The keys that seal refresh tokens: the first one seals, all of them open.
pub struct SessionKeys(Vec<SealKey>);

#[derive(Serialize, Deserialize)]
struct Sealed {
    s: String,
    u: String,
    i: u64,
    t: i64,
    p: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    c: Map<String, Value>,
}

impl SessionKeys {
    /// From the keys, newest first.
    #[must_use]
    pub fn new(keys: Vec<SealKey>) -> Self {
        Self(keys)
    }

    /// Seals a session into its refresh token.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when there is no key.
    pub fn seal(
        &self,
        cx: &mut OpContext<'_>,
        pool: &Pool,
        session: &Session,
    ) -> Result<RefreshToken, Error> {
        let key = self
            .0
            .first()
            .ok_or(Error::Corrupt("no key seals sessions"))?;
        let sealed = Sealed {
            s: session.id.to_hex(),
            u: session.uid.as_str().to_owned(),
            i: session.incarnation,
            t: session.auth_time_secs,
            p: session.provider.clone(),
            c: session.claims.clone(),
        };
        let plain = serde_json::to_vec(&sealed)
            .map_err(|_| Error::Corrupt("a session cannot be written"))?;
        let mut nonce = [0; 12];
        cx.rng.fill(&mut nonce);
        let bytes = key.seal(nonce, &plain, &pool.prefix());
        Ok(RefreshToken(format!(
            "{PREFIX}{}",
            URL_SAFE_NO_PAD.encode(bytes)
        )))
    }

    /// Opens a refresh token of this pool. Whether the session still stands is [`check`]'s to say.
    ///
    /// # Errors
    /// [`Error::InvalidRefreshToken`].
    pub fn open(&self, pool: &Pool, token: &str) -> Result<Session, Error> {
        let invalid = || Error::InvalidRefreshToken;
        if token.len() > TOKEN_BYTES_MAX {
            return Err(invalid());
        }
        let text = token.strip_prefix(PREFIX).ok_or_else(invalid)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let context = pool.prefix();
        let plain = self
            .0
            .iter()
            .find_map(|key| key.open(&bytes, &context))
            .ok_or_else(invalid)?;
        let sealed: Sealed = serde_json::from_slice(&plain).map_err(|_| invalid())?;
        Ok(Session {
            id: SessionId::from_hex(&sealed.s).ok_or_else(invalid)?,
            uid: Uid::parse(&sealed.u).map_err(|_| invalid())?,
            incarnation: sealed.i,
            auth_time_secs: sealed.t,
            provider: sealed.p,
            claims: sealed.c,
        })
    }
}

/// Checks that a refresh token's session still stands.
///
/// # Errors
/// [`Error::InvalidRefreshToken`] when its user is not the one of today; [`Error::UserDisabled`];
/// [`Error::SessionEnded`].
pub fn check(tx: &dyn Read, pool: &Pool, user: &User, session: &Session) -> Result<(), Error> {
    if user.incarnation != session.incarnation {
        return Err(Error::InvalidRefreshToken);
    }
    if user.disabled {
        return Err(Error::UserDisabled);
    }
    let before = user
        .valid_since_secs
        .is_some_and(|secs| session.auth_time_secs < secs);
    if before || has_ended(tx, pool, user, &session.id)? {
        return Err(Error::SessionEnded);
    }
    Ok(())
}

/// Checks that the session of a verified ID token still stands. A token that names no incarnation or no session, such as
/// an unsigned one of dev mode, is judged by its time alone.
///
/// # Errors
/// [`Error::SessionEnded`], also when the user is another one than that of the token; [`Error::UserDisabled`].
///
/// Source: auth specification, section 7, steps 7 and 8.
pub fn check_id_token(
    tx: &dyn Read,
    pool: &Pool,
    user: &User,
    claims: &IdClaims,
) -> Result<(), Error> {
    let another = claims
        .incarnation
        .is_some_and(|incarnation| incarnation != user.incarnation);
    let before = user.valid_since_secs.is_some_and(|secs| claims.iat < secs);
    let session = claims.session_id.as_deref().and_then(SessionId::from_hex);
    let ended = match session {
        Some(session) => has_ended(tx, pool, user, &session)?,
        None => false,
    };
    if another || before || ended {
        return Err(Error::SessionEnded);
    }
    if user.disabled {
        return Err(Error::UserDisabled);
    }
    Ok(())
}

/// Whether a session was ended, by itself or with all others of its generation.
fn has_ended(tx: &dyn Read, pool: &Pool, user: &User, session: &SessionId) -> Result<bool, Error> {
    let of_today = session.generation() == user.generation;
    Ok(!of_today
        || tx
            .get(Space::SysUserIndex, &pool.ended_session(&user.uid, session))?
            .is_some())
}

/// Ends one session.
///
/// # Errors
/// [`Error::Store`].
pub fn end(tx: &mut WriteTx<'_>, pool: &Pool, uid: &Uid, session: &SessionId) -> Result<(), Error> {
    tx.put(
        Space::SysUserIndex,
        pool.ended_session(uid, session),
        bytes::Bytes::new(),
    )?;
    Ok(())
}

/// Forgets which sessions of a user were ended by themselves, once none of them stands anyway.
pub(crate) fn forget_ended(tx: &mut WriteTx<'_>, pool: &Pool, uid: &Uid) -> Result<(), Error> {
    let mut range = KeyRange::prefix(&pool.ended_sessions(uid));
    loop {
        let page = tx.scan(
            Space::SysUserIndex,
            &range,
            Direction::Forward,
            PageLimit::default(),
        )?;
        for (key, _) in &page.rows {
            tx.delete(Space::SysUserIndex, key.to_vec())?;
        }
        match (&page.next, page.rows.last()) {
            (Some(_), Some((last, _))) => range = range.after(last),
            _ => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
