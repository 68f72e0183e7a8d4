//! The log: one row per commit, which says what changed. Listeners read it, `trim` walks it, and `seq` proves it whole.
//!
//! A row holds keys, and new rows of documents up to a size, so that most listeners need no second read. It never
//! repeats accounts or keys: those are secrets, and nobody listens to them. Storage design, sections 3, 4 and 6.

use bytes::Bytes;

use crate::codec::{Reader, put_bytes, put_length};
use crate::{CommitId, CommitTime, Error, Key, Space, history_key};

const FORMAT: u8 = 1;
const DELETED: u8 = 1;
const REPLACED: u8 = 2;
const IMAGE: u8 = 4;

/// What a row takes beside its changes, and a change beside its key and image, in bytes: at most.
const ROW_BYTES: usize = 48;
const CHANGE_BYTES: usize = 20;

/// Of a row's head, behind the time: its number, its name and its epoch, in bytes.
const HEAD_REST_BYTES: usize = size_of::<u64>() + size_of::<CommitId>() + size_of::<u32>();

/// What one commit did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogRow {
    /// When.
    pub time: CommitTime,
    /// Its number: one more than that of the commit before.
    pub seq: u64,
    /// Its name.
    pub commit: CommitId,
    /// How many restores came before it.
    pub epoch: u32,
    /// The rows it wrote and removed.
    pub changes: Vec<Change>,
}

/// What a commit did to one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The row's space.
    pub space: Space,
    /// The row's key.
    pub key: Key,
    /// Removed, or else written.
    pub deleted: bool,
    /// In spaces with history: the time of the row it replaced, if there was one.
    pub replaced: Option<CommitTime>,
    /// The row written, with its header, where the log repeats it.
    pub after: Option<Bytes>,
}

/// The key of a log row in [`Space::Log`].
#[must_use]
pub fn log_key(time: CommitTime) -> Key {
    time.to_key().to_vec()
}

impl LogRow {
    /// The history rows that the commit made.
    pub fn history_keys(&self) -> impl Iterator<Item = (Space, Key)> + '_ {
        self.changes.iter().filter_map(|change| {
            let history = change.space.history()?;
            change.replaced?;
            Some((history, history_key(&change.key, self.time)))
        })
    }

    /// The row's bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let size = |change: &Change| {
            let after = change.after.as_ref().map_or(0, Bytes::len);
            CHANGE_BYTES + change.key.len() + after
        };
        let sizes: usize = self.changes.iter().map(size).sum();
        let mut bytes = Vec::with_capacity(ROW_BYTES + sizes);
        bytes.push(FORMAT);
        put_bytes(&mut bytes, &self.time.to_key());
        put_bytes(&mut bytes, &self.seq.to_be_bytes());
        put_bytes(&mut bytes, &self.commit.0);
        put_bytes(&mut bytes, &self.epoch.to_be_bytes());
        put_length(&mut bytes, self.changes.len());
        for change in &self.changes {
            change.encode(&mut bytes);
        }
        bytes.into()
    }

    /// Reads a row.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes, "a log row");
        reader.format(FORMAT)?;
        let mut row = Self {
            time: CommitTime::from_key(reader.array()?),
            seq: u64::from_be_bytes(reader.array()?),
            commit: CommitId(reader.array()?),
            epoch: u32::from_be_bytes(reader.array()?),
            changes: Vec::new(),
        };
        for _ in 0..reader.length()? {
            row.changes.push(Stored::decode(&mut reader)?.into());
        }
        reader.end()?;
        Ok(row)
    }
}

