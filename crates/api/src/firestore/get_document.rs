//! `GetDocument`: one document by its path.

use firekeep_documents::{Error as DocumentError, read};
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
        let mut reading = self.reading(caller, database, consistency).await?;
        let found = reading.here(move |tx| {
            let found = read::find(tx, &path)?;
            found.ok_or(DocumentError::NotFound { path })
        });
        Ok(masked(found.await?, mask.as_ref()))
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
