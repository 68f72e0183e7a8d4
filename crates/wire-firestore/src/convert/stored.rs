//! Stored documents on their way to protobuf, without values between: what gets, queries and lists mostly do.
//!
//! Gives the bytes that the generated code makes of the message. Source: `document.proto`; specification, section 2.

use firekeep_api::firestore::{
    DocumentError, Given, StoredDocument, StoredElements, StoredFields, StoredNumbers, StoredValue,
};
use firekeep_model::{DatabaseName, Timestamp};
use firekeep_wire_proto::google::r#type::LatLng;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::document::write_document;
use super::value::{ELEMENTS_KEY, TYPE_KEY, VECTOR_TYPE, write_timestamp};

/// `Document`
const NAME: u32 = 1;
const FIELDS: u32 = 2;
const CREATE_TIME: u32 = 3;
const UPDATE_TIME: u32 = 4;

/// An entry of a map. Source: protobuf's encoding of maps.
const KEY: u32 = 1;
const VALUE: u32 = 2;

/// `MapValue` and `ArrayValue`
const MAP_FIELDS: u32 = 1;
const ARRAY_VALUES: u32 = 1;

/// `Value`
const BOOLEAN_VALUE: u32 = 1;
const INTEGER_VALUE: u32 = 2;
const DOUBLE_VALUE: u32 = 3;
const REFERENCE_VALUE: u32 = 5;
const MAP_VALUE: u32 = 6;
const GEO_POINT_VALUE: u32 = 8;
const ARRAY_VALUE: u32 = 9;
const TIMESTAMP_VALUE: u32 = 10;
const NULL_VALUE: u32 = 11;
const STRING_VALUE: u32 = 17;
const BYTES_VALUE: u32 = 18;

/// Appends the `google.firestore.v1.Document` of a field.
///
/// # Errors
/// [`DocumentError::Corrupt`].
pub(crate) fn put_document(
    out: &mut Vec<u8>,
    field: u32,
    database: &DatabaseName,
    document: &Given,
) -> Result<(), DocumentError> {
    put_sized(out, field, |out| put_bare_document(out, database, document))
}

/// Appends a `google.firestore.v1.Document`.
///
/// # Errors
/// [`DocumentError::Corrupt`].
pub(crate) fn put_bare_document(
    out: &mut Vec<u8>,
    database: &DatabaseName,
    document: &Given,
) -> Result<(), DocumentError> {
    match document {
        Given::Stored(stored) => put_stored(out, database, stored),
        Given::Made(document) => {
            let message = write_document(database, document);
            message.encode_raw(out);
            Ok(())
        }
    }
}

fn put_stored(
    out: &mut Vec<u8>,
    database: &DatabaseName,
    stored: &StoredDocument,
) -> Result<(), DocumentError> {
    let (project, id) = (database.project().as_str(), database.database().as_str());
    put_name(out, NAME, project, id, stored.path.as_str());
    put_fields(out, FIELDS, stored.fields()?)?;
    put_time(out, CREATE_TIME, stored.create_time);
    put_time(out, UPDATE_TIME, stored.update_time);
    Ok(())
}

fn put_fields(
    out: &mut Vec<u8>,
    field: u32,
    fields: StoredFields<'_>,
) -> Result<(), DocumentError> {
    for entry in fields {
        let (name, value) = entry?;
        put_sized(out, field, |out| {
            put_text(out, KEY, name);
            put_sized(out, VALUE, |out| put_value(out, value))
        })?;
    }
    Ok(())
}

