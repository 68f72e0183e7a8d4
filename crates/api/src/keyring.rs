//! The server's own keys: those that sign ID tokens, with their rotation, and those that seal what we hand out.
//!
//! A key is published (`next`) before it signs (`current`), and stays published after its last signature (`retired`)
//! until the tokens it signed have expired. Source: auth specification, section 10.

use std::collections::HashMap;
use std::sync::Arc;

use firekeep_crypto::jwk;
use firekeep_crypto::rsa::{PrivateKey, PublicKey};
use firekeep_crypto::seal::SealKey;
use firekeep_crypto::{certificate, digest};
use firekeep_model::{OpContext, Timestamp};
use firekeep_store::{Direction, KeyRange, PageLimit, Read, Space, WriteTx};
use firekeep_token::id::{self, IdClaims, SigningKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::limits::{KEY_PUBLISHED_BEFORE_USE, KEY_ROTATION};
use crate::memory::Memory;
use crate::{Core, Error};

const ID_KEYS: &[u8] = b"id\0";
const SEAL_KEY: &[u8] = b"seal";
/// The name in the certificates of ID-token keys. Source: auth specification, section 10.
const CERTIFICATE_NAME: &str = "securetoken.system.gserviceaccount.com";
/// How long a certificate is valid: longer than any key lives.
const CERTIFICATE_SECS: i64 = 400 * 24 * 3600;

/// Where a key stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyState {
    /// Published, not signing yet.
    Next,
    /// Signing.
    Current,
    /// Published, not signing any more.
    RetiredVerifying,
}

/// One key, as `firekeep keys list` shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeySummary {
    /// The key's id, as in the header of the tokens it signs.
    pub kid: String,
    /// Where it stands.
    pub state: KeyState,
    /// When it was made, in seconds.
    pub created_at_secs: i64,
    /// When it entered its state, in seconds.
    pub since_secs: i64,
}

/// The public halves, in the two forms that clients fetch.
#[derive(Clone, Debug)]
pub struct PublishedKeys {
    /// A JWK set.
    pub jwks: Value,
    /// `kid` → PEM certificate.
    pub certificates: Value,
    /// How long a client may cache them.
    pub max_age_secs: u64,
}

#[derive(Clone, Serialize, Deserialize)]
struct StoredKey {
    kid: String,
    private_key: String,
    certificate: String,
    state: KeyState,
    created_at: i64,
    since: i64,
}

/// A key that stands nowhere yet. Made before the transaction that stores it opens: an RSA key takes long, and a
/// transaction may run again.
pub(crate) struct NewKey {
    kid: String,
    private_key: String,
    certificate: String,
}

struct IdKey {
    stored: StoredKey,
    signing: SigningKey,
    public: PublicKey,
}

/// All keys, ready to use. Immutable: a change loads a new one.
pub(crate) struct Keyring {
    keys: HashMap<String, IdKey>,
    current: String,
    seal: [u8; 32],
    /// The ID tokens that these keys verified.
    pub(crate) verified: Memory<IdClaims>,
}

