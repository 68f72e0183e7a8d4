//! The keys that recent commits wrote: what a transaction read is checked against them when it commits.
//!
//! Exact for ranges too, so a row that appears in a scanned range is noticed, without locks. Bounded: a transaction
//! that read before the oldest remembered commit runs again. Storage design, section 7.

use std::collections::VecDeque;

use crate::CommitTime;
use crate::limits::RECENT_BYTES_MAX;
use crate::write_tx::{Place, Reads};

/// The memory that a remembered key takes beside its bytes, in bytes.
const PLACE_BYTES: usize = size_of::<Place>();

/// Why a transaction must run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// Another transaction wrote this key.
    Wrote(Place),
    /// It read at a time of which the keys are forgotten.
    ReadTooLongAgo,
}

/// The keys one commit wrote.
#[derive(Debug)]
pub(crate) struct Footprint {
    time: CommitTime,
    /// Sorted.
    places: Vec<Place>,
    bytes: usize,
}

/// Remembers commits, in order.
#[derive(Debug)]
pub(crate) struct Recent {
    commits: VecDeque<Footprint>,
    bytes: usize,
    bytes_max: usize,
    /// Every commit after this time and up to `complete_to` is remembered.
    since: CommitTime,
    complete_to: CommitTime,
}

impl Footprint {
    /// A commit's footprint.
    pub(crate) fn new(time: CommitTime, places: impl Iterator<Item = Place>) -> Self {
        let mut places: Vec<_> = places.collect();
        places.sort_unstable();
        let bytes = places.iter().map(|(_, key)| key.len() + PLACE_BYTES).sum();
        Self {
            time,
            places,
            bytes,
        }
    }

    /// The first read that this commit invalidates.
    fn conflict(&self, reads: &Reads) -> Option<Place> {
        let wrote = |place: &&Place| self.places.binary_search(place).is_ok();
        if let Some(place) = reads.points.keys().find(wrote) {
            return Some(place.clone());
        }
        reads.ranges.iter().find_map(|(space, range)| {
            let from = self.places.partition_point(|(other, _)| other < space);
            let same = self
                .places
                .iter()
                .skip(from)
                .take_while(|(other, _)| other == space);
            same.into_iter()
                .find(|(_, key)| range.contains(key))
                .cloned()
        })
    }

    /// True if the commit wrote one of these keys.
    pub(crate) fn touches<'a>(
        &self,
        mut places: impl Iterator<Item = &'a Place>,
    ) -> Option<&'a Place> {
        places.find(|place| self.places.binary_search(place).is_ok())
    }

    /// The commit's time.
    pub(crate) fn time(&self) -> CommitTime {
        self.time
    }
}

impl Recent {
    /// Remembers what comes after `time`.
    pub(crate) fn new(time: CommitTime) -> Self {
        Self {
            commits: VecDeque::new(),
            bytes: 0,
            bytes_max: RECENT_BYTES_MAX,
            since: time,
            complete_to: time,
        }
    }

    /// The newest commit it knows of.
    pub(crate) fn complete_to(&self) -> CommitTime {
        self.complete_to
    }

    /// Remembers the next commits, and forgets the oldest beyond its memory.
    pub(crate) fn extend(&mut self, commits: Vec<Footprint>) {
        for commit in commits {
            self.complete_to = commit.time;
            self.bytes += commit.bytes;
            self.commits.push_back(commit);
        }
        while self.bytes > self.bytes_max {
            let Some(oldest) = self.commits.pop_front() else {
                break;
            };
            self.bytes -= oldest.bytes;
            self.since = oldest.time;
        }
    }

    /// Checks reads at `read_time` against every later commit: those remembered, and `pending`, which follow them.
    pub(crate) fn check(
        &self,
        read_time: CommitTime,
        reads: &Reads,
        pending: &[Footprint],
    ) -> Result<(), Conflict> {
        let blind = reads.points.is_empty() && reads.ranges.is_empty();
        if blind {
            return Ok(());
        }
        if read_time < self.since {
            return Err(Conflict::ReadTooLongAgo);
        }
        let later = self
            .commits
            .partition_point(|commit| commit.time <= read_time);
        let remembered = self.commits.iter().skip(later);
        let pending = pending.iter().filter(|commit| commit.time > read_time);
        match remembered
            .chain(pending)
            .find_map(|commit| commit.conflict(reads))
        {
            Some(place) => Err(Conflict::Wrote(place)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyRange, Space};

    fn footprint(time: i64, keys: &[&[u8]]) -> Footprint {
        Footprint::new(
            CommitTime(time),
            keys.iter().map(|key| (Space::Docs, key.to_vec())),
        )
    }

    fn point(key: &[u8]) -> Reads {
        let mut reads = Reads::default();
        reads.points.insert((Space::Docs, key.to_vec()), None);
        reads
    }

    #[test]
    fn points_and_ranges_conflict_with_later_commits_only() {
        let mut recent = Recent::new(CommitTime(1));
        recent.extend(vec![footprint(5, &[b"m", b"a"]), footprint(7, &[b"z"])]);
        let check = |time, reads: &Reads| recent.check(CommitTime(time), reads, &[]);
        let wrote = |key: &[u8]| Err(Conflict::Wrote((Space::Docs, key.to_vec())));
        assert_eq!(check(4, &point(b"a")), wrote(b"a"));
        assert_eq!(check(5, &point(b"a")), Ok(()));
        assert_eq!(check(4, &point(b"b")), Ok(()));
        let range = |space, from: &[u8], to: &[u8]| Reads {
            ranges: vec![(space, KeyRange::between(from, to))],
            ..Reads::default()
        };
        assert_eq!(check(4, &range(Space::Docs, b"b", b"n")), wrote(b"m"));
        assert_eq!(check(4, &range(Space::Docs, b"b", b"m")), Ok(()));
        assert_eq!(check(4, &range(Space::Idx, b"b", b"n")), Ok(()));
        assert_eq!(check(0, &point(b"q")), Err(Conflict::ReadTooLongAgo));
        assert_eq!(check(0, &Reads::default()), Ok(()));
        let pending = [footprint(9, &[b"p"])];
        assert_eq!(
            recent.check(CommitTime(8), &point(b"p"), &pending),
            wrote(b"p")
        );
    }

    #[test]
    fn forgets_the_oldest_and_then_refuses_reads_before_them() {
        let mut recent = Recent {
            bytes_max: 3 * (PLACE_BYTES + 1),
            ..Recent::new(CommitTime(0))
        };
        for time in 1..=5 {
            recent.extend(vec![footprint(time, &[b"k"])]);
        }
        assert_eq!(recent.commits.len(), 3);
        assert_eq!(
            recent.check(CommitTime(1), &point(b"q"), &[]),
            Err(Conflict::ReadTooLongAgo)
        );
        assert_eq!(recent.check(CommitTime(2), &point(b"q"), &[]), Ok(()));
        assert_eq!(recent.complete_to(), CommitTime(5));
    }
}
