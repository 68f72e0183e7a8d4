//! The protobuf wire format, with the groups that Datastore's first protocol is full of. Source: protobuf.dev,
//! "Encoding".

use crate::EntityError;
use crate::limits::GROUP_DEPTH_MAX;

/// A field's content.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Content<'a> {
    Number(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    /// The fields in a group.
    Group(&'a [u8]),
    Fixed32,
}

/// The fields of a message, in their order.
pub(crate) struct Fields<'a>(&'a [u8]);

const MALFORMED: EntityError = EntityError::Malformed("its bytes are no message");
const WRONG_TYPE: EntityError = EntityError::Malformed("a part of it has another type");

/// A message's fields.
pub(crate) const fn fields(message: &[u8]) -> Fields<'_> {
    Fields(message)
}

impl<'a> Content<'a> {
    pub(crate) const fn number(self) -> Result<u64, EntityError> {
        match self {
            Self::Number(number) => Ok(number),
            _ => Err(WRONG_TYPE),
        }
    }

    pub(crate) const fn double(self) -> Result<f64, EntityError> {
        match self {
            Self::Fixed64(bytes) => Ok(f64::from_le_bytes(bytes)),
            _ => Err(WRONG_TYPE),
        }
    }

    pub(crate) const fn bytes(self) -> Result<&'a [u8], EntityError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(WRONG_TYPE),
        }
    }

    pub(crate) const fn group(self) -> Result<&'a [u8], EntityError> {
        match self {
            Self::Group(bytes) => Ok(bytes),
            _ => Err(WRONG_TYPE),
        }
    }

    pub(crate) fn text(self) -> Result<&'a str, EntityError> {
        std::str::from_utf8(self.bytes()?)
            .map_err(|_| EntityError::Malformed("a name in it is no text"))
    }
}

/// One step through the bytes.
enum Step<'a> {
    Field(u64, Content<'a>),
    Begin(u64),
    End(u64),
}

impl<'a> Fields<'a> {
    fn read(&mut self) -> Result<(u64, Content<'a>), EntityError> {
        match self.step()? {
            Step::Field(number, content) => Ok((number, content)),
            Step::Begin(number) => Ok((number, Content::Group(self.group(number)?))),
            Step::End(_) => Err(MALFORMED),
        }
    }

    /// What is in a group whose begin was read, up to its end.
    fn group(&mut self, number: u64) -> Result<&'a [u8], EntityError> {
        let whole = self.0;
        let mut open = vec![number];
        loop {
            let before = self.0.len();
            match self.step()? {
                Step::Field(..) => {}
                Step::Begin(_) if open.len() == GROUP_DEPTH_MAX => return Err(MALFORMED),
                Step::Begin(number) => open.push(number),
                Step::End(number) if open.pop() == Some(number) => {
                    if open.is_empty() {
                        return Ok(whole.get(..whole.len() - before).unwrap_or_default());
                    }
                }
                Step::End(_) => return Err(MALFORMED),
            }
        }
    }

    fn step(&mut self) -> Result<Step<'a>, EntityError> {
        let key = self.number()?;
        let number = key >> 3;
        if number == 0 || number > 0x1FFF_FFFF {
            return Err(MALFORMED);
        }
        let content = match key & 7 {
            0 => Content::Number(self.number()?),
            1 => Content::Fixed64(self.array()?),
            2 => {
                let length = usize::try_from(self.number()?).map_err(|_| MALFORMED)?;
                let (bytes, rest) = self.0.split_at_checked(length).ok_or(MALFORMED)?;
                self.0 = rest;
                Content::Bytes(bytes)
            }
            3 => return Ok(Step::Begin(number)),
            4 => return Ok(Step::End(number)),
            5 => {
                self.array::<4>()?;
                Content::Fixed32
            }
            _ => return Err(MALFORMED),
        };
        Ok(Step::Field(number, content))
    }

    fn number(&mut self) -> Result<u64, EntityError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(MALFORMED)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], EntityError> {
        let (part, rest) = self.0.split_first_chunk().ok_or(MALFORMED)?;
        self.0 = rest;
        Ok(*part)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Content<'a>), EntityError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

/// A message that is written.
#[derive(Default)]
pub(crate) struct Message(pub(crate) Vec<u8>);

impl Message {
    pub(crate) fn number(&mut self, field: u64, number: u64) {
        self.key(field, 0);
        self.varint(number);
    }

    pub(crate) fn double(&mut self, field: u64, value: f64) {
        self.key(field, 1);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.key(field, 2);
        self.varint(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn message(&mut self, field: u64, fill: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        fill(&mut inner);
        self.bytes(field, &inner.0);
    }

    pub(crate) fn group(&mut self, field: u64, fill: impl FnOnce(&mut Self)) {
        self.key(field, 3);
        fill(self);
        self.key(field, 4);
    }

    fn key(&mut self, field: u64, kind: u64) {
        self.varint(field << 3 | kind);
    }

    fn varint(&mut self, number: u64) {
        let mut rest = number;
        loop {
            let [low, ..] = rest.to_le_bytes();
            rest >>= 7;
            if rest == 0 {
                self.0.push(low & 0x7F);
                return;
            }
            self.0.push(low | 0x80);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<(u64, Content<'_>)>, EntityError> {
        fields(bytes).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let mut message = Message::default();
        message.number(1, u64::MAX);
        message.double(2, -0.5);
        message.bytes(300, b"x");
        message.group(5, |inner| {
            inner.number(6, 0);
            inner.group(7, |inner| inner.bytes(8, b""));
        });
        message.message(9, |inner| inner.number(1, 2));
        assert_eq!(
            read(&message.0).unwrap(),
            [
                (1, Content::Number(u64::MAX)),
                (2, Content::Fixed64((-0.5f64).to_le_bytes())),
                (300, Content::Bytes(b"x")),
                (5, Content::Group(&[0x30, 0, 0x3B, 0x42, 0, 0x3C])),
                (9, Content::Bytes(&[8, 2])),
            ]
        );
    }

    #[test]
    fn other_bytes_are_no_message() {
        for bytes in [
            // Field 0; an unknown type; half a number; a number of 11 bytes.
            &[0x00, 1][..],
            &[0x0E],
            &[0x08, 0x80],
            &[
                8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1,
            ],
            // Bytes, a double and a 32-bit number that are cut off.
            &[0x0A, 2, b'x'],
            &[0x09, 0, 0],
            &[0x0D, 0],
            // Groups without begin, without end, with another's end, and too many.
            &[0x0C],
            &[0x0B, 0x08, 1],
            &[0x0B, 0x14],
            &[0x0B; 9],
        ] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
        assert_eq!(read(&[0x0D, 0, 0, 0, 0]).unwrap(), [(1, Content::Fixed32)]);
    }
}
