//! `BatchWrite`: writes that have nothing to do with each other.

use firekeep_documents::commit;
use firekeep_model::{Caller, DatabaseName, OpContext};

use super::{Firestore, Write, Written};
use crate::{Error, SystemRng};

impl Firestore {
    /// Applies writes, each for itself, and gives the answer to each.
    ///
    /// # Errors
    /// [`Invalid`](super::Invalid) for the request as a whole: one document twice, too many writes, or a write that can
    /// never be.
    pub async fn batch_write(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        writes: Vec<Write>,
    ) -> Result<Vec<Result<Written, Error>>, Error> {
        for write in &writes {
            write.check()?;
        }
        let database = self.admit(caller, database).await?;
        let (now, indexes) = (self.0.now(), database.indexes());
        let applied = database.commit(now, move |tx| {
            let mut rng = SystemRng;
            let cx = OpContext { now, rng: &mut rng };
            let catalog = indexes.catalog(tx)?;
            commit::apply_each(tx, &cx, &writes, catalog.as_ref())
        });
        let (results, commit_time) = applied.await?;
        let written = results.into_iter().map(|result| match result {
            Ok(result) => Ok(Written::of(result, commit_time)),
            Err(error) => Err(error.into()),
        });
        Ok(written.collect())
    }
}
