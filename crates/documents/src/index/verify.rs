//! Checking that the entries of the indexes are those of the documents.
//!
//! First every document is asked for the entries that it must have. Then entries are counted; only when there are more
//! than were found, or while an index is being built or removed, each of them is asked for its document. It writes
//! nothing, and goes in steps, each as long as a page: the caller paces them, and gives each a view of the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use firekeep_model::{DocumentPath, Map};
use firekeep_store::{Direction, Key, KeyRange, PageLimit, Read, Space};

use crate::index::catalog::Catalog;
use crate::index::entries;
use crate::index::key::{self, IndexId};
use crate::limits::{FAULTS_MAX, READ_DOCUMENTS};
use crate::{Error, codec, keys};

/// A fault of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A document cannot be read.
    Document {
        /// Its key.
        key: Key,
    },
    /// A document has no such entry.
    Missing {
        /// The document.
        document: DocumentPath,
        /// The entry's key.
        key: Key,
    },
    /// An entry says other things than it should.
    Wrong {
        /// The document.
        document: DocumentPath,
        /// The entry's key.
        key: Key,
    },
    /// An entry that nothing is behind.
    Excess {
        /// The document it names, if that can be read.
        document: Option<DocumentPath>,
        /// The entry's key.
        key: Key,
    },
}

