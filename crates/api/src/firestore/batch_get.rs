//! `BatchGetDocuments`: many documents by their paths, page by page, all as of one time.

use std::collections::HashSet;

use bytes::Bytes;
use firekeep_documents::limits::READ_DOCUMENTS;
use firekeep_documents::{Error as DocumentError, Given, StoredDocument, read};
use firekeep_model::{Caller, DatabaseName, DocumentPath, FieldMask, Timestamp};

use super::get_document::given;
use super::reading::Reading;
use super::{Consistency, Firestore};
use crate::Error;

/// How many bytes of documents make a page full, before its [`READ_DOCUMENTS`] are there. It may end up to
/// [`READ_AT_ONCE`] documents later. Ours.
const PAGE_BYTES: usize = crate::limits::LIST_BYTES;

/// Documents that one look into the store gives. Ours.
const READ_AT_ONCE: usize = 8;

/// One document of a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Got {
    /// It is there.
    Found(Given),
    /// It is not.
    Missing(DocumentPath),
}

/// The answer to a batch: what is the same for all documents, and the pages.
pub struct Gets {
    /// The id of the transaction that the request began.
    pub transaction: Option<Bytes>,
    /// The time of which all documents are.
    pub read_time: Timestamp,
    reading: Reading,
    mask: Option<FieldMask>,
    first: Option<Vec<Got>>,
    /// What is left, the next ones last.
    rest: Vec<DocumentPath>,
}

impl Firestore {
    /// Documents, with the fields of a mask, or all. Each is given once, however often it is asked for.
    ///
    /// # Errors
    /// Those of [`Firestore`]'s doc.
    pub async fn batch_get(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        paths: Vec<DocumentPath>,
        mask: Option<FieldMask>,
        consistency: Consistency,
    ) -> Result<Gets, Error> {
        let mut reading = self.reading(caller, database, consistency).await?;
        let mut rest = distinct(paths);
        rest.reverse();
        let page = take_page(&mut rest);
        let (first, unread) = reading.here(move |tx| read_page(tx, page)).await?;
        put_back(&mut rest, unread);
        Ok(Gets {
            transaction: reading.tell_begun(),
            read_time: reading.time(),
            reading,
            first: Some(got(first, mask.as_ref())?),
            mask,
            rest,
        })
    }
}

impl Gets {
    /// Some more documents; `None` when there are none left.
    ///
    /// # Errors
    /// Storage errors.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Got>>, Error> {
        if let Some(first) = self.first.take().filter(|first| !first.is_empty()) {
            return Ok(Some(first));
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        let page = take_page(&mut self.rest);
        let (page, unread) = self.reading.off(move |tx| read_page(tx, page)).await?;
        put_back(&mut self.rest, unread);
        Ok(Some(got(page, self.mask.as_ref())?))
    }
}

/// A path, and what is stored there.
type Looked = (DocumentPath, Option<StoredDocument>);

fn got(page: Vec<Looked>, mask: Option<&FieldMask>) -> Result<Vec<Got>, DocumentError> {
    let got = page.into_iter().map(|(path, stored)| match stored {
        Some(stored) => Ok(Got::Found(given(stored, mask)?)),
        None => Ok(Got::Missing(path)),
    });
    got.collect()
}

/// Documents of a page, up to the one that makes them [`PAGE_BYTES`] or more; and the paths that are left then.
fn read_page(
    tx: &dyn firekeep_store::Read,
    mut paths: Vec<DocumentPath>,
) -> Result<(Vec<Looked>, Vec<DocumentPath>), DocumentError> {
    let mut page = Vec::with_capacity(paths.len());
    let mut bytes = 0;
    while bytes < PAGE_BYTES && !paths.is_empty() {
        let unread = paths.split_off(paths.len().min(READ_AT_ONCE));
        let found = read::find_many_stored(tx, &paths)?;
        bytes += (found.iter().flatten())
            .map(StoredDocument::bytes)
            .sum::<usize>();
        page.extend(paths.into_iter().zip(found));
        paths = unread;
    }
    Ok((page, paths))
}

fn take_page(rest: &mut Vec<DocumentPath>) -> Vec<DocumentPath> {
    let mut page = rest.split_off(rest.len().saturating_sub(READ_DOCUMENTS));
    page.reverse();
    page
}

/// What was taken for a page and found no place on it comes next.
fn put_back(rest: &mut Vec<DocumentPath>, unread: Vec<DocumentPath>) {
    rest.extend(unread.into_iter().rev());
}

/// The paths, each once, in the order of their first places.
fn distinct(mut paths: Vec<DocumentPath>) -> Vec<DocumentPath> {
    let mut known = HashSet::with_capacity(paths.len());
    let first: Vec<bool> = paths.iter().map(|path| known.insert(path)).collect();
    drop(known);
    let mut first = first.into_iter();
    paths.retain(|_| first.next().unwrap_or(true));
    paths
}

#[cfg(test)]
mod tests {
    use firekeep_model::Value;

    use super::super::Precondition;
    use super::super::tests::{World, document, fields};
    use super::*;

    #[tokio::test]
    async fn a_page_of_large_documents_is_short() {
        let world = World::new();
        let mut large = fields(1);
        let text = Value::String("a".repeat(1_000_000).into());
        large.insert("text", text).unwrap();
        let paths: Vec<_> = (0..20).map(|at| document(&format!("c/{at:02}"))).collect();
        for path in &paths {
            let made = world.firestore.update_document(
                &world.owner,
                &world.database,
                path.clone(),
                large.clone(),
                None,
                None,
                Precondition::None,
            );
            made.await.unwrap();
        }
        let (it, strong) = (&world.firestore, Consistency::Strong);
        let gets = it.batch_get(&world.owner, &world.database, paths.clone(), None, strong);
        let mut gets = gets.await.unwrap();
        let (mut pages, mut found) = (Vec::new(), Vec::new());
        while let Some(page) = gets.next_page().await.unwrap() {
            pages.push(page.len());
            found.extend(page.into_iter().map(|got| match got {
                Got::Found(found) => found.path().clone(),
                Got::Missing(path) => panic!("{path}"),
            }));
        }
        assert_eq!(pages, [8, 8, 4]);
        assert_eq!(found, paths);
    }
}
