//! Encodings that sort as their values do: for index entries and document keys.
//!
//! One tag per value, in the order of types of the Firestore specification. Text and bytes escape `00` as `00 FF` and
//! end in `00 01`. An id on a path is such a text; a numeric id is `00 02` and its 8 bytes, which is before every text
//! that is not empty. A reference ends in an empty id. Numbers are the double with its bits turned so that they sort, and behind it, where doubles skip
//! integers, the distance to the exact integer. Arrays and maps go element by element and end in a byte below every
//! tag. No component is a prefix of another, so components can be put one behind the other. A descending component has
//! every byte complemented, its end included. Storage design, section 4.

mod length;
mod number;

use firekeep_model::{
    CollectionPath, DocumentName, DocumentPath, Map, Timestamp, TypeGroup, Value, numeric_id,
};

pub use number::number;

const END: u8 = 0x00;
const NULL: u8 = 0x10;
const FALSE: u8 = 0x18;
const TRUE: u8 = 0x19;
const NUMBER: u8 = 0x20;
const TIMESTAMP: u8 = 0x28;
const STRING: u8 = 0x30;
const BYTES: u8 = 0x38;
const REFERENCE: u8 = 0x40;
const GEO_POINT: u8 = 0x48;
const ARRAY: u8 = 0x50;
const VECTOR: u8 = 0x58;
const MAP: u8 = 0x60;

const ESCAPE: u8 = 0x00;
const ESCAPED_ZERO: u8 = 0xFF;
const TEXT_END: u8 = 0x01;
const NUMERIC_ID: u8 = 0x02;

/// The encoding of NaN.
const NAN: [u8; 9] = [NUMBER, 0, 0, 0, 0, 0, 0, 0, 0];
/// Above NaN, and below every number.
const ABOVE_NAN: [u8; 9] = [NUMBER, 0, 0, 0, 0, 0, 0, 0, 1];

/// From here on (2^53) up to 2^63, not every integer is a double: numbers there carry their distance to the double.
const EXACT_FROM: f64 = 9_007_199_254_740_992.0;
const EXACT_TO: f64 = 9_223_372_036_854_775_808.0;

/// Encodes components, one behind the other.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
    /// Where nobody looks any more: what is behind it may be missing. See [`value_front`](Encoder::value_front).
    stop: Option<usize>,
}

impl Encoder {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on behind bytes that are there.
    #[must_use]
    pub const fn after(bytes: Vec<u8>) -> Self {
        Self { bytes, stop: None }
    }

    /// The bytes.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// Bytes as they are: an id of fixed length.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Null.
    pub fn null(&mut self) -> &mut Self {
        self.raw(&[NULL])
    }

    /// A boolean.
    pub fn boolean(&mut self, value: bool) -> &mut Self {
        self.raw(&[if value { TRUE } else { FALSE }])
    }

    /// An integer. Equal to the double of the same value.
    pub fn integer(&mut self, value: i64) -> &mut Self {
        let double = nearest(value);
        // Rounding to the nearest double moves an integer by at most 2^9.
        let distance = i128::from(value) - exact(double);
        self.number(double, i64::try_from(distance).unwrap_or_default())
    }

    /// A double. −0 equals 0, and NaN is the least number.
    pub fn double(&mut self, value: f64) -> &mut Self {
        self.number(value, 0)
    }

    /// A time.
    pub fn timestamp(&mut self, value: Timestamp) -> &mut Self {
        self.raw(&[TIMESTAMP]).raw(&sorted_integer(value.micros()))
    }

    /// A string, in the order of its UTF-8 bytes.
    pub fn string(&mut self, value: &str) -> &mut Self {
        self.raw(&[STRING]).text(value.as_bytes())
    }

