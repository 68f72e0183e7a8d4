//! What one group commits, decided under the clock: which transactions pass, at which times, writing which rows.
//!
//! A pure function of the clock, the group and the rows it replaces. Storage design, section 7, steps 1 and 2.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::limits::{LOG_IMAGE_BYTES_MAX, LOG_IMAGES_BYTES_MAX};
use crate::recent::{Conflict, Footprint, Recent};
use crate::write_tx::{Intent, Place};
use crate::{
    Batch, Change, ClockView, CommitId, CommitTime, Error, LogRow, Space, history_key, row,
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
    pub(crate) footprints: Vec<Footprint>,
}

/// Decides a group.
///
/// # Errors
/// [`Error::Corrupt`] when a replaced row cannot be read.
pub(crate) fn plan(
    view: &ClockView<'_>,
    group: &[&Intent],
    before: &Before,
    recent: &Recent,
    mut commit_id: impl FnMut() -> CommitId,
) -> Result<Plan, Error> {
    let mut plan = Plan::default();
    for log in view.since {
        let places = log
            .changes
            .iter()
            .map(|change| (change.space, change.key.clone()));
        plan.footprints.push(Footprint::new(log.time, places));
    }
    let foreign = plan.footprints.len();
    let mut draft = Draft {
        newest: BTreeMap::new(),
        before: &before.rows,
    };
    let mut time = view.state.last;
    let mut seq = view.state.seq;
    for intent in group {
        let elsewhere = plan.footprints.iter().take(foreign);
        if let Err(conflict) = check(intent, recent, &plan.footprints, before.time, elsewhere) {
            plan.verdicts.push(Err(conflict));
            continue;
        }
        time = view.time_after(time);
        seq += 1;
        let log = LogRow {
            time,
            seq,
            commit: commit_id(),
            epoch: view.state.epoch,
            changes: Vec::new(),
        };
        plan.batches.push(draft.batch(intent, log)?);
        plan.footprints
            .push(Footprint::new(time, intent.writes.keys().cloned()));
        plan.verdicts.push(Ok(time));
    }
    Ok(plan)
}

fn check<'a>(
    intent: &Intent,
    recent: &Recent,
    pending: &[Footprint],
    before: CommitTime,
    elsewhere: impl Iterator<Item = &'a Footprint>,
) -> Result<(), Conflict> {
    recent.check(intent.read_time, &intent.reads, pending)?;
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

/// The rows of the group so far.
struct Draft<'a> {
    /// Rows with history that the group wrote.
    newest: BTreeMap<Place, Option<Bytes>>,
    before: &'a BTreeMap<Place, Option<Bytes>>,
}

impl Draft<'_> {
    fn batch(&mut self, intent: &Intent, log: LogRow) -> Result<Batch, Error> {
        let mut batch = Batch {
            log,
            ..Batch::default()
        };
        let mut images_bytes = 0;
        for (place, value) in &intent.writes {
            let time = batch.log.time;
            let row = value.as_ref().map(|value| row::encode(time, value));
            let Some(replaced) = self.replace(intent, place, &row, &mut batch)? else {
                continue;
            };
            let (space, key) = place.clone();
            let image = row.clone().filter(|row| {
                let bytes = row.len();
                let fits = bytes <= LOG_IMAGE_BYTES_MAX
                    && images_bytes + bytes <= LOG_IMAGES_BYTES_MAX
                    && space == Space::Docs;
                images_bytes += if fits { bytes } else { 0 };
                fits
            });
            let deleted = row.is_none();
            batch.log.changes.push(Change {
                space,
                key: key.clone(),
                deleted,
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
        &mut self,
        intent: &Intent,
        place: &Place,
        row: &Option<Bytes>,
        batch: &mut Batch,
    ) -> Result<Option<Option<CommitTime>>, Error> {
        let (space, key) = place;
        let Some(history) = space.history() else {
            return Ok(Some(None));
        };
        // What the transaction read is what stands, or it would not have passed.
        let read = intent.reads.points.get(place);
        let old = self
            .newest
            .get(place)
            .or(read)
            .or_else(|| self.before.get(place));
        let old = old.cloned().flatten();
        if row.is_none() && old.is_none() {
            return Ok(None);
        }
        let created = old.as_deref().map(row::time).transpose()?;
        if let Some(old) = old {
            batch
                .puts
                .push((history, history_key(key, batch.log.time), old));
        }
        self.newest.insert(place.clone(), row.clone());
        Ok(Some(created))
    }
}
