//! The bytes of a stored document.
//!
//! A row is a format byte, when the document was created, and its fields: name, value, name, value, sorted by name. A
//! value is a tag and what the tag says; arrays and maps have their length in bytes in front, so that a reader finds a
//! field without reading those before it. Equal fields are equal bytes. When the document changed last stands in the
//! row's header, which is the store's. Storage design, section 4.

mod view;

use bytes::Bytes;
use firekeep_model::{
    Array, DatabaseId, DatabaseName, Depth, DocumentName, DocumentPath, FieldPath, GeoPoint, Map,
    ProjectId, Timestamp, Value, Vector,
};

use crate::Error;

pub use view::{StoredElements, StoredFields, StoredNumbers, StoredValue};

/// The document was created by the commit that wrote the row.
const FORMAT_NEW: u8 = 1;
/// The time of the creation follows, in 8 bytes.
const FORMAT_OLD: u8 = 2;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INTEGER: u8 = 3;
const DOUBLE: u8 = 4;
const TIMESTAMP: u8 = 5;
const STRING: u8 = 6;
const BYTES: u8 = 7;
const REFERENCE: u8 = 8;
const GEO_POINT: u8 = 9;
const ARRAY: u8 = 10;
const VECTOR: u8 = 11;
const MAP: u8 = 12;

/// When a stored document was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// By the commit that wrote the row: its time is not known before.
    ByThisRow,
    /// Before, at this time.
    At(Timestamp),
}

/// What a row of `docs` holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The fields.
    pub fields: Map,
    /// When the document was created.
    pub created: Created,
}

/// A document's bytes.
#[must_use]
pub fn encode(fields: &Map, created: Created) -> Bytes {
    let mut bytes = Vec::with_capacity(256);
    match created {
        Created::ByThisRow => bytes.push(FORMAT_NEW),
        Created::At(time) => {
            bytes.push(FORMAT_OLD);
            bytes.extend_from_slice(&time.micros().to_le_bytes());
        }
    }
    put_fields(&mut bytes, fields);
    bytes.into()
}

/// Reads a document's bytes.
///
/// # Errors
/// [`Error::Corrupt`] for bytes that [`encode`] does not make.
pub fn decode(row: &[u8]) -> Result<Stored, Error> {
    let mut reader = Reader(row);
    let created = reader.created()?;
    let fields = reader.fields(Depth::TOP)?;
    Ok(Stored { fields, created })
}

/// Reads when a document was created, and nothing else.
///
/// # Errors
/// [`Error::Corrupt`] for bytes that [`encode`] does not make.
pub fn decode_created(row: &[u8]) -> Result<Created, Error> {
    Reader(row).created()
}

/// Reads one field of a document, without the others. Of the rest of the row, only what stands before is looked at.
///
/// # Errors
/// [`Error::Corrupt`].
pub fn decode_field(row: &[u8], path: &FieldPath) -> Result<Option<Value>, Error> {
    let mut reader = Reader(row);
    reader.created()?;
    let mut depth = Depth::TOP;
    let mut names = path.names();
    while let Some(name) = names.next() {
        if !reader.seek(name)? {
            return Ok(None);
        }
        if names.len() == 0 {
            return reader.value(depth).map(Some);
        }
        if reader.byte()? != MAP {
            return Ok(None);
        }
        reader = Reader(reader.sized()?);
        depth = depth.inside().map_err(|_| CORRUPT)?;
    }
    // A path has a last name.
    Ok(None)
}

fn put_fields(bytes: &mut Vec<u8>, fields: &Map) {
    for (name, value) in fields.iter() {
        put_sized(bytes, name.as_bytes());
        put_value(bytes, value);
    }
}