impl fmt::Display for Fault {
    /// A sentence for people. What users named is in backticks; keys are shown with their bytes escaped.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document { key } => {
                write!(out, "a document cannot be read: `{}`", key.escape_ascii())
            }
            Self::Missing { document, key } => {
                let key = key.escape_ascii();
                write!(out, "the document `{document}` has no index entry `{key}`")
            }
            Self::Wrong { document, key } => {
                let key = key.escape_ascii();
                write!(
                    out,
                    "the index entry `{key}` of the document `{document}` is wrong"
                )
            }
            Self::Excess { document, key } => {
                write!(
                    out,
                    "the index entry `{}` is of no document",
                    key.escape_ascii()
                )?;
                match document {
                    Some(document) => write!(out, ", it names `{document}`"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Documents that were read.
    pub documents: u64,
    /// Entries that there are.
    pub entries: u64,
    /// Faults that were found.
    pub faults: u64,
    /// How many of them are documents that cannot be read. All others are gone once the entries are made anew.
    pub unreadable: u64,
    /// The first [`FAULTS_MAX`] of them.
    pub first: Vec<Fault>,
}

/// A check on its way.
#[derive(Debug)]
pub struct Verify {
    catalog: Catalog,
    phase: Phase,
    report: Report,
    /// Entries that documents must have, and that are there.
    found: u64,
}

/// What is left to do, each with the range that is left of it.
#[derive(Debug)]
enum Phase {
    Documents(KeyRange),
    Count(KeyRange),
    Entries(KeyRange),
    Done,
}

impl Verify {
    /// A check of what a view shows. The later steps need views of the same time.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a catalogue that cannot be read; those of storage.
    pub fn new(tx: &dyn Read) -> Result<Self, Error> {
        Ok(Self {
            catalog: Catalog::load(tx)?,
            phase: Phase::Documents(KeyRange::all()),
            report: Report::default(),
            found: 0,
        })
    }

    /// Does a page of work. The report, once it is complete.
    ///
    /// # Errors
    /// Those of storage.
    pub fn step(&mut self, tx: &dyn Read) -> Result<Option<&Report>, Error> {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Done) {
            Phase::Documents(range) => match self.documents(tx, range)? {
                Some(rest) => Phase::Documents(rest),
                None => Phase::Count(KeyRange::all()),
            },
            Phase::Count(range) => match self.count(tx, range)? {
                Some(rest) => Phase::Count(rest),
                None if self.report.entries == self.found && self.catalog.is_settled() => {
                    Phase::Done
                }
                None => Phase::Entries(KeyRange::all()),
            },
            Phase::Entries(range) => match self.entries(tx, range)? {
                Some(rest) => Phase::Entries(rest),
                None => Phase::Done,
            },
            Phase::Done => Phase::Done,
        };
        Ok(matches!(self.phase, Phase::Done).then_some(&self.report))
    }

    /// What was found so far.
    #[must_use]
    pub const fn report(&self) -> &Report {
        &self.report
    }

    fn fault(&mut self, fault: Fault) {
        self.report.faults += 1;
        self.report.unreadable += u64::from(matches!(fault, Fault::Document { .. }));
        if self.report.first.len() < FAULTS_MAX {
            self.report.first.push(fault);
        }
    }

    fn documents(&mut self, tx: &dyn Read, range: KeyRange) -> Result<Option<KeyRange>, Error> {
        let limit = PageLimit::rows(READ_DOCUMENTS);
        let page = tx.scan(Space::Docs, &range, Direction::Forward, limit)?;
        for (key, row) in page.rows {
            self.report.documents += 1;
            let document = keys::path(&key).and_then(|path| Ok((path, codec::decode(&row)?)));
            match document {
                Ok((path, stored)) => self.document(tx, path, &stored.fields)?,
                Err(error) if error.is_damage() => self.fault(Fault::Document { key }),
                Err(error) => return Err(error),
            }
        }
        Ok(page.next.map(|next| range.after(&next)))
    }

    fn document(
        &mut self,
        tx: &dyn Read,
        document: DocumentPath,
        fields: &Map,
    ) -> Result<(), Error> {
        let expected = entries::of_document(&self.catalog, entries::ready, &document, fields)?;
        let keys: Vec<&[u8]> = expected.iter().map(|(key, _)| key.as_slice()).collect();
        let rows = tx.find_rows(Space::Idx, &keys)?;
        for ((key, row), there) in expected.into_iter().zip(rows) {
            let document = || document.clone();
            match there {
                None => self.fault(Fault::Missing {
                    document: document(),
                    key,
                }),
                Some(there) => {
                    self.found += 1;
                    if there.value != row {
                        self.fault(Fault::Wrong {
                            document: document(),
                            key,
                        });
                    }
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, tx: &dyn Read, range: KeyRange) -> Result<Option<KeyRange>, Error> {
        let page = tx.scan(Space::Idx, &range, Direction::Forward, PageLimit::default())?;
        self.report.entries += u64::try_from(page.rows.len()).unwrap_or_default();
        Ok(page.next.map(|next| range.after(&next)))
    }

    fn entries(&mut self, tx: &dyn Read, range: KeyRange) -> Result<Option<KeyRange>, Error> {
        let limit = PageLimit::rows(READ_DOCUMENTS);
        let page = tx.scan(Space::Idx, &range, Direction::Forward, limit)?;
        let mut of: BTreeMap<DocumentPath, Vec<Key>> = BTreeMap::new();
        for (key, row) in page.rows {
            match self.document_of(&key, &row) {
                Ok(Some(document)) => of.entry(document).or_default().push(key),
                _ => self.fault(Fault::Excess {
                    document: None,
                    key,
                }),
            }
        }
        let documents: Vec<_> = of.keys().map(keys::document).collect();
        let documents: Vec<&[u8]> = documents.iter().map(Vec::as_slice).collect();
        let rows = tx.find_rows(Space::Docs, &documents)?;
        for ((document, own), row) in of.into_iter().zip(rows) {
            let possible = match row.map(|row| codec::decode(&row.value)) {
                Some(Ok(stored)) => {
                    let policy = entries::possible;
                    entries::of_document(&self.catalog, policy, &document, &stored.fields)?
                }
                // It was said before, and nothing can be said of its entries.
                Some(Err(_)) => continue,
                None => Vec::new(),
            };
            let possible: BTreeSet<&Key> = possible.iter().map(|(key, _)| key).collect();
            for key in own {
                if !possible.contains(&key) {
                    let document = Some(document.clone());
                    self.fault(Fault::Excess { document, key });
                }
            }
        }
        Ok(page.next.map(|next| range.after(&next)))
    }

    fn document_of(&self, key: &[u8], row: &[u8]) -> Result<Option<DocumentPath>, Error> {
        key::document_of(key, row, |id: IndexId| {
            let mut composites = self.catalog.all_composites().iter();
            let composite = composites.find(|composite| composite.id == id)?;
            Some((composite.definition.scope(), composite.parts.as_slice()))
        })
    }
}

#[cfg(test)]
mod tests;
