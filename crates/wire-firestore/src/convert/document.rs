//! Documents, masks and preconditions. Source: Firestore specification, sections 3 to 5.

use firekeep_model::{DatabaseName, Document, DocumentName, FieldMask};
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
    let name = DocumentName {
        database: database.clone(),
        path: document.path.clone(),
    };
    proto::Document {
        name: name.to_string(),
        fields: write_fields(&document.fields),
        create_time: Some(write_timestamp(document.create_time)),
        update_time: Some(write_timestamp(document.update_time)),
    }
}
