//! What stands in front of every value: format (1 byte) · commit time (8 bytes) · flags (1 byte).
//!
//! The committer writes it, since only it knows the time; above the store, values are without it. Storage design,
//! section 4. Log rows have a header of their own.

use bytes::{Buf as _, Bytes};

use crate::codec::put_bytes;
use crate::{CommitTime, Error};

/// The length of a header, in bytes.
pub const ROW_HEADER_BYTES: usize = 10;

const FORMAT: u8 = 1;

/// No flag is defined yet; a reader refuses those it does not know.
const NO_FLAGS: u8 = 0;

/// A stored value, with what its header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The commit that wrote it; `None` when that is the transaction that reads it.
    pub time: Option<CommitTime>,
    /// The value.
    pub value: Bytes,
}

/// A stored value's bytes.
#[must_use]
pub fn encode(time: CommitTime, value: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(ROW_HEADER_BYTES + value.len());
    bytes.push(FORMAT);
    put_bytes(&mut bytes, &time.to_key());
    bytes.push(NO_FLAGS);
    put_bytes(&mut bytes, value);
    bytes.into()
}

/// Takes a stored value apart, without copying it.
///
/// # Errors
/// [`Error::Corrupt`].
pub fn decode(mut bytes: Bytes) -> Result<Row, Error> {
    let time = time(&bytes)?;
    Ok(Row {
        time: Some(time),
        value: {
            // Not `split_off`: that would make the bytes a shared allocation.
            bytes.advance(ROW_HEADER_BYTES);
            bytes
        },
    })
}

/// The time in a stored value's header.
///
/// # Errors
/// [`Error::Corrupt`].
pub fn time(bytes: &[u8]) -> Result<CommitTime, Error> {
    split(bytes).map(|(time, _)| time)
}

/// The time in a stored value's header, and the value behind it.
///
/// # Errors
/// [`Error::Corrupt`].
pub fn split(bytes: &[u8]) -> Result<(CommitTime, &[u8]), Error> {
    match bytes {
        [FORMAT, t0, t1, t2, t3, t4, t5, t6, t7, NO_FLAGS, value @ ..] => {
            let time = CommitTime::from_key([*t0, *t1, *t2, *t3, *t4, *t5, *t6, *t7]);
            Ok((time, value))
        }
        _ => Err(Error::Corrupt("a row header cannot be read".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_survive_encoding_and_strange_headers_are_damage() {
        let bytes = encode(CommitTime(77), b"value");
        assert_eq!(bytes.len(), ROW_HEADER_BYTES + 5);
        let row = Row {
            time: Some(CommitTime(77)),
            value: Bytes::from_static(b"value"),
        };
        assert_eq!(decode(bytes.clone()).unwrap(), row);
        for at in [0, 9] {
            let mut strange = bytes.to_vec();
            strange[at] = 0xEE;
            assert!(decode(strange.into()).is_err());
        }
        assert!(decode(bytes.slice(..9)).is_err());
    }
}
