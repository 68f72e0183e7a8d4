//! What one group commits, decided under the clock: which transactions pass, at which times, writing which rows.
//!
//! A pure function of the clock, the group and the rows it replaces. Storage design, section 7, steps 1 and 2.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::limits::{LOG_IMAGE_BYTES_MAX, LOG_IMAGES_BYTES_MAX};
use crate::recent::{Conflict, Footprint, Footprints, Recent};
use crate::write_tx::{Intent, Place, Reads, Write};
use crate::{
    Batch, Change, ClockView, CommitId, CommitTime, Error, Key, LogRow, Space, history_key, row,
};

/// Rows with history as they stand before the group, with their headers, as seen at `time`.
#[derive(Debug, Default)]
pub(crate) struct Before {
    /// When they were read.
    pub(crate) time: CommitTime,
    /// The rows.
    pub(crate) rows: BTreeMap<Place, Option<Bytes>>,
}

/// What a group does.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// The batches to apply.
    pub(crate) batches: Vec<Batch>,
    /// Per transaction of the group: its commit time, or why it must run again.
    pub(crate) verdicts: Vec<Result<CommitTime, Conflict>>,
    /// The commits made elsewhere and here, for [`Recent::extend`] once they are durable.
    pub(crate) footprints: Footprints,
}

/// Decides a group.
///
/// # Errors
/// [`Error::Corrupt`] when a replaced row cannot be read.
pub(crate) fn plan(
    view: &ClockView<'_>,
    group: Vec<Intent>,
    before: &Before,
    recent: &Recent,
    mut commit_id: impl FnMut() -> CommitId,
) -> Result<Plan, Error> {
    let mut plan = Plan::default();
    for log in view.since {
        let places = log.changes.iter();
        let places = places.map(|change| (change.space, change.key.as_slice()));
        plan.footprints.push(Footprint::new(places).at(log.time));
    }
    let foreign = plan.footprints.len();
    let mut time = view.state.last;
    let mut seq = view.state.seq;
    for intent in group {
        let elsewhere = plan.footprints.iter().take(foreign);
        if let Err(conflict) = check(&intent, recent, &plan.footprints, before.time, elsewhere) {
            plan.verdicts.push(Err(conflict));
            continue;
        }
        if intent.writes.is_empty() {
            // It only reads, and is in order with those before it.
            plan.verdicts.push(Ok(time));
            continue;
        }
        time = view.time_after(time);
        seq += 1;
        let log = LogRow {
            time,
            seq,
            commit: commit_id(),
            epoch: view.state.epoch,
            changes: Vec::with_capacity(intent.writes.len()),
        };
        let standing = Standing {
            plan: &plan,
            reads: &intent.reads,
            before,
        };
        let batch = standing.batch(intent.writes, intent.footprint.hashes(), log)?;
        plan.batches.push(batch);
        plan.footprints.push(intent.footprint.at(time));
        plan.verdicts.push(Ok(time));
    }
    Ok(plan)
}

fn check<'a>(
    intent: &Intent,
    recent: &Recent,
    pending: &Footprints,
    before: CommitTime,
    elsewhere: impl Iterator<Item = &'a Footprint>,
) -> Result<(), Conflict> {
    for required in &intent.required {
        recent.check_required(required, pending)?;
    }
    recent.check(intent, pending)?;
    // A row that another node wrote after the rows to replace were read: read again.
    for commit in elsewhere.filter(|commit| commit.time() > before) {
        let versioned = intent
            .writes
            .keys()
            .filter(|(space, _)| space.history().is_some());
        if let Some(place) = commit.touches(versioned) {
            return Err(Conflict::Wrote(place.clone()));
        }
    }
    Ok(())
}

/// The rows that stand when a transaction of the group has its turn.
struct Standing<'a> {
    plan: &'a Plan,
    reads: &'a Reads,
    before: &'a Before,
}

impl Standing<'_> {
    fn batch(
        &self,
        writes: BTreeMap<Place, Write>,
        hashes: &[u64],
        log: LogRow,
    ) -> Result<Batch, Error> {
        let time = log.time;
        let mut batch = Batch {
            puts: Vec::with_capacity(writes.len()),
            log,
            ..Batch::default()
        };
        // Index entries have no value: they share this row.
        let empty = row::encode(time, &[]);
        let encode = |value: Bytes| match value.is_empty() {
            true => empty.clone(),
            false => row::encode(time, &value),
        };
        let mut images_bytes = 0;
        for ((place, write), hash) in writes.into_iter().zip(hashes) {
            let Some(replaced) = self.replace(&place, *hash, &write, &mut batch)? else {
                continue;
            };
            let row = write.value.map(encode);
            let (space, key) = place;
            let image = row.clone().filter(|row| {
                let bytes = row.len();
                let fits = bytes <= LOG_IMAGE_BYTES_MAX
                    && images_bytes + bytes <= LOG_IMAGES_BYTES_MAX
                    && space == Space::Docs;
                images_bytes += if fits { bytes } else { 0 };
                fits
            });
            batch.log.changes.push(Change {
                space,
                key: key.clone(),
                deleted: row.is_none(),
                replaced,
                after: image,
            });
            match row {
                Some(row) => batch.puts.push((space, key, row)),
                None => batch.deletes.push((space, key)),
            }
        }
        Ok(batch)
    }

    /// Moves the row that `place` has to the history, and gives its time. `None` when there is nothing to do: the
    /// removal of a row with history that is not there.
    fn replace(
        &self,
        place: &Place,
        hash: u64,
        write: &Write,
        batch: &mut Batch,
    ) -> Result<Option<Option<CommitTime>>, Error> {
        let (space, key) = place;
        let Some(history) = space.history() else {
            return Ok(Some(None));
        };
        let old = self.row(place, hash, write.inserts);
        if write.value.is_none() && old.is_none() {
            return Ok(None);
        }
        let created = old.as_deref().map(row::time).transpose()?;
        if let Some(old) = old {
            batch
                .puts
                .push((history, history_key(key, batch.log.time), old));
        }
        Ok(Some(created))
    }

    fn row(&self, place: &Place, hash: u64, inserts: bool) -> Option<Bytes> {
        let written = self.plan.footprints.may_touch(hash);
        let mut batches = self.plan.batches.iter().rev().filter(|_| written);
        if let Some(row) = batches.find_map(|batch| batch.row(place)) {
            return row;
        }
        match self.reads.known(place, inserts) {
            Some(row) => row.cloned(),
            None => self.before.rows.get(place).cloned().flatten(),
        }
    }
}

impl Batch {
    /// The row that it leaves at a place, if it writes there.
    fn row(&self, place: &Place) -> Option<Option<Bytes>> {
        let is = |space: &Space, key: &Key| (space, key) == (&place.0, &place.1);
        let put = self.puts.iter().find(|(space, key, _)| is(space, key));
        let deleted = || self.deletes.iter().find(|(space, key)| is(space, key));
        match put {
            Some((_, _, row)) => Some(Some(row.clone())),
            None => deleted().map(|_| None),
        }
    }
}
