//! Filters in disjunctive normal form: conjunctions of which a document must fulfil one.
//!
//! `IN` and `ARRAY_CONTAINS_ANY` become one conjunction for each element. Duplicates are removed while the form grows,
//! so the work is bounded by its limit, whatever the filter. Firestore specification, section 7.3.

use std::cmp::Ordering;

use firekeep_model::Value;

use crate::filter::{Comparison, Condition, Filter, Term, Test};
use crate::query::{DISJUNCTIONS_MAX, InvalidQuery};
use crate::{Error, Fields};

/// A filter in normal form. Borrows its values: thirty copies of them would be a way to use up memory.
///
/// A document fulfils the filter when it fulfils one of the conjunctions; where there is none, no document does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dnf<'q>(Vec<Vec<Term<'q>>>);

/// The conjunction of no filter.
impl Default for Dnf<'_> {
    fn default() -> Self {
        Self(vec![Vec::new()])
    }
}

impl<'q> Dnf<'q> {
    /// The normal form of a filter, without conjunctions that no document can fulfil, and without those that another
    /// one includes.
    ///
    /// # Errors
    /// As [`whole`](Self::whole).
    pub fn new(filter: &'q Filter) -> Result<Self, InvalidQuery> {
        let terms = Terms::of(filter);
        let mut sets = terms.normalise(filter)?;
        sets.retain(|set| terms.is_possible(set));
        let kept = sets
            .iter()
            .filter(|set| !sets.iter().any(|other| is_part(other, set)));
        Ok(Self(kept.map(|set| terms.conjunction(set)).collect()))
    }

    /// The normal form of a filter, of which only duplicates are left out: what rules are about.
    ///
    /// # Errors
    /// [`InvalidQuery::TooManyDisjunctions`]: counted as the official emulator does.
    pub fn whole(filter: &'q Filter) -> Result<Self, InvalidQuery> {
        let terms = Terms::of(filter);
        let sets = terms.normalise(filter)?;
        Ok(Self(
            sets.iter().map(|set| terms.conjunction(set)).collect(),
        ))
    }

    /// How many conjunctions a filter has as the cloud counts them: every element of a list is one, whatever it is.
    /// Source: specification, section 7.3.
    #[must_use]
    pub fn counted(filter: &Filter) -> usize {
        match filter {
            Filter::Field(filter) => match &filter.condition {
                Condition::In(values) | Condition::ArrayContainsAny(values) => values.len(),
                _ => 1,
            },
            Filter::Or(children) => {
                let counts = children.iter().map(Self::counted);
                counts.fold(0, usize::saturating_add)
            }
            Filter::And(children) => {
                let counts = children.iter().map(Self::counted);
                counts.fold(1, usize::saturating_mul)
            }
        }
    }