    /// Bytes.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.raw(&[BYTES]).text(value)
    }

    /// A reference to a document: its project, its database, and the ids of its path.
    pub fn reference(&mut self, name: &DocumentName) -> &mut Self {
        self.raw(&[REFERENCE])
            .text(name.database.project().as_str().as_bytes())
            .text(name.database.database().as_str().as_bytes())
            .document(&name.path)
            // Where a longer path goes on with an id, this is lower.
            .segment("")
    }

    /// A point on the earth.
    pub fn geo_point(&mut self, latitude: f64, longitude: f64) -> &mut Self {
        self.raw(&[GEO_POINT])
            .raw(&sorted_double(latitude))
            .raw(&sorted_double(longitude))
    }

    /// An array: `elements` encodes them in their order.
    pub fn array(&mut self, elements: impl FnOnce(&mut Self)) -> &mut Self {
        self.raw(&[ARRAY]);
        elements(self);
        self.raw(&[END])
    }

    /// A vector: shorter ones come first.
    pub fn vector(&mut self, elements: &[f64]) -> &mut Self {
        let length = u32::try_from(elements.len()).unwrap_or(u32::MAX);
        self.raw(&[VECTOR]).raw(&length.to_be_bytes());
        for element in elements {
            self.raw(&sorted_double(*element));
        }
        self
    }

    /// A map: `entries` encodes for each key, in ascending order, the key by [`string`](Self::string) and the value.
    pub fn map(&mut self, entries: impl FnOnce(&mut Self)) -> &mut Self {
        self.raw(&[MAP]);
        entries(self);
        self.raw(&[END])
    }

    /// A whole value.
    pub fn value(&mut self, value: &Value) -> &mut Self {
        match value {
            Value::Null => self.null(),
            Value::Boolean(value) => self.boolean(*value),
            Value::Integer(value) => self.integer(*value),
            Value::Double(value) => self.double(*value),
            Value::Timestamp(value) => self.timestamp(*value),
            Value::String(value) => self.string(value),
            Value::Bytes(value) => self.bytes(value),
            Value::Reference(name) => self.reference(name),
            Value::GeoPoint(point) => self.geo_point(point.latitude(), point.longitude()),
            Value::Array(elements) => self.array(|encoder| {
                for element in elements.iter() {
                    if encoder.room() == 0 {
                        break;
                    }
                    encoder.value(element);
                }
            }),
            Value::Vector(elements) => self.vector(elements),
            Value::Map(map) => self.fields(map),
        }
    }

    fn fields(&mut self, map: &Map) -> &mut Self {
        self.map(|encoder| {
            for (name, value) in map.iter() {
                if encoder.room() == 0 {
                    break;
                }
                encoder.string(name).value(value);
            }
        })
    }

    /// A whole value, or the first `bytes_max` bytes of a longer one. Says if it is cut.
    ///
    /// No value's encoding begins another's, so that a cut one is never taken for a whole one of the same bytes, and
    /// cut ones sort with all others as their values do, but not among themselves when they are equal.
    pub fn value_front(&mut self, value: &Value, bytes_max: usize) -> bool {
        let from = self.bytes.len();
        self.stop = Some(from.saturating_add(bytes_max));
        self.value(value);
        self.stop = None;
        let cut = self.bytes.len() - from > bytes_max;
        self.bytes.truncate(from.saturating_add(bytes_max));
        cut
    }

    /// How many bytes are still looked at.
    fn room(&self) -> usize {
        self.stop
            .map_or(usize::MAX, |stop| stop.saturating_sub(self.bytes.len()))
    }

    /// The path of a document, as keys hold it: the key of a document is a prefix of the keys below it.
    pub fn document(&mut self, path: &DocumentPath) -> &mut Self {
        self.segments(path.segments())
    }

    /// The path of a collection: a prefix of the keys of its documents, and of those below them.
    pub fn collection(&mut self, path: &CollectionPath) -> &mut Self {
        self.segments(path.segments())
    }

    fn segments<'a>(&mut self, segments: impl Iterator<Item = &'a str>) -> &mut Self {
        for segment in segments {
            self.segment(segment);
        }
        self
    }

    /// An id of a path: a number, or escaped and ended text; without a tag.
    pub fn segment(&mut self, id: &str) -> &mut Self {
        match numeric_id(id) {
            Some(number) => self.raw(&[ESCAPE, NUMERIC_ID]).raw(&sorted_integer(number)),
            None => self.text(id.as_bytes()),
        }
    }

    /// What `components` encodes, sorted the other way round.
    pub fn descending(&mut self, components: impl FnOnce(&mut Self)) -> &mut Self {
        let from = self.bytes.len();
        components(self);
        for byte in self.bytes.iter_mut().skip(from) {
            *byte = !*byte;
        }
        self
    }

    /// Bytes without a tag, escaped and ended.
    pub fn text(&mut self, value: &[u8]) -> &mut Self {
        let value = value.get(..self.room()).unwrap_or(value);
        let mut pieces = value.split(|byte| *byte == ESCAPE);
        self.raw(pieces.next().unwrap_or_default());
        for piece in pieces {
            self.raw(&[ESCAPE, ESCAPED_ZERO]).raw(piece);
        }
        self.raw(&[ESCAPE, TEXT_END])
    }

    /// The number `double + distance`.
    fn number(&mut self, double: f64, distance: i64) -> &mut Self {
        self.raw(&[NUMBER]).raw(&sorted_double(double));
        if (EXACT_FROM..=EXACT_TO).contains(&double.abs()) {
            self.raw(&sorted_integer(distance));
        }
        self
    }
}

/// Takes a [`segment`](Encoder::segment) off the front of `key`: its text, and the rest of the key. `None` when there
/// is no whole segment, or it is not one that the encoder makes.
#[must_use]
pub fn split_segment(key: &[u8]) -> Option<(String, &[u8])> {
    let mut text = String::new();
    let rest = read_segment(key, &mut text)?;
    Some((text, rest))
}

