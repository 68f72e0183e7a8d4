//! Splits a group of collections into parts of about the same size, so that clients can read them side by side.
//!
//! A group that is small is looked at as a whole. The size of a larger one is estimated: a few keys at both ends of a
//! stretch tell how dense keys are in it, and stretches that may be large are halved, again and again. So the work is
//! bounded, and the parts are as equal as names are evenly spread within a stretch. Firestore specification, section 5.6.

use std::ops::Bound;

use firekeep_model::{DatabaseName, DocumentName, Value};
use firekeep_store::limits::PAGE_ROWS_MAX;
use firekeep_store::{Direction, Key, KeyRange, PageLimit, Read};

use crate::exec::reader::{Counts, Cx, Step};
use crate::exec::{Names, Walk, range_of};
use crate::query::{Cursor, Query};
use crate::{Error, keys};

/// Rows up to which a group is looked at as a whole.
const WHOLE_ROWS: usize = 1_024;

/// Rows at either end of a stretch that tell how dense it is.
const SAMPLE_ROWS: usize = 24;

/// Stretches for each part that is wanted, at most.
const STRETCHES_PER_PART: usize = 64;

/// Stretches altogether, at most.
const STRETCHES_MAX: usize = 1_024;

/// Keys between two places, and about how many of them are the query's.
#[derive(Clone, Debug)]
struct Stretch {
    /// Its first key.
    first: Key,
    /// Where it ends: above its last key.
    end: Key,
    size: f64,
    /// If all of it is as dense as its densest end, it has so many.
    most: f64,
    /// If all of it was looked at.
    is_known: bool,
}

/// Up to `count` places that split what a query reads into about equal parts, one part more than places. They ascend.
///
/// # Errors
/// [`Error::Corrupt`]; those of storage.
pub fn partitions(
    tx: &dyn Read,
    query: &Query,
    database: &DatabaseName,
    count: usize,
) -> Result<Vec<Cursor>, Error> {
    let names = match whole(tx, query)? {
        Some(names) => evenly(&names, count),
        None => by_estimate(tx, query, count)?,
    };
    names
        .into_iter()
        .map(|name| cursor(database, &name))
        .collect()
}

fn cursor(database: &DatabaseName, name: &[u8]) -> Result<Cursor, Error> {
    Ok(Cursor {
        values: vec![Value::reference(DocumentName {
            database: database.clone(),
            path: keys::path(name)?,
        })],
        before: true,
    })
}

/// The names of all documents, if that is no large work.
fn whole(tx: &dyn Read, query: &Query) -> Result<Option<Vec<Key>>, Error> {
    let mut cx = Cx::new(tx, WHOLE_ROWS, Counts::default());
    let all = [KeyRange::all()];
    let mut walk = Walk::of_names(query, &all, Direction::Forward, PAGE_ROWS_MAX)?;
    let mut names = Vec::new();
    loop {
        match walk.next(&mut cx)? {
            Step::Item((name, _)) => names.push(name),
            Step::End => return Ok(Some(names)),
            Step::Pause => return Ok(None),
        }
    }
}

/// Every so many-th name.
fn evenly(names: &[Key], count: usize) -> Vec<Key> {
    let parts = count.saturating_add(1).min(names.len());
    let places = (1..parts).filter_map(|part| names.get(part * names.len() / parts));
    places.cloned().collect()
}

fn by_estimate(tx: &dyn Read, query: &Query, count: usize) -> Result<Vec<Key>, Error> {
    let estimate = Estimate {
        tx,
        walk: Walk::of_names(query, &[KeyRange::all()], Direction::Forward, 1)?,
    };
    let range = range_of(query)?;
    let names = Names::alone(query);
    let last = names.scan(tx, &range, Direction::Reverse, PageLimit::rows(1))?;
    let Some((last, _)) = last.rows.into_iter().next() else {
        return Ok(Vec::new());
    };
    let end = [last.as_slice(), &[0]].concat();
    let mut stretches: Vec<_> = estimate.measure(&range.start, end)?.into_iter().collect();
    let parts = count.saturating_add(1);
    let most = parts.saturating_mul(STRETCHES_PER_PART).min(STRETCHES_MAX);
    while stretches.len() < most {
        let open = stretches
            .iter()
            .enumerate()
            .filter(|(_, stretch)| !stretch.is_known);
        let largest = open.max_by(|(_, a), (_, b)| a.most.total_cmp(&b.most));
        let Some((at, largest)) = largest else { break };
        let halves = match middle(&largest.first, &largest.end) {
            Some(middle) => {
                let first = Bound::Included(largest.first.clone());
                let second = Bound::Included(middle.clone());
                let first = estimate.measure(&first, middle)?;
                let second = estimate.measure(&second, largest.end.clone())?;
                first.into_iter().chain(second).collect()
            }
            None => vec![Stretch {
                is_known: true,
                ..largest.clone()
            }],
        };
        stretches.splice(at..=at, halves);
    }
    Ok(cut(&stretches, parts))
}

/// The begins of stretches that are nearest behind equal parts of them all.
fn cut(stretches: &[Stretch], parts: usize) -> Vec<Key> {
    let total: f64 = stretches.iter().map(|stretch| stretch.size).sum();
    let mut places = Vec::new();
    let mut before = 0.0;
    for stretch in stretches {
        let next = part_of(total, places.len() + 1, parts);
        if places.len() + 1 < parts && before >= next && before > 0.0 {
            places.push(stretch.first.clone());
        }
        before += stretch.size;
    }
    places
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn part_of(total: f64, part: usize, parts: usize) -> f64 {
    total * (part as f64) / (parts as f64)
}

struct Estimate<'a> {
    tx: &'a dyn Read,
    walk: Walk,
}

