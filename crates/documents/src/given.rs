//! Documents as answers have them.

use bytes::Bytes;
use firekeep_model::{Document, DocumentPath, Timestamp};
use firekeep_store::Row;

use crate::Error;
use crate::codec::{self, StoredFields};
use crate::read::{create_time, row_time};

/// A document of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// As it is stored: it is not taken apart where it is only passed on.
    Stored(StoredDocument),
    /// A part of one, or more than is stored.
    Made(Document),
}

/// A document as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDocument {
    /// Where it is in its database.
    pub path: DocumentPath,
    /// The commit that created it.
    pub create_time: Timestamp,
    /// The commit that changed it last.
    pub update_time: Timestamp,
    /// What [`codec::encode`] made.
    row: Bytes,
}

impl StoredDocument {
    /// The document in a row of `docs`.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub(crate) fn new(path: DocumentPath, row: Row) -> Result<Self, Error> {
        let update_time = row_time(&row);
        Ok(Self {
            path,
            create_time: create_time(codec::decode_created(&row.value)?, update_time),
            update_time,
            row: row.value,
        })
    }

    /// How many bytes it has as it is stored.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.row.len()
    }

    /// Its fields.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn fields(&self) -> Result<StoredFields<'_>, Error> {
        StoredFields::of(&self.row)
    }
}

impl Given {
    /// Where it is in its database.
    #[must_use]
    pub const fn path(&self) -> &DocumentPath {
        match self {
            Self::Stored(stored) => &stored.path,
            Self::Made(document) => &document.path,
        }
    }

    /// The document.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn decode(self) -> Result<Document, Error> {
        match self {
            Self::Stored(stored) => Ok(Document {
                fields: codec::decode(&stored.row)?.fields,
                path: stored.path,
                create_time: stored.create_time,
                update_time: stored.update_time,
            }),
            Self::Made(document) => Ok(document),
        }
    }
}
