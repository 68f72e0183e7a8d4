//! The nearest vectors, found by looking at all of them.
//!
//! Memory is bounded by the limit of the search, not by what there is. Firestore specification, section 7.9.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

use firekeep_model::{DocumentPath, Value, Vector};

use crate::query::{DistanceMeasure, FindNearest};
use crate::{Error, Fields};

/// The nearest documents so far, each with something to remember it by.
#[derive(Debug)]
pub struct Nearest<'q, T> {
    search: Cow<'q, FindNearest>,
    /// The square of the length of the vector that is searched for.
    square: f64,
    limit: usize,
    /// The farthest on top.
    heap: BinaryHeap<Candidate<T>>,
}

/// A document that a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbour<T> {
    /// How far away it is, or its dot product. NaN for an angle to a vector without length.
    pub distance: f64,
    /// Where it is.
    pub path: DocumentPath,
    /// What was given with it.
    pub item: T,
}

#[derive(Debug)]
struct Candidate<T> {
    /// What is smaller the nearer it is.
    rank: f64,
    neighbour: Neighbour<T>,
}

impl<T> Nearest<'static, T> {
    /// Nothing yet, of a search that it keeps.
    #[must_use]
    pub fn of(search: FindNearest) -> Self {
        Self::begin(Cow::Owned(search))
    }
}

impl<'q, T> Nearest<'q, T> {
    /// Nothing yet.
    #[must_use]
    pub fn new(search: &'q FindNearest) -> Self {
        Self::begin(Cow::Borrowed(search))
    }

    fn begin(search: Cow<'q, FindNearest>) -> Self {
        Self {
            square: dot(&search.vector, &search.vector),
            limit: usize::try_from(search.limit).unwrap_or(usize::MAX),
            heap: BinaryHeap::new(),
            search,
        }
    }

    /// Takes a document in, if it has a vector that is near enough. `item` is asked for only then.
    ///
    /// # Errors
    /// As [`Fields::field`].
    pub fn add(
        &mut self,
        document: &impl Fields,
        item: impl FnOnce() -> Result<T, Error>,
    ) -> Result<(), Error> {
        let distance = match document.field(&self.search.field)?.as_deref() {
            Some(Value::Vector(vector)) if vector.len() == self.search.vector.len() => {
                self.distance(vector)
            }
            _ => return Ok(()),
        };
        if !self.is_within_threshold(distance) {
            return Ok(());
        }
        let rank = match self.search.measure {
            DistanceMeasure::Euclidean | DistanceMeasure::Cosine => distance,
            DistanceMeasure::DotProduct => -distance,
        };
        if self.heap.len() >= self.limit {
            match self.heap.peek() {
                Some(farthest) if farthest.is_behind(rank, document.path()) => {
                    self.heap.pop();
                }
                _ => return Ok(()),
            }
        }
        let neighbour = Neighbour {
            distance,
            path: document.path().clone(),
            item: item()?,
        };
        self.heap.push(Candidate { rank, neighbour });
        Ok(())
    }

    /// What was found: the nearest first, those of one distance by name.
    #[must_use]
    pub fn finish(self) -> Vec<Neighbour<T>> {
        let sorted = self.heap.into_sorted_vec().into_iter();
        sorted.map(|candidate| candidate.neighbour).collect()
    }

    fn distance(&self, vector: &Vector) -> f64 {
        let own = &self.search.vector;
        match self.search.measure {
            DistanceMeasure::Euclidean => sum(own, vector, |a, b| (a - b) * (a - b)).sqrt(),
            DistanceMeasure::Cosine => {
                let squares = self.square * dot(vector, vector);
                1.0 - dot(own, vector) / squares.sqrt()
            }
            DistanceMeasure::DotProduct => dot(own, vector),
        }
    }

    /// NaN never is.
    fn is_within_threshold(&self, distance: f64) -> bool {
        match (self.search.distance_threshold, self.search.measure) {
            (None, _) => true,
            (Some(least), DistanceMeasure::DotProduct) => distance >= least,
            (Some(most), _) => distance <= most,
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    sum(a, b, |a, b| a * b)
}

/// Adds up in four lanes, which a processor can do side by side: additions of doubles may not be put in another order.
fn sum(a: &[f64], b: &[f64], of: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [0.0; 4];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    for (a, b) in a.iter().zip(b) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += of(*a, *b);
        }
    }
    let rest = a_rest.iter().zip(b_rest);
    rest.fold(lanes.into_iter().sum(), |sum, (a, b)| sum + of(*a, *b))
}

impl<T> Candidate<T> {
    /// If it is farther away than a document of this rank.
    fn is_behind(&self, rank: f64, path: &DocumentPath) -> bool {
        compare_ranks(self.rank, rank)
            .then_with(|| self.neighbour.path.cmp(path))
            .is_gt()
    }
}

/// NaN is farther away than everything.
fn compare_ranks(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

impl<T> Ord for Candidate<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_ranks(self.rank, other.rank)
            .then_with(|| self.neighbour.path.cmp(&other.neighbour.path))
    }
}

impl<T> PartialOrd for Candidate<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Candidate<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Candidate<T> {}

#[cfg(test)]
mod tests;