/// As [`LogRow::history_keys`], of a row's bytes: copies no image, and no key but theirs.
///
/// # Errors
/// [`Error::Corrupt`].
pub(crate) fn history_keys_of(bytes: &[u8]) -> Result<Vec<(Space, Key)>, Error> {
    let mut reader = Reader::new(bytes, "a log row");
    reader.format(FORMAT)?;
    let time = CommitTime::from_key(reader.array()?);
    reader.take(HEAD_REST_BYTES)?;
    let mut keys = Vec::new();
    for _ in 0..reader.length()? {
        let change = Stored::decode(&mut reader)?;
        if let (Some(history), Some(_)) = (change.space.history(), change.replaced) {
            keys.push((history, history_key(change.key, time)));
        }
    }
    reader.end()?;
    Ok(keys)
}

/// A [`Change`] as it lies in a row.
struct Stored<'a> {
    space: Space,
    key: &'a [u8],
    deleted: bool,
    replaced: Option<CommitTime>,
    after: Option<&'a [u8]>,
}

impl From<Stored<'_>> for Change {
    fn from(stored: Stored<'_>) -> Self {
        Self {
            space: stored.space,
            key: stored.key.to_vec(),
            deleted: stored.deleted,
            replaced: stored.replaced,
            after: stored.after.map(Bytes::copy_from_slice),
        }
    }
}

impl Change {
    fn encode(&self, into: &mut Vec<u8>) {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        into.push(self.space.code());
        into.push(
            flag(self.deleted, DELETED)
                | flag(self.replaced.is_some(), REPLACED)
                | flag(self.after.is_some(), IMAGE),
        );
        put_length(into, self.key.len());
        put_bytes(into, &self.key);
        if let Some(time) = self.replaced {
            put_bytes(into, &time.to_key());
        }
        if let Some(after) = &self.after {
            put_length(into, after.len());
            put_bytes(into, after);
        }
    }
}

impl<'a> Stored<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let space = Space::from_code(reader.byte()?).ok_or_else(|| reader.corrupt())?;
        let flags = reader.byte()?;
        if flags & !(DELETED | REPLACED | IMAGE) != 0 {
            return Err(reader.corrupt());
        }
        let key = reader.sized()?;
        let replaced = match flags & REPLACED {
            0 => None,
            _ => Some(CommitTime::from_key(reader.array()?)),
        };
        let after = match flags & IMAGE {
            0 => None,
            _ => Some(reader.sized()?),
        };
        Ok(Self {
            space,
            key,
            deleted: flags & DELETED != 0,
            replaced,
            after,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> LogRow {
        let change = |space, key: &[u8], deleted, replaced, after: Option<&'static [u8]>| Change {
            space,
            key: key.to_vec(),
            deleted,
            replaced,
            after: after.map(Bytes::from_static),
        };
        LogRow {
            time: CommitTime(1_700_000_000_000_000),
            seq: 42,
            commit: CommitId([7; 16]),
            epoch: 1,
            changes: vec![
                change(Space::Docs, b"a", false, None, Some(b"row")),
                change(Space::Docs, b"", false, Some(CommitTime(3)), Some(b"")),
                change(Space::Idx, &[0xFF; 2_400], true, Some(CommitTime(4)), None),
                change(Space::SysUsers, b"u", true, None, None),
            ],
        }
    }

    #[test]
    fn rows_survive_encoding_and_every_cut_is_noticed() {
        let row = row();
        let bytes = row.encode();
        assert_eq!(LogRow::decode(&bytes).unwrap(), row);
        let history: Vec<_> = row.history_keys().collect();
        assert_eq!(history_keys_of(&bytes).unwrap(), history);
        let check_damaged = |bytes: &[u8]| {
            assert!(LogRow::decode(bytes).is_err(), "{}", bytes.len());
            assert!(history_keys_of(bytes).is_err(), "{}", bytes.len());
        };
        for length in 0..bytes.len() {
            check_damaged(&bytes[..length]);
        }
        check_damaged(&[&bytes[..], b"x"].concat());
    }

    #[test]
    fn only_replaced_rows_of_versioned_spaces_have_history() {
        let row = row();
        let spaces: Vec<_> = row.history_keys().map(|(space, _)| space).collect();
        assert_eq!(spaces, [Space::DocsHist, Space::IdxHist]);
    }
}
