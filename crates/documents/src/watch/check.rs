//! If a client that goes on holds what it should: as many documents as there were.
//!
//! How many there were follows from how many there are, and what came and went since. Where it holds another number, it
//! is told the names of all, and finds out itself which of its documents it should not have. Specification, section 12.

use firekeep_model::{DocumentPath, Value};
use firekeep_store::CommitTime;

use super::Step;
use super::listing::{Listing, Sources};
use crate::aggregate::{Aggregation as Wanted, AggregationQuery, Operator};
use crate::limits::EXISTENCE_NAMES_MAX;
use crate::query::Query;
use crate::{Aggregation, Budget, Error};

/// A check that is being made.
#[derive(Debug)]
pub(super) struct Check {
    query: Query,
    time: CommitTime,
    expected: u32,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// How many there are now. There are so many more than then.
    Count(Option<Box<Aggregation>>, i64),
    /// Which there are.
    List(Box<Listing>, Vec<DocumentPath>),
    Over,
}

impl Check {
    /// Of a client that holds `expected` documents, of which there are `more` than then.
    pub(super) fn more(query: &Query, time: CommitTime, expected: u32, more: i64) -> Self {
        Self {
            query: query.clone(),
            time,
            expected,
            stage: Stage::Count(None, more),
        }
    }

    /// As [`more`](Self::more), when it is known how many there were.
    pub(super) fn were(query: &Query, time: CommitTime, expected: u32, before: u32) -> Self {
        let mut check = Self::more(query, time, expected, 0);
        check.compare(before.into());
        check
    }

    /// Goes on; `None` at the end.
    pub(super) fn step(
        &mut self,
        sources: Sources<'_>,
        budget: Budget,
    ) -> Result<Option<Step>, Error> {
        match &mut self.stage {
            Stage::Count(counting, more) => {
                let tx = sources.store.read_at(self.time)?;
                let counting = match counting {
                    Some(counting) => counting,
                    None => {
                        let catalog = sources.catalog(&tx, self.time)?;
                        let new = Aggregation::new(count_of(&self.query), catalog)?;
                        counting.insert(Box::new(new))
                    }
                };
                if let Some(results) = counting.next(&tx, budget)? {
                    let count = match results.first() {
                        Some((_, Value::Integer(count))) => *count,
                        _ => 0,
                    };
                    let before = count - *more;
                    self.compare(before);
                }
            }
            Stage::List(listing, names) => {
                listing.fill(sources, budget.rows_read)?;
                while let Some(listed) = listing.pop() {
                    if names.len() <= EXISTENCE_NAMES_MAX {
                        names.push(listed.path);
                    }
                }
                if listing.is_over() {
                    let (count, names) = (listing.count, std::mem::take(names));
                    self.stage = Stage::Over;
                    return Ok(Some(existence(count, names)));
                }
            }
            Stage::Over => return Ok(None),
        }
        Ok(Some(Step::Changes(Vec::new())))
    }

    fn compare(&mut self, before: i64) {
        self.stage = match i64::from(self.expected) == before {
            true => Stage::Over,
            false => Stage::List(Box::new(Listing::new(&self.query, self.time)), Vec::new()),
        };
    }
}

/// What there is, with the names unless they are too many.
pub(super) fn existence(count: u32, names: Vec<DocumentPath>) -> Step {
    let names = Some(names).filter(|names| names.len() <= EXISTENCE_NAMES_MAX);
    Step::Existence { count, names }
}

fn count_of(query: &Query) -> AggregationQuery {
    AggregationQuery {
        query: query.clone(),
        aggregations: vec![Wanted {
            alias: None,
            operator: Operator::Count { up_to: None },
        }],
    }
}
