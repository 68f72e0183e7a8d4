//! `firekeep verify`: whether the index entries of every database are those of its documents.
//!
//! It works on a stopped server's engine, without a [`Core`](crate::Core), which would make what is missing: nothing is
//! written. What blocks and logs say for themselves is the engine's to check.

use std::sync::Arc;

use firekeep_documents::index::verify::{Report, Verify};
use firekeep_model::{Clock, DatabaseName};
use firekeep_store::{CommitTime, DbId, Engine, Store};

use super::databases::Record;
use crate::Error;

/// What the check of one database found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Documents that were read.
    pub documents: u64,
    /// Index entries that there are.
    pub entries: u64,
    /// Documents that cannot be read, which are among the faults.
    pub unreadable: u64,
    /// Faults that were found.
    pub faults: u64,
    /// A sentence for each of the first 20.
    pub first: Vec<String>,
}

/// A database, and what the check found there or what kept it from reading on.
pub type Checked = (DatabaseName, Result<Verified, Error>);

/// Checks the documents of every database against their indexes, one after the other; a deleted one has none. Tells
/// after every step how far it is. `system` is the number of the engine's database in which the list of databases is.
///
/// # Errors
/// When the list cannot be read.
pub fn verify_documents(
    engine: &Arc<dyn Engine>,
    system: DbId,
    clock: &Arc<dyn Clock>,
    tell: &mut dyn FnMut(&DatabaseName, &Verified),
) -> Result<Vec<Checked>, Error> {
    let Some(store) = open(engine, system, clock)? else {
        return Ok(Vec::new());
    };
    let records = Record::list(&store.read()?, None)?;
    store.close();
    let live = records.into_iter().filter(|(_, record)| record.is_live());
    let checked = live.map(|(name, record)| {
        let mut tell = |so_far: &Verified| tell(&name, so_far);
        let found = verify_one(engine, DbId(record.number), clock, &mut tell);
        (name, found)
    });
    Ok(checked.collect())
}

fn verify_one(
    engine: &Arc<dyn Engine>,
    number: DbId,
    clock: &Arc<dyn Clock>,
    tell: &mut dyn FnMut(&Verified),
) -> Result<Verified, Error> {
    let Some(store) = open(engine, number, clock)? else {
        return Ok(Verified::default());
    };
    let mut verify = Verify::new(&store.read()?)?;
    // Nobody writes, so every view is of the same time.
    while verify.step(&store.read()?)?.is_none() {
        tell(&Verified::of(verify.report()));
    }
    store.close();
    Ok(Verified::of(verify.report()))
}

/// A database that had a commit: opening another one would write to it.
fn open(
    engine: &Arc<dyn Engine>,
    number: DbId,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Arc<Store>>, Error> {
    if engine.snapshot(number)?.time() == CommitTime::ZERO {
        return Ok(None);
    }
    let store = Store::open(Arc::clone(engine), number, Arc::clone(clock))?;
    Ok(Some(store))
}

impl Verified {
    fn of(report: &Report) -> Self {
        Self {
            documents: report.documents,
            entries: report.entries,
            faults: report.faults,
            unreadable: report.unreadable,
            first: report.first.iter().map(ToString::to_string).collect(),
        }
    }
}
