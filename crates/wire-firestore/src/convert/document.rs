//! Documents, masks and preconditions. Source: Firestore specification, sections 3 to 5.

use firekeep_api::firestore::Listed;
use firekeep_model::{DatabaseName, Document, DocumentName, DocumentPath, FieldMask};
use firekeep_wire_proto::google::firestore::v1 as proto;

use super::Fault;
use super::value::{write_fields, write_timestamp};

/// A mask as a client sent it: `None` is all fields, an empty mask none (specification, 5.2).
///
/// # Errors
/// [`Fault::FieldPath`].
pub fn read_mask(mask: Option<proto::DocumentMask>) -> Result<Option<FieldMask>, Fault> {
    mask.map(|mask| Ok(FieldMask::parse(mask.field_paths)?))
        .transpose()
}

/// A document as a client reads it.
#[must_use]
pub fn write_document(database: &DatabaseName, document: &Document) -> proto::Document {
    proto::Document {
        name: write_name(database, &document.path),
        fields: write_fields(&document.fields),
        create_time: Some(write_timestamp(document.create_time)),
        update_time: Some(write_timestamp(document.update_time)),
    }
}

/// A document of a list as a client reads it: of a missing one, the name.
#[must_use]
pub fn write_listed(database: &DatabaseName, listed: &Listed) -> proto::Document {
    match &listed.document {
        Some(document) => write_document(database, document),
        None => proto::Document {
            name: write_name(database, &listed.path),
            ..proto::Document::default()
        },
    }
}

/// A document's name as a client reads it.
#[must_use]
pub fn write_name(database: &DatabaseName, path: &DocumentPath) -> String {
    let name = DocumentName {
        database: database.clone(),
        path: path.clone(),
    };
    name.to_string()
}
