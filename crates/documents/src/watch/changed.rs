//! The documents that a batch of commits changed: as they were before it, and as they are behind it.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use firekeep_model::{DocumentPath, FieldPath, Value};
use firekeep_store::{
    CommitTime, Key, LogRow, Read as _, ReadTx, Row, Space, Store, history_key, row,
};

use super::{Change, Delivered};
use crate::limits::READ_DOCUMENTS;
use crate::{Error, Fields, Found, keys, read};

/// A version of a document. Its fields are decoded one by one while few are asked for.
#[derive(Debug)]
pub(super) struct Image {
    found: Found,
    whole: OnceCell<Arc<Delivered>>,
}

impl Image {
    pub(super) const fn new(path: DocumentPath, row: Row) -> Self {
        Self {
            found: Found {
                path,
                row: Some(row),
            },
            whole: OnceCell::new(),
        }
    }

    /// The whole document, decoded once.
    pub(super) fn whole(&self) -> Result<&Arc<Delivered>, Error> {
        if let Some(whole) = self.whole.get() {
            return Ok(whole);
        }
        // INVARIANT: there is a row; see `new`.
        let row = self.found.row.as_ref().ok_or(Error::Corrupt("its row"))?;
        let document = read::decode(self.found.path.clone(), row)?;
        Ok(self.whole.get_or_init(|| Delivered::new(document)))
    }
}

impl Fields for Image {
    fn path(&self) -> &DocumentPath {
        &self.found.path
    }

    fn field(&self, path: &FieldPath) -> Result<Option<Cow<'_, Value>>, Error> {
        match self.whole.get() {
            Some(whole) => whole.document.field(path),
            None => self.found.field(path),
        }
    }
}

/// A document that was changed, maybe several times, between two snapshots.
#[derive(Debug)]
pub(super) struct Changed {
    /// Its key in `docs`.
    pub(super) key: Key,
    pub(super) path: DocumentPath,
    /// As it is at the later snapshot, if it is there.
    pub(super) after: Option<Image>,
    /// The first commit that changed it, if it was there at the earlier snapshot.
    replaced_at: Option<CommitTime>,
    /// As it was at the earlier snapshot.
    before: OnceCell<Option<Image>>,
}

impl Changed {
    pub(super) fn new(
        key: Key,
        path: DocumentPath,
        after: Option<Row>,
        replaced_at: Option<CommitTime>,
    ) -> Self {
        Self {
            key,
            after: after.map(|row| Image::new(path.clone(), row)),
            path,
            replaced_at,
            before: OnceCell::new(),
        }
    }

    /// If it was there at the earlier snapshot.
    pub(super) const fn was_there(&self) -> bool {
        self.replaced_at.is_some()
    }

    /// As it was at the earlier snapshot, read where somebody wants to know. The first commit that changed it put that
    /// version into the history under its own time.
    ///
    /// # Errors
    /// [`ReadTimeTooOld`](firekeep_store::Error::ReadTimeTooOld) when it was trimmed.
    pub(super) fn before(&self, tx: &ReadTx<'_>) -> Result<Option<&Image>, Error> {
        if let Some(known) = self.before.get() {
            return Ok(known.as_ref());
        }
        let image = match self.replaced_at {
            Some(time) => {
                let key = history_key(&self.key, time);
                let rows = tx.find_rows(Space::DocsHist, &[&key])?;
                let row = rows.into_iter().next().flatten();
                let row = row.ok_or(firekeep_store::Error::ReadTimeTooOld)?;
                Some(Image::new(self.path.clone(), row))
            }
            None => None,
        };
        Ok(self.before.get_or_init(|| image).as_ref())
    }

    /// To whom it matches now.
    pub(super) fn matches(&self) -> Result<Change, Error> {
        match &self.after {
            Some(image) => Ok(Change::Matches(Arc::clone(image.whole()?))),
            None => Ok(Change::Deleted(self.path.clone())),
        }
    }

    /// To whom it matched and does not any more.
    pub(super) fn left(&self) -> Result<Change, Error> {
        match &self.after {
            Some(image) => Ok(Change::Left(Arc::clone(image.whole()?))),
            None => Ok(Change::Deleted(self.path.clone())),
        }
    }
}

/// What commits did to a key of `docs`, together.
#[derive(Clone, Copy, Debug)]
struct Trace<'a> {
    /// The first one, if it found a row there.
    replaced_at: Option<CommitTime>,
    /// What the last one did.
    last: &'a firekeep_store::Change,
}