fn put_value(out: &mut Vec<u8>, value: StoredValue<'_>) -> Result<(), DocumentError> {
    match value {
        StoredValue::Null => put_number(out, NULL_VALUE, 0),
        StoredValue::Boolean(value) => put_number(out, BOOLEAN_VALUE, value.into()),
        StoredValue::Integer(value) => put_number(out, INTEGER_VALUE, value.cast_unsigned()),
        StoredValue::Double(value) => put_double(out, value),
        StoredValue::Timestamp(time) => put_time(out, TIMESTAMP_VALUE, time),
        StoredValue::String(text) => put_text(out, STRING_VALUE, text),
        StoredValue::Bytes(bytes) => put_bytes(out, BYTES_VALUE, bytes),
        StoredValue::Reference {
            project,
            database,
            path,
        } => put_name(out, REFERENCE_VALUE, project, database, path),
        StoredValue::GeoPoint(point) => {
            let point = LatLng {
                latitude: point.latitude(),
                longitude: point.longitude(),
            };
            put_message(out, GEO_POINT_VALUE, &point);
        }
        StoredValue::Array(elements) => {
            return put_sized(out, ARRAY_VALUE, |out| put_elements(out, elements));
        }
        StoredValue::Vector(numbers) => {
            return put_sized(out, MAP_VALUE, |out| put_vector(out, numbers));
        }
        StoredValue::Map(fields) => {
            return put_sized(out, MAP_VALUE, |out| put_fields(out, MAP_FIELDS, fields));
        }
    }
    Ok(())
}

fn put_elements(out: &mut Vec<u8>, elements: StoredElements<'_>) -> Result<(), DocumentError> {
    for element in elements {
        let element = element?;
        put_sized(out, ARRAY_VALUES, |out| put_value(out, element))?;
    }
    Ok(())
}

/// The map that a vector is. Source: specification, section 2.4.
fn put_vector(out: &mut Vec<u8>, numbers: StoredNumbers<'_>) -> Result<(), DocumentError> {
    put_sized(out, MAP_FIELDS, |out| {
        put_text(out, KEY, TYPE_KEY);
        put_sized(out, VALUE, |out| {
            put_text(out, STRING_VALUE, VECTOR_TYPE);
            Ok(())
        })
    })?;
    put_sized(out, MAP_FIELDS, |out| {
        put_text(out, KEY, ELEMENTS_KEY);
        put_sized(out, VALUE, |out| {
            put_sized(out, ARRAY_VALUE, |out| {
                for number in numbers {
                    let number = number?;
                    put_sized(out, ARRAY_VALUES, |out| {
                        put_double(out, number);
                        Ok(())
                    })?;
                }
                Ok(())
            })
        })
    })
}

/// Appends a field of a length that is known only behind it.
fn put_sized(
    out: &mut Vec<u8>,
    field: u32,
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), DocumentError>,
) -> Result<(), DocumentError> {
    encode_key(field, WireType::LengthDelimited, out);
    // Most bodies are short, and their length is a byte; the others move by what it takes more.
    let at = out.len();
    out.push(0);
    body(out)?;
    let mut length = [0; 10];
    let mut rest = length.as_mut_slice();
    encode_varint(wide(out.len() - at - 1), &mut rest);
    let left = rest.len();
    let length = length.get(..length.len() - left).unwrap_or_default();
    out.splice(at..=at, length.iter().copied());
    Ok(())
}

fn put_number(out: &mut Vec<u8>, field: u32, number: u64) {
    encode_key(field, WireType::Varint, out);
    encode_varint(number, out);
}

fn put_double(out: &mut Vec<u8>, number: f64) {
    encode_key(DOUBLE_VALUE, WireType::SixtyFourBit, out);
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_text(out: &mut Vec<u8>, field: u32, text: &str) {
    put_bytes(out, field, text.as_bytes());
}

fn put_bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(wide(bytes.len()), out);
    out.extend_from_slice(bytes);
}

/// A resource name. Source: specification, section 1.1.
fn put_name(out: &mut Vec<u8>, field: u32, project: &str, database: &str, path: &str) {
    let parts = [
        "projects/",
        project,
        "/databases/",
        database,
        "/documents/",
        path,
    ];
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(wide(parts.iter().map(|part| part.len()).sum()), out);
    parts
        .iter()
        .for_each(|part| out.extend_from_slice(part.as_bytes()));
}

fn put_time(out: &mut Vec<u8>, field: u32, time: Timestamp) {
    put_message(out, field, &write_timestamp(time));
}

fn put_message(out: &mut Vec<u8>, field: u32, message: &impl Message) {
    prost::encoding::message::encode(field, message, out);
}

const fn wide(bytes: usize) -> u64 {
    bytes as u64
}
