//! The parts that blocks of an export file are made of.

use firekeep_model::Timestamp;

use super::FileError;

/// What is left of a block.
pub(super) struct Rest<'a>(pub(super) &'a [u8]);

impl<'a> Rest<'a> {
    pub(super) fn time(&mut self) -> Option<Timestamp> {
        let time = Timestamp::from_micros(i64::from_le_bytes(self.array()?));
        (Timestamp::MIN..=Timestamp::MAX)
            .contains(&time)
            .then_some(time)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.sized()?).ok()
    }

    /// A text that may be absent.
    pub(super) fn optional(&mut self) -> Option<Option<&'a str>> {
        match self.array()? {
            [0] => Some(None),
            [1] => Some(Some(self.text()?)),
            _ => None,
        }
    }

    pub(super) fn sized(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.count()?).ok()?;
        let (part, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(part)
    }

    /// How many follow, which may be more than there are.
    pub(super) fn count(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (part, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*part)
    }
}

/// Puts a part with its length in front.
pub(super) fn put_sized(bytes: &mut Vec<u8>, part: &[u8]) -> Result<(), FileError> {
    let length = u32::try_from(part.len()).map_err(|_| FileError::TooLarge)?;
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(part);
    Ok(())
}
