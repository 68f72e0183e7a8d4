//! What databases need without a request: old history goes, and who is not used is closed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use firekeep_store::{CommitTime, DbId, TrimBudget};

use super::database::{Database, off_async};
use super::databases::Record;
use crate::core::Round;
use crate::limits::{EXPORT_MARGIN, HISTORY_KEPT, TRIM_LOG_ROWS, TRIM_TIME_MAX};
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
        let trimmed = trim(|| {
            let trimmed = database.store.trim(HISTORY_KEPT.max(kept), BUDGET);
            Ok(trimmed?.done)
        });
        round.note(&format!("history of {name}"), trimmed);
        let expired = self.delete_expired(database);
        round.note(&format!("expired documents of {name}"), expired);
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
            if record.is_live() && record.expires {
                // The next rounds delete what has expired, until it is closed again.
                round.note(&name.to_string(), self.open_database(&name).map(drop));
                continue;
            }
            let trimmed = trim(|| {
                let trimmed = engine.trim(DbId(record.number), below, BUDGET);
                Ok(trimmed?.done)
            });
            round.note(&name.to_string(), trimmed);
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

/// Does steps of trimming until one says that it was the last, for [`TRIM_TIME_MAX`] at most: others wait for their turn.
/// Time that passes is what is measured here, whatever the clock says.
fn trim(mut step: impl FnMut() -> Result<bool, Error>) -> Result<(), Error> {
    let begun = Instant::now();
    while !step()? && begun.elapsed() < TRIM_TIME_MAX {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trimming_ends_with_the_work_or_at_an_error() {
        // How many steps there are, and which fails; how many are made.
        for (steps, fails, made) in [(1, None, 1), (2_000, None, 2_000), (9, Some(3), 3)] {
            let mut done = 0;
            let trimmed = trim(|| {
                done += 1;
                match fails == Some(done) {
                    true => Err(Error::Busy),
                    false => Ok(done == steps),
                }
            });
            assert_eq!((trimmed.is_err(), done), (fails.is_some(), made));
        }
    }
}
