//! The newest time that clients were told without a commit of that time: kept, so that it holds after a restart.
//!
//! An idle listener hears that the time goes on. Were the wall clock earlier at the next start, later commits would get
//! earlier times, and clients ignore what is older than what they saw (Firestore specification, sections 3 and 11.4). One
//! row for all databases, written now and then while somebody listens and nobody writes.

use std::sync::{Arc, Mutex, PoisonError};

use firekeep_store::{CommitTime, Read, Space, Store, WriteTx};

use crate::Error;

const KEY: &[u8] = b"promised-time";

/// The newest time that was promised.
pub(super) struct Promised {
    store: Arc<Store>,
    /// As it is stored. Held while another one is being stored.
    newest: Mutex<CommitTime>,
}

impl Promised {
    /// # Errors
    /// Storage errors.
    pub(super) fn load(store: &Arc<Store>) -> Result<Self, Error> {
        let stored = store.read()?.get(Space::SysConfig, KEY)?;
        let newest = match stored {
            None => CommitTime::ZERO,
            Some(bytes) => {
                let damaged = |_| Error::Internal("the promised time cannot be read".to_owned());
                CommitTime::from_key(bytes.as_ref().try_into().map_err(damaged)?)
            }
        };
        Ok(Self {
            store: Arc::clone(store),
            newest: Mutex::new(newest),
        })
    }

    /// No commit of any database may get this time any more, or an earlier one.
    pub(super) fn newest(&self) -> CommitTime {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Promises a time: from the answer on, it may be told. Blocks.
    ///
    /// # Errors
    /// Storage errors.
    pub(super) fn keep(&self, time: CommitTime) -> Result<(), Error> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if time > *newest {
            let value = time.to_key().to_vec();
            self.store.write(|tx: &mut WriteTx<'_>| {
                tx.put(Space::SysConfig, KEY.to_vec(), value.clone().into())
            })?;
            *newest = time;
        }
        Ok(())
    }
}
