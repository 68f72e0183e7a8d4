//! Reading and writing the bytes of rows: fixed parts, and parts with their length in front.

use crate::Error;

/// Appends bytes.
pub(crate) fn put_bytes(into: &mut Vec<u8>, bytes: &[u8]) {
    into.extend_from_slice(bytes);
}

/// Appends a length in seven-bit groups, least first, the top bit saying that another follows.
pub(crate) fn put_length(into: &mut Vec<u8>, length: usize) {
    let mut rest = length;
    while rest >= 0x80 {
        into.push(low_seven(rest) | 0x80);
        rest >>= 7;
    }
    into.push(low_seven(rest));
}

fn low_seven(number: usize) -> u8 {
    let [byte, ..] = number.to_le_bytes();
    byte & 0x7F
}

/// Takes bytes apart; every step may find that they end too early.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`; errors call them `what`.
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    /// The error for these bytes.
    pub(crate) fn corrupt(&self) -> Error {
        Error::Corrupt(format!("{} cannot be read", self.what))
    }

    /// The next `length` bytes.
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (part, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| self.corrupt())?;
        self.rest = rest;
        Ok(part)
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (part, rest) = self
            .rest
            .split_first_chunk()
            .ok_or_else(|| self.corrupt())?;
        self.rest = rest;
        Ok(*part)
    }

    /// The next byte.
    pub(crate) fn byte(&mut self) -> Result<u8, Error> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// A length of [`put_length`].
    pub(crate) fn length(&mut self) -> Result<usize, Error> {
        let mut length = 0usize;
        // Lengths are far below 2^35; a longer one is damage.
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(length);
            }
        }
        Err(self.corrupt())
    }

    /// Bytes with their length in front.
    pub(crate) fn sized(&mut self) -> Result<&'a [u8], Error> {
        let length = self.length()?;
        self.take(length)
    }

    /// Expects the format byte.
    pub(crate) fn format(&mut self, known: u8) -> Result<(), Error> {
        if self.byte()? == known {
            Ok(())
        } else {
            Err(self.corrupt())
        }
    }

    /// Expects the end.
    pub(crate) fn end(&self) -> Result<(), Error> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.corrupt())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_survive_and_short_bytes_are_damage() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 10 << 20, u32::MAX as usize] {
            let mut bytes = Vec::new();
            put_length(&mut bytes, length);
            let mut reader = Reader::new(&bytes, "a test");
            assert_eq!(reader.length().unwrap(), length);
            reader.end().unwrap();
            bytes.pop();
            assert!(Reader::new(&bytes, "a test").length().is_err());
        }
        assert!(Reader::new(&[0x80; 9], "a test").length().is_err());
    }
}
