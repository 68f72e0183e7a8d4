//! Which catalogue a transaction sees.

use std::sync::{Arc, PoisonError, RwLock};

use firekeep_store::Read;

use super::{Catalog, find_generation};
use crate::Error;

/// The indexes of one database: gives every transaction the catalogue of its snapshot.
#[derive(Debug, Default)]
pub struct Indexes {
    never_changed: Arc<Catalog>,
    newest: RwLock<Option<Arc<Catalog>>>,
}

impl Indexes {
    /// Those of a database that nothing is known of yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The catalogue that a transaction sees. A transaction that writes runs again when the catalogue changes meanwhile.
    ///
    /// For reads in the past, see [`Catalog::as_of`].
    ///
    /// # Errors
    /// [`Error::Corrupt`]; those of storage.
    pub fn catalog(&self, tx: &dyn Read) -> Result<Arc<Catalog>, Error> {
        let Some(generation) = find_generation(tx)? else {
            return Ok(Arc::clone(&self.never_changed));
        };
        let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner);
        let known = newest.as_ref().map(|catalog| catalog.time);
        if let Some(newest) = newest.as_ref()
            && generation.time.is_some()
            && newest.time == generation.time
        {
            return Ok(Arc::clone(newest));
        }
        drop(newest);
        let loaded = Arc::new(Catalog::load(tx)?);
        // One that is not committed is nobody else's. None is lower than every time.
        if loaded.time > known.flatten() {
            let mut newest = self.newest.write().unwrap_or_else(PoisonError::into_inner);
            *newest = Some(Arc::clone(&loaded));
        }
        Ok(loaded)
    }
}