impl Keyring {
    /// Loads the keys.
    pub(crate) fn load(tx: &dyn Read) -> Result<Self, Error> {
        let mut keys = HashMap::new();
        let mut current = None;
        for stored in stored_keys(tx)? {
            let key = PrivateKey::from_pkcs8_pem(&stored.private_key)?;
            let public = key.public();
            let signing = SigningKey {
                kid: stored.kid.clone(),
                key,
            };
            if stored.state == KeyState::Current {
                current = Some(stored.kid.clone());
            }
            keys.insert(
                stored.kid.clone(),
                IdKey {
                    stored,
                    signing,
                    public,
                },
            );
        }
        let current = current.ok_or_else(|| Error::Internal("no key signs ID tokens".into()))?;
        let seal = tx.get(Space::SysKeys, SEAL_KEY)?;
        let seal = seal.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_ref()).ok());
        let seal = seal.ok_or_else(|| Error::Internal("no key seals sessions".into()))?;
        Ok(Self {
            keys,
            current,
            seal,
            verified: Memory::default(),
        })
    }

    /// Whether no key signs: the first start of a data folder. [`Self::create_missing`] wants one then.
    pub(crate) fn wants_current(tx: &dyn Read) -> Result<bool, Error> {
        let keys = stored_keys(tx)?;
        Ok(keys.iter().all(|key| key.state != KeyState::Current))
    }

    /// Makes what is missing.
    pub(crate) fn create_missing(
        tx: &mut WriteTx<'_>,
        cx: &mut OpContext<'_>,
        new: Option<&NewKey>,
    ) -> Result<(), Error> {
        if tx.get(Space::SysKeys, SEAL_KEY)?.is_none() {
            let mut bytes = vec![0; 32];
            cx.rng.fill(&mut bytes);
            tx.put(Space::SysKeys, SEAL_KEY.to_vec(), bytes.into())?;
        }
        if let Some(new) = new
            && Self::wants_current(tx)?
        {
            put(tx, &new.stored(KeyState::Current, cx.now))?;
        }
        Ok(())
    }

    /// Whether it is time to publish the next key. [`Self::advance`] wants one then.
    pub(crate) fn wants_next(tx: &dyn Read, now: Timestamp) -> Result<bool, Error> {
        let keys = stored_keys(tx)?;
        let due = |key: &StoredKey| key.state == KeyState::Current && wants_successor(key, now);
        Ok(keys.iter().any(due) && keys.iter().all(|key| key.state != KeyState::Next))
    }

    /// Moves keys along their lives, as far as `now` says; without a new key none is published. Says if anything
    /// changed.
    pub(crate) fn advance(
        tx: &mut WriteTx<'_>,
        now: Timestamp,
        new: Option<&NewKey>,
    ) -> Result<bool, Error> {
        let keys = stored_keys(tx)?;
        let age = |key: &StoredKey| now.secs().saturating_sub(key.since);
        let published_secs = secs(KEY_PUBLISHED_BEFORE_USE);
        let mut changed = false;
        let next = keys.iter().find(|key| key.state == KeyState::Next);
        for key in &keys {
            match (key.state, next) {
                (KeyState::Current, None) if wants_successor(key, now) => {
                    if let Some(new) = new {
                        put(tx, &new.stored(KeyState::Next, now))?;
                        changed = true;
                    }
                }
                (KeyState::Current, Some(next)) if age(next) >= published_secs => {
                    set_state(tx, key, KeyState::RetiredVerifying, now)?;
                    set_state(tx, next, KeyState::Current, now)?;
                    changed = true;
                }
                // Twice a token's life: clocks differ, and a token may have been signed while we retired the key.
                (KeyState::RetiredVerifying, _) if age(key) >= 2 * id::LIFETIME_SECS => {
                    tx.delete(Space::SysKeys, [ID_KEYS, key.kid.as_bytes()].concat())?;
                    changed = true;
                }
                _ => {}
            }
        }
        Ok(changed)
    }

    /// Publishes the next key now; it signs after [`KEY_PUBLISHED_BEFORE_USE`].
    pub(crate) fn rotate(tx: &mut WriteTx<'_>, now: Timestamp, new: &NewKey) -> Result<(), Error> {
        if stored_keys(tx)?
            .iter()
            .any(|key| key.state == KeyState::Next)
        {
            return Err(Error::Invalid(
                "the next key is published already; it takes over an hour after that".into(),
            ));
        }
        put(tx, &new.stored(KeyState::Next, now))
    }

    /// Drops every key at once and signs with a new one: all ID tokens stop to verify, sessions go on by refresh.
    pub(crate) fn rotate_emergency(
        tx: &mut WriteTx<'_>,
        now: Timestamp,
        new: &NewKey,
    ) -> Result<(), Error> {
        for key in stored_keys(tx)? {
            tx.delete(Space::SysKeys, [ID_KEYS, key.kid.as_bytes()].concat())?;
        }
        put(tx, &new.stored(KeyState::Current, now))
    }

    /// The public key of that id, while it is published.
    pub(crate) fn id_token_key(&self, kid: &str) -> Option<PublicKey> {
        self.keys.get(kid).map(|key| key.public.clone())
    }

    /// The key that signs now.
    pub(crate) fn signing(&self) -> Result<&SigningKey, Error> {
        let key = self.keys.get(&self.current).map(|key| &key.signing);
        key.ok_or_else(|| Error::Internal("no key signs ID tokens".into()))
    }

    /// A key that seals one kind of thing.
    pub(crate) fn seal_key(&self, purpose: &str) -> SealKey {
        // One secret, one derived key per purpose: what is sealed for one can never be opened as the other.
        SealKey::from_bytes(digest::sha256(&[&self.seal, purpose.as_bytes()].concat()))
    }

    /// What clients fetch.
    pub(crate) fn published(&self) -> PublishedKeys {
        let mut keys: Vec<&IdKey> = self.keys.values().collect();
        keys.sort_by(|a, b| a.stored.kid.cmp(&b.stored.kid));
        let jwks: Vec<Value> = keys
            .iter()
            .map(|key| jwk::rsa_jwk(&key.public, &key.stored.kid))
            .collect();
        let certificates = keys
            .iter()
            .map(|key| {
                (
                    key.stored.kid.clone(),
                    Value::from(key.stored.certificate.clone()),
                )
            })
            .collect();
        PublishedKeys {
            jwks: json!({ "keys": jwks }),
            certificates: Value::Object(certificates),
            max_age_secs: KEY_PUBLISHED_BEFORE_USE.as_secs(),
        }
    }

    /// The keys, oldest first.
    pub(crate) fn summaries(&self) -> Vec<KeySummary> {
        let mut keys: Vec<KeySummary> = self
            .keys
            .values()
            .map(|key| KeySummary {
                kid: key.stored.kid.clone(),
                state: key.stored.state,
                created_at_secs: key.stored.created_at,
                since_secs: key.stored.since,
            })
            .collect();
        keys.sort_by_key(|key| key.created_at_secs);
        keys
    }
}

