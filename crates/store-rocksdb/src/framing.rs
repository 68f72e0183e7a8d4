//! Checks the record files RocksDB replays when it opens: write-ahead logs and the manifest.
//!
//! RocksDB takes the longest readable prefix of such a file. That is right for a torn tail, the write a crash
//! interrupted, and wrong for a flipped bit in the middle, which would silently drop every commit behind it. This
//! module tells the two apart before RocksDB sees the folder. It repairs nothing and understands no payload.
//!
//! Format: blocks of 32 KiB, each a run of records `checksum (4 B) · length (2 B) · type (1 B) · payload`, little
//! endian; a record never crosses a block, a longer one is cut into a first, middle and last fragment.
//! Source: `db/log_format.h` and `db/log_reader.cc` of RocksDB 11.

mod crc32c;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The size of a block of a record file.
const BLOCK_BYTES: usize = 32 * 1024;
/// Checksum, length and type.
const HEADER_BYTES: usize = 7;
/// What a disk writes whole or not at all.
const SECTOR_BYTES: u64 = 512;

/// A record that is neither readable nor explained by an interrupted write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    /// The file it is in.
    pub(crate) file: PathBuf,
    /// Where the unreadable record begins.
    pub(crate) offset: u64,
}

/// Looks through the logs and the current manifest of `folder`. An empty or absent folder is sound.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn check(folder: &Path) -> io::Result<Option<Damage>> {
    for file in record_files(folder)? {
        if let Some(offset) = damage_in(&mut File::open(&file)?)? {
            return Ok(Some(Damage { file, offset }));
        }
    }
    Ok(None)
}

/// The manifest that `CURRENT` names, then the write-ahead logs, oldest first.
fn record_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    match fs::read_to_string(folder.join("CURRENT")) {
        Ok(name) => files.push(folder.join(name.trim_end())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
        // Not text: damaged, and RocksDB says so in its own words.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
        Err(error) => return Err(error),
    }
    // A manifest that is not there is RocksDB's to report.
    files.retain(|file| file.is_file());
    let mut logs = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            logs.push(path);
        }
    }
    logs.sort();
    files.append(&mut logs);
    Ok(files)
}

/// What the walk over the blocks has met.
#[derive(Default)]
struct Walk {
    bad: Option<Bad>,
    /// Some sector behind the unreadable spot holds nothing but zeros: it never reached the disk.
    hole: bool,
    /// A whole record begins behind the unreadable spot, so what is unreadable had been synced.
    continues: bool,
}

struct Bad {
    offset: u64,
    /// The file ends before the record does.
    cut: bool,
}

/// The offset of the first damaged record, if there is one.
fn damage_in(file: &mut impl Read) -> io::Result<Option<u64>> {
    let mut walk = Walk::default();
    let mut block = Vec::with_capacity(BLOCK_BYTES);
    let mut start = 0u64;
    loop {
        block.clear();
        file.by_ref()
            .take(bytes_u64(BLOCK_BYTES))
            .read_to_end(&mut block)?;
        walk.block(start, &block);
        start += bytes_u64(block.len());
        if block.len() < BLOCK_BYTES || walk.continues {
            break;
        }
    }
    let Walk {
        bad,
        hole,
        continues,
    } = walk;
    Ok(bad
        .filter(|bad| continues || !(bad.cut || hole))
        .map(|bad| bad.offset))
}

impl Walk {
    /// Takes the block that begins at `start` in the file.
    fn block(&mut self, start: u64, block: &[u8]) {
        let mut rest = block;
        while let Some(record) = Record::first_of(rest) {
            self.continues |= self.bad.is_some() && record.begins;
            rest = record.rest;
        }
        // Fewer bytes than a header at the end of a block are filler.
        if rest.is_empty() || (block.len() == BLOCK_BYTES && rest.len() < HEADER_BYTES) {
            return;
        }
        let offset = start + bytes_u64(block.len() - rest.len());
        self.bad.get_or_insert(Bad {
            offset,
            cut: block.len() < BLOCK_BYTES && is_cut(rest),
        });
        self.hole |= has_zero_sector(offset, rest);
        // The length may be what is wrong, so a later record may begin anywhere.
        self.continues |= (1..rest.len())
            .filter_map(|skip| rest.get(skip..))
            // The type first: it spares most of the checksums.
            .any(|bytes| bytes.get(6).is_some_and(begins) && Record::first_of(bytes).is_some());
    }
}

/// A record whose checksum is right.
struct Record<'a> {
    /// It is whole, or the first fragment of one.
    begins: bool,
    rest: &'a [u8],
}

impl<'a> Record<'a> {
    fn first_of(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
        let [c0, c1, c2, c3, l0, l1, kind] = *header;
        let (payload, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes([l0, l1])))?;
        let known = matches!(kind, 1..=11 | 130 | 131);
        let sound = known && u32::from_le_bytes([c0, c1, c2, c3]) == crc32c::masked(kind, payload);
        sound.then_some(Self {
            begins: begins(&kind),
            rest,
        })
    }
}

/// Whether a record of this type is whole or a first fragment.
fn begins(kind: &u8) -> bool {
    matches!(kind, 1 | 2)
}

/// Whether these last bytes of a file are the beginning of a record that was not written to its end.
fn is_cut(bytes: &[u8]) -> bool {
    let Some((header, payload)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return true;
    };
    let [c0, c1, c2, c3, l0, l1, kind] = *header;
    let claimed = usize::from(u16::from_le_bytes([l0, l1]));
    // All of it is there and only the length lies: not cut, but damaged.
    let lies = u32::from_le_bytes([c0, c1, c2, c3]) == crc32c::masked(kind, payload);
    claimed > payload.len() && !lies
}

/// Whether the part of some disk sector that lies in `bytes`, found at `offset`, is all zeros.
fn has_zero_sector(offset: u64, bytes: &[u8]) -> bool {
    let into_sector = usize::try_from(offset % SECTOR_BYTES).unwrap_or(0);
    let sector = usize::try_from(SECTOR_BYTES).unwrap_or(512);
    let (head, tail) = bytes.split_at(bytes.len().min(sector - into_sector));
    std::iter::once(head)
        .chain(tail.chunks(sector))
        .any(|part| !part.is_empty() && part.iter().all(|byte| *byte == 0))
}

fn bytes_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
