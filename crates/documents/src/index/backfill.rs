//! Building indexes from the documents that were there before, and removing the entries of dropped ones.
//!
//! A task goes through the documents, or the entries, in steps. A step is one transaction, and notes how far it came:
//! whoever goes on after a restart goes on there. Writers keep the index from the change of the catalogue on, so a step
//! only adds what is missing, from the document as the transaction sees it. Storage design, section 5.

use bytes::Bytes;
use firekeep_model::{CollectionId, DocumentPath, FieldPath, Map, Value};
use firekeep_store::{
    CommitTime, Direction, Key, KeyRange, PageLimit, Read, Space, Store, WriteTx,
};

use crate::codec::{self, Created};
use crate::index::catalog::{Catalog, Kinds, State};
use crate::index::change;
use crate::index::entries::{self, Change};
use crate::index::key::{self, IndexId};
use crate::index::room;
use crate::index::stored;
use crate::limits::{STEP_DOCUMENTS, STEP_ENTRY_BYTES, STEP_ROWS};
use crate::{Error, keys};

/// What is to be built or removed. See [`Catalog::tasks`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// A composite index.
    Composite(IndexId),
    /// The single-field entries of a group of collections.
    Group(CollectionId),
    /// The entries of the fields that a rule is about.
    Fields {
        /// As [`Override::collection`](crate::index::catalog::Override::collection).
        collection: Option<CollectionId>,
        /// As [`Override::field`](crate::index::catalog::Override::field).
        field: Option<FieldPath>,
    },
}

/// How far a task is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Up to where it came.
    after: Option<Key>,
    /// How many documents, or entries of a dropped index, are done.
    pub done: u64,
}

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is more to do.
    More,
    /// The task is done, or nobody wants it any more.
    Done,
}

impl Task {
    /// The name in `meta` of its progress.
    pub(crate) fn progress_name(&self) -> Key {
        let row = match self {
            Self::Composite(id) => stored::composite_name(*id),
            Self::Group(collection) => stored::group_name(collection),
            Self::Fields { collection, field } => {
                stored::override_name(collection.as_ref(), field.as_ref())
            }
        };
        [b"progress/", row.as_slice()].concat()
    }

    /// If it is about documents of this collection.
    fn is_about(&self, catalog: &Catalog, document: &DocumentPath) -> bool {
        let of = |collection: &CollectionId| collection.as_str() == document.collection_id();
        match self {
            Self::Composite(id) => {
                let mut composites = catalog.all_composites().iter();
                composites.any(|one| one.id == *id && of(one.definition.collection()))
            }
            Self::Group(collection) => of(collection),
            Self::Fields { collection, .. } => collection.as_ref().is_none_or(of),
        }
    }

    /// What the catalogue says about it, and since when.
    fn asked(&self, catalog: &Catalog) -> Option<Asked> {
        match self {
            Self::Composite(id) => {
                let mut composites = catalog.all_composites().iter();
                let composite = composites.find(|composite| composite.id == *id)?;
                Some(Asked::of(composite.state, composite.since))
            }
            Self::Group(collection) => {
                let mut groups = catalog.groups().iter();
                let group = groups.find(|group| group.collection == *collection)?;
                Some(Asked::of(group.state, group.since))
            }
            Self::Fields { collection, field } => {
                let mut rules = catalog.overrides().iter();
                let rule =
                    rules.find(|rule| rule.collection == *collection && rule.field == *field)?;
                Some(Asked {
                    kinds: rule.kinds,
                    since: rule.since,
                })
            }
        }
    }

    /// Which entries go away with it, if they stand together.
    fn dropped_range(&self, catalog: &Catalog) -> Option<KeyRange> {
        let prefix = match self {
            Self::Composite(id) => {
                let mut composites = catalog.all_composites().iter();
                let composite = composites.find(|composite| composite.id == *id)?;
                (composite.state == State::Dropping).then(|| key::index_prefix(*id))
            }
            Self::Group(collection) => (catalog.group_state(collection) == State::Dropping)
                .then(|| key::group_prefix(IndexId::GROUP_FIELDS, collection)),
            Self::Fields { .. } => None,
        };
        prefix.map(|prefix| KeyRange::prefix(&prefix))
    }
}

