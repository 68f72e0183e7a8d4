//! What databases need without a request: old history goes, and who is not used is closed.

use std::sync::Arc;

use firekeep_store::TrimBudget;

use super::database::off_async;
use crate::limits::{HISTORY_KEPT, TRIM_LOG_ROWS, TRIM_STEPS_MAX};
use crate::{Core, Error};

impl Core {
    /// Removes old history of every open database, and closes those that nobody uses.
    ///
    /// # Errors
    /// Storage errors.
    pub(crate) async fn tend_databases(self: &Arc<Self>) -> Result<(), Error> {
        let core = Arc::clone(self);
        off_async(move || {
            for database in core.databases.all() {
                let budget = TrimBudget {
                    log_rows: TRIM_LOG_ROWS,
                };
                for _ in 0..TRIM_STEPS_MAX {
                    if database.store.trim(HISTORY_KEPT, budget)?.done {
                        break;
                    }
                }
            }
            core.databases.close_idle();
            Ok(())
        })
        .await
    }

    /// Takes no further request for documents, and waits until every commit in line is durable. Blocks.
    pub fn close(&self) {
        self.databases.close();
    }
}
