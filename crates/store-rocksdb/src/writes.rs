//! Everything that writes: commits, one batch and one fsync per group, and the trimming of the log.
//!
//! INVARIANT: no write goes without its fsync. `framing` takes a whole record behind an unreadable one for proof that
//! the unreadable one had been synced.

use firekeep_store::{
    Batch, ClockView, CommitError, CommitTime, DbId, Decision, Error, Key, Space, Stamped,
    TrimBudget, Trimmed, physical_key, plan_trim, read_log,
};
use rocksdb::{ColumnFamily, WriteBatch};

use crate::RocksEngine;
use crate::engine::{lock, missing};
use crate::settings::synced;

impl RocksEngine {
    /// Lets `decide` choose the batches and applies them. RocksDB shows a batch to readers only once it is synced, and
    /// shows it whole, so a snapshot taken meanwhile has all of it or nothing, clock row included.
    pub(crate) fn commit_group(
        &self,
        db: DbId,
        known: CommitTime,
        decide: &mut dyn FnMut(&ClockView<'_>) -> Decision,
    ) -> Result<CommitTime, CommitError> {
        self.check_alive()?;
        let database = self.database(db).map_err(unreadable)?;
        let mut clock = lock(&database.clock);
        // Only another committer of this process can have gone beyond what this one knows.
        let since = match known < clock.last {
            true => self
                .view(db)
                .and_then(|view| read_log(&view, known, usize::MAX)),
            false => Ok(Vec::new()),
        };
        let view = ClockView {
            state: *clock,
            now: self.clock.now(),
            since: &since.map_err(unreadable)?,
        };
        let batches = match decide(&view) {
            Decision::Nothing => return Ok(clock.last),
            Decision::Apply(batches) if batches.is_empty() => return Ok(clock.last),
            Decision::Apply(batches) => batches,
        };
        let stamped = clock.stamp(&batches)?;
        let rows = self.rows_of(db, &batches, &stamped).map_err(unreadable)?;
        self.db
            .write_opt(rows, &synced())
            .map_err(|error| self.fail(error))?;
        *clock = stamped.state;
        database.publish(stamped.state.last);
        Ok(stamped.state.last)
    }

    /// Removes the oldest log rows and the history they made.
    pub(crate) fn trim_log(
        &self,
        db: DbId,
        below: CommitTime,
        budget: TrimBudget,
    ) -> Result<Trimmed, Error> {
        self.check_alive()?;
        let step = plan_trim(&self.view(db)?, below, budget)?;
        let mut rows = WriteBatch::default();
        let mut last: Option<Key> = None;
        for (space, key) in step.deletes {
            let key = physical_key(db, &key);
            match space {
                Space::Log => last = last.max(Some(key)),
                _ => rows.delete_cf(self.family(space)?, key),
            }
        }
        if let Some(mut end) = last {
            // One range in place of many tombstones, which the next walk from the log's beginning would step over.
            end.push(0);
            rows.delete_range_cf(self.family(Space::Log)?, physical_key(db, &[]), end);
        }
        if let Some((key, value)) = step.mark {
            rows.put_cf(self.family(Space::Meta)?, physical_key(db, &key), value);
        }
        if !rows.is_empty() {
            self.db
                .write_opt(rows, &synced())
                .map_err(|error| self.fail(error))?;
        }
        Ok(step.trimmed)
    }

    fn rows_of(&self, db: DbId, batches: &[Batch], stamped: &Stamped) -> Result<WriteBatch, Error> {
        let puts = batches.iter().flat_map(|batch| &batch.puts);
        let sizes = puts.chain(&stamped.rows);
        let sizes = sizes.map(|(_, key, value)| key.len() + value.len() + ROW_BYTES);
        let mut rows = Rows {
            batch: WriteBatch::with_capacity_bytes(sizes.sum()),
            // By name, which for each row again would be felt.
            families: Space::ALL.map(|space| (space, self.db.cf_handle(space.name()))),
            key: physical_key(db, &[]),
        };
        for batch in batches {
            for (space, key) in &batch.deletes {
                rows.delete(*space, key)?;
            }
            for (space, key, value) in &batch.puts {
                rows.put(*space, key, value)?;
            }
        }
        for (space, key, value) in &stamped.rows {
            rows.put(*space, key, value)?;
        }
        Ok(rows.batch)
    }
}

/// What a row takes in a batch beside its key and value, at most: its kind, its family, their lengths and the database.
const ROW_BYTES: usize = 24;

/// A batch that grows.
struct Rows<'a> {
    batch: WriteBatch,
    families: [(Space, Option<&'a ColumnFamily>); Space::ALL.len()],
    /// The database's id, and what is left of the key before.
    key: Key,
}

impl Rows<'_> {
    fn put(&mut self, space: Space, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let family = self.place(space, key)?;
        self.batch.put_cf(family, &self.key, value);
        Ok(())
    }

    fn delete(&mut self, space: Space, key: &[u8]) -> Result<(), Error> {
        let family = self.place(space, key)?;
        self.batch.delete_cf(family, &self.key);
        Ok(())
    }
}

impl<'a> Rows<'a> {
    /// Makes the physical key; gives its family.
    fn place(&mut self, space: Space, key: &[u8]) -> Result<&'a ColumnFamily, Error> {
        self.key.truncate(size_of::<DbId>());
        self.key.extend_from_slice(key);
        let found = self.families.iter().find(|(other, _)| *other == space);
        found
            .and_then(|(_, family)| *family)
            .ok_or_else(|| missing(space))
    }
}

/// A read that failed before anything was written.
fn unreadable(error: Error) -> CommitError {
    match error {
        Error::Corrupt(cause) => CommitError::Fatal(cause),
        other => CommitError::Unavailable(other.to_string()),
    }
}
