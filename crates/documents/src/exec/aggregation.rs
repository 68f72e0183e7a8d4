//! Counts, sums and averages, step by step.
//!
//! Where an index says all that the filter asks, documents are counted by their entries, and averages are those of the
//! numbers in the entries. A sum looks at the documents: an entry does not say if `3` is an integer or a double, and the
//! sum of integers is one. Firestore specification, section 7.7.

use std::sync::Arc;

use firekeep_model::{FieldPath, Value};
use firekeep_store::{Read, Row};

use crate::aggregate::{Accumulator, AggregationQuery, Operator};
use crate::exec::ask::Ask;
use crate::exec::ordered::Ordered;
use crate::exec::reader::{Counts, Cx, Step};
use crate::exec::stream::{Candidate, Merge};
use crate::exec::{Budget, Execution, Tally, check};
use crate::explain::Explained;
use crate::index::catalog::Catalog;
use crate::index::definition::QueryScope;
use crate::{Error, Found, keys, plan};

/// The names of aggregations and what came out, in their order.
pub type Results = Vec<(Box<str>, Value)>;

/// An aggregation query that is being answered.
#[derive(Debug)]
pub struct Aggregation {
    aliases: Vec<Box<str>>,
    accumulators: Vec<Accumulator>,
    /// The fields that are added up.
    summed: Vec<FieldPath>,
    source: From,
}

#[derive(Debug)]
enum From {
    /// The documents of a query with an order, or without any.
    Query(Box<Counting>),
    /// The nearest ones.
    Nearest(Box<Execution>),
}

#[derive(Debug)]
struct Counting {
    ask: Ask,
    catalog: Arc<Catalog>,
    ordered: Option<Ordered>,
    /// Instead of that, where nothing has to be looked at.
    tally: Option<Tally>,
    /// If the documents have to be looked at.
    needs_rows: bool,
    used: Vec<(QueryScope, String)>,
    counts: Counts,
}

impl Aggregation {
    /// An answer to an aggregation query that was [checked](AggregationQuery::validate).
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a query that was not checked.
    pub fn new(query: AggregationQuery, catalog: Arc<Catalog>) -> Result<Self, Error> {
        check(&query.query)?;
        let aliases = query.aliases();
        let accumulators = query.accumulators();
        let fields: Vec<FieldPath> = query.fields().cloned().collect();
        let summed = fields.clone();
        let averages = query.aggregations.iter();
        let averages = averages.filter_map(|aggregation| match &aggregation.operator {
            Operator::Average(field) => Some(field.clone()),
            Operator::Sum(_) | Operator::Count { .. } => None,
        });
        let averages = averages.collect();
        let is_sum = |accumulator: &Accumulator| matches!(accumulator, Accumulator::Sum(..));
        let has_sum = accumulators.iter().any(is_sum);
        let source = match &query.query.find_nearest {
            Some(_) => {
                let mut execution = Execution::new(query.query, catalog)?;
                execution.ask.fields.extend(fields);
                execution.ask.query.select = None;
                From::Nearest(Box::new(execution))
            }
            None => From::Query(Box::new(Counting {
                ask: Ask::of_aggregation(query.ordered(), fields, averages, has_sum),
                catalog,
                ordered: None,
                tally: None,
                needs_rows: has_sum,
                used: Vec::new(),
                counts: Counts::default(),
            })),
        };
        Ok(Self {
            aliases,
            accumulators,
            summed,
            source,
        })
    }

    /// Goes on; the results, in the order of the aggregations, once everything was looked at. Every step must read at the
    /// same time, through any transaction.
    ///
    /// # Errors
    /// [`Error::Corrupt`]; those of storage.
    pub fn next(&mut self, tx: &dyn Read, budget: Budget) -> Result<Option<Results>, Error> {
        let is_over = match &mut self.source {
            From::Query(counting) => counting.step(tx, budget, &mut self.accumulators)?,
            From::Nearest(execution) => {
                let page = execution.next_page(tx, budget)?;
                for document in &page.documents {
                    for accumulator in &mut self.accumulators {
                        accumulator.add(document)?;
                    }
                }
                page.done
            }
        };
        let results = self.accumulators.iter().map(Accumulator::result);
        Ok(is_over.then(|| self.aliases.iter().cloned().zip(results).collect()))
    }

