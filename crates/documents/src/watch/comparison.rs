//! Bringing a listener up to date by comparing the answer that it has with the answer of now.

use std::collections::VecDeque;

use firekeep_model::DocumentPath;
use firekeep_store::{CommitTime, Key, Row};

use super::difference::Difference;
use super::listing::{Sources, rows};
use super::{Change, Delivered};
use crate::limits::{DIFFERENCE_DOCUMENTS_MAX, LOAD_DOCUMENTS};
use crate::query::Query;
use crate::{Budget, Error, keys, read};

/// A comparison that is being made.
#[derive(Debug)]
pub(super) struct Comparison {
    difference: Difference,
    since: CommitTime,
    time: CommitTime,
    /// What is in the later answer, new or changed, and was not given yet.
    found: VecDeque<Key>,
    /// At the end: what is only in the earlier answer.
    gone: Option<VecDeque<Key>>,
}

/// What a step comes to.
pub(super) enum Compared {
    Changes(Vec<Change>),
    /// The answers have too little in common.
    TooMuch,
    /// That was all. So many documents were in the earlier answer.
    Over {
        before: u32,
    },
}

impl Comparison {
    pub(super) fn new(query: &Query, since: CommitTime, time: CommitTime) -> Self {
        Self {
            difference: Difference::new(query, since, time),
            since,
            time,
            found: VecDeque::new(),
            gone: None,
        }
    }

    pub(super) fn step(&mut self, sources: Sources<'_>, budget: Budget) -> Result<Compared, Error> {
        if self.found.is_empty() && self.gone.is_none() {
            if self.difference.held() > DIFFERENCE_DOCUMENTS_MAX {
                return Ok(Compared::TooMuch);
            }
            let found = self.difference.step(sources, budget.rows_read)?;
            self.found = found.iter().map(keys::document).collect();
            if self.difference.is_over() {
                self.gone = Some(self.difference.gone().into());
            }
        }
        let some = budget.documents.clamp(1, LOAD_DOCUMENTS);
        let since = self.since;
        let changes = if !self.found.is_empty() {
            self.read(sources, some, Self::found, |path, row| {
                matches(path, row.ok_or(Error::Corrupt("its row"))?)
            })?
        } else if self.gone.as_ref().is_some_and(VecDeque::is_empty) {
            let (before, _) = self.difference.counts();
            return Ok(Compared::Over { before });
        } else {
            self.read(sources, some, Self::gone, |path, row| {
                departed(path, row, since)
            })?
        };
        Ok(Compared::Changes(changes))
    }

    fn found(&mut self) -> Option<&mut VecDeque<Key>> {
        Some(&mut self.found)
    }

    fn gone(&mut self) -> Option<&mut VecDeque<Key>> {
        self.gone.as_mut()
    }

    /// Reads some documents of a list, as they are now.
    fn read(
        &mut self,
        sources: Sources<'_>,
        some: usize,
        list: impl Fn(&mut Self) -> Option<&mut VecDeque<Key>>,
        change: impl Fn(DocumentPath, Option<Row>) -> Result<Change, Error>,
    ) -> Result<Vec<Change>, Error> {
        let time = self.time;
        let Some(list) = list(self) else {
            return Ok(Vec::new());
        };
        let tx = sources.store.read_at(time)?;
        let some: Vec<_> = list.iter().take(some).cloned().collect();
        let rows = rows(&tx, &some)?;
        list.drain(..some.len());
        let changes = some.iter().zip(rows);
        changes
            .map(|(key, row)| change(keys::path(key)?, row))
            .collect()
    }
}

/// A document that is in the answer.
fn matches(path: DocumentPath, row: Row) -> Result<Change, Error> {
    Ok(Change::Matches(Delivered::new(read::decode(path, &row)?)))
}

/// One that was in the answer.
fn departed(path: DocumentPath, row: Option<Row>, since: CommitTime) -> Result<Change, Error> {
    Ok(match row {
        None => Change::Deleted(path),
        Some(row) if row.time > Some(since) => {
            Change::Left(Delivered::new(read::decode(path, &row)?))
        }
        Some(_) => Change::FellOut(path),
    })
}
