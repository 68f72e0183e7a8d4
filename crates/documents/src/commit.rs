//! What a commit does: all writes of it to each document, in their order, as one change.
//!
//! Documents are read together, changed one by one, and written once. Who may write them is for others to say. Firestore
//! specification, sections 4.1 to 4.6.

use std::borrow::Cow;
use std::collections::HashMap;

use firekeep_model::{DocumentPath, FieldMask, Map, OpContext, Timestamp, Value, check_document};
use firekeep_store::{Key, Read, Row, Space, WriteTx};

use crate::codec::{self, Created};
use crate::limits::{BATCH_WRITES_MAX, FIELD_TRANSFORMS_MAX, READ_DOCUMENTS, REPLACED_BYTES_MAX};
use crate::read::row_time;
use crate::{Error, Invalid, Operation, UpdateTime, Write, WriteResult, keys};

/// Keeps what finds documents by their fields.
pub trait IndexMaintenance {
    /// A document changes from `before` to `after`; `None` is a document that is not there. Called once for each changed
    /// document of a commit, before its row is written.
    ///
    /// # Errors
    /// Those of storage. An error that [is an answer](Error::is_answer) must come before anything is written: the other
    /// documents of [`apply_each`] go on.
    fn update(
        &self,
        tx: &mut WriteTx<'_>,
        path: &DocumentPath,
        before: Option<&Map>,
        after: Option<&Map>,
    ) -> Result<(), Error>;
}

/// No index at all: where a database has indexes, a write with it leaves them wrong.
#[cfg(test)]
pub(crate) struct NoIndexes;

#[cfg(test)]
impl IndexMaintenance for NoIndexes {
    fn update(
        &self,
        _: &mut WriteTx<'_>,
        _: &DocumentPath,
        _: Option<&Map>,
        _: Option<&Map>,
    ) -> Result<(), Error> {
        Ok(())
    }
}

/// Applies writes in their order, all or none. Gives one result for each.
///
/// # Errors
/// [`Error::InvalidArgument`] for any write, before anything is read; then the first write's whose precondition fails or
/// whose document would be too large; those of storage, among them [`TooLarge`](firekeep_store::Error::TooLarge) for
/// a commit that writes too much in all.
pub fn apply(
    tx: &mut WriteTx<'_>,
    cx: &OpContext<'_>,
    writes: &[Write],
    indexes: &dyn IndexMaintenance,
) -> Result<Vec<WriteResult>, Error> {
    let groups = group(writes)?;
    let mut results = vec![WriteResult::default(); writes.len()];
    let mut first: Option<Refused> = None;
    let mut commit = Commit::new(tx, cx, indexes);
    commit.each(&groups, |group, outcome| {
        match outcome {
            Ok(answers) => answers.into_iter().for_each(|(at, result)| {
                if let Some(slot) = results.get_mut(at) {
                    *slot = result;
                }
            }),
            // Of several refusals, the answer is that of the write that comes first.
            Err(refused) => {
                first = Some(match first.take() {
                    Some(first) if first.write < refused.write => first,
                    _ => refused,
                });
            }
        }
        // Documents come in the order of their first writes.
        let refused = |first: &Refused| group.first() < first.write;
        first.as_ref().is_none_or(refused)
    })?;
    match first {
        Some(refused) => Err(refused.error),
        None => Ok(results),
    }
}

/// Applies writes that are independent: each to a document of its own, each with an answer of its own.
///
/// They are one commit all the same, which nobody can tell from several in a row, and which costs one.
///
/// # Errors
/// [`Error::InvalidArgument`] for the request as a whole; those of storage.
pub fn apply_each(
    tx: &mut WriteTx<'_>,
    cx: &OpContext<'_>,
    writes: &[Write],
    indexes: &dyn IndexMaintenance,
) -> Result<Vec<Result<WriteResult, Error>>, Error> {
    if writes.len() > BATCH_WRITES_MAX {
        return Err(Invalid::TooManyWrites.into());
    }
    let groups = group(writes)?;
    if let Some(group) = groups.iter().find(|group| group.writes.len() > 1) {
        return Err(Invalid::WrittenTwice(group.path.clone()).into());
    }
    let mut results = Vec::with_capacity(writes.len());
    let mut commit = Commit::new(tx, cx, indexes);
    commit.each(&groups, |_, outcome| {
        match outcome {
            // Each document has one write, and they come in their order.
            Ok(answers) => results.extend(answers.into_iter().map(|(_, result)| Ok(result))),
            Err(refused) => results.push(Err(refused.error)),
        }
        true
    })?;
    Ok(results)
}