    /// The conjunctions: each a list of terms, sorted by field.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[Term<'q>]> {
        self.0.iter().map(Vec::as_slice)
    }

    /// If a document fulfils one of the conjunctions.
    ///
    /// # Errors
    /// As [`Fields::field`].
    pub fn matches(&self, document: &impl Fields) -> Result<bool, Error> {
        for conjunction in &self.0 {
            if matches_all(conjunction, document)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// If a document fulfils every term.
///
/// # Errors
/// As [`Fields::field`].
pub fn matches_all(conjunction: &[Term<'_>], document: &impl Fields) -> Result<bool, Error> {
    for term in conjunction {
        if !term.matches(document)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A conjunction: positions in [`Terms`], ascending, each once.
type Set = Vec<usize>;

/// The terms of a filter, sorted by field, each once: a term is its position.
struct Terms<'q>(Vec<Term<'q>>);

impl<'q> Terms<'q> {
    fn of(filter: &'q Filter) -> Self {
        let mut terms = Vec::new();
        filter.visit(&mut |filter| {
            filter.condition.tests(&mut |test| {
                terms.push(Term {
                    field: &filter.field,
                    test,
                });
            });
        });
        terms.sort_by(compare_terms);
        terms.dedup_by(|a, b| compare_terms(a, b).is_eq());
        Self(terms)
    }

    fn normalise(&self, filter: &'q Filter) -> Result<Vec<Set>, InvalidQuery> {
        let sets = match filter {
            Filter::Field(filter) => {
                let mut sets = Vec::new();
                filter.condition.tests(&mut |test| {
                    let field = &filter.field;
                    sets.extend(self.find(&Term { field, test }).map(|at| vec![at]));
                });
                unique(sets)
            }
            Filter::Or(children) => {
                let mut sets = Vec::new();
                for child in children {
                    sets.extend(self.normalise(child)?);
                    sets = unique(sets);
                    check(&sets)?;
                }
                sets
            }
            Filter::And(children) => {
                let mut sets = vec![Vec::new()];
                for child in children {
                    sets = product(&sets, &self.normalise(child)?);
                    check(&sets)?;
                }
                sets
            }
        };
        check(&sets)?;
        Ok(sets)
    }

    fn find(&self, term: &Term<'_>) -> Option<usize> {
        self.0.binary_search_by(|own| compare_terms(own, term)).ok()
    }

    fn conjunction(&self, set: &Set) -> Vec<Term<'q>> {
        let terms = set.iter().filter_map(|at| self.0.get(*at));
        terms.copied().collect()
    }

    /// If the terms do not obviously contradict each other.
    fn is_possible(&self, set: &Set) -> bool {
        let mut equal = None;
        set.iter()
            .filter_map(|at| self.0.get(*at))
            .all(|term| match term.test {
                // Terms are sorted: two of the same field are neighbours, and they are not the same.
                Test::Compare(Comparison::Equal, _) => {
                    equal.replace(term.field) != Some(term.field)
                }
                test => !test.is_never(),
            })
    }
}

fn check(sets: &[Set]) -> Result<(), InvalidQuery> {
    match sets.len() {
        0..=DISJUNCTIONS_MAX => Ok(()),
        count => Err(InvalidQuery::TooManyDisjunctions(count)),
    }
}

/// Every set of the one with every set of the other.
fn product(left: &[Set], right: &[Set]) -> Vec<Set> {
    let pairs = left
        .iter()
        .flat_map(|left| right.iter().map(move |right| (left, right)));
    unique(pairs.map(|(left, right)| union(left, right)).collect())
}

fn union(left: &Set, right: &Set) -> Set {
    let mut set = [left.as_slice(), right.as_slice()].concat();
    set.sort_unstable();
    set.dedup();
    set
}

/// Each set once, where it is first: the order in which a filter was written stays.
fn unique(sets: Vec<Set>) -> Vec<Set> {
    let mut seen = std::collections::BTreeSet::new();
    let mut kept = sets;
    kept.retain(|set| seen.insert(set.clone()));
    kept
}

/// If `part` is a proper part of `whole`, so that whatever fulfils `whole` fulfils `part`.
fn is_part(part: &Set, whole: &Set) -> bool {
    part.len() < whole.len() && part.iter().all(|at| whole.binary_search(at).is_ok())
}

/// Sorts terms: by field, by kind, by operand. Equal ones mean the same.
fn compare_terms(a: &Term<'_>, b: &Term<'_>) -> Ordering {
    let by_test = || match (a.test, b.test) {
        (Test::Compare(own, left), Test::Compare(other, right)) => {
            own.cmp(&other).then_with(|| left.compare(right))
        }
        (Test::NotIn(left), Test::NotIn(right)) => compare_lists(left, right),
        (Test::ArrayContains(left), Test::ArrayContains(right)) => left.compare(right),
        (left, right) => rank(left).cmp(&rank(right)),
    };
    a.field.cmp(b.field).then_with(by_test)
}

const fn rank(test: Test<'_>) -> u8 {
    match test {
        Test::Compare(_, _) => 0,
        Test::NotIn(_) => 1,
        Test::ArrayContains(_) => 2,
    }
}

fn compare_lists(left: &[Value], right: &[Value]) -> Ordering {
    let mut pairs = left.iter().zip(right).map(|(a, b)| a.compare(b));
    pairs
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
        .then(left.len().cmp(&right.len()))
}

#[cfg(test)]
mod tests;
