//! Encodings that sort as their values do: for index entries and document keys.
//!
//! One tag per value, in the order of types of the Firestore specification. Text and bytes escape `00` as `00 FF` and
//! end in `00 01`. Numbers are the double with its bits turned so that they sort, and behind it, where doubles skip
//! integers, the distance to the exact integer. Arrays and maps go element by element and end in a byte below every
//! tag. No component is a prefix of another, so components can be put one behind the other. A descending component has
//! every byte complemented, its end included. Storage design, section 4.

use firekeep_model::Timestamp;

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

/// From here on (2^53) up to 2^63, not every integer is a double: numbers there carry their distance to the double.
const EXACT_FROM: f64 = 9_007_199_254_740_992.0;
const EXACT_TO: f64 = 9_223_372_036_854_775_808.0;

/// Encodes components, one behind the other.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on behind bytes that are there.
    #[must_use]
    pub fn after(bytes: Vec<u8>) -> Self {
        Self { bytes }
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

    /// A reference to a document: the segments of its path.
    pub fn reference<'a>(&mut self, segments: impl IntoIterator<Item = &'a str>) -> &mut Self {
        self.raw(&[REFERENCE]);
        for segment in segments {
            self.string(segment);
        }
        self.raw(&[END])
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

    /// A segment of a path: escaped and ended, without a tag. Keys of documents are made of these, so that the key of
    /// a document is a prefix of the keys below it.
    pub fn segment(&mut self, value: &str) -> &mut Self {
        self.text(value.as_bytes())
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

    fn text(&mut self, value: &[u8]) -> &mut Self {
        for byte in value {
            self.bytes.push(*byte);
            if *byte == ESCAPE {
                self.bytes.push(ESCAPED_ZERO);
            }
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
/// is no whole segment, or it is not UTF-8.
#[must_use]
pub fn split_segment(key: &[u8]) -> Option<(String, &[u8])> {
    let mut text = Vec::new();
    let mut rest = key;
    loop {
        rest = match rest {
            [ESCAPE, TEXT_END, rest @ ..] => return Some((String::from_utf8(text).ok()?, rest)),
            [ESCAPE, ESCAPED_ZERO, rest @ ..] => {
                text.push(ESCAPE);
                rest
            }
            [ESCAPE, ..] | [] => return None,
            [byte, rest @ ..] => {
                text.push(*byte);
                rest
            }
        };
    }
}

fn sorted_integer(value: i64) -> [u8; 8] {
    (value.cast_unsigned() ^ (1 << 63)).to_be_bytes()
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