/// The writes of one document.
struct Group<'a> {
    path: &'a DocumentPath,
    key: Key,
    /// INVARIANT: not empty.
    writes: Vec<(usize, &'a Write)>,
    transforms: usize,
}

impl Group<'_> {
    fn first(&self) -> usize {
        self.writes.first().map_or(0, |(at, _)| *at)
    }

    /// If the document is only looked at. All its writes are alike in this.
    fn verifies(&self) -> bool {
        let first = self.writes.first();
        first.is_some_and(|(_, write)| matches!(write.operation, Operation::Verify))
    }
}

/// Checks writes, and sorts them by document; documents in the order of their first writes.
fn group(writes: &[Write]) -> Result<Vec<Group<'_>>, Invalid> {
    let mut groups: Vec<Group<'_>> = Vec::with_capacity(writes.len());
    let mut known = HashMap::with_capacity(writes.len());
    for (at, write) in writes.iter().enumerate() {
        write.check()?;
        let path = &write.path;
        let place = *known.entry(path).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Group {
                path,
                key: keys::document(path),
                writes: Vec::with_capacity(1),
                transforms: 0,
            });
        }
        let Some(group) = groups.get_mut(place) else {
            continue;
        };
        // COMPAT: as the official emulator; several verifies of a document are one.
        let verifies = matches!(write.operation, Operation::Verify);
        if !group.writes.is_empty() && group.verifies() != verifies {
            return Err(Invalid::VerifiedAndWritten(path.clone()));
        }
        group.writes.push((at, write));
        group.transforms += write.transforms.len();
        if group.transforms > FIELD_TRANSFORMS_MAX {
            return Err(Invalid::TooManyTransforms(path.clone()));
        }
    }
    Ok(groups)
}

/// Which write was refused, and why. Never for a failure of storage.
struct Refused {
    write: usize,
    error: Error,
}

type Outcome = Result<Vec<(usize, WriteResult)>, Refused>;

/// What all documents of a commit share.
struct Commit<'a, 'tx> {
    tx: &'a mut WriteTx<'tx>,
    indexes: &'a dyn IndexMaintenance,
    request_time: Timestamp,
}

/// A document before the commit.
struct Base {
    fields: Map,
    created: Created,
    version: Timestamp,
}

/// A document on the way through its writes.
struct Draft<'a> {
    fields: Option<Cow<'a, Map>>,
    /// It was removed on the way: what is there after that is another document.
    removed: bool,
}

impl<'a, 'tx> Commit<'a, 'tx> {
    fn new(
        tx: &'a mut WriteTx<'tx>,
        cx: &OpContext<'_>,
        indexes: &'a dyn IndexMaintenance,
    ) -> Self {
        // The commit gets its time later: the clock's, or the one after `tx.time()`. This is not after it, and not
        // before that of an earlier commit, even where the clock was set back.
        let now = cx.now.max(Timestamp::from_micros(tx.time().0));
        Self {
            tx,
            indexes,
            request_time: Timestamp::from_millis(now.millis()),
        }
    }

