//! What databases need without a request: old history goes, and who is not used is closed.

use std::sync::Arc;
use std::time::Duration;

use firekeep_store::{CommitTime, DbId, TrimBudget};

use super::database::off_async;
use super::databases::Record;
use crate::limits::{EXPORT_MARGIN, HISTORY_KEPT, TRIM_LOG_ROWS, TRIM_STEPS_MAX};
use crate::{Core, Error};

impl Core {
    /// Forgets expired transactions, removes old history of every open database, goes on with indexes that are being
    /// built and with deleted databases, and closes those that nobody uses.
    ///
    /// # Errors
    /// Storage errors.
    pub(crate) async fn tend_databases(self: &Arc<Self>) -> Result<(), Error> {
        self.transactions.tend(self.now());
        let core = Arc::clone(self);
        let open = off_async(move || {
            let budget = TrimBudget::rows(TRIM_LOG_ROWS);
            let open = core.databases.all();
            for database in &open {
                // What an export still reads stays.
                let kept = database.oldest_kept().map_or(Duration::ZERO, |at| {
                    let micros = core.now().micros().saturating_sub(at.0);
                    Duration::from_micros(u64::try_from(micros).unwrap_or(0)) + EXPORT_MARGIN
                });
                for _ in 0..TRIM_STEPS_MAX {
                    if database.store.trim(HISTORY_KEPT.max(kept), budget)?.done {
                        break;
                    }
                }
            }
            if core.databases.is_round_due() {
                core.trim_closed()?;
            }
            core.finish_deletions()?;
            Ok(open)
        });
        for database in open.await? {
            if !database.catalog()?.is_settled() {
                database.build_indexes();
            }
        }
        self.databases.close_idle();
        Ok(())
    }

    /// Removes old history of databases that are not open, deleted ones among them: nobody reads it, and no export does.
    fn trim_closed(&self) -> Result<(), Error> {
        let kept = i64::try_from(HISTORY_KEPT.as_micros()).unwrap_or(i64::MAX);
        let below = CommitTime(self.now().micros().saturating_sub(kept));
        let budget = TrimBudget::rows(TRIM_LOG_ROWS);
        let (engine, _) = self.databases.engine();
        for (name, record) in Record::list(&self.read()?, None)? {
            if self.databases.is_open(&name) {
                continue;
            }
            for _ in 0..TRIM_STEPS_MAX {
                if engine.trim(DbId(record.number), below, budget)?.done {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Takes no further request for documents, and waits until every commit in line is durable. Blocks.
    pub fn close(&self) {
        self.operations.close();
        self.databases.close();
    }
}
