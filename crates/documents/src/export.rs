//! Export files: the documents of a database at one time, in a file that any engine can be filled from.
//!
//! ```text
//! file    = magic (8 B) · format (2 B) · header · indexes* · documents* · trailer
//! frame   = kind (1 B) · raw length (4 B) · stored length (4 B) · digest (16 B) · stored bytes
//! header  = read time (8 B) · project (sized) · database (sized)
//! indexes = what was declared, as `declared.rs` has it
//! documents = (path (sized) · update time (8 B) · fields and create time (sized, as `codec` has them))+
//! trailer = documents (8 B) · blocks (8 B) · digest of all bytes before the trailer (32 B)
//! ```
//!
//! Header, indexes, documents and trailer are frames. Numbers are little-endian; *sized* is a length in 4 bytes and what it says.
//! Stored bytes are an LZ4 block, or the raw bytes where LZ4 gains nothing; then both lengths are the same. Digests are
//! SHA-256, a frame's its first half: over its number in the file, the fields before the digest, and the stored bytes, so
//! that a frame that was lost, or stands elsewhere, is noticed as well as one whose bytes are others.
//!
//! Read and written block by block: an export of any size takes the memory of one block. What walks a database and what
//! fills one is [`run`]. Storage design, section 9.

mod declared;
mod frame;
mod reader;
mod rest;
pub mod run;
mod writer;

use std::io;

use firekeep_model::{DatabaseName, Timestamp};

pub use declared::Declaration;
pub use reader::Reader;
pub use writer::Writer;

/// What an export file begins with.
pub const MAGIC: &[u8; 8] = b"FKEXPORT";

/// The format that is written, and the newest that is read.
pub const FORMAT: u16 = 1;

/// What an export is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The database.
    pub database: DatabaseName,
    /// The documents are those of this time.
    pub read_time: Timestamp,
}

/// How much an export holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Documents.
    pub documents: u64,
    /// Blocks of documents.
    pub blocks: u64,
}

/// Why an export file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It does not begin as one.
    #[error("this is no Firekeep export")]
    NotAnExport,
    /// A newer version of the program wrote it.
    #[error(
        "the export has format {found}, and this version knows formats up to {FORMAT}; use the newer version that \
         wrote it"
    )]
    NewerFormat {
        /// Its format.
        found: u16,
    },
    /// It ends too early.
    #[error("the export is cut off in block {block}, which begins at byte {at}")]
    CutOff {
        /// The number of the block that is not whole, the header being 0.
        block: u64,
        /// Where it begins.
        at: u64,
    },
    /// Its bytes are not those that were written.
    #[error("the export is damaged in block {block}, which begins at byte {at}: {what}")]
    Damaged {
        /// The number of the block, the header being 0.
        block: u64,
        /// Where it begins.
        at: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A document is too large for a block. No stored one is.
    #[error("a document is too large for an export")]
    TooLarge,
    /// The file system refused.
    #[error("the export file cannot be read or written")]
    Io(#[from] io::Error),
}

#[cfg(test)]
mod tests;
