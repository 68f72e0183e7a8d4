//! How many parts a protobuf message has, counted before they are made: an empty one is two bytes on the wire and up
//! to 200 in memory.
//!
//! Knows no message by name. What stands in a field with a length is followed as a message for as long as it can be
//! one; text of the client's can hardly be one for long, but for the values of documents, which are passed over.
//! Source: the published "Protocol Buffers: Encoding".

use crate::limits::{COUNTED_BYTES_MIN, DEPTH_MAX, ELEMENTS_MAX};

/// `string_value` and `bytes_value` of `google.firestore.v1.Value`. No message of the protocol that nests has others
/// of these numbers.
const TEXTS: [u64; 2] = [17, 18];

/// Whether a message has no more parts than are allowed. Small ones are not looked at.
pub(crate) fn are_few(message: &[u8]) -> bool {
    if message.len() < COUNTED_BYTES_MIN {
        return true;
    }
    let mut left = ELEMENTS_MAX;
    count(message, DEPTH_MAX, &mut left);
    left > 0
}

/// Takes the parts of a message off `left`, until something is no field. Every byte is looked at once at most, since
/// what a length spans is either passed over or followed.
fn count(mut bytes: &[u8], depth: usize, left: &mut usize) {
    while *left > 0 && !bytes.is_empty() {
        let Some((tag, rest)) = varint(bytes) else {
            return;
        };
        let (field, kind) = (tag >> 3, tag & 7);
        if field == 0 {
            return;
        }
        let skipped = match kind {
            0 => varint(rest).map(|(_, rest)| rest),
            1 => rest.get(8..),
            2 => {
                let Some((part, after)) = sized(rest) else {
                    return;
                };
                *left -= 1;
                if depth > 0 && !TEXTS.contains(&field) {
                    count(part, depth - 1, left);
                }
                Some(after)
            }
            // The ends of groups: their fields count with those around them.
            3 | 4 => Some(rest),
            5 => rest.get(4..),
            _ => None,
        };
        let Some(skipped) = skipped else {
            return;
        };
        bytes = skipped;
    }
}

/// What a length in front spans, and what is behind.
fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = varint(bytes)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(at + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::google::firestore::v1::{ArrayValue, Value, value::ValueType};

    fn many(value: ValueType, count: usize) -> Vec<u8> {
        let value_type = Some(value);
        let values = vec![Value { value_type }; count];
        let array = ValueType::ArrayValue(ArrayValue { values });
        let value_type = Some(array);
        Value { value_type }.encode_to_vec()
    }

    #[test]
    fn parts_are_counted_where_they_are_many() {
        // Each value is a part; the array is one, too.
        let most = ELEMENTS_MAX - 2;
        let nested = [0x12, 4, 0x12, 2, 0x12, 0];
        for (message, expected) in [
            (vec![], true),
            (b"\x12\0".repeat(COUNTED_BYTES_MIN), true),
            (b"\x12\0".repeat(ELEMENTS_MAX - 1), true),
            (b"\x12\0".repeat(ELEMENTS_MAX), false),
            (nested.repeat(ELEMENTS_MAX / 3), true),
            (nested.repeat(ELEMENTS_MAX / 3 + 1), false),
            (many(ValueType::NullValue(0), most), true),
            (many(ValueType::NullValue(0), most + 1), false),
            // What is a value's own may look like anything.
            (
                many(
                    ValueType::BytesValue(b"\x12\0".repeat(ELEMENTS_MAX + 1).into()),
                    1,
                ),
                true,
            ),
            (
                many(ValueType::StringValue("\x12\0".repeat(ELEMENTS_MAX + 1)), 1),
                true,
            ),
            // What is no message, however it goes on.
            (vec![0xff; COUNTED_BYTES_MIN], true),
            (b"projects/p".repeat(ELEMENTS_MAX), true),
        ] {
            let begin = &message[..message.len().min(20)];
            assert_eq!(are_few(&message), expected, "{begin:?} {}", message.len());
        }
    }
}
