//! The documents of one collection, one after the other, without those below them.
//!
//! In the key space a document is followed by everything below it, which may be millions of rows. A scan reads pages, and
//! seeks over what the page does not show the end of: a document with others below it costs one seek at most.

use std::collections::VecDeque;
use std::ops::Bound;

use firekeep_model::{CollectionPath, DocumentId, DocumentPath};
use firekeep_store::limits::PAGE_ROWS_MAX;
use firekeep_store::{Direction, Key, KeyRange, PageLimit, Read, Row, Space};

use crate::limits::SCAN_ROWS;
use crate::{Error, keys};

/// Whether documents are given that are missing and have others below them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// They are.
    Shown,
    /// They are not.
    Hidden,
}

/// A document that a scan found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it is, or would be.
    pub path: DocumentPath,
    /// Its row, for [`read::decode`](crate::read::decode) or [`codec::decode_field`](crate::codec::decode_field);
    /// `None` for a missing one.
    pub row: Option<Row>,
}

/// Rows that are read together after a seek: a document and, if there is one, the first below it.
const ROWS_AFTER_SEEK: usize = 2;

/// A scan of a collection by the ids of its documents.
pub struct Scan<'a> {
    tx: &'a dyn Read,
    prefix: Key,
    direction: Direction,
    missing: Missing,
    /// What the pages so far leave; `None` when they left nothing.
    rest: Option<KeyRange>,
    page: VecDeque<(Key, Row)>,
    page_rows: usize,
    /// The key of the document that the scan is at. Forward: it was given or passed over. Reverse: only rows below it
    /// were seen.
    at: Option<Key>,
}

impl<'a> Scan<'a> {
    /// A scan of a whole collection.
    #[must_use]
    pub fn new(
        tx: &'a dyn Read,
        collection: &CollectionPath,
        direction: Direction,
        missing: Missing,
    ) -> Self {
        let prefix = keys::collection(collection);
        Self {
            tx,
            rest: Some(KeyRange::prefix(&prefix)),
            prefix,
            direction,
            missing,
            page: VecDeque::new(),
            page_rows: SCAN_ROWS,
            at: None,
        }
    }

    /// Begins behind an id, in the direction of the scan. The document need not be there.
    #[must_use]
    pub fn after(mut self, id: &DocumentId) -> Self {
        let key = keys::child(self.prefix.clone(), id.as_str());
        let direction = self.direction;
        self.cut(|range| match direction {
            Direction::Forward => range.start = keys::behind(&key),
            Direction::Reverse => range.end = Bound::Excluded(key),
        });
        self
    }

    /// Begins with pages of so many rows, when the caller knows how many documents it wants.
    #[must_use]
    pub fn page_rows(mut self, rows: usize) -> Self {
        self.page_rows = rows.clamp(1, PAGE_ROWS_MAX);
        self
    }

    fn cut(&mut self, change: impl FnOnce(&mut KeyRange)) {
        if let Some(range) = &mut self.rest {
            change(range);
        }
    }

    /// Makes sure that the page has a row, unless there is none left.
    fn fill(&mut self) -> Result<(), Error> {
        while self.page.is_empty()
            && let Some(range) = self.rest.take()
        {
            let limit = PageLimit::rows(self.page_rows);
            let page = (self.tx).scan_rows(Space::Docs, &range, self.direction, limit)?;
            self.rest = page.next.map(|next| range.rest(self.direction, &next));
            self.page = page.rows.into();
            self.page_rows = (2 * self.page_rows).min(PAGE_ROWS_MAX);
        }
        Ok(())
    }

    /// Passes over the rows below a document, by a seek when the page ends before they do.
    fn pass(&mut self, document: &Key) {
        let below = |key: &Key| key != document && key.starts_with(document);
        while self.page.front().is_some_and(|(key, _)| below(key)) {
            self.page.pop_front();
        }
        if self.page.is_empty() && self.rest.is_some() {
            let direction = self.direction;
            self.cut(|range| match direction {
                Direction::Forward => range.start = keys::behind(document),
                Direction::Reverse => range.end = Bound::Included(document.clone()),
            });
            self.page_rows = ROWS_AFTER_SEEK;
        }
    }

    fn find(&mut self) -> Result<Option<Found>, Error> {
        loop {
            self.fill()?;
            let document = match self.page.front() {
                Some((key, _)) => Some(self.document_of(key)?),
                None => None,
            };
            // Reverse: of a document that only rows below were seen of, its own would be next.
            if self.direction == Direction::Reverse
                && let Some(at) = self.at.take_if(|at| Some(&*at) != document.as_ref())
                && self.missing == Missing::Shown
            {
                return Ok(Some(Found {
                    path: keys::path(&at)?,
                    row: None,
                }));
            }
            let Some(document) = document else {
                return Ok(None);
            };
            let is_own = self.page.front().is_some_and(|(key, _)| *key == document);
            if let Some((_, row)) = self.page.pop_front().filter(|_| is_own) {
                let path = keys::path(&document)?;
                self.at = (self.direction == Direction::Forward).then_some(document);
                return Ok(Some(Found {
                    path,
                    row: Some(row),
                }));
            }
            // That row was below; so may be those that follow.
            self.pass(&document);
            let known = self.at.as_ref() == Some(&document);
            let missing = self.direction == Direction::Forward && !known;
            let path = keys::path(&document);
            self.at = Some(document);
            if missing && self.missing == Missing::Shown {
                return Ok(Some(Found {
                    path: path?,
                    row: None,
                }));
            }
        }
    }

    /// The key of the document in the collection that a key belongs to, or is below of.
    fn document_of(&self, key: &[u8]) -> Result<Key, Error> {
        let below = key.get(self.prefix.len()..).unwrap_or_default();
        let (id, _) = keys::split_first(below).ok_or(Error::Corrupt("its key"))?;
        Ok([&self.prefix, id].concat())
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<Found, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.find().transpose();
        if matches!(found, None | Some(Err(_))) {
            self.rest = None;
            self.page.clear();
            self.at = None;
        }
        found
    }
}
