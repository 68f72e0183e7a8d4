//! Reading documents, and what there is below others.
//!
//! Whatever lists, lists with seeks: what lies below the listed things is passed over, not read. Firestore
//! specification, sections 5.3 to 5.5.

use firekeep_model::{
    CollectionId, CollectionPath, Document, DocumentId, DocumentPath, FieldMask, Map, Timestamp,
};
use firekeep_store::{Direction, KeyRange, PageLimit, Read, Row, Space};

use crate::codec::{self, Created};
use crate::scan::{Missing, Scan};
use crate::{Error, Given, StoredDocument, keys};

/// The time of a document that the transaction itself wrote, as its own reads see it: that of the commit is not known
/// yet, but it is later than all.
pub const THIS_COMMIT: Timestamp = Timestamp::MAX;

/// A document.
///
/// # Errors
/// [`Error::Corrupt`]; those of storage.
pub fn find(tx: &dyn Read, path: &DocumentPath) -> Result<Option<Document>, Error> {
    let found = find_many(tx, std::slice::from_ref(path))?;
    Ok(found.into_iter().next().flatten())
}

/// Documents, in the order of the paths. All are in memory: the caller bounds how many.
///
/// # Errors
/// [`Error::Corrupt`]; those of storage.
pub fn find_many(tx: &dyn Read, paths: &[DocumentPath]) -> Result<Vec<Option<Document>>, Error> {
    let found = find_many_stored(tx, paths)?.into_iter();
    let document = |stored: Option<_>| {
        stored
            .map(|stored| Given::Stored(stored).decode())
            .transpose()
    };
    found.map(document).collect()
}

/// A document as it is stored.
///
/// # Errors
/// [`Error::Corrupt`]; those of storage.
pub fn find_stored(tx: &dyn Read, path: &DocumentPath) -> Result<Option<StoredDocument>, Error> {
    let found = find_many_stored(tx, std::slice::from_ref(path))?;
    Ok(found.into_iter().next().flatten())
}

/// As [`find_many`], but as they are stored.
///
/// # Errors
/// As [`find_many`].
pub fn find_many_stored(
    tx: &dyn Read,
    paths: &[DocumentPath],
) -> Result<Vec<Option<StoredDocument>>, Error> {
    let keys: Vec<_> = paths.iter().map(keys::document).collect();
    let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    let rows = tx.find_rows(Space::Docs, &keys)?;
    let stored = |(row, path): (Option<Row>, &DocumentPath)| {
        row.map(|row| StoredDocument::new(path.clone(), row))
            .transpose()
    };
    rows.into_iter().zip(paths).map(stored).collect()
}

/// The document in a row of `docs`.
///
/// # Errors
/// [`Error::Corrupt`].
pub fn decode(path: DocumentPath, row: &Row) -> Result<Document, Error> {
    let stored = codec::decode(&row.value)?;
    let update_time = row_time(row);
    Ok(Document {
        path,
        fields: stored.fields,
        create_time: create_time(stored.created, update_time),
        update_time,
    })
}

/// The document in a row of `docs`, with the fields that a query selects; the others are not decoded where that is
/// less work, and without a selection none is.
///
/// # Errors
/// [`Error::Corrupt`].
pub(crate) fn select(
    select: Option<&FieldMask>,
    path: DocumentPath,
    row: Row,
) -> Result<Given, Error> {
    match select {
        None => StoredDocument::new(path, row).map(Given::Stored),
        Some(mask) => decode_selected(mask, path, &row).map(Given::Made),
    }
}

fn decode_selected(mask: &FieldMask, path: DocumentPath, row: &Row) -> Result<Document, Error> {
    /// With more fields than these, everything is decoded.
    const FIELDS_FEW: usize = 8;
    if mask.paths().len() > FIELDS_FEW {
        let document = decode(path, row)?;
        return Ok(Document {
            fields: mask.project(document.fields),
            ..document
        });
    }
    let mut fields = Map::new();
    for field in mask.paths() {
        if let Some(value) = codec::decode_field(&row.value, field)? {
            fields.set_path(field, value);
        }
    }
    let update_time = row_time(row);
    Ok(Document {
        path,
        fields,
        create_time: create_time(codec::decode_created(&row.value)?, update_time),
        update_time,
    })
}

pub(crate) const fn create_time(created: Created, update_time: Timestamp) -> Timestamp {
    match created {
        Created::ByThisRow => update_time,
        Created::At(time) => time,
    }
}

/// When the document in a row changed last.
pub(crate) fn row_time(row: &Row) -> Timestamp {
    row.time
        .map_or(THIS_COMMIT, |time| Timestamp::from_micros(time.0))
}

/// The ids of the collections directly below a document, or below the root, that have a document at any depth: those
/// behind `after`, sorted by their bytes, at most `limit`. One seek for each, however many documents they have.
///
/// # Errors
/// [`Error::Corrupt`]; those of storage.
pub fn list_collection_ids(
    tx: &dyn Read,
    parent: Option<&DocumentPath>,
    after: Option<&CollectionId>,
    limit: usize,
) -> Result<Vec<CollectionId>, Error> {
    let prefix = keys::parent(parent);
    // The document's own key is before those below it, and in the way only here.
    let mut range = KeyRange::prefix(&prefix).after(&prefix);
    if let Some(after) = after {
        range.start = keys::behind(&keys::child(prefix.clone(), after.as_str()));
    }
    let mut ids = Vec::new();
    while ids.len() < limit {
        let page = tx.scan_rows(Space::Docs, &range, Direction::Forward, PageLimit::rows(1))?;
        let Some((key, _)) = page.rows.first() else {
            break;
        };
        let below = key.get(prefix.len()..).unwrap_or_default();
        let (id, _) = keys::split_first(below).ok_or(Error::Corrupt("its key"))?;
        range.start = keys::behind(&[&prefix, id].concat());
        ids.push(keys::collection_id(id)?);
    }
    Ok(ids)
}

/// A document of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Where it is, or would be.
    pub path: DocumentPath,
    /// The document; `None` for one that is missing and has others below it.
    pub document: Option<Document>,
}

/// The documents directly in a collection: those behind `after`, by their ids, at most `limit`.
///
/// # Errors
/// [`Error::Corrupt`]; those of storage.
pub fn list_documents(
    tx: &dyn Read,
    collection: &CollectionPath,
    after: Option<&DocumentId>,
    limit: usize,
    missing: Missing,
) -> Result<Vec<Listed>, Error> {
    let mut scan = Scan::new(tx, collection, Direction::Forward, missing).page_rows(limit);
    if let Some(after) = after {
        scan = scan.after(after);
    }
    let listed = scan.take(limit).map(|found| {
        let found = found?;
        let document = found
            .row
            .map(|row| decode(found.path.clone(), &row))
            .transpose()?;
        Ok(Listed {
            path: found.path,
            document,
        })
    });
    listed.collect()
}

#[cfg(test)]
mod tests;
