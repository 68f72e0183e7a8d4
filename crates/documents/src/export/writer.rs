//! Writing an export file.

use std::io::Write;

use firekeep_model::Document;

use super::declared::Declaration;
use super::frame::{FrameWriter, Kind};
use super::rest::put_sized;
use super::{FORMAT, FileError, Header, MAGIC, Totals};
use crate::codec::{self, Created};
use crate::limits::EXPORT_BLOCK_BYTES;

/// Writes an export file. Without [`finish`](Self::finish) it is cut off, as its readers say.
pub struct Writer<W> {
    frames: FrameWriter<W>,
    block: Vec<u8>,
    totals: Totals,
}

impl<W: Write> Writer<W> {
    /// Begins a file, with the indexes that were declared.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn begin(out: W, header: &Header, declarations: &[Declaration]) -> Result<Self, FileError> {
        let magic = [MAGIC.as_slice(), &FORMAT.to_le_bytes()].concat();
        let mut frames = FrameWriter::begin(out, &magic)?;
        let mut raw = header.read_time.micros().to_le_bytes().to_vec();
        put_sized(&mut raw, header.database.project().as_str().as_bytes())?;
        put_sized(&mut raw, header.database.database().as_str().as_bytes())?;
        frames.write(Kind::Header, &raw)?;
        raw.clear();
        for declaration in declarations {
            raw.extend_from_slice(&declaration.encode()?);
            if raw.len() > EXPORT_BLOCK_BYTES {
                frames.write(Kind::Indexes, &raw)?;
                raw.clear();
            }
        }
        if !raw.is_empty() {
            frames.write(Kind::Indexes, &raw)?;
        }
        Ok(Self {
            frames,
            block: Vec::with_capacity(EXPORT_BLOCK_BYTES),
            totals: Totals::default(),
        })
    }

    /// Writes a document.
    ///
    /// # Errors
    /// [`FileError::TooLarge`], [`FileError::Io`]. The file is of no use then.
    pub fn document(&mut self, document: &Document) -> Result<(), FileError> {
        let row = codec::encode(&document.fields, Created::At(document.create_time));
        let path = document.path.as_str().as_bytes();
        if self.block.len() + path.len() + row.len() > EXPORT_BLOCK_BYTES {
            self.flush()?;
        }
        put_sized(&mut self.block, path)?;
        (self.block).extend_from_slice(&document.update_time.micros().to_le_bytes());
        put_sized(&mut self.block, &row)?;
        self.totals.documents += 1;
        Ok(())
    }

    /// Ends the file, and hands the output back, flushed.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn finish(mut self) -> Result<(W, Totals), FileError> {
        self.flush()?;
        let mut trailer = self.totals.documents.to_le_bytes().to_vec();
        trailer.extend_from_slice(&self.totals.blocks.to_le_bytes());
        trailer.extend_from_slice(&self.frames.digest());
        self.frames.write(Kind::Trailer, &trailer)?;
        Ok((self.frames.finish()?, self.totals))
    }

    fn flush(&mut self) -> Result<(), FileError> {
        if self.block.is_empty() {
            return Ok(());
        }
        self.frames.write(Kind::Documents, &self.block)?;
        self.totals.blocks += 1;
        self.block.clear();
        Ok(())
    }
}