/// How far a task is. Nothing, when it has not begun or is done.
///
/// # Errors
/// [`Error::Corrupt`]; those of storage.
pub fn progress(tx: &dyn Read, task: &Task) -> Result<Progress, Error> {
    let Some(row) = tx.get(Space::Meta, &task.progress_name())? else {
        return Ok(Progress::default());
    };
    let fields = codec::decode(&row)?.fields;
    match (fields.get("after"), fields.get("done")) {
        (Some(Value::Bytes(after)), Some(Value::Integer(done))) => Ok(Progress {
            after: Some(after.to_vec()),
            done: u64::try_from(*done).unwrap_or_default(),
        }),
        _ => Err(Error::Corrupt("the progress of an index")),
    }
}

/// How many documents there are in all, judged by how far a task came in the order of keys: a guess.
///
/// # Errors
/// Those of storage.
pub fn estimate(tx: &dyn Read, progress: &Progress) -> Result<Option<u64>, Error> {
    let Some(after) = &progress.after else {
        return Ok(None);
    };
    let end = |direction| {
        let page = tx.scan(Space::Docs, &KeyRange::all(), direction, PageLimit::rows(1))?;
        Ok::<_, Error>(page.rows.into_iter().next().map(|(key, _)| key))
    };
    let (Some(first), Some(last)) = (end(Direction::Forward)?, end(Direction::Reverse)?) else {
        return Ok(None);
    };
    // Keys are numbers here, of what stands behind that which all have in common.
    let common = first.iter().zip(&last).take_while(|(a, b)| a == b).count();
    let number = |key: &[u8]| {
        let bytes = key.iter().skip(common).copied();
        let bytes = bytes.chain(std::iter::repeat(0)).take(6);
        bytes.fold(0u64, |number, byte| number << 8 | u64::from(byte))
    };
    let covered = number(after).saturating_sub(number(&first));
    let all = number(&last).saturating_sub(number(&first));
    let guess = u128::from(progress.done) * u128::from(all) / u128::from(covered.max(1));
    Ok(u64::try_from(guess)
        .ok()
        .map(|guess| guess.max(progress.done)))
}

/// Does one step of a task, in a transaction of its own.
///
/// # Errors
/// [`Invalid::TooManyIndexEntries`](crate::Invalid::TooManyIndexEntries) and
/// [`Invalid::IndexEntriesTooLarge`](crate::Invalid::IndexEntriesTooLarge) for a document with which the index cannot be
/// built; [`Error::Corrupt`]; those of storage.
pub fn step(store: &Store, task: &Task) -> Result<Step, Error> {
    let mut documents = STEP_DOCUMENTS;
    loop {
        let page = Page::read(&store.read()?, task, documents)?;
        match store.write(|tx| page.apply(tx, task)) {
            // Its documents are being written all the time: fewer of them at once.
            Err(Error::Store(firekeep_store::Error::Contended)) if documents > 1 => documents /= 4,
            result => return result,
        }
    }
}

/// What a task is to do. What was read for another one is of no use: keys of documents are none of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    kinds: Kinds,
    since: CommitTime,
}

impl Asked {
    const fn of(state: State, since: CommitTime) -> Self {
        let kinds = Kinds {
            values: state,
            elements: state,
        };
        Self { kinds, since }
    }
}

/// What a step is about. Read outside of the transaction, which so depends on these documents only, and not on what comes
/// between them.
struct Page {
    /// What it was read for.
    asked: Option<Asked>,
    from: Progress,
    keys: Vec<Key>,
    /// Where the next one begins; `None` when this is the last.
    next: Option<Key>,
}

impl Page {
    fn read(tx: &dyn Read, task: &Task, documents: usize) -> Result<Self, Error> {
        let catalog = Catalog::load(tx)?;
        let asked = task.asked(&catalog);
        let from = progress(tx, task)?;
        let dropped = task.dropped_range(&catalog);
        let (space, rows) = match dropped {
            Some(_) => (Space::Idx, STEP_ROWS),
            None => (Space::Docs, documents),
        };
        let mut range = dropped.unwrap_or_else(KeyRange::all);
        if let Some(after) = &from.after {
            range = range.after(after);
        }
        let mut keys = Vec::new();
        let mut seen = 0;
        loop {
            let limit = PageLimit::default();
            let page = tx.scan(space, &range, Direction::Forward, limit)?;
            for (key, _) in page.rows {
                seen += 1;
                let wanted = space == Space::Idx || task.is_about(&catalog, &keys::path(&key)?);
                if wanted {
                    keys.push(key.clone());
                }
                if keys.len() >= rows || seen >= STEP_ROWS {
                    let next = Some(key);
                    return Ok(Self {
                        asked,
                        from,
                        keys,
                        next,
                    });
                }
            }
            match page.next {
                Some(next) => range = range.after(&next),
                None => break,
            }
        }
        Ok(Self {
            asked,
            from,
            keys,
            next: None,
        })
    }

