//! What is different between the answers to one query at two times.
//!
//! Both are read in the query's order, side by side: a document that did not change has the same sort key in both. Holds
//! a page of each, and the names of those that are in one of them only.

use std::collections::HashSet;

use firekeep_model::DocumentPath;
use firekeep_store::{CommitTime, Key};

use super::listing::{Listed, Listing, Sources};
use crate::query::Query;
use crate::{Error, keys};

/// A comparison of two answers.
#[derive(Debug)]
pub(super) struct Difference {
    before: Listing,
    after: Listing,
    since: CommitTime,
    /// In the later answer at a place where the earlier one has nothing.
    came: HashSet<Key>,
    /// In the earlier answer at a place where the later one has nothing.
    gone: HashSet<Key>,
}

impl Difference {
    pub(super) fn new(query: &Query, before: CommitTime, after: CommitTime) -> Self {
        Self {
            before: Listing::new(query, before),
            after: Listing::new(query, after),
            since: before,
            came: HashSet::new(),
            gone: HashSet::new(),
        }
    }

    /// Compares on, by at most a page of each. Gives the documents of the later answer that are new in it or were
    /// changed.
    pub(super) fn step(
        &mut self,
        sources: Sources<'_>,
        rows_read: usize,
    ) -> Result<Vec<DocumentPath>, Error> {
        self.before.fill(sources, rows_read)?;
        self.after.fill(sources, rows_read)?;
        let mut found = Vec::new();
        loop {
            match (self.before.peek(), self.after.peek()) {
                (Some(before), Some(after)) if before.sort == after.sort => {
                    self.before.pop();
                    if let Some(after) = self.after.pop()
                        && after.changed > self.since
                    {
                        found.push(after.path);
                    }
                }
                (Some(before), Some(after)) if before.sort < after.sort => self.take_gone(),
                (Some(_), Some(_)) => self.take_come(&mut found),
                (Some(_), None) if self.after.is_over() => self.take_gone(),
                (None, Some(_)) if self.before.is_over() => self.take_come(&mut found),
                (_, None) | (None, _) => return Ok(found),
            }
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.before.is_over() && self.after.is_over()
    }

    /// How many names it holds.
    pub(super) fn held(&self) -> usize {
        self.came.len() + self.gone.len()
    }

    /// How many documents both answers have, as far as they were read.
    pub(super) const fn counts(&self) -> (u32, u32) {
        (self.before.count, self.after.count)
    }

    /// At the end: the documents that only the earlier answer has, sorted.
    pub(super) fn gone(&self) -> Vec<Key> {
        let mut gone: Vec<_> = self.gone.difference(&self.came).cloned().collect();
        gone.sort_unstable();
        gone
    }

    fn take_gone(&mut self) {
        if let Some(Listed { path, .. }) = self.before.pop() {
            self.gone.insert(keys::document(&path));
        }
    }

    fn take_come(&mut self, found: &mut Vec<DocumentPath>) {
        if let Some(Listed { path, .. }) = self.after.pop() {
            self.came.insert(keys::document(&path));
            found.push(path);
        }
    }
}
