//! JSON text of one message, in pieces that sessions may share.

use bytes::Bytes;

/// The text of one message.
///
/// A document that a thousand sessions hear of is printed once: its piece is shared, what stands around it is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// INVARIANT: together UTF-8.
    pieces: Vec<Bytes>,
    bytes: usize,
    units: usize,
}

impl Text {
    /// Adds a piece of one's own, or one that is shared. It must be UTF-8, or be together with the other pieces: a
    /// client that reads anything else cannot tell where the text ends.
    pub fn push(&mut self, piece: impl Into<Bytes>) {
        let piece = piece.into();
        self.bytes += piece.len();
        self.units += units(&piece);
        self.pieces.push(piece);
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many UTF-16 code units it has.
    pub(crate) const fn units(&self) -> usize {
        self.units
    }

    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        for piece in &self.pieces {
            out.extend_from_slice(piece);
        }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        let mut this = Self::default();
        this.push(text);
        this
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        let mut this = Self::default();
        this.push(text);
        this
    }
}

/// The UTF-16 code units of UTF-8 bytes, however they are cut: one for each first byte of a character, and another for
/// those of four bytes. No branch, so that it costs little.
pub(crate) fn units(bytes: &[u8]) -> usize {
    let of_byte = |byte: &u8| usize::from(byte & 0xc0 != 0x80) + usize::from(*byte >= 0xf0);
    bytes.iter().map(of_byte).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_those_of_utf_16() {
        for (text, found) in [
            ("", 0),
            ("ascii", 5),
            ("é", 1),
            ("漢", 1),
            ("😀", 2),
            ("é漢😀\u{10ffff}\u{ffff}", 7),
            ("\\ud83d", 6),
        ] {
            assert_eq!(units(text.as_bytes()), found, "{text}");
            assert_eq!(text.encode_utf16().count(), found, "{text}");
            // Wherever it is cut.
            for at in 0..=text.len() {
                let mut cut = Text::default();
                let (before, behind) = text.as_bytes().split_at(at);
                cut.push(Bytes::copy_from_slice(before));
                cut.push(Bytes::copy_from_slice(behind));
                assert_eq!((cut.units(), cut.bytes()), (found, text.len()));
            }
        }
    }
}
