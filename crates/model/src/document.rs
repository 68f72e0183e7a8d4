//! A document, and how large it is.
//!
//! Firestore specification, sections 1.4, 1.5 and 3.

use crate::limits::{DOCUMENT_BYTES_MAX, STRING_BYTES_MAX};
use crate::value::Depth;
use crate::{DocumentPath, Map, Timestamp, Value, ValueError, numeric_id};

/// Why fields cannot be stored as a document.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DocumentError {
    /// More than [`DOCUMENT_BYTES_MAX`].
    #[error("the document `{path}` has {bytes} bytes, more than {DOCUMENT_BYTES_MAX}")]
    TooLarge {
        /// The document.
        path: DocumentPath,
        /// How large it would be.
        bytes: usize,
    },
    /// A value that is too long or nested too deep.
    #[error(transparent)]
    Value(#[from] ValueError),
}

/// A document that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Where it is in its database.
    pub path: DocumentPath,
    /// Its fields.
    pub fields: Map,
    /// The commit that created it.
    pub create_time: Timestamp,
    /// The commit that changed it last.
    pub update_time: Timestamp,
}

impl Document {
    /// The bytes that the document counts for.
    #[must_use]
    pub fn size(&self) -> usize {
        document_size(&self.path, &self.fields)
    }
}

/// The bytes that a document of these fields counts for. Source: specification, section 1.5.
#[must_use]
pub fn document_size(path: &DocumentPath, fields: &Map) -> usize {
    /// What every document counts beside its name and fields.
    const DOCUMENT: usize = 32;
    name_size(path) + map_size(fields) + DOCUMENT
}

/// Checks what only a whole document shows: its size, how deep it is nested, and how long its strings are. Gives the
/// size.
///
/// # Errors
/// Every [`DocumentError`].
pub fn check_document(path: &DocumentPath, fields: &Map) -> Result<usize, DocumentError> {
    check_fields(fields, Depth::TOP)?;
    let bytes = document_size(path, fields);
    if bytes > DOCUMENT_BYTES_MAX {
        return Err(DocumentError::TooLarge {
            path: path.clone(),
            bytes,
        });
    }
    Ok(bytes)
}

fn check_fields(fields: &Map, depth: Depth) -> Result<(), ValueError> {
    fields
        .iter()
        .try_for_each(|(_, value)| check_value(value, depth))
}

fn check_value(value: &Value, depth: Depth) -> Result<(), ValueError> {
    match value {
        Value::String(text) if text.len() > STRING_BYTES_MAX => Err(ValueError::TooLong),
        Value::Bytes(bytes) if bytes.len() > STRING_BYTES_MAX => Err(ValueError::TooLong),
        Value::Array(elements) => {
            let depth = depth.inside()?;
            elements
                .iter()
                .try_for_each(|element| check_value(element, depth))
        }
        Value::Map(map) => check_fields(map, depth.inside()?),
        _ => Ok(()),
    }
}

fn name_size(path: &DocumentPath) -> usize {
    /// What every name counts beside its ids.
    const NAME: usize = 16;
    let id_size = |id| match numeric_id(id) {
        Some(_) => 8,
        None => string_size(id),
    };
    NAME + path.segments().map(id_size).sum::<usize>()
}

fn map_size(map: &Map) -> usize {
    map.iter()
        .map(|(name, value)| string_size(name) + value_size(value))
        .sum()
}

const fn string_size(text: &str) -> usize {
    text.len() + 1
}

fn value_size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Boolean(_) => 1,
        Value::Integer(_) | Value::Double(_) | Value::Timestamp(_) => 8,
        Value::GeoPoint(_) => 16,
        Value::String(text) => string_size(text),
        Value::Bytes(bytes) => bytes.len(),
        Value::Reference(name) => name_size(&name.path),
        Value::Array(elements) => elements.iter().map(value_size).sum(),
        Value::Map(map) => map_size(map),
        Value::Vector(elements) => 8 * elements.len(),
    }
}

#[cfg(test)]
mod tests;
