//! The stream of writes: batches that one client sends one behind the other, each a commit of its own.
//!
//! The client resends what was not acknowledged, so a batch may be applied twice when the connection breaks: that is how
//! the protocol is. Firestore specification, section 10.

use bytes::Bytes;
use firekeep_model::{Caller, DatabaseName, OpContext, Rng as _};

use super::streams::{Lifetime, StreamCredential};
use super::{Committed, Firestore, Write};
use crate::{Error, SystemRng};

/// Characters of a stream's id.
const ID_CHARS: usize = 20;
/// Bytes by which a stream knows its own tokens, before those that count.
const KEY_BYTES: usize = 8;

/// A stream of writes.
pub struct Writing {
    firestore: Firestore,
    caller: Caller,
    database: DatabaseName,
    id: String,
    key: [u8; KEY_BYTES],
    /// How many tokens were given.
    given: u64,
    lifetime: Lifetime,
}

/// The answer to a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Acknowledged {
    /// Where the stream is now.
    pub token: Bytes,
    /// What the batch did.
    pub committed: Committed,
}

impl Firestore {
    /// Opens a stream of writes. Who may write what is decided for every batch.
    ///
    /// # Errors
    /// [`Error::DatabaseNotFound`], [`Error::Exhausted`], [`Error::Unauthenticated`]; storage errors.
    pub async fn write_stream(
        &self,
        credential: StreamCredential,
        database: &DatabaseName,
    ) -> Result<Writing, Error> {
        // COMPAT: SDKs open a stream that is refused again and again, and their writes never fail; a batch that is
        // refused fails (specification, section 11.7).
        if !self.0.has_database(database)? {
            return Err(Error::DatabaseNotFound(database.clone()));
        }
        let mut rng = SystemRng;
        let mut key = [0; KEY_BYTES];
        rng.fill(&mut key);
        let now = self.0.now();
        let id = OpContext { now, rng: &mut rng }.alphanumeric(ID_CHARS);
        let caller = credential.caller.clone();
        let lifetime = self.0.open_stream(credential, database)?;
        Ok(Writing {
            firestore: self.clone(),
            caller,
            database: database.clone(),
            id,
            key,
            given: 0,
            lifetime,
        })
    }
}

impl Writing {
    /// The stream's id, and the token that the first batch comes with.
    pub fn open(&mut self) -> (String, Bytes) {
        (self.id.clone(), self.next_token())
    }

    /// Applies a batch; `None` for one without writes, which only says that answers have arrived.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a token that the stream did not give; what ended the stream; those of
    /// [`Firestore::commit`]. The stream is over then.
    pub async fn write(
        &mut self,
        token: &[u8],
        writes: Vec<Write>,
    ) -> Result<Option<Acknowledged>, Error> {
        self.lifetime.check()?;
        if !self.has_given(token) {
            let text = "the stream token is not one that this stream has given";
            return Err(Error::Invalid(text.to_owned()));
        }
        if writes.is_empty() {
            return Ok(None);
        }
        let (caller, database) = (&self.caller, &self.database);
        let committed = self.firestore.commit(caller, database, writes, None);
        let committed = committed.await?;
        Ok(Some(Acknowledged {
            token: self.next_token(),
            committed,
        }))
    }

    /// Waits for what ends the stream, between two batches.
    pub async fn ended(&mut self) -> Error {
        self.lifetime.ended().await
    }

    fn next_token(&mut self) -> Bytes {
        self.given += 1;
        [&self.key[..], &self.given.to_be_bytes()].concat().into()
    }

    fn has_given(&self, token: &[u8]) -> bool {
        let number = token.strip_prefix(&self.key[..]);
        let number = number.and_then(|bytes| bytes.try_into().ok());
        number.is_some_and(|bytes| (1..=self.given).contains(&u64::from_be_bytes(bytes)))
    }
}