impl NewKey {
    /// Makes a key. Takes long.
    pub(crate) fn make(now: Timestamp) -> Result<Self, Error> {
        let key = PrivateKey::generate()?;
        let (from, to) = (now.secs() - 24 * 3600, now.secs() + CERTIFICATE_SECS);
        let certificate = certificate::self_signed_pem(&key, CERTIFICATE_NAME, from, to)?;
        Ok(Self {
            kid: digest::sha1_hex(certificate.as_bytes()),
            private_key: key.to_pkcs8_pem(),
            certificate,
        })
    }

    fn stored(&self, state: KeyState, now: Timestamp) -> StoredKey {
        StoredKey {
            kid: self.kid.clone(),
            private_key: self.private_key.clone(),
            certificate: self.certificate.clone(),
            state,
            created_at: now.secs(),
            since: now.secs(),
        }
    }
}

impl Core {
    /// Moves the keys along their lives.
    pub(crate) async fn advance_keys(self: &Arc<Self>) -> Result<(), Error> {
        let now = self.now();
        let new = match Keyring::wants_next(&self.read()?, now)? {
            true => Some(new_key(now).await?),
            false => None,
        };
        let advance = move |tx: &mut WriteTx<'_>| Keyring::advance(tx, now, new.as_ref());
        if self.write(move |tx, _| advance(tx)).await? {
            self.reload()?;
        }
        Ok(())
    }

    /// Publishes the next key, or in an emergency drops all keys and signs with a new one.
    pub(crate) async fn rotate_keys(self: &Arc<Self>, emergency: bool) -> Result<(), Error> {
        let new = new_key(self.now()).await?;
        self.write(move |tx, cx| match emergency {
            true => Keyring::rotate_emergency(tx, cx.now, &new),
            false => Keyring::rotate(tx, cx.now, &new),
        })
        .await?;
        self.reload()
    }
}

/// Makes a key off the async threads.
async fn new_key(now: Timestamp) -> Result<NewKey, Error> {
    let task = tokio::task::spawn_blocking(move || NewKey::make(now));
    task.await
        .map_err(|_| Error::Internal("a key could not be made".to_owned()))?
}

/// Whether the key's successor is to be published.
fn wants_successor(key: &StoredKey, now: Timestamp) -> bool {
    let age = now.secs().saturating_sub(key.since);
    age >= secs(KEY_ROTATION) - secs(KEY_PUBLISHED_BEFORE_USE)
}

fn secs(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

fn stored_keys(tx: &dyn Read) -> Result<Vec<StoredKey>, Error> {
    let range = KeyRange::prefix(ID_KEYS);
    let page = tx.scan(
        Space::SysKeys,
        &range,
        Direction::Forward,
        PageLimit::default(),
    )?;
    page.rows
        .iter()
        .map(|(_, value)| Ok(serde_json::from_slice(value)?))
        .collect()
}

fn put(tx: &mut WriteTx<'_>, key: &StoredKey) -> Result<(), Error> {
    let bytes = serde_json::to_vec(key)?;
    Ok(tx.put(
        Space::SysKeys,
        [ID_KEYS, key.kid.as_bytes()].concat(),
        bytes.into(),
    )?)
}

fn set_state(
    tx: &mut WriteTx<'_>,
    key: &StoredKey,
    state: KeyState,
    now: Timestamp,
) -> Result<(), Error> {
    put(
        tx,
        &StoredKey {
            state,
            since: now.secs(),
            ..key.clone()
        },
    )
}

#[cfg(test)]
mod tests;
