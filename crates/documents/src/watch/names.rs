//! Loading documents that a target names.

use std::collections::BTreeMap;

use firekeep_model::DocumentPath;
use firekeep_store::{CommitTime, Key, Store};

use super::check::existence;
use super::listing::rows;
use super::{Change, Delivered, Step};
use crate::limits::LOAD_DOCUMENTS;
use crate::{Budget, Error, keys, read};

/// Named documents that are being loaded.
#[derive(Debug)]
pub(super) struct Names {
    rest: Vec<(Key, DocumentPath)>,
    /// The snapshot that the client has.
    since: Option<CommitTime>,
    /// How many documents it holds of it.
    expected: Option<u32>,
    /// How many there were then; counted where the client says what it expects.
    before: u32,
    /// Which there are now; likewise.
    existing: Vec<DocumentPath>,
}

impl Names {
    pub(super) fn new(
        paths: &[DocumentPath],
        since: Option<CommitTime>,
        expected: Option<u32>,
    ) -> Self {
        let paths = paths
            .iter()
            .map(|path| (keys::document(path), path.clone()));
        // Each once, and taken from the end.
        let paths: BTreeMap<_, _> = paths.collect();
        Self {
            rest: paths.into_iter().rev().collect(),
            since,
            expected: expected.filter(|_| since.is_some()),
            before: 0,
            existing: Vec::new(),
        }
    }

    /// Goes on; `None` at the end. What is not there is always said: it does no harm, and an app that waits for a document
    /// wants to know.
    pub(super) fn step(
        &mut self,
        store: &Store,
        time: CommitTime,
        budget: Budget,
    ) -> Result<Option<Step>, Error> {
        let some = budget.documents.clamp(1, LOAD_DOCUMENTS);
        let from = self.rest.len().saturating_sub(some);
        // The next ones stand at the end, where they are taken off.
        let keys = self.rest.iter().skip(from).rev();
        let keys: Vec<_> = keys.map(|(key, _)| key.clone()).collect();
        if keys.is_empty() {
            return Ok(self.existence());
        }
        if let (Some(since), Some(_)) = (self.since, self.expected) {
            let then = rows(&store.read_at(since)?, &keys)?;
            let there = u32::try_from(then.iter().flatten().count());
            self.before = self.before.saturating_add(there.unwrap_or(u32::MAX));
        }
        let now = rows(&store.read_at(time)?, &keys)?;
        let mut changes = Vec::with_capacity(keys.len());
        let some = self.rest.split_off(from).into_iter().rev();
        for ((_, path), row) in some.zip(now) {
            let Some(row) = row else {
                changes.push(Change::Deleted(path));
                continue;
            };
            if self.expected.is_some() {
                self.existing.push(path.clone());
            }
            // None is before every time.
            if self.since.is_none() || row.time > self.since {
                let document = read::decode(path, &row)?;
                changes.push(Change::Matches(Delivered::new(document)));
            }
        }
        Ok(Some(Step::Changes(changes)))
    }

    /// What there is, for a client that holds another number of documents than there were.
    fn existence(&mut self) -> Option<Step> {
        let before = self.before;
        self.expected
            .take()
            .filter(|expected| *expected != before)?;
        let names = std::mem::take(&mut self.existing);
        let count = u32::try_from(names.len()).unwrap_or(u32::MAX);
        Some(existence(count, names))
    }
}
