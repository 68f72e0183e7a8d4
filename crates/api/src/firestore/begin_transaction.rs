//! `BeginTransaction` and `Rollback`.

use std::sync::Arc;

use bytes::Bytes;
use firekeep_model::{Caller, DatabaseName};

use super::database::Database;
use super::transactions::{Asker, Transaction};
use super::{Firestore, TransactionOptions};
use crate::Error;

impl Firestore {
    /// Begins a transaction, and gives its id.
    ///
    /// # Errors
    /// Those of [`Firestore`]'s doc; [`Error::Exhausted`].
    pub async fn begin_transaction(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        options: TransactionOptions,
    ) -> Result<Bytes, Error> {
        let open = self.admit(caller, database).await?;
        let asker = self.asker(caller, database);
        Ok(self.begin(asker, open, options).await?.0)
    }

    /// Ends a transaction without writing. Without effect on one that ended lately.
    ///
    /// # Errors
    /// Those of [`Firestore`]'s doc.
    pub async fn rollback(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        transaction: Bytes,
    ) -> Result<(), Error> {
        self.admit(caller, database).await?;
        let asker = self.asker(caller, database);
        self.0.transactions.roll_back(asker, &transaction)
    }

    pub(super) async fn begin(
        &self,
        asker: Asker<'_>,
        database: Arc<Database>,
        options: TransactionOptions,
    ) -> Result<(Bytes, Arc<Transaction>), Error> {
        let (read_time, may_write, after) = match options {
            TransactionOptions::ReadOnly { read_time } => (read_time, false, None),
            TransactionOptions::ReadWrite { retry } => (None, true, retry),
        };
        let read_time = match read_time {
            Some(time) => Some(self.read_time(&database, time).await?),
            None => None,
        };
        let transactions = &self.0.transactions;
        transactions
            .begin(asker, database, read_time, may_write, after.as_ref())
            .await
    }

    pub(super) fn asker<'a>(&self, caller: &'a Caller, database: &'a DatabaseName) -> Asker<'a> {
        Asker {
            caller,
            database,
            now: self.0.now(),
        }
    }
}
