//! Keeping the entries of documents that are written.
//!
//! This runs for every document that is written: only differences are. Storage design, section 5.

use firekeep_model::{DocumentPath, Map};
use firekeep_store::{Space, WriteTx};

use crate::Error;
use crate::commit::IndexMaintenance;
use crate::index::catalog::{Catalog, Indexes};
use crate::index::entries::{self, Change};
use crate::index::room;

/// With a catalogue of the same transaction: see [`Indexes::catalog`].
impl IndexMaintenance for Catalog {
    fn update(
        &self,
        tx: &mut WriteTx<'_>,
        path: &DocumentPath,
        before: Option<&Map>,
        after: Option<&Map>,
    ) -> Result<(), Error> {
        if let Some(after) = after {
            room::check(self, path, after)?;
        }
        let mut apply = |change| {
            match change {
                // A document has the entries that follow from its fields, and no others: a new one has no row.
                Change::Add(key, row) => tx.insert(Space::Idx, key, row)?,
                Change::Remove(key) => tx.delete(Space::Idx, key)?,
            }
            Ok(())
        };
        entries::differences(self, entries::maintain, path, before, after, &mut apply)
    }
}

/// With the catalogue that the transaction sees.
impl IndexMaintenance for Indexes {
    fn update(
        &self,
        tx: &mut WriteTx<'_>,
        path: &DocumentPath,
        before: Option<&Map>,
        after: Option<&Map>,
    ) -> Result<(), Error> {
        self.catalog(tx)?.update(tx, path, before, after)
    }
}

#[cfg(test)]
mod tests;
