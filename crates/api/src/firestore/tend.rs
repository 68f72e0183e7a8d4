//! What databases need without a request: old history goes, and who is not used is closed.

use std::sync::Arc;
use std::time::Duration;

use firekeep_store::{CommitTime, DbId, TrimBudget};

use super::database::{Database, off_async};
use super::databases::Record;
use crate::core::Round;
use crate::limits::{EXPORT_MARGIN, HISTORY_KEPT, TRIM_LOG_ROWS, TRIM_STEPS_MAX};
use crate::{Core, Error};

const BUDGET: TrimBudget = TrimBudget::rows(TRIM_LOG_ROWS);

impl Core {
    /// Forgets expired transactions, removes old history of every open database, goes on with indexes that are being
    /// built and with deleted databases, and closes those that nobody uses. One database at a time: who is looked after
    /// counts as used, and could not make room for another one.
    ///
    /// # Errors
    /// The first storage error, once everything else is done.
    pub(crate) async fn tend_databases(self: &Arc<Self>) -> Result<(), Error> {
        self.transactions.tend(self.now());
        let mut round = Round::default();
        for name in self.databases.names() {
            let core = Arc::clone(self);
            let tended = off_async(move || match core.databases.peek(&name) {
                Some(database) => core.tend_one(&database),
                None => Ok(()),
            });
            round.keep(tended.await);
        }
        let core = Arc::clone(self);
        let rest = off_async(move || {
            let mut round = Round::default();
            if core.databases.is_round_due() {
                round.keep(core.trim_closed());
            }
            core.databases.close_idle();
            round.end()
        });
        round.keep(rest.await);
        round.note("deleted databases", self.go_on_emptying());
        round.end()
    }

    /// Blocks.
    fn tend_one(&self, database: &Arc<Database>) -> Result<(), Error> {
        let mut round = Round::default();
        let name = &database.name;
        // What an export still reads stays.
        let kept = database.oldest_kept().map_or(Duration::ZERO, |at| {
            let micros = self.now().micros().saturating_sub(at.0);
            Duration::from_micros(u64::try_from(micros).unwrap_or(0)) + EXPORT_MARGIN
        });
        for _ in 0..TRIM_STEPS_MAX {
            let trimmed = database.store.trim(HISTORY_KEPT.max(kept), BUDGET);
            let trimmed = round.note(&format!("history of {name}"), trimmed.map_err(Error::from));
            if trimmed.is_none_or(|trimmed| trimmed.done) {
                break;
            }
        }
        let settled = database.catalog().map(|catalog| catalog.is_settled());
        if round.note(&format!("indexes of {name}"), settled) == Some(false) {
            database.build_indexes();
        }
        round.end()
    }

    /// Removes old history of databases that are not open, deleted ones among them: nobody reads it, and no export does.
    fn trim_closed(&self) -> Result<(), Error> {
        let kept = i64::try_from(HISTORY_KEPT.as_micros()).unwrap_or(i64::MAX);
        let below = CommitTime(self.now().micros().saturating_sub(kept));
        let (engine, _) = self.databases.engine();
        let mut round = Round::default();
        for (name, record) in Record::list(&self.read()?, None)? {
            if self.databases.is_open(&name) {
                continue;
            }
            for _ in 0..TRIM_STEPS_MAX {
                let trimmed = engine.trim(DbId(record.number), below, BUDGET);
                let trimmed = round.note(&name.to_string(), trimmed.map_err(Error::from));
                if trimmed.is_none_or(|trimmed| trimmed.done) {
                    break;
                }
            }
        }
        round.end()
    }

    /// Takes no further request for documents, and waits until every commit in line is durable. Blocks.
    pub fn close(&self) {
        self.end_streams();
        self.streams.close();
        self.watches.close();
        self.operations.close();
        self.databases.close();
    }
}
