//! What databases and commits are called.

/// A database inside an engine. Every key begins with it, in four big-endian bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DbId(pub u32);

/// When a commit happened, in microseconds since 1970: issued by the store, strictly increasing per database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommitTime(pub i64);

impl CommitTime {
    /// Before every commit.
    pub const ZERO: Self = Self(0);

    /// The next possible time.
    #[must_use]
    pub const fn successor(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Eight bytes that sort as the times do.
    #[must_use]
    pub const fn to_key(self) -> [u8; 8] {
        // The sign bit is flipped, so that times before 1970 would sort first.
        (self.0.cast_unsigned() ^ (1 << 63)).to_be_bytes()
    }

    /// The time of [`to_key`](Self::to_key)'s bytes.
    #[must_use]
    pub const fn from_key(bytes: [u8; 8]) -> Self {
        Self((u64::from_be_bytes(bytes) ^ (1 << 63)).cast_signed())
    }
}

/// A commit's name, unique for ever, by which it is found again after a lost connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CommitId(pub [u8; 16]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_times_sort_as_the_times() {
        let times = [i64::MIN, -1, 0, 1, 1_700_000_000_000_000, i64::MAX].map(CommitTime);
        for pair in times.windows(2) {
            assert!(pair[0].to_key() < pair[1].to_key());
        }
        for time in times {
            assert_eq!(CommitTime::from_key(time.to_key()), time);
        }
    }
}