/// A batch of commits, and what was read for it.
pub(super) struct Batch<'a> {
    pub(super) store: &'a Store,
    /// The snapshot before it.
    pub(super) before: CommitTime,
    /// The snapshot behind it.
    pub(super) after: CommitTime,
    /// What is read at the later snapshot.
    pub(super) tx: ReadTx<'a>,
    /// By their keys.
    pub(super) documents: Vec<Changed>,
    /// Positions in it.
    by_key: HashMap<Key, usize>,
    /// Documents that did not change and are wanted nevertheless.
    others: RefCell<HashMap<Key, Arc<Delivered>>>,
}

impl<'a> Batch<'a> {
    /// The documents that somebody watches of those that the commits behind `before` and up to `after` changed; `None`
    /// where there are none.
    pub(super) fn new(
        store: &'a Store,
        rows: &[LogRow],
        before: CommitTime,
        after: CommitTime,
        is_watched: impl Fn(&[u8], &DocumentPath) -> bool,
    ) -> Result<Option<Self>, Error> {
        let mut watched = Vec::new();
        for (key, trace) in traces(rows, before) {
            let path = keys::path(key)?;
            if is_watched(key, &path) {
                watched.push((key, path, trace));
            }
        }
        if watched.is_empty() {
            return Ok(None);
        }
        let tx = store.read_at(after)?;
        let documents = images(&tx, watched)?;
        let by_key = documents.iter().enumerate();
        let by_key = by_key.map(|(at, changed)| (changed.key.clone(), at));
        Ok(Some(Self {
            store,
            before,
            after,
            tx,
            by_key: by_key.collect(),
            documents,
            others: RefCell::default(),
        }))
    }

    /// The changed document of a key.
    pub(super) fn find(&self, key: &[u8]) -> Option<&Changed> {
        self.documents.get(*self.by_key.get(key)?)
    }

    /// Documents as they are at the later snapshot, to whom they match.
    pub(super) fn fetch(&self, keys: &[Key]) -> Result<Vec<Change>, Error> {
        let mut others = self.others.borrow_mut();
        let is_missing = |key: &&Key| !others.contains_key(*key) && !self.by_key.contains_key(*key);
        let missing: Vec<&[u8]> = keys.iter().filter(is_missing).map(Vec::as_slice).collect();
        for some in missing.chunks(READ_DOCUMENTS) {
            for (key, row) in some.iter().zip(self.tx.find_rows(Space::Docs, some)?) {
                let row = row.ok_or(Error::Corrupt("its row"))?;
                let document = read::decode(keys::path(key)?, &row)?;
                others.insert(key.to_vec(), Delivered::new(document));
            }
        }
        let change = |key: &Key| match (self.find(key), others.get(key)) {
            (Some(changed), _) => changed.matches(),
            (None, Some(other)) => Ok(Change::Matches(Arc::clone(other))),
            (None, None) => Err(Error::Corrupt("its row")),
        };
        keys.iter().map(change).collect()
    }
}

fn traces(rows: &[LogRow], before: CommitTime) -> BTreeMap<&[u8], Trace<'_>> {
    let mut traces = BTreeMap::new();
    for row in rows.iter().filter(|row| row.time > before) {
        let documents = row.changes.iter();
        for change in documents.filter(|change| change.space == Space::Docs) {
            let trace = traces.entry(change.key.as_slice()).or_insert(Trace {
                replaced_at: change.replaced.map(|_| row.time),
                last: change,
            });
            trace.last = change;
        }
    }
    traces
}

/// Reads what the log does not repeat.
fn images(
    tx: &ReadTx<'_>,
    watched: Vec<(&[u8], DocumentPath, Trace<'_>)>,
) -> Result<Vec<Changed>, Error> {
    let is_missing = |change: &firekeep_store::Change| !change.deleted && change.after.is_none();
    let missing: Vec<&[u8]> = watched
        .iter()
        .filter(|(_, _, trace)| is_missing(trace.last))
        .map(|(key, _, _)| *key)
        .collect();
    let mut read = Vec::with_capacity(missing.len());
    for some in missing.chunks(READ_DOCUMENTS) {
        read.extend(tx.find_rows(Space::Docs, some)?);
    }
    let mut read = read.into_iter();
    let changed = watched.into_iter().map(|(key, path, trace)| {
        let after = match &trace.last.after {
            Some(image) => Some(row::decode(image.clone())?),
            None if trace.last.deleted => None,
            None => {
                let row = read.next().flatten();
                Some(row.ok_or(Error::Corrupt("its row"))?)
            }
        };
        Ok(Changed::new(key.to_vec(), path, after, trace.replaced_at))
    });
    changed.collect()
}
