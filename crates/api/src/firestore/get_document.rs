//! `GetDocument`: one document by its path.

use firekeep_documents::{Error as DocumentError, Given, StoredDocument, read};
use firekeep_model::{Caller, DatabaseName, Document, DocumentPath, FieldMask};

use super::{Consistency, Firestore};
use crate::Error;

impl Firestore {
    /// A document, with the fields of a mask, or all.
    ///
    /// # Errors
    /// [`DocumentError::NotFound`].
    pub async fn get_document(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        path: DocumentPath,
        mask: Option<FieldMask>,
        consistency: Consistency,
    ) -> Result<Document, Error> {
        let found = self.get_given(caller, database, path, mask, consistency);
        Ok(found.await?.decode()?)
    }

    /// The same for those who only pass it on.
    ///
    /// # Errors
    /// As [`get_document`](Self::get_document).
    pub async fn get_given(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        path: DocumentPath,
        mask: Option<FieldMask>,
        consistency: Consistency,
    ) -> Result<Given, Error> {
        let mut reading = self.reading(caller, database, consistency).await?;
        let found = reading.here(move |tx| {
            let found = read::find_stored(tx, &path)?;
            found.ok_or(DocumentError::NotFound { path })
        });
        Ok(given(found.await?, mask.as_ref())?)
    }
}

/// A stored document with the fields of a mask.
pub(super) fn given(
    stored: StoredDocument,
    mask: Option<&FieldMask>,
) -> Result<Given, DocumentError> {
    let stored = Given::Stored(stored);
    match mask {
        None => Ok(stored),
        Some(_) => Ok(Given::Made(masked(stored.decode()?, mask))),
    }
}

/// A document with the fields of a mask.
pub(super) fn masked(document: Document, mask: Option<&FieldMask>) -> Document {
    match mask {
        None => document,
        Some(mask) => Document {
            fields: mask.project(document.fields),
            ..document
        },
    }
}