/// How many bytes the [`value`](Encoder::value) at the front of `key` takes. `None` when no whole one is there.
#[must_use]
pub fn value_length(key: &[u8]) -> Option<usize> {
    key.len().checked_sub(length::value(key, 0)?.len())
}

/// As [`value_length`], for a value that was encoded [`descending`](Encoder::descending).
#[must_use]
pub fn descending_value_length(key: &[u8]) -> Option<usize> {
    key.len().checked_sub(length::value(key, u8::MAX)?.len())
}

/// How many bytes the [`text`](Encoder::text) at the front of `key` takes. `None` when no whole one is there.
#[must_use]
pub fn text_length(key: &[u8]) -> Option<usize> {
    key.len().checked_sub(length::text(key, 0)?.len())
}

/// Where the values of a group are: the encodings of all of them are from the first one on and below the second.
#[must_use]
pub fn group_bounds(group: TypeGroup) -> (Vec<u8>, Vec<u8>) {
    let (first, last) = match group {
        // NaN is the least number, and nothing else begins as it does.
        TypeGroup::Nan => return (NAN.to_vec(), ABOVE_NAN.to_vec()),
        TypeGroup::Number => return (ABOVE_NAN.to_vec(), vec![NUMBER + 1]),
        TypeGroup::Null => (NULL, NULL),
        TypeGroup::Boolean => (FALSE, TRUE),
        TypeGroup::Timestamp => (TIMESTAMP, TIMESTAMP),
        TypeGroup::String => (STRING, STRING),
        TypeGroup::Bytes => (BYTES, BYTES),
        TypeGroup::Reference => (REFERENCE, REFERENCE),
        TypeGroup::GeoPoint => (GEO_POINT, GEO_POINT),
        TypeGroup::Array => (ARRAY, ARRAY),
        TypeGroup::Vector => (VECTOR, VECTOR),
        TypeGroup::Map => (MAP, MAP),
    };
    (vec![first], vec![last + 1])
}

/// Reads what [`document`](Encoder::document) encodes, to its end. `None` when it is no document's path.
#[must_use]
pub fn document_path(key: &[u8]) -> Option<DocumentPath> {
    let mut text = String::with_capacity(key.len());
    let mut rest = key;
    while !rest.is_empty() {
        let from = text.len();
        rest = read_segment(rest, &mut text)?;
        // A slash inside would make two ids of one. An empty id is for the path to refuse.
        if text.get(from..)?.contains('/') {
            return None;
        }
        if !rest.is_empty() {
            text.push('/');
        }
    }
    DocumentPath::parse(&text).ok()
}

/// Appends the id at the front of `key` to `text`, and gives the rest of the key.
fn read_segment<'a>(key: &'a [u8], text: &mut String) -> Option<&'a [u8]> {
    if let [ESCAPE, NUMERIC_ID, rest @ ..] = key {
        let (number, rest) = rest.split_first_chunk::<8>()?;
        let number = integer_of(*number);
        text.push_str(&format!("__id{number}__"));
        return Some(rest);
    }
    let from = text.len();
    let mut rest = key;
    loop {
        let at = rest.iter().position(|byte| *byte == ESCAPE)?;
        let (piece, behind) = rest.split_at(at);
        // An escaped zero stands between characters, never inside one.
        text.push_str(std::str::from_utf8(piece).ok()?);
        match behind {
            [ESCAPE, TEXT_END, rest @ ..] => {
                // A numeric id has one encoding, and this is not it.
                let canonical = numeric_id(text.get(from..)?).is_none();
                return canonical.then_some(rest);
            }
            [ESCAPE, ESCAPED_ZERO, behind @ ..] => {
                text.push('\0');
                rest = behind;
            }
            _ => return None,
        }
    }
}

fn sorted_integer(value: i64) -> [u8; 8] {
    (value.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

fn integer_of(sorted: [u8; 8]) -> i64 {
    (u64::from_be_bytes(sorted) ^ (1 << 63)).cast_signed()
}

fn sorted_double(value: f64) -> [u8; 8] {
    if value.is_nan() {
        return [0; 8];
    }
    // −0 and 0 are one value.
    let bits = (value + 0.0).to_bits();
    let negative = bits >> 63 == 1;
    (if negative { !bits } else { bits | (1 << 63) }).to_be_bytes()
}

/// The double nearest to an integer.
#[expect(clippy::cast_precision_loss, reason = "rounding is what is asked for")]
fn nearest(value: i64) -> f64 {
    value as f64
}

/// The integer that a double of at most 2^63 without fraction is.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the double is an integer of at most 64 bits"
)]
fn exact(value: f64) -> i128 {
    value as i128
}

#[cfg(test)]
mod tests;
