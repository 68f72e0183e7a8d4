//! `Commit`: writes, all or none.

use std::sync::Arc;

use bytes::Bytes;
use firekeep_documents::{WriteResult, commit};
use firekeep_model::{Caller, DatabaseName, OpContext, Timestamp, Value, document_size};
use firekeep_store::{CommitTime, ReadLog, WriteTx};

use super::database::Database;
use super::{Firestore, Operation, Transform, Write};
use crate::limits::{SMALL_COMMIT_BYTES_MAX, SMALL_COMMIT_WRITES_MAX};
use crate::{Error, SystemRng};

/// The answer to a commit.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed {
    /// One for each write.
    pub results: Vec<Written>,
    /// When. Of a commit that changed nothing: a time at which everything that it saw was there.
    pub commit_time: Timestamp,
}

/// The answer to a write.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// When the document changed last. `None` for deletes, verifies, and documents that the commit leaves missing.
    pub update_time: Option<Timestamp>,
    /// One value for each transform of the write, in their order.
    pub transform_results: Vec<Value>,
}

impl Firestore {
    /// Applies writes, all or none, and ends the transaction when there is one.
    ///
    /// # Errors
    /// Every [`DocumentError`](super::DocumentError) of a write; [`Error::Aborted`]; [`Error::TooLarge`].
    pub async fn commit(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        writes: Vec<Write>,
        transaction: Option<Bytes>,
    ) -> Result<Committed, Error> {
        for write in &writes {
            write.check()?;
        }
        let open = self.admit(caller, database).await?;
        let (asker, transactions) = (self.asker(caller, database), &self.0.transactions);
        let first = writes.first().map(|write| write.path.clone());
        // Held until the commit is through: it may have a turn.
        let ended = match &transaction {
            None => None,
            Some(id) => {
                let found = transactions.find(asker, id)?;
                if let Some(path) = &first {
                    if !found.may_write {
                        return Err(Error::ReadOnlyTransaction);
                    }
                    transactions.let_pass(&found, path).await;
                }
                drop(found);
                Some(transactions.end(asker, id)?)
            }
        };
        let required = match &ended {
            None => None,
            Some(ended) => Some((ended.read_time, ended.take_reads()?)),
        };
        let applied = self.apply(&open, writes, required).await;
        if let (Err(Error::Aborted), Some(id)) = (&applied, &transaction) {
            transactions.lost(asker, id, first.as_ref());
        }
        let (results, commit_time) = applied?;
        let written = |result| Written::of(result, commit_time);
        Ok(Committed {
            results: results.into_iter().map(written).collect(),
            commit_time,
        })
    }
}

impl Firestore {
    /// Applies writes, if nothing was changed that was read at that time.
    async fn apply(
        &self,
        database: &Arc<Database>,
        writes: Vec<Write>,
        required: Option<(CommitTime, ReadLog)>,
    ) -> Result<(Vec<WriteResult>, Timestamp), Error> {
        let now = self.0.now();
        if writes.is_empty() {
            let seen = Timestamp::from_micros(database.now().await?.0);
            return Ok((Vec::new(), seen.max(now)));
        }
        let indexes = database.indexes();
        let required = required.filter(|(_, reads)| !reads.is_empty());
        let is_small = required.is_none() && is_small(&writes);
        let work = move |tx: &mut WriteTx<'_>| {
            if let Some((since, reads)) = &required {
                tx.require_unchanged(*since, reads);
            }
            let mut rng = SystemRng;
            let cx = OpContext { now, rng: &mut rng };
            let catalog = indexes.catalog(tx)?;
            commit::apply(tx, &cx, &writes, catalog.as_ref())
        };
        match is_small {
            true => database.commit_small(now, work).await,
            false => database.commit(now, work).await,
        }
    }
}

/// Whether writes are so few and short that it takes longer to hand them to another thread than to apply them.
pub(super) fn is_small(writes: &[Write]) -> bool {
    let bytes = |write: &Write| match &write.operation {
        Operation::Update { fields, .. } => document_size(&write.path, fields),
        Operation::Delete | Operation::Verify => 0,
    };
    let is_array = |transform: &Transform| {
        matches!(
            transform,
            Transform::AppendMissing(_) | Transform::RemoveAll(_)
        )
    };
    let mut transforms = writes.iter().flat_map(|write| &write.transforms);
    writes.len() <= SMALL_COMMIT_WRITES_MAX
        && !transforms.any(|(_, transform)| is_array(transform))
        && writes.iter().map(bytes).sum::<usize>() <= SMALL_COMMIT_BYTES_MAX
}

impl Written {
    /// A result, once the time of the commit is known.
    pub(super) fn of(result: WriteResult, commit_time: Timestamp) -> Self {
        Self {
            update_time: result.update_time.map(|time| time.at(commit_time)),
            transform_results: result.transform_results,
        }
    }
}