fn put_value(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => bytes.push(NULL),
        Value::Boolean(false) => bytes.push(FALSE),
        Value::Boolean(true) => bytes.push(TRUE),
        Value::Integer(value) => {
            bytes.push(INTEGER);
            // Small numbers of both signs become small ones without a sign.
            put_number(bytes, ((value << 1) ^ (value >> 63)).cast_unsigned());
        }
        Value::Double(value) => {
            bytes.push(DOUBLE);
            put_double(bytes, *value);
        }
        Value::Timestamp(value) => {
            bytes.push(TIMESTAMP);
            bytes.extend_from_slice(&value.micros().to_le_bytes());
        }
        Value::String(value) => {
            bytes.push(STRING);
            put_sized(bytes, value.as_bytes());
        }
        Value::Bytes(value) => {
            bytes.push(BYTES);
            put_sized(bytes, value);
        }
        Value::Reference(name) => {
            bytes.push(REFERENCE);
            put_sized(bytes, name.database.project().as_str().as_bytes());
            put_sized(bytes, name.database.database().as_str().as_bytes());
            put_sized(bytes, name.path.as_str().as_bytes());
        }
        Value::GeoPoint(point) => {
            bytes.push(GEO_POINT);
            put_double(bytes, point.latitude());
            put_double(bytes, point.longitude());
        }
        Value::Array(elements) => {
            bytes.push(ARRAY);
            put_body(bytes, |bytes| {
                elements
                    .iter()
                    .for_each(|element| put_value(bytes, element))
            });
        }
        Value::Vector(elements) => {
            bytes.push(VECTOR);
            put_length(bytes, 8 * elements.len());
            elements
                .iter()
                .for_each(|element| put_double(bytes, *element));
        }
        Value::Map(map) => {
            bytes.push(MAP);
            put_body(bytes, |bytes| put_fields(bytes, map));
        }
    }
}

fn put_double(bytes: &mut Vec<u8>, value: f64) {
    let value = if value.is_nan() { f64::NAN } else { value };
    bytes.extend_from_slice(&value.to_bits().to_le_bytes());
}

fn put_sized(bytes: &mut Vec<u8>, part: &[u8]) {
    put_length(bytes, part.len());
    bytes.extend_from_slice(part);
}

/// Puts what `body` puts, with its length in front.
fn put_body(bytes: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let from = bytes.len();
    body(bytes);
    // Most bodies are short and move by a byte: cheaper than to measure every one before.
    let mut length = Vec::with_capacity(5);
    put_length(&mut length, bytes.len() - from);
    bytes.splice(from..from, length);
}

fn put_length(bytes: &mut Vec<u8>, length: usize) {
    // No platform has a longer usize.
    put_number(bytes, u64::try_from(length).unwrap_or(u64::MAX));
}

/// Seven bits a byte, least first; the top bit says that another byte follows.
fn put_number(bytes: &mut Vec<u8>, number: u64) {
    let mut rest = number;
    loop {
        let [low, ..] = rest.to_le_bytes();
        rest >>= 7;
        if rest == 0 {
            bytes.push(low & 0x7F);
            return;
        }
        bytes.push(low | 0x80);
    }
}

const CORRUPT: Error = Error::Corrupt("its bytes");

