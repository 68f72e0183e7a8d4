//! Records in a LevelDB log: blocks of 32 KiB, in which a record stands whole or in parts.
//!
//! ```text
//! part = masked CRC-32C of type and bytes (4 B) · length (2 B) · type (1 B) · bytes
//! type = 1 whole · 2 first · 3 middle · 4 last
//! ```
//!
//! Numbers are little-endian. A block whose rest is too short for a part's head has zeros there; a writer may also fill
//! the rest of its last block with zeros. Source: LevelDB, `doc/log_format.md`.

use std::io::{self, Read, Write};

use crate::RecordError;
use crate::crc::{crc32c, masked};
use crate::limits::RECORD_BYTES_MAX;

const BLOCK_BYTES: usize = 32 * 1_024;
const HEAD_BYTES: usize = 7;

const WHOLE: u8 = 1;
const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;

/// Reads records. Needs the memory of one of them, and of a block.
pub struct Records<R> {
    input: R,
    block: Vec<u8>,
    /// How much of the block was read, and where the block begins.
    read: usize,
    begin: u64,
    /// There is no further block.
    last: bool,
}

/// A part of a record.
struct Part {
    kind: u8,
    at: u64,
    from: usize,
    to: usize,
}

impl<R: Read> Records<R> {
    /// The records of a file.
    pub const fn new(input: R) -> Self {
        Self {
            input,
            block: Vec::new(),
            read: 0,
            begin: 0,
            last: false,
        }
    }

    /// The next record; `None` at the end. A file that ends between two records cannot be told from a whole one.
    ///
    /// # Errors
    /// [`RecordError`]. There is nothing more to read then.
    pub fn read(&mut self) -> Result<Option<Vec<u8>>, RecordError> {
        let record = self.record();
        if record.is_err() {
            self.last = true;
            self.read = self.block.len();
        }
        record
    }

    fn record(&mut self) -> Result<Option<Vec<u8>>, RecordError> {
        let mut record: Option<(u64, Vec<u8>)> = None;
        loop {
            let Some(part) = self.part()? else {
                return match record {
                    Some((at, _)) => Err(RecordError::CutOff { at }),
                    None => Ok(None),
                };
            };
            let at = part.at;
            let damaged = |what| Err(RecordError::Damaged { at, what });
            let bytes = self.block.get(part.from..part.to).unwrap_or_default();
            match (part.kind, &mut record) {
                (WHOLE, None) => return Ok(Some(bytes.to_vec())),
                (FIRST, None) => record = Some((at, bytes.to_vec())),
                (MIDDLE | LAST, Some((_, before))) => {
                    if before.len() + bytes.len() > RECORD_BYTES_MAX {
                        return damaged("a record is longer than any document");
                    }
                    before.extend_from_slice(bytes);
                    if part.kind == LAST {
                        return Ok(record.map(|(_, bytes)| bytes));
                    }
                }
                (WHOLE | FIRST, Some(_)) => return damaged("a record begins in another one"),
                (MIDDLE | LAST, None) => return damaged("a record has no beginning"),
                _ => return damaged("a record has an unknown type"),
            }
        }
    }

    /// The next part, whose checksum is right.
    fn part(&mut self) -> Result<Option<Part>, RecordError> {
        loop {
            let at = self.begin + u64::try_from(self.read).unwrap_or(u64::MAX);
            let rest = self.block.get(self.read..).unwrap_or_default();
            let damaged = |what| Err(RecordError::Damaged { at, what });
            let Some((head, behind)) = rest.split_first_chunk::<HEAD_BYTES>() else {
                if rest.iter().any(|byte| *byte != 0) {
                    return match self.block.len() {
                        BLOCK_BYTES => {
                            damaged("there is something behind the last record of a block")
                        }
                        _ => Err(RecordError::CutOff { at }),
                    };
                }
                if !self.fill()? {
                    return Ok(None);
                }
                continue;
            };
            if *head == [0; HEAD_BYTES] {
                if behind.iter().any(|byte| *byte != 0) {
                    return damaged("there is something behind the last record of a block");
                }
                self.read = self.block.len();
                continue;
            }
            let [a, b, c, d, low, high, kind] = *head;
            let length = usize::from(u16::from_le_bytes([low, high]));
            let Some(bytes) = behind.get(..length) else {
                return match self.block.len() {
                    BLOCK_BYTES => damaged("a part is longer than its block"),
                    _ => Err(RecordError::CutOff { at }),
                };
            };
            if masked(crc32c(&[&[kind], bytes])) != u32::from_le_bytes([a, b, c, d]) {
                return damaged("a checksum is another one");
            }
            let from = self.read + HEAD_BYTES;
            self.read = from + length;
            return Ok(Some(Part {
                kind,
                at,
                from,
                to: self.read,
            }));
        }
    }

    /// Reads the next block. False when there is none.
    fn fill(&mut self) -> Result<bool, RecordError> {
        if self.last {
            return Ok(false);
        }
        self.begin += u64::try_from(self.block.len()).unwrap_or(u64::MAX);
        self.block.clear();
        self.read = 0;
        let limit = u64::try_from(BLOCK_BYTES).unwrap_or(u64::MAX);
        (&mut self.input).take(limit).read_to_end(&mut self.block)?;
        self.last = self.block.len() < BLOCK_BYTES;
        Ok(!self.block.is_empty())
    }
}

impl<R: Read> Iterator for Records<R> {
    type Item = Result<Vec<u8>, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// Writes records.
pub struct RecordWriter<W> {
    out: W,
    /// How much is left of the block.
    left: usize,
    written: u64,
}

impl<W: Write> RecordWriter<W> {
    /// The records of a new file.
    pub const fn new(out: W) -> Self {
        Self {
            out,
            left: BLOCK_BYTES,
            written: 0,
        }
    }

    /// Writes a record.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&mut self, record: &[u8]) -> io::Result<()> {
        let mut rest = record;
        let mut begins = true;
        loop {
            if self.left < HEAD_BYTES {
                let zeros = [0; HEAD_BYTES];
                self.put(zeros.get(..self.left).unwrap_or_default())?;
                self.left = BLOCK_BYTES;
            }
            let room = self.left - HEAD_BYTES;
            let (part, behind) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            let kind = match (begins, behind.is_empty()) {
                (true, true) => WHOLE,
                (true, false) => FIRST,
                (false, false) => MIDDLE,
                (false, true) => LAST,
            };
            let [a, b, c, d] = masked(crc32c(&[&[kind], part])).to_le_bytes();
            let [low, high] = u16::try_from(part.len()).unwrap_or(u16::MAX).to_le_bytes();
            self.put(&[a, b, c, d, low, high, kind])?;
            self.put(part)?;
            self.left = room - part.len();
            if behind.is_empty() {
                return Ok(());
            }
            (rest, begins) = (behind, false);
        }
    }

    /// Bytes of the file so far.
    #[must_use]
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Hands the output back, flushed.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.written += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
