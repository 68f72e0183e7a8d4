//! What filters, orders and aggregations ask of a document, so that a row can answer before it is decoded as a whole.

use std::borrow::Cow;

use firekeep_model::{Document, DocumentPath, FieldPath, FieldRef, Map, Value};

use crate::{Error, Found, codec};

/// A document whose fields can be looked at one by one: a decoded one, or a stored row.
pub trait Fields {
    /// Where the document is.
    fn path(&self) -> &DocumentPath;

    /// The value of a field, if the document has it.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a row that cannot be read.
    fn field(&self, path: &FieldPath) -> Result<Option<Cow<'_, Value>>, Error>;

    /// If the document has what is named: its name it always has.
    ///
    /// # Errors
    /// As [`field`](Self::field).
    fn has(&self, field: &FieldRef) -> Result<bool, Error> {
        match field {
            FieldRef::DocumentName => Ok(true),
            FieldRef::Field(path) => Ok(self.field(path)?.is_some()),
        }
    }
}

impl Fields for Document {
    fn path(&self) -> &DocumentPath {
        &self.path
    }

    fn field(&self, path: &FieldPath) -> Result<Option<Cow<'_, Value>>, Error> {
        Ok(self.fields.get_path(path).map(Cow::Borrowed))
    }
}

/// A document that is not stored yet, or whose times do not matter.
impl Fields for (&DocumentPath, &Map) {
    fn path(&self) -> &DocumentPath {
        self.0
    }

    fn field(&self, path: &FieldPath) -> Result<Option<Cow<'_, Value>>, Error> {
        Ok(self.1.get_path(path).map(Cow::Borrowed))
    }
}

/// A row, of which only the fields that are asked for are decoded. A missing document has none.
impl Fields for Found {
    fn path(&self) -> &DocumentPath {
        &self.path
    }

    fn field(&self, path: &FieldPath) -> Result<Option<Cow<'_, Value>>, Error> {
        match &self.row {
            Some(row) => Ok(codec::decode_field(&row.value, path)?.map(Cow::Owned)),
            None => Ok(None),
        }
    }
}