    /// Goes through documents, as long as `answer` says so.
    fn each<'g>(
        &mut self,
        groups: &[Group<'g>],
        mut answer: impl FnMut(&Group<'g>, Outcome) -> bool,
    ) -> Result<(), Error> {
        let mut replaced = 0usize;
        for chunk in groups.chunks(READ_DOCUMENTS) {
            let keys: Vec<&[u8]> = chunk.iter().map(|group| group.key.as_slice()).collect();
            let rows = self.tx.find_rows(Space::Docs, &keys)?;
            replaced += rows
                .iter()
                .flatten()
                .map(|row| row.value.len())
                .sum::<usize>();
            if replaced > REPLACED_BYTES_MAX {
                return Err(Invalid::TooMuchReplaced.into());
            }
            for (group, row) in chunk.iter().zip(rows) {
                let outcome = self.document(group, row.as_ref())?;
                if !answer(group, outcome) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn document(&mut self, group: &Group<'_>, row: Option<&Row>) -> Result<Outcome, Error> {
        if group.verifies() {
            return Ok(verify(group, row));
        }
        let base = row.map(Base::read).transpose()?;
        let mut draft = Draft {
            fields: base.as_ref().map(|base| Cow::Borrowed(&base.fields)),
            removed: false,
        };
        let stored = base.as_ref().map_or(MISSING, |base| base.version);
        let mut results = Vec::with_capacity(group.writes.len());
        for (at, write) in &group.writes {
            match draft.apply(write, stored, self.request_time) {
                Ok(transform_results) => {
                    let update_time = None;
                    let result = WriteResult {
                        update_time,
                        transform_results,
                    };
                    results.push((*at, result));
                }
                Err(error) => return refuse(*at, error),
            }
        }
        // A document that is too large is so by all its writes: the answer is the last one's.
        let last = results.last().map_or(0, |(at, _)| *at);
        let time = match self.settle(group, base.as_ref(), draft) {
            Ok(time) => time,
            Err(error) => return refuse(last, error),
        };
        for ((_, write), (_, result)) in group.writes.iter().zip(&mut results) {
            // COMPAT: each update of a document has the time of all of them, as with the official emulator.
            let updates = matches!(write.operation, Operation::Update { .. });
            result.update_time = time.filter(|_| updates);
        }
        Ok(Ok(results))
    }

    /// Writes what a document became, if it changed. Gives when it changed last; `None` when it is not there.
    fn settle(
        &mut self,
        group: &Group<'_>,
        base: Option<&Base>,
        draft: Draft<'_>,
    ) -> Result<Option<UpdateTime>, Error> {
        let before = base.map(|base| &base.fields);
        let Some(fields) = draft.fields else {
            if base.is_some() {
                self.indexes.update(self.tx, group.path, before, None)?;
                self.tx.delete(Space::Docs, group.key.clone())?;
            }
            return Ok(None);
        };
        let kept = base.filter(|_| !draft.removed);
        if let Some(base) = kept.filter(|base| base.fields == *fields) {
            return Ok(Some(UpdateTime::At(base.version)));
        }
        check_document(group.path, &fields)?;
        let created = kept.map_or(Created::ByThisRow, |base| base.created);
        self.indexes
            .update(self.tx, group.path, before, Some(&fields))?;
        let row = codec::encode(&fields, created);
        self.tx.put(Space::Docs, group.key.clone(), row)?;
        Ok(Some(UpdateTime::ThisCommit))
    }
}

/// The version of a document that is not there.
const MISSING: Timestamp = Timestamp::from_micros(0);

impl Base {
    fn read(row: &Row) -> Result<Self, Error> {
        let stored = codec::decode(&row.value)?;
        let created = match (stored.created, row.time) {
            // The row that replaces this one knows the time by itself no more.
            (Created::ByThisRow, Some(time)) => Created::At(Timestamp::from_micros(time.0)),
            (created, _) => created,
        };
        Ok(Self {
            fields: stored.fields,
            created,
            version: row_time(row),
        })
    }
}

impl<'a> Draft<'a> {
    /// Applies one write, and gives its transforms' results.
    fn apply(
        &mut self,
        write: &'a Write,
        stored: Timestamp,
        request_time: Timestamp,
    ) -> Result<Vec<Value>, Error> {
        (write.precondition).check(&write.path, self.fields.is_some(), stored)?;
        match &write.operation {
            Operation::Update { fields, mask: None } => self.fields = Some(Cow::Borrowed(fields)),
            Operation::Update {
                fields,
                mask: Some(mask),
            } => self.merge(fields, mask),
            Operation::Delete => {
                self.fields = None;
                self.removed = true;
            }
            Operation::Verify => {}
        }
        if write.transforms.is_empty() {
            return Ok(Vec::new());
        }
        let fields = self.fields.get_or_insert_default().to_mut();
        let results = write
            .transforms
            .iter()
            .map(|(field, transform)| transform.apply(fields, field, request_time));
        results.collect()
    }

    /// Takes over the fields of a mask, also their absence.
    fn merge(&mut self, from: &Map, mask: &FieldMask) {
        let fields = self.fields.get_or_insert_default();
        if mask.is_empty() {
            return;
        }
        let fields = fields.to_mut();
        for path in mask.paths() {
            match from.get_path(path) {
                Some(value) => fields.set_path(path, value.clone()),
                None => fields.remove_path(path),
            };
        }
    }
}

/// Checks a document that nothing writes. Its fields are not read.
fn verify(group: &Group<'_>, row: Option<&Row>) -> Outcome {
    let stored = row.map_or(MISSING, row_time);
    let answer = |(write, verify): &(usize, &Write)| {
        let checked = (verify.precondition).check(group.path, row.is_some(), stored);
        match checked {
            Ok(()) => Ok((*write, WriteResult::default())),
            Err(error) => Err(Refused {
                write: *write,
                error,
            }),
        }
    };
    group.writes.iter().map(answer).collect()
}

/// A refusal of a write, unless it is storage that failed.
fn refuse(write: usize, error: Error) -> Result<Outcome, Error> {
    match error.is_answer() {
        true => Ok(Err(Refused { write, error })),
        false => Err(error),
    }
}

#[cfg(test)]
mod tests;
