//! Walking a whole database, and filling one.
//!
//! Whoever calls draws the transactions: a walk goes on in another one at the same read time, and an import is a row of
//! ordinary commits, each of a [batch](Batches). Documents that are already as the import has them cost nothing, so an
//! import that was broken off is simply begun again. Documents that the import does not have stay. Storage design,
//! section 9.

use std::collections::HashMap;

use firekeep_model::{
    Array, DatabaseName, Document, DocumentName, DocumentPath, Map, OpContext, Timestamp, Value,
    ValueError, check_document, document_size,
};
use firekeep_store::{Direction, KeyRange, PageLimit, Read, Space, WriteTx};

use crate::codec::{self, Created};
use crate::limits::{IMPORT_BATCH_BYTES, IMPORT_BATCH_DOCUMENTS, READ_DOCUMENTS};
use crate::read;
use crate::{Error, IndexMaintenance, keys};

/// Every document of a database, in the order of their keys, in pages.
#[derive(Debug)]
pub struct Walk {
    /// `None` at the end.
    rest: Option<KeyRange>,
}

impl Default for Walk {
    fn default() -> Self {
        Self {
            rest: Some(KeyRange::all()),
        }
    }
}

impl Walk {
    /// The next documents; `None` when there are no more. Every transaction that is given here must read at the same
    /// time.
    ///
    /// # Errors
    /// [`Error::Corrupt`]; those of storage.
    pub fn next_page(&mut self, tx: &dyn Read) -> Result<Option<Vec<Document>>, Error> {
        let Some(range) = &self.rest else {
            return Ok(None);
        };
        let direction = Direction::Forward;
        let page = tx.scan_rows(Space::Docs, range, direction, PageLimit::default())?;
        let documents = page
            .rows
            .iter()
            .map(|(key, row)| read::decode(keys::path(key)?, row))
            .collect::<Result<_, Error>>()?;
        self.rest = page.next.map(|next| range.rest(direction, &next));
        Ok(Some(documents))
    }
}

/// A document on its way into a database.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// Where it goes.
    pub path: DocumentPath,
    /// Its fields.
    pub fields: Map,
    /// When it was created, where that is known. It changed last when it was imported.
    pub create_time: Option<Timestamp>,
}

impl From<Document> for Incoming {
    fn from(document: Document) -> Self {
        Self {
            path: document.path,
            fields: document.fields,
            create_time: Some(document.create_time),
        }
    }
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Documents that were not there, or others.
    pub written: u64,
    /// Documents that were there already, with these fields.
    pub unchanged: u64,
}

impl std::ops::AddAssign for Imported {
    fn add_assign(&mut self, other: Self) {
        self.written += other.written;
        self.unchanged += other.unchanged;
    }
}

/// Writes documents as an import has them. Of several with one path the last one counts.
///
/// Unlike a write of a client it sets when a document was created, if that is known and not after now.
///
/// # Errors
/// [`Error::InvalidArgument`] for a document that cannot be stored; [`Error::Corrupt`]; those of storage, among them
/// [`TooLarge`](firekeep_store::Error::TooLarge) for too many index entries: try fewer documents.
pub fn apply(
    tx: &mut WriteTx<'_>,
    cx: &OpContext<'_>,
    documents: &[Incoming],
    indexes: &dyn IndexMaintenance,
) -> Result<Imported, Error> {
    let mut imported = Imported::default();
    let now = cx.now.max(Timestamp::from_micros(tx.time().0));
    for some in last_of_each(documents).chunks(READ_DOCUMENTS) {
        let keys: Vec<_> = some
            .iter()
            .map(|document| keys::document(&document.path))
            .collect();
        let wanted: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let rows = tx.find_rows(Space::Docs, &wanted)?;
        for ((document, key), row) in some.iter().zip(keys).zip(rows) {
            let Incoming { path, fields, .. } = document;
            let base = row
                .map(|row| read::decode(path.clone(), &row))
                .transpose()?;
            if base.as_ref().is_some_and(|base| base.fields == *fields) {
                imported.unchanged += 1;
                continue;
            }
            check_document(path, fields)?;
            let known = document.create_time.filter(|time| *time <= now);
            let created = known.or(base.as_ref().map(|base| base.create_time));
            let created = created.map_or(Created::ByThisRow, Created::At);
            let before = base.as_ref().map(|base| &base.fields);
            indexes.update(tx, path, before, Some(fields))?;
            tx.put(Space::Docs, key, codec::encode(fields, created))?;
            imported.written += 1;
        }
    }
    Ok(imported)
}

fn last_of_each(documents: &[Incoming]) -> Vec<&Incoming> {
    let last: HashMap<_, _> = documents
        .iter()
        .enumerate()
        .map(|(at, document)| (&document.path, at))
        .collect();
    documents
        .iter()
        .enumerate()
        .filter(|(at, document)| last.get(&document.path) == Some(at))
        .map(|(_, document)| document)
        .collect()
}

/// Documents in portions that one commit can write. What was read before an error comes before it.
pub struct Batches<I, E> {
    documents: I,
    /// What was read and is not given out.
    waiting: Option<Result<Incoming, E>>,
}

impl<I: Iterator<Item = Result<Incoming, E>>, E> Batches<I, E> {
    /// Portions of these.
    pub const fn new(documents: I) -> Self {
        Self {
            documents,
            waiting: None,
        }
    }
}

impl<I: Iterator<Item = Result<Incoming, E>>, E> Iterator for Batches<I, E> {
    type Item = Result<Vec<Incoming>, E>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < IMPORT_BATCH_DOCUMENTS {
            let document = match self.waiting.take().or_else(|| self.documents.next()) {
                Some(Ok(document)) => document,
                Some(Err(error)) if batch.is_empty() => return Some(Err(error)),
                Some(error) => {
                    self.waiting = Some(error);
                    break;
                }
                None => break,
            };
            bytes += document_size(&document.path, &document.fields);
            if bytes > IMPORT_BATCH_BYTES && !batch.is_empty() {
                self.waiting = Some(Ok(document));
                break;
            }
            batch.push(document);
        }
        (!batch.is_empty()).then_some(Ok(batch))
    }
}

/// Fields in which references to documents of one database lead to another one: an export that goes into a database of
/// another name takes the links between its documents along.
///
/// # Errors
/// None in fact: what was in a map or an array is so still.
pub fn lead(fields: Map, from: &DatabaseName, to: &DatabaseName) -> Result<Map, ValueError> {
    let fields = fields
        .into_iter()
        .map(|(name, value)| Ok((name, lead_value(value, from, to)?)));
    Map::from_entries(fields.collect::<Result<_, ValueError>>()?)
}

fn lead_value(value: Value, from: &DatabaseName, to: &DatabaseName) -> Result<Value, ValueError> {
    Ok(match value {
        Value::Reference(name) if name.database == *from => Value::reference(DocumentName {
            database: to.clone(),
            path: name.path,
        }),
        Value::Map(map) => lead(map, from, to)?.into(),
        Value::Array(elements) => {
            let elements = elements.into_vec().into_iter();
            let elements = elements.map(|element| lead_value(element, from, to));
            Array::new(elements.collect::<Result<_, _>>()?)?.into()
        }
        other => other,
    })
}