    /// Chooses the plan, if there was no step yet: for explaining it without carrying it out.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn prepare(&mut self, tx: &dyn Read) -> Result<(), Error> {
        match &mut self.source {
            From::Nearest(execution) => execution.prepare(tx),
            From::Query(counting) => {
                let mut cx = Cx::new(tx, usize::MAX, counting.counts);
                if counting.ordered.is_none() {
                    let plan = plan::plan(&counting.ask, &counting.catalog, &mut cx)?;
                    counting.begin(plan);
                }
                counting.counts = cx.counts;
                Ok(())
            }
        }
    }

    /// What was done so far. The answer is one result, whatever it counts.
    #[must_use]
    pub fn explain(&self) -> Explained {
        match &self.source {
            From::Nearest(execution) => Explained {
                results: 1,
                ..execution.explain()
            },
            From::Query(counting) => {
                let query = &counting.ask.query;
                let wanted = plan::missing_index(query, &self.summed, &counting.catalog);
                Explained::new(&counting.used, counting.counts, 1, wanted)
            }
        }
    }
}

impl Counting {
    /// True at the end.
    fn step(
        &mut self,
        tx: &dyn Read,
        budget: Budget,
        accumulators: &mut [Accumulator],
    ) -> Result<bool, Error> {
        let mut cx = Cx::new(tx, budget.rows_read, self.counts);
        let is_over = self.run(&mut cx, accumulators);
        self.counts = cx.counts;
        is_over
    }

    fn run(&mut self, cx: &mut Cx<'_>, accumulators: &mut [Accumulator]) -> Result<bool, Error> {
        if self.ordered.is_none() {
            let plan = plan::plan(&self.ask, &self.catalog, cx)?;
            self.begin(plan);
        }
        if let Some(tally) = &mut self.tally {
            return tally.step(cx, &self.ask, accumulators);
        }
        let Some(ordered) = &mut self.ordered else {
            return Ok(true);
        };
        while !accumulators.iter().all(Accumulator::is_full) {
            match ordered.next_candidate(cx, &self.ask, self.needs_rows)? {
                Step::Item(candidate) => take(&self.ask, candidate, accumulators)?,
                Step::End => return Ok(true),
                Step::Pause => return Ok(false),
            }
        }
        Ok(true)
    }

    fn begin(&mut self, plan: plan::Plan) {
        self.used = plan.used;
        self.tally = plan.tally;
        let merge = Merge::new(plan.streams);
        self.ordered = Some(Ordered::new(&self.ask.query, merge));
    }
}

fn take(ask: &Ask, candidate: Candidate, accumulators: &mut [Accumulator]) -> Result<(), Error> {
    match candidate.row {
        Some(row) => take_document(&candidate.name, row, accumulators),
        None => {
            take_numbers(ask, &candidate.numbers, accumulators);
            Ok(())
        }
    }
}

/// Takes a document in of which nobody saw more than numbers.
pub(crate) fn take_numbers(ask: &Ask, numbers: &[Value], accumulators: &mut [Accumulator]) {
    let mut numbers = ask.averages.iter().zip(numbers);
    for accumulator in accumulators {
        match accumulator {
            Accumulator::Count { .. } => accumulator.count(1),
            Accumulator::Average(_, all) => {
                // Both are in the order of the aggregations.
                if let Some((_, number)) = numbers.next() {
                    all.add(number);
                }
            }
            // Sums have documents.
            Accumulator::Sum(..) => {}
        }
    }
}

/// Takes a document in.
pub(crate) fn take_document(
    name: &[u8],
    row: Row,
    accumulators: &mut [Accumulator],
) -> Result<(), Error> {
    let found = Found {
        path: keys::path(name)?,
        row: Some(row),
    };
    for accumulator in accumulators {
        accumulator.add(&found)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
