//! Frames: compressed blocks with a digest each.

use std::io::{self, Read, Write};

use firekeep_crypto::digest::Sha256;

use super::FileError;
use crate::limits::EXPORT_BLOCK_BYTES_MAX;

/// The length of a frame before its stored bytes.
const HEAD_BYTES: usize = 1 + 4 + 4 + 16;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Header,
    Documents,
    Trailer,
    Indexes,
}

impl Kind {
    const fn code(self) -> u8 {
        match self {
            Self::Header => 1,
            Self::Documents => 2,
            Self::Trailer => 3,
            Self::Indexes => 4,
        }
    }

    const fn of(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Header),
            2 => Some(Self::Documents),
            3 => Some(Self::Trailer),
            4 => Some(Self::Indexes),
            _ => None,
        }
    }
}

/// Writes frames, and digests everything written.
pub(super) struct FrameWriter<W> {
    out: W,
    number: u64,
    all: Sha256,
}

impl<W: Write> FrameWriter<W> {
    /// Begins with bytes that are no frame.
    pub(super) fn begin(mut out: W, magic: &[u8]) -> io::Result<Self> {
        out.write_all(magic)?;
        let mut all = Sha256::new();
        all.update(magic);
        Ok(Self {
            out,
            number: 0,
            all,
        })
    }

    pub(super) fn write(&mut self, kind: Kind, raw: &[u8]) -> Result<(), FileError> {
        let raw_length = length(raw.len())?;
        let packed = lz4_flex::block::compress(raw);
        let stored = if packed.len() < raw.len() {
            &packed
        } else {
            raw
        };
        let digest = digest(self.number, kind, raw_length, stored)?;
        let head = [
            [kind.code()].as_slice(),
            &raw_length.to_le_bytes(),
            &length(stored.len())?.to_le_bytes(),
            &digest,
        ]
        .concat();
        for part in [head.as_slice(), stored] {
            self.out.write_all(part)?;
            self.all.update(part);
        }
        self.number += 1;
        Ok(())
    }

    /// The digest of everything so far.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.all.clone().finish()
    }

    /// Hands the output back, with everything on its way.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Reads frames, and digests everything read.
pub(super) struct FrameReader<R> {
    input: R,
    /// The number of the frame that is next, and where it begins.
    number: u64,
    at: u64,
    all: Sha256,
}

/// A frame that was read.
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) raw: Vec<u8>,
    pub(super) place: Place,
    /// The digest of everything before it.
    pub(super) before: [u8; 32],
}

/// Where a frame is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    block: u64,
    at: u64,
}

impl Place {
    pub(super) const fn damaged(self, what: &'static str) -> FileError {
        FileError::Damaged {
            block: self.block,
            at: self.at,
            what,
        }
    }

    /// What failed to read a frame.
    fn failed(self, error: io::Error) -> FileError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => FileError::CutOff {
                block: self.block,
                at: self.at,
            },
            _ => error.into(),
        }
    }
}

impl<R: Read> FrameReader<R> {
    /// Begins behind bytes that are no frame.
    pub(super) fn begin(input: R, magic: &[u8]) -> Self {
        let mut all = Sha256::new();
        all.update(magic);
        Self {
            input,
            number: 0,
            at: u64_of(magic.len()),
            all,
        }
    }

    pub(super) fn read(&mut self) -> Result<Frame, FileError> {
        let place = Place {
            block: self.number,
            at: self.at,
        };
        let mut head = [0; HEAD_BYTES];
        (self.input.read_exact(&mut head)).map_err(|error| place.failed(error))?;
        let [code, a, b, c, d, e, f, g, h, digest_read @ ..] = head;
        let kind = Kind::of(code).ok_or(place.damaged("its kind is unknown"))?;
        let raw_length = u32::from_le_bytes([a, b, c, d]);
        let stored_length = usize_of(u32::from_le_bytes([e, f, g, h]));
        let raw_bytes = usize_of(raw_length);
        if raw_bytes > EXPORT_BLOCK_BYTES_MAX || stored_length > raw_bytes {
            return Err(place.damaged("its lengths are impossible"));
        }
        let mut stored = vec![0; stored_length];
        (self.input.read_exact(&mut stored)).map_err(|error| place.failed(error))?;
        if digest(self.number, kind, raw_length, &stored)? != digest_read {
            return Err(place.damaged("its digest is another one"));
        }
        let before = self.all.clone().finish();
        self.all.update(&head);
        self.all.update(&stored);
        self.number += 1;
        self.at += u64_of(HEAD_BYTES + stored_length);
        let raw = match stored_length == raw_bytes {
            true => stored,
            false => unpack(&stored, raw_bytes).ok_or(place.damaged("it does not unpack"))?,
        };
        Ok(Frame {
            kind,
            raw,
            place,
            before,
        })
    }

    /// Checks that nothing follows.
    pub(super) fn end(&mut self) -> Result<(), FileError> {
        let place = Place {
            block: self.number,
            at: self.at,
        };
        let mut more = [0];
        loop {
            match self.input.read(&mut more) {
                Ok(0) => return Ok(()),
                Ok(_) => return Err(place.damaged("it follows the end of the export")),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn unpack(stored: &[u8], raw_bytes: usize) -> Option<Vec<u8>> {
    let mut raw = vec![0; raw_bytes];
    let written = lz4_flex::block::decompress_into(stored, &mut raw).ok()?;
    (written == raw_bytes).then_some(raw)
}

fn digest(number: u64, kind: Kind, raw_length: u32, stored: &[u8]) -> Result<[u8; 16], FileError> {
    let mut digest = Sha256::new();
    digest.update(&number.to_le_bytes());
    digest.update(&[kind.code()]);
    digest.update(&raw_length.to_le_bytes());
    digest.update(&length(stored.len())?.to_le_bytes());
    digest.update(stored);
    let [half @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = digest.finish();
    Ok(half)
}

/// The length of something that must fit into a block.
fn length(bytes: usize) -> Result<u32, FileError> {
    match u32::try_from(bytes) {
        Ok(length) if bytes <= EXPORT_BLOCK_BYTES_MAX => Ok(length),
        _ => Err(FileError::TooLarge),
    }
}

/// No platform that has files of 4 GiB has a shorter usize; on any other, it is over the limit.
fn usize_of(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

fn u64_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
