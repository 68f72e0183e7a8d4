//! Writes and their results. Source: Firestore specification, sections 4.1, 4.2, 4.4 and 4.5.

use firekeep_api::firestore::{Operation, Precondition, Transform, Write, Written};
use firekeep_model::{DatabaseName, FieldMask, FieldPath, Map};
use firekeep_wire_proto::google::firestore::v1 as proto;
use proto::document_transform::FieldTransform;
use proto::document_transform::field_transform::{ServerValue, TransformType};
use proto::precondition::ConditionType;

use super::Fault;
use super::document::read_mask;
use super::value::{read_fields, read_timestamp, read_value, write_timestamp, write_value};

/// Writes as a client sent them, all of documents of one database.
///
/// # Errors
/// [`Fault`], whatever is wrong first.
pub fn read_writes(
    database: &DatabaseName,
    writes: Vec<proto::Write>,
) -> Result<Vec<Write>, Fault> {
    let writes = writes.into_iter();
    writes.map(|write| read_write(database, write)).collect()
}

/// A write as a client sent it.
///
/// # Errors
/// [`Fault`], whatever is wrong first.
pub fn read_write(database: &DatabaseName, write: proto::Write) -> Result<Write, Fault> {
    use proto::write::Operation as Sent;
    let operation = write.operation.ok_or(Fault::Missing("operation"))?;
    if !matches!(operation, Sent::Update(_)) {
        if write.update_mask.is_some() {
            return Err(Fault::UpdatesOnly("update_mask"));
        }
        if !write.update_transforms.is_empty() {
            return Err(Fault::UpdatesOnly("update_transforms"));
        }
    }
    let (name, operation, transforms) = match operation {
        Sent::Update(document) => {
            let operation = Operation::Update {
                fields: read_fields(document.fields)?,
                mask: read_mask(write.update_mask)?,
            };
            (document.name, operation, write.update_transforms)
        }
        Sent::Delete(name) => (name, Operation::Delete, Vec::new()),
        Sent::Verify(name) => (name, Operation::Verify, Vec::new()),
        Sent::Transform(transform) if transform.field_transforms.is_empty() => {
            return Err(Fault::Missing("field_transforms"));
        }
        Sent::Transform(transform) => {
            let operation = Operation::Update {
                fields: Map::new(),
                mask: Some(FieldMask::default()),
            };
            (transform.document, operation, transform.field_transforms)
        }
    };
    Ok(Write {
        path: database.parse_document(&name)?,
        operation,
        transforms: transforms
            .into_iter()
            .map(read_transform)
            .collect::<Result<_, _>>()?,
        precondition: read_precondition(write.current_document)?,
    })
}

/// A precondition as a client sent it. One that asks for nothing is none.
///
/// # Errors
/// [`Fault::Timestamp`].
pub fn read_precondition(sent: Option<proto::Precondition>) -> Result<Precondition, Fault> {
    Ok(match sent.and_then(|sent| sent.condition_type) {
        None => Precondition::None,
        Some(ConditionType::Exists(exists)) => Precondition::Exists(exists),
        Some(ConditionType::UpdateTime(time)) => Precondition::UpdateTime(read_timestamp(time)?),
    })
}

fn read_transform(sent: FieldTransform) -> Result<(FieldPath, Transform), Fault> {
    let field = FieldPath::parse(&sent.field_path)?;
    let kind = sent
        .transform_type
        .ok_or(Fault::Missing("transform_type"))?;
    let transform = match kind {
        TransformType::SetToServerValue(value) => match ServerValue::try_from(value) {
            Ok(ServerValue::RequestTime) => Transform::ServerTime,
            Ok(ServerValue::Unspecified) | Err(_) => {
                return Err(Fault::Enum("set_to_server_value"));
            }
        },
        TransformType::Increment(operand) => Transform::Increment(read_value(operand)?),
        TransformType::Maximum(operand) => Transform::Maximum(read_value(operand)?),
        TransformType::Minimum(operand) => Transform::Minimum(read_value(operand)?),
        TransformType::AppendMissingElements(array) => {
            Transform::AppendMissing(read_elements(array)?)
        }
        TransformType::RemoveAllFromArray(array) => Transform::RemoveAll(read_elements(array)?),
    };
    Ok((field, transform))
}

/// What a write did, as a client reads it.
#[must_use]
pub fn write_result(written: &Written) -> proto::WriteResult {
    proto::WriteResult {
        update_time: written.update_time.map(write_timestamp),
        transform_results: written.transform_results.iter().map(write_value).collect(),
    }
}

fn read_elements(array: proto::ArrayValue) -> Result<Vec<firekeep_model::Value>, Fault> {
    array.values.into_iter().map(read_value).collect()
}

#[cfg(test)]
mod tests;
