//! `Commit`: writes, all or none.

use bytes::Bytes;
use firekeep_documents::{NoIndexes, WriteResult, commit};
use firekeep_model::{Caller, DatabaseName, OpContext, Timestamp, Value};

use super::{Firestore, Write};
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
        let database = self.admit(caller, database).await?;
        if transaction.is_some() {
            return Err(Error::TransactionExpired);
        }
        let now = self.0.now();
        let applied = database.commit(now, move |tx| {
            let mut rng = SystemRng;
            let cx = OpContext { now, rng: &mut rng };
            commit::apply(tx, &cx, &writes, &NoIndexes)
        });
        let (results, commit_time) = applied.await?;
        let written = |result| Written::of(result, commit_time);
        Ok(Committed {
            results: results.into_iter().map(written).collect(),
            commit_time,
        })
    }
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
