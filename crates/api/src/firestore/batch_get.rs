//! `BatchGetDocuments`: many documents by their paths, page by page, all as of one time.

use std::collections::HashSet;

use bytes::Bytes;
use firekeep_documents::limits::READ_DOCUMENTS;
use firekeep_documents::read;
use firekeep_model::{Caller, DatabaseName, Document, DocumentPath, FieldMask, Timestamp};

use super::get_document::masked;
use super::reading::Reading;
use super::{Consistency, Firestore};
use crate::Error;

/// One document of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    /// It is there.
    Found(Document),
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
        let first = reading.here(move |tx| read_page(tx, page)).await?;
        Ok(Gets {
            transaction: reading.tell_begun(),
            read_time: reading.time(),
            reading,
            first: Some(
                first
                    .into_iter()
                    .map(|got| got.masked(mask.as_ref()))
                    .collect(),
            ),
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
        let got = self.reading.off(move |tx| read_page(tx, page)).await?;
        let masked = got.into_iter().map(|got| got.masked(self.mask.as_ref()));
        Ok(Some(masked.collect()))
    }
}

impl Got {
    fn masked(self, mask: Option<&FieldMask>) -> Self {
        match self {
            Self::Found(document) => Self::Found(masked(document, mask)),
            missing @ Self::Missing(_) => missing,
        }
    }
}

fn read_page(
    tx: &dyn firekeep_store::Read,
    paths: Vec<DocumentPath>,
) -> Result<Vec<Got>, firekeep_documents::Error> {
    let found = read::find_many(tx, &paths)?;
    let got = |(path, found): (DocumentPath, Option<Document>)| match found {
        Some(document) => Got::Found(document),
        None => Got::Missing(path),
    };
    Ok(paths.into_iter().zip(found).map(got).collect())
}

fn take_page(rest: &mut Vec<DocumentPath>) -> Vec<DocumentPath> {
    let mut page = rest.split_off(rest.len().saturating_sub(READ_DOCUMENTS));
    page.reverse();
    page
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