    fn apply(&self, tx: &mut WriteTx<'_>, task: &Task) -> Result<Step, Error> {
        let catalog = Catalog::load(tx)?;
        if !catalog.tasks().contains(task) {
            return Ok(Step::Done);
        }
        // Somebody else went on, or began anew, or wants something else now.
        if task.asked(&catalog) != self.asked || progress(tx, task)? != self.from {
            return Ok(Step::More);
        }
        let done = match task.dropped_range(&catalog) {
            Some(range) => {
                for key in self.keys.iter().filter(|key| range.contains(key)) {
                    tx.delete(Space::Idx, key.clone())?;
                }
                self.keys.len()
            }
            None => self.documents(tx, &catalog.of_task(task))?,
        };
        let after = match (&self.next, self.keys.get(done)) {
            // Not all had room: the next step begins behind the last one that had.
            (_, Some(_)) => match done.checked_sub(1) {
                Some(last) => self.keys.get(last).cloned(),
                None => self.from.after.clone(),
            },
            (Some(next), None) => Some(next.clone()),
            (None, None) => {
                change::finish(tx, &catalog, task)?;
                return Ok(Step::Done);
            }
        };
        if let Some(after) = after {
            let done = self.from.done + u64::try_from(done).unwrap_or_default();
            let mut fields = Map::new();
            fields.insert("after", Value::Bytes(after.into()))?;
            fields.insert("done", i64::try_from(done).unwrap_or(i64::MAX).into())?;
            let row = codec::encode(&fields, Created::ByThisRow);
            tx.put(Space::Meta, task.progress_name(), row)?;
        }
        Ok(Step::More)
    }

    /// Brings the entries of the documents in line, as far as one transaction has room. Gives how many are done.
    fn documents(&self, tx: &mut WriteTx<'_>, catalog: &Catalog) -> Result<usize, Error> {
        let keys: Vec<&[u8]> = self.keys.iter().map(Vec::as_slice).collect();
        let rows = tx.find_rows(Space::Docs, &keys)?;
        let mut room = STEP_ENTRY_BYTES;
        for (at, (key, row)) in self.keys.iter().zip(rows).enumerate() {
            let Some(row) = row else { continue };
            let path = keys::path(key)?;
            let fields = codec::decode(&row.value)?.fields;
            if !bring_in_line(tx, catalog, &path, &fields, &mut room)? {
                return Ok(at);
            }
        }
        Ok(self.keys.len())
    }
}

/// Writes what is missing of a document's entries, and removes those that are to go. False when there was no room.
fn bring_in_line(
    tx: &mut WriteTx<'_>,
    catalog: &Catalog,
    path: &DocumentPath,
    fields: &Map,
    room: &mut usize,
) -> Result<bool, Error> {
    room::check(catalog, path, fields)?;
    let mut wanted = entries::of_document(catalog, entries::building, path, fields)?;
    let mut gone: Vec<Key> = Vec::new();
    let mut take = |change| {
        if let Change::Remove(key) = change {
            gone.push(key);
        }
        Ok(())
    };
    entries::differences(
        catalog,
        entries::dropping,
        path,
        Some(fields),
        None,
        &mut take,
    )?;
    let keys = wanted.iter().map(|(key, _)| key);
    let keys: Vec<&[u8]> = keys.chain(&gone).map(Vec::as_slice).collect();
    let there = tx.find_rows(Space::Idx, &keys)?;
    let there: Vec<bool> = there.iter().map(Option::is_some).collect();
    let (wanted_there, gone_there) = there.split_at(wanted.len().min(there.len()));
    let mut fits = |key: &Key, row: &Bytes| {
        let bytes = key.len() + row.len();
        let fits = *room >= bytes;
        *room = room.saturating_sub(bytes);
        fits
    };
    for ((key, row), there) in wanted.drain(..).zip(wanted_there) {
        if !there {
            if !fits(&key, &row) {
                return Ok(false);
            }
            tx.insert(Space::Idx, key, row)?;
        }
    }
    for (key, there) in gone.into_iter().zip(gone_there) {
        if *there {
            if !fits(&key, &Bytes::new()) {
                return Ok(false);
            }
            tx.delete(Space::Idx, key)?;
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
