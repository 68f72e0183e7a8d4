//! The keys that recent commits wrote: what a transaction read is checked against them when it commits.
//!
//! Exact for ranges too, so a row that appears in a scanned range is noticed, without locks. Bounded: a transaction
//! that read before the oldest remembered commit runs again. Storage design, section 7.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};
use std::sync::LazyLock;

use crate::limits::RECENT_BYTES_MAX;
use crate::older::Remembered;
use crate::places::{PlaceRef, Places};
use crate::ranges::Ranges;
use crate::write_tx::{Intent, Place, Required};
use crate::{CommitTime, Space};

/// The memory that a remembered key takes beside its bytes, in bytes.
const PLACE_BYTES: usize = Places::ENTRY_BYTES + 2 * size_of::<u64>() + size_of::<CommitTime>();

/// Why a transaction must run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// Another transaction wrote this key.
    Wrote(Place),
    /// It read at a time of which the keys are forgotten.
    ReadTooLongAgo,
    /// What it requires to be unchanged is not: running again does not help.
    Changed,
}

/// A key that was read, with its hash.
pub(crate) type Point<'a> = (&'a Place, u64);

/// The keys one commit wrote.
#[derive(Debug, Default)]
pub(crate) struct Footprint {
    time: CommitTime,
    places: Places,
    /// The hash of each.
    hashes: Vec<u64>,
    bytes: usize,
}

/// Commits, in order.
#[derive(Debug, Default)]
pub(crate) struct Footprints {
    commits: VecDeque<Footprint>,
    /// The newest commit that wrote a key with this hash: most reads conflict with none, and need no search.
    newest: HashMap<u64, CommitTime, BuildHasherDefault<Hashed>>,
}

/// Remembers commits.
#[derive(Debug)]
pub(crate) struct Recent {
    commits: Footprints,
    bytes: usize,
    bytes_max: usize,
    /// Every commit after this time and up to `complete_to` is remembered.
    since: CommitTime,
    /// The same, for others.
    remembered: Remembered,
    complete_to: CommitTime,
}

impl Footprint {
    /// The footprint of a transaction whose commit has no time yet.
    pub(crate) fn new<'a>(places: impl Iterator<Item = PlaceRef<'a>>) -> Self {
        let places = Places::new(places);
        let hashes = places.iter().map(|(space, key)| hash(space, key)).collect();
        let bytes = places.key_bytes() + places.len() * PLACE_BYTES;
        Self {
            time: CommitTime::default(),
            places,
            hashes,
            bytes,
        }
    }

    /// The same as a commit's.
    pub(crate) fn at(self, time: CommitTime) -> Self {
        Self { time, ..self }
    }

    /// True if the commit wrote one of these keys.
    pub(crate) fn touches<'a>(
        &self,
        mut places: impl Iterator<Item = &'a Place>,
    ) -> Option<&'a Place> {
        places.find(|place| self.places.contains(place))
    }

    /// The hashes of the keys, in the order of the keys.
    pub(crate) fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// The memory that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The commit's time.
    pub(crate) fn time(&self) -> CommitTime {
        self.time
    }
}

impl Footprints {
    /// Adds the next commit.
    pub(crate) fn push(&mut self, commit: Footprint) {
        for hash in &commit.hashes {
            self.newest.insert(*hash, commit.time);
        }
        self.commits.push_back(commit);
    }

    /// The commits, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Footprint> {
        self.commits.iter()
    }

    /// False only if no commit wrote a key with this hash.
    pub(crate) fn may_touch(&self, hash: u64) -> bool {
        self.newest.contains_key(&hash)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.commits.len()
    }

    fn pop(&mut self) -> Option<Footprint> {
        let oldest = self.commits.pop_front()?;
        for hash in &oldest.hashes {
            if let Entry::Occupied(newest) = self.newest.entry(*hash)
                && *newest.get() == oldest.time
            {
                newest.remove();
            }
        }
        Some(oldest)
    }

    /// A read at `since` that a later commit invalidates.
    pub(crate) fn conflict<'a>(
        &self,
        since: CommitTime,
        mut points: impl Iterator<Item = Point<'a>>,
        ranges: &Ranges,
    ) -> Option<Place> {
        let later = self.commits.partition_point(|commit| commit.time <= since);
        if later == self.commits.len() {
            return None;
        }
        let mut later = self.commits.range(later..);
        let wrote = |(place, hash): &Point<'_>| {
            let newest = self.newest.get(hash);
            newest.is_some_and(|time| *time > since)
                && (later.clone()).any(|commit| commit.places.contains(place))
        };
        if let Some((place, _)) = points.find(wrote) {
            return Some(place.clone());
        }
        if ranges.is_empty() {
            return None;
        }
        let (space, key) = later.find_map(|commit| ranges.first_of(&commit.places))?;
        Some((space, key.to_vec()))
    }
}

/// The hash of a place: the same in all threads, and in no two processes, so that nobody can choose keys that collide.
pub(crate) fn hash(space: Space, key: &[u8]) -> u64 {
    static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    STATE.hash_one((space, key))
}