impl Estimate<'_> {
    /// How many documents there are, about, from a place up to a key. `None` if there is no row.
    fn measure(&self, start: &Bound<Key>, end: Key) -> Result<Option<Stretch>, Error> {
        let range = KeyRange {
            start: start.clone(),
            end: Bound::Excluded(end.clone()),
        };
        let limit = PageLimit::rows(SAMPLE_ROWS);
        let names = self.walk.names();
        let low = names.scan(self.tx, &range, Direction::Forward, limit)?;
        let (Some((first, _)), Some((last, _))) = (low.rows.first(), low.rows.last()) else {
            return Ok(None);
        };
        let low_size = self.wanted(&low.rows)?;
        let mut stretch = Stretch {
            first: first.clone(),
            size: low_size,
            most: low_size,
            is_known: low.next.is_none(),
            end,
        };
        if stretch.is_known {
            return Ok(Some(stretch));
        }
        let high = names.scan(self.tx, &range, Direction::Reverse, limit)?;
        let high_size = self.wanted(&high.rows)?;
        let lowest = high.rows.last().map_or(first, |(key, _)| key);
        let low_share = share(first, (first, last), &stretch.end);
        let high_share = share(first, (lowest, &stretch.end), &stretch.end);
        stretch.size = (low_size + high_size) / (low_share + high_share).min(1.0);
        stretch.most = (low_size / low_share).max(high_size / high_share);
        Ok(Some(stretch))
    }

    /// How many of some rows are documents of the query. Never none: between many others there may be some.
    #[expect(clippy::cast_precision_loss, reason = "few rows")]
    fn wanted(&self, rows: &[(Key, bytes::Bytes)]) -> Result<f64, Error> {
        let mut wanted = 0usize;
        for (key, _) in rows {
            wanted += usize::from(self.walk.wants(key)?);
        }
        Ok((wanted as f64).max(0.1))
    }
}

/// How much of the way from one key to another a part of it is: above 0, and at most 1.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn share(from: &[u8], part: (&[u8], &[u8]), to: &[u8]) -> f64 {
    let shared = shared(from, to);
    let length = |(from, to): (&[u8], &[u8])| {
        let (from, to) = (number(from, shared), number(to, shared));
        to.saturating_sub(from) as f64
    };
    (length(part) / length((from, to)).max(1.0)).clamp(1e-9, 1.0)
}

/// A key about in the middle between two, if there is room.
fn middle(from: &[u8], to: &[u8]) -> Option<Key> {
    let shared = shared(from, to);
    let (low, high) = (number(from, shared), number(to, shared));
    let between = low + high.checked_sub(low)? / 2;
    let front = from.get(..shared).unwrap_or_default();
    let key = [front, &between.to_be_bytes()].concat();
    (key.as_slice() > from && key.as_slice() < to).then_some(key)
}

/// The number that the 8 bytes behind a front are.
fn number(key: &[u8], front: usize) -> u64 {
    let behind = key.get(front..).unwrap_or_default();
    let mut bytes = [0; 8];
    for (byte, own) in bytes.iter_mut().zip(behind) {
        *byte = *own;
    }
    u64::from_be_bytes(bytes)
}

/// How many bytes at the front are the same.
fn shared(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::World;
    use crate::query::CollectionSelector;
    use crate::query::fixture::{database, query};

    fn group(id: &str) -> Query {
        Query {
            from: CollectionSelector {
                all_descendants: true,
                ..query(id).from
            },
            ..Query::default()
        }
    }

    /// How many documents of the group are in each part.
    fn sizes(world: &World, id: &str, count: usize) -> Vec<usize> {
        let tx = world.read();
        let query = group(id);
        let cursors = partitions(&tx, &query, &database(), count).unwrap();
        assert!(cursors.len() <= count);
        let names = cursors.iter().map(|cursor| match cursor.values.as_slice() {
            [Value::Reference(name)] if cursor.before => keys::document(&name.path),
            other => panic!("{other:?}"),
        });
        let names: Vec<_> = names.collect();
        assert!(names.is_sorted());
        let mut sizes = vec![0; names.len() + 1];
        let mut walk = Walk::new(&query, &[KeyRange::all()], Direction::Forward, 256).unwrap();
        let mut cx = Cx::new(&tx, usize::MAX, Counts::default());
        while let Step::Item((key, _)) = walk.next(&mut cx).unwrap() {
            sizes[names.partition_point(|name| *name <= key)] += 1;
        }
        sizes
    }

    #[test]
    fn small_groups_are_split_exactly() {
        let world = World::new();
        assert_eq!(sizes(&world, "c", 3), [0]);
        world.fill((0..100).map(|at| format!("p/{}/c/{at:03}", at / 10)));
        assert_eq!(sizes(&world, "c", 0), [100]);
        assert_eq!(sizes(&world, "c", 3), [25, 25, 25, 25]);
        assert_eq!(sizes(&world, "c", 200).len(), 100);
    }

    #[test]
    fn large_groups_are_split_about_equally() {
        let world = World::new();
        // Random ids, dense numbers, and others between them.
        let mut random = firekeep_testkit::random::Seeded::new(3);
        let id = |at: usize| match at % 3 {
            0 => format!("c/{at:06}"),
            1 => format!("p/{at}/c/x"),
            _ => format!("c/{:016x}", at.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
        };
        world.fill((0..6_000).map(id));
        world.fill((0..3_000).map(|_| format!("z/{:x}", random.bits())));
        let sizes = sizes(&world, "c", 4);
        assert_eq!(sizes.len(), 5, "{sizes:?}");
        assert!(
            sizes.iter().all(|size| (700..=1_900).contains(size)),
            "{sizes:?}"
        );
    }
}
