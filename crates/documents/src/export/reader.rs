//! Reading an export file: whatever its bytes are, it is a document, the end, or an error that says where.

use std::io::{self, Read};

use firekeep_model::{DatabaseId, DatabaseName, Document, DocumentPath, ProjectId};

use super::declared::Declaration;
use super::frame::{Frame, FrameReader, Kind, Place};
use super::rest::Rest;
use super::{FORMAT, FileError, Header, MAGIC, Totals};
use crate::codec::{self, Created};

/// Reads an export file, from its header to its trailer.
pub struct Reader<R> {
    frames: FrameReader<R>,
    header: Header,
    declarations: Vec<Declaration>,
    block: Block,
    totals: Totals,
    ended: bool,
}

/// The documents of a frame.
struct Block {
    raw: Vec<u8>,
    /// How much of it was read.
    read: usize,
    place: Place,
}

impl<R: Read> Reader<R> {
    /// Reads what stands before the documents.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn open(mut input: R) -> Result<Self, FileError> {
        let mut magic = [0; MAGIC.len() + size_of::<u16>()];
        input
            .read_exact(&mut magic)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => FileError::NotAnExport,
                _ => error.into(),
            })?;
        let format = magic
            .strip_prefix(MAGIC)
            .and_then(|format| format.try_into().ok())
            .map(u16::from_le_bytes)
            .ok_or(FileError::NotAnExport)?;
        if format > FORMAT {
            return Err(FileError::NewerFormat { found: format });
        }
        let mut frames = FrameReader::begin(input, &magic);
        let frame = frames.read()?;
        if frame.kind != Kind::Header || format != FORMAT {
            return Err(frame.place.damaged("it is no header"));
        }
        let header = read_header(&frame.raw)
            .ok_or_else(|| frame.place.damaged("its header makes no sense"))?;
        let mut reader = Self {
            frames,
            header,
            declarations: Vec::new(),
            block: Block {
                raw: Vec::new(),
                read: 0,
                place: frame.place,
            },
            totals: Totals::default(),
            ended: false,
        };
        let mut frame = reader.frames.read()?;
        while frame.kind == Kind::Indexes {
            let found = Declaration::decode_all(&frame.raw);
            let found = found.ok_or_else(|| frame.place.damaged("its indexes make no sense"))?;
            reader.declarations.extend(found);
            frame = reader.frames.read()?;
        }
        reader.accept(frame)?;
        Ok(reader)
    }

    /// The indexes that were declared.
    #[must_use]
    pub fn declarations(&self) -> &[Declaration] {
        &self.declarations
    }

    /// What the export is of.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// How much was read; all there is, once [`read`](Self::read) has given `None`.
    #[must_use]
    pub const fn totals(&self) -> Totals {
        self.totals
    }

    /// The next document; `None` at the end, when everything that the file says of itself is true.
    ///
    /// # Errors
    /// [`FileError`]. There is nothing more to read then.
    pub fn read(&mut self) -> Result<Option<Document>, FileError> {
        while !self.ended && self.block.is_empty() {
            self.fill().inspect_err(|_| self.ended = true)?;
        }
        if self.ended {
            return Ok(None);
        }
        let document = self.block.document();
        if document.is_err() {
            self.ended = true;
        }
        self.totals.documents += 1;
        document.map(Some)
    }

    fn fill(&mut self) -> Result<(), FileError> {
        let frame = self.frames.read()?;
        self.accept(frame)
    }

    fn accept(&mut self, frame: Frame) -> Result<(), FileError> {
        match frame.kind {
            Kind::Header => Err(frame.place.damaged("it is a second header")),
            Kind::Indexes => Err(frame.place.damaged("its indexes are behind documents")),
            Kind::Documents if frame.raw.is_empty() => Err(frame.place.damaged("it is empty")),
            Kind::Documents => {
                self.totals.blocks += 1;
                self.block = Block {
                    raw: frame.raw,
                    read: 0,
                    place: frame.place,
                };
                Ok(())
            }
            Kind::Trailer => {
                self.check_trailer(&frame)?;
                self.ended = true;
                self.frames.end()
            }
        }
    }

    fn check_trailer(&self, frame: &Frame) -> Result<(), FileError> {
        let damaged = |what| Err(frame.place.damaged(what));
        let mut rest = Rest(&frame.raw);
        let (Some(documents), Some(blocks), Some(digest), true) = (
            rest.array().map(u64::from_le_bytes),
            rest.array().map(u64::from_le_bytes),
            rest.array::<32>(),
            rest.0.is_empty(),
        ) else {
            return damaged("its trailer makes no sense");
        };
        if (Totals { documents, blocks }) != self.totals {
            return damaged("documents are missing before it");
        }
        if digest != frame.before {
            return damaged("the digest of the whole is another one");
        }
        Ok(())
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Document, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

impl Block {
    fn is_empty(&self) -> bool {
        self.read >= self.raw.len()
    }

    fn document(&mut self) -> Result<Document, FileError> {
        let rest = self.raw.get(self.read..).unwrap_or_default();
        let (document, behind) = read_document(rest)
            .ok_or_else(|| self.place.damaged("a document in it makes no sense"))?;
        self.read = self.raw.len() - behind.len();
        Ok(document)
    }
}

fn read_header(raw: &[u8]) -> Option<Header> {
    let mut rest = Rest(raw);
    let read_time = rest.time()?;
    let project = ProjectId::parse(rest.text()?).ok()?;
    let database = DatabaseId::parse(rest.text()?).ok()?;
    rest.0.is_empty().then_some(Header {
        database: DatabaseName::new(project, database),
        read_time,
    })
}

fn read_document(raw: &[u8]) -> Option<(Document, &[u8])> {
    let mut rest = Rest(raw);
    let path = DocumentPath::parse(rest.text()?).ok()?;
    let update_time = rest.time()?;
    let stored = codec::decode(rest.sized()?).ok()?;
    let Created::At(create_time) = stored.created else {
        return None;
    };
    let document = Document {
        path,
        fields: stored.fields,
        create_time,
        update_time,
    };
    Some((document, rest.0))
}