/// The hash of what is one already.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        let add = |sum: u64, byte: &u8| sum.rotate_left(8) ^ u64::from(*byte);
        self.0 = bytes.iter().fold(self.0, add);
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Recent {
    /// Remembers what comes after `time`.
    pub(crate) fn new(time: CommitTime) -> Self {
        Self {
            commits: Footprints::default(),
            bytes: 0,
            bytes_max: RECENT_BYTES_MAX,
            since: time,
            remembered: Remembered::since(time),
            complete_to: time,
        }
    }

    /// The newest commit it knows of.
    pub(crate) fn complete_to(&self) -> CommitTime {
        self.complete_to
    }

    /// Remembers the next commits, and forgets the oldest beyond its memory.
    pub(crate) fn extend(&mut self, commits: Footprints) {
        for commit in commits.commits {
            self.complete_to = commit.time;
            self.bytes += commit.bytes;
            self.commits.push(commit);
        }
        while self.bytes > self.bytes_max {
            let Some(oldest) = self.commits.pop() else {
                break;
            };
            self.bytes -= oldest.bytes;
            self.since = oldest.time;
        }
        self.remembered.set(self.since);
    }

    /// Since when everything is remembered, now and later.
    pub(crate) fn remembered(&self) -> Remembered {
        self.remembered.clone()
    }

    /// Has memory for so many bytes from the next commit on.
    #[cfg(test)]
    pub(crate) fn limit(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
    }

    /// Checks what a transaction read against every later commit: those remembered, and `pending`, which follow them.
    pub(crate) fn check(&self, intent: &Intent, pending: &Footprints) -> Result<(), Conflict> {
        let ranges = &intent.reads.ranges;
        self.check_all(intent.read_time, intent.points(), ranges, pending)
    }

    /// Checks what a transaction requires, as [`check`](Self::check) does.
    pub(crate) fn check_required(
        &self,
        required: &Required,
        pending: &Footprints,
    ) -> Result<(), Conflict> {
        let points = (required.points.iter()).map(|(place, hash)| (place, *hash));
        let checked = self.check_all(required.since, points, &required.ranges, pending);
        checked.map_err(|conflict| match conflict {
            // The one who asks reads further in the log, and asks again.
            Conflict::ReadTooLongAgo => conflict,
            Conflict::Wrote(_) | Conflict::Changed => Conflict::Changed,
        })
    }

    fn check_all<'a>(
        &self,
        since: CommitTime,
        points: impl Iterator<Item = Point<'a>> + Clone,
        ranges: &Ranges,
        pending: &Footprints,
    ) -> Result<(), Conflict> {
        let blind = points.clone().next().is_none() && ranges.is_empty();
        if blind {
            return Ok(());
        }
        if since < self.since {
            return Err(Conflict::ReadTooLongAgo);
        }
        let conflict = self.commits.conflict(since, points.clone(), ranges);
        match conflict.or_else(|| pending.conflict(since, points, ranges)) {
            Some(place) => Err(Conflict::Wrote(place)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::KeyRange;
    use crate::write_tx::Reads;

    fn footprint(time: i64, keys: &[&[u8]]) -> Footprint {
        Footprint::new(keys.iter().map(|key| (Space::Docs, *key))).at(CommitTime(time))
    }

    fn footprints(commits: impl IntoIterator<Item = Footprint>) -> Footprints {
        let mut all = Footprints::default();
        commits.into_iter().for_each(|commit| all.push(commit));
        all
    }

    fn point(key: &[u8]) -> Reads {
        let mut reads = Reads::default();
        reads.points.insert((Space::Docs, key.to_vec()), None);
        reads
    }

    fn check(
        recent: &Recent,
        time: i64,
        reads: Reads,
        pending: &Footprints,
    ) -> Result<(), Conflict> {
        let time = CommitTime(time);
        let intent = Intent::new(time, reads, Vec::new(), BTreeMap::new(), 0);
        recent.check(&intent, pending)
    }

    #[test]
    fn points_and_ranges_conflict_with_later_commits_only() {
        let mut recent = Recent::new(CommitTime(1));
        recent.extend(footprints([
            footprint(5, &[b"m", b"a"]),
            footprint(7, &[b"z"]),
        ]));
        let check = |time, reads| check(&recent, time, reads, &Footprints::default());
        let wrote = |key: &[u8]| Err(Conflict::Wrote((Space::Docs, key.to_vec())));
        assert_eq!(check(4, point(b"a")), wrote(b"a"));
        assert_eq!(check(5, point(b"a")), Ok(()));
        assert_eq!(check(4, point(b"b")), Ok(()));
        let range = |space, from: &[u8], to: &[u8]| {
            let mut reads = Reads::default();
            reads.ranges.add(space, &KeyRange::between(from, to));
            reads
        };
        assert_eq!(check(4, range(Space::Docs, b"b", b"n")), wrote(b"m"));
        assert_eq!(check(4, range(Space::Docs, b"b", b"m")), Ok(()));
        assert_eq!(check(4, range(Space::Idx, b"b", b"n")), Ok(()));
        assert_eq!(check(0, point(b"q")), Err(Conflict::ReadTooLongAgo));
        assert_eq!(check(0, Reads::default()), Ok(()));
        let pending = footprints([footprint(9, &[b"p"])]);
        assert_eq!(
            super::tests::check(&recent, 8, point(b"p"), &pending),
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
            recent.extend(footprints([footprint(time, &[b"k"])]));
        }
        assert_eq!(recent.commits.len(), 3);
        let check = |time, key: &[u8]| check(&recent, time, point(key), &Footprints::default());
        assert_eq!(check(1, b"q"), Err(Conflict::ReadTooLongAgo));
        assert_eq!(check(2, b"q"), Ok(()));
        assert_eq!(
            check(4, b"k"),
            Err(Conflict::Wrote((Space::Docs, b"k".to_vec())))
        );
        assert_eq!(check(5, b"k"), Ok(()));
        assert_eq!(recent.complete_to(), CommitTime(5));
    }
}
