//! What is stored, under which key: the one list of spaces.
//!
//! On RocksDB a space is a column family, on PostgreSQL a table. Every engine key is the database id (4 bytes,
//! big-endian) and then the key of this list; the engine puts the id in front. Storage design, section 4.

use crate::{CommitTime, DbId, Key};

/// A space of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Space {
    /// Documents: path segments, each escaped and ended → row.
    Docs,
    /// Documents as they were: document key · superseded at (8 bytes) → the row, whose header says since when.
    DocsHist,
    /// Index entries: index id · scope · encoded values · tail of the document key → row.
    Idx,
    /// Index entries as they were: index key · removed at (8 bytes) → the row.
    IdxHist,
    /// Commits: commit time (8 bytes) → [`LogRow`](crate::LogRow).
    Log,
    /// Names → clock, format number, trim mark, states of indexes.
    Meta,
    /// Users; keys and rows are declared by `accounts`.
    SysUsers,
    /// Ways to find a user, and ended sessions; declared by `accounts`.
    SysUserIndex,
    /// Signing and sealing keys; declared by `api`.
    SysKeys,
    /// Service accounts; declared by `api`.
    SysAccounts,
    /// The project and its settings; declared by `api`.
    SysConfig,
}

/// Name in [`Space::Meta`] of the clock: time and `seq` of the newest commit, floor, epoch.
pub const META_CLOCK: &[u8] = b"clock";

/// Name in [`Space::Meta`] of the format number.
pub const META_FORMAT: &[u8] = b"format";

/// Name in [`Space::Meta`] of the trim mark: reads before this time (8 bytes) are refused.
pub const META_TRIM: &[u8] = b"trim";

impl Space {
    /// Every space.
    pub const ALL: [Self; 11] = [
        Self::Docs,
        Self::DocsHist,
        Self::Idx,
        Self::IdxHist,
        Self::Log,
        Self::Meta,
        Self::SysUsers,
        Self::SysUserIndex,
        Self::SysKeys,
        Self::SysAccounts,
        Self::SysConfig,
    ];

    /// The name of the column family or table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docs => "docs",
            Self::DocsHist => "docs_hist",
            Self::Idx => "idx",
            Self::IdxHist => "idx_hist",
            Self::Log => "log",
            Self::Meta => "meta",
            Self::SysUsers => "sys_users",
            Self::SysUserIndex => "sys_user_index",
            Self::SysKeys => "sys_keys",
            Self::SysAccounts => "sys_accounts",
            Self::SysConfig => "sys_config",
        }
    }

    /// The byte that stands for the space in log rows. Never reused.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Docs => 1,
            Self::DocsHist => 2,
            Self::Idx => 3,
            Self::IdxHist => 4,
            Self::Log => 5,
            Self::Meta => 6,
            Self::SysUsers => 16,
            Self::SysUserIndex => 17,
            Self::SysKeys => 18,
            Self::SysAccounts => 19,
            Self::SysConfig => 20,
        }
    }

    /// The space of a [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|space| space.code() == code)
    }

    /// Where replaced rows of this space are kept, if they are.
    #[must_use]
    pub const fn history(self) -> Option<Self> {
        match self {
            Self::Docs => Some(Self::DocsHist),
            Self::Idx => Some(Self::IdxHist),
            _ => None,
        }
    }

    /// True for the spaces that transactions may write.
    pub(crate) const fn is_writable(self) -> bool {
        !matches!(self, Self::DocsHist | Self::IdxHist | Self::Log)
    }
}

/// The engine's key: the database id in front.
#[must_use]
pub fn physical_key(db: DbId, key: &[u8]) -> Key {
    [&db.0.to_be_bytes(), key].concat()
}

/// The key in the history space of a row that a commit at `superseded_at` replaced.
#[must_use]
pub fn history_key(key: &[u8], superseded_at: CommitTime) -> Key {
    [key, &superseded_at.to_key()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_are_unique() {
        for space in Space::ALL {
            assert_eq!(Space::from_code(space.code()), Some(space));
            let same = Space::ALL
                .iter()
                .filter(|other| other.name() == space.name());
            assert_eq!(same.count(), 1);
        }
    }
}