/// Takes a row apart from its front.
#[derive(Clone, Debug)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn created(&mut self) -> Result<Created, Error> {
        match self.byte()? {
            FORMAT_NEW => Ok(Created::ByThisRow),
            FORMAT_OLD => {
                let micros = i64::from_le_bytes(self.array()?);
                Ok(Created::At(Timestamp::from_micros(micros)))
            }
            _ => Err(CORRUPT),
        }
    }

    /// Every field to the end.
    fn fields(&mut self, depth: Depth) -> Result<Map, Error> {
        // A field of everyday is about as long as this.
        const FIELD_BYTES: usize = 16;
        let mut entries: Vec<(Box<str>, Value)> =
            Vec::with_capacity((self.0.len() / FIELD_BYTES).min(32));
        while !self.0.is_empty() {
            let name = self.text()?;
            if entries.last().is_some_and(|(last, _)| **last >= *name) {
                return Err(CORRUPT);
            }
            entries.push((name.into(), self.value(depth)?));
        }
        Map::from_entries(entries).map_err(|_| CORRUPT)
    }

    fn value(&mut self, depth: Depth) -> Result<Value, Error> {
        let value = match self.byte()? {
            NULL => Value::Null,
            FALSE => Value::Boolean(false),
            TRUE => Value::Boolean(true),
            INTEGER => Value::Integer(self.integer()?),
            DOUBLE => Value::Double(self.double()?),
            TIMESTAMP => Value::Timestamp(self.timestamp()?),
            STRING => Value::String(self.text()?.into()),
            BYTES => Value::Bytes(self.sized()?.into()),
            REFERENCE => Value::reference(self.document_name()?),
            GEO_POINT => Value::GeoPoint(self.geo_point()?),
            ARRAY => {
                let mut body = Self(self.sized()?);
                let depth = depth.inside().map_err(|_| CORRUPT)?;
                let mut elements = Vec::new();
                while !body.0.is_empty() {
                    elements.push(body.value(depth)?);
                }
                Value::Array(Array::new(elements).map_err(|_| CORRUPT)?)
            }
            VECTOR => {
                let mut body = Self(self.sized()?);
                let mut elements = Vec::with_capacity(body.0.len() / 8);
                while !body.0.is_empty() {
                    elements.push(body.double()?);
                }
                Value::Vector(Vector::new(elements).map_err(|_| CORRUPT)?)
            }
            MAP => {
                let depth = depth.inside().map_err(|_| CORRUPT)?;
                Value::Map(Self(self.sized()?).fields(depth)?)
            }
            _ => return Err(CORRUPT),
        };
        Ok(value)
    }

    fn integer(&mut self) -> Result<i64, Error> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn timestamp(&mut self) -> Result<Timestamp, Error> {
        let time = Timestamp::from_micros(i64::from_le_bytes(self.array()?));
        let is_time = (Timestamp::MIN..=Timestamp::MAX).contains(&time);
        is_time.then_some(time).ok_or(CORRUPT)
    }

    fn geo_point(&mut self) -> Result<GeoPoint, Error> {
        let point = GeoPoint::new(self.double()?, self.double()?);
        point.map_err(|_| CORRUPT)
    }

    fn document_name(&mut self) -> Result<DocumentName, Error> {
        let project = ProjectId::parse(self.text()?).map_err(|_| CORRUPT)?;
        let database = DatabaseId::parse(self.text()?).map_err(|_| CORRUPT)?;
        let path = DocumentPath::parse(self.text()?).map_err(|_| CORRUPT)?;
        Ok(DocumentName {
            database: DatabaseName::new(project, database),
            path,
        })
    }

    /// Goes to the value of a field among those that follow. False when there is none.
    fn seek(&mut self, wanted: &str) -> Result<bool, Error> {
        while !self.0.is_empty() {
            match self.sized()?.cmp(wanted.as_bytes()) {
                // Names are stored in ascending order.
                std::cmp::Ordering::Less => self.skip()?,
                order => return Ok(order.is_eq()),
            }
        }
        Ok(false)
    }

    /// Goes behind a value.
    fn skip(&mut self) -> Result<(), Error> {
        match self.byte()? {
            NULL | FALSE | TRUE => {}
            INTEGER => {
                self.number()?;
            }
            DOUBLE | TIMESTAMP => {
                self.take(8)?;
            }
            GEO_POINT => {
                self.take(16)?;
            }
            STRING | BYTES | ARRAY | VECTOR | MAP => {
                self.sized()?;
            }
            REFERENCE => {
                for _ in 0..3 {
                    self.sized()?;
                }
            }
            _ => return Err(CORRUPT),
        }
        Ok(())
    }

    fn double(&mut self) -> Result<f64, Error> {
        let value = f64::from_bits(u64::from_le_bytes(self.array()?));
        // There is one NaN.
        if value.is_nan() && value.to_bits() != f64::NAN.to_bits() {
            return Err(CORRUPT);
        }
        Ok(value)
    }

    fn text(&mut self) -> Result<&'a str, Error> {
        std::str::from_utf8(self.sized()?).map_err(|_| CORRUPT)
    }

    fn sized(&mut self) -> Result<&'a [u8], Error> {
        let length = usize::try_from(self.number()?).map_err(|_| CORRUPT)?;
        self.take(length)
    }

    /// A number of [`put_number`], in its shortest form.
    fn number(&mut self) -> Result<u64, Error> {
        let mut number = 0u64;
        let mut shift = 0u32;
        loop {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            // The tenth byte has one bit.
            if shift > 63 || (shift == 63 && bits > 1) {
                return Err(CORRUPT);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                let shortest = byte != 0 || shift == 0;
                return shortest.then_some(number).ok_or(CORRUPT);
            }
            shift += 7;
        }
    }

    fn byte(&mut self) -> Result<u8, Error> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (part, rest) = self.0.split_first_chunk().ok_or(CORRUPT)?;
        self.0 = rest;
        Ok(*part)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (part, rest) = self.0.split_at_checked(length).ok_or(CORRUPT)?;
        self.0 = rest;
        Ok(part)
    }
}

#[cfg(test)]
mod tests;
