//! What a target begins with: its documents, or what became of them since the client saw them last.
//!
//! A load owns its state and holds no transaction: every step reads at the load's own time, whenever it comes. Which way
//! is taken, specification, section 11.6:
//!
//! - nothing to go on from: the whole answer, behind a reset where the client has something;
//! - a query without limit and offset: the log says which documents changed since ([`catch_up`](super::catch_up));
//! - another one, or too much log: the answers of then and now are compared;
//! - the history of then is gone: reset, and the whole answer.
//!
//! What is found that way is exact. Only when the client says that it holds another number of documents than there were
//! does it get their names at the end, to find out itself which ones it should not have.

use std::collections::VecDeque;
use std::sync::Arc;

use firekeep_model::{DocumentPath, Value};
use firekeep_store::{CommitTime, Key, Read as _, ReadTx, Row, Space, Store};

use super::catch_up::{CatchUp, Caught};
use super::difference::Difference;
use super::listing::{Listing, Sources};
use super::names::Names;
use super::{Change, Delivered, Start, Step, Target};
use crate::aggregate::{Aggregation as Wanted, AggregationQuery, Operator};
use crate::index::Indexes;
use crate::limits::{DIFFERENCE_DOCUMENTS_MAX, EXISTENCE_NAMES_MAX, READ_DOCUMENTS};
use crate::query::Query;
use crate::{Aggregation, Budget, Error, Execution, keys, read};

/// A target that is being loaded.
#[derive(Debug)]
pub struct Load {
    target: Target,
    time: CommitTime,
    indexes: Arc<Indexes>,
    /// The snapshot that the client has; `None` when it has to get everything.
    since: Option<CommitTime>,
    /// How many documents it holds of it, if it says so.
    expected: Option<u32>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Nothing was done.
    Begin(Start),
    /// Everything.
    Whole(Option<Box<Execution>>),
    /// Documents that the target names.
    Names(Names),
    /// Changes that the log tells of.
    CatchUp(Box<CatchUp>),
    /// What is different between then and now.
    Compare(Box<Difference>),
    /// What only the earlier answer had.
    Gone(VecDeque<Key>, (u32, u32)),
    /// How many documents there are now, to know how many there were: `more` is how many there are more than then.
    Count {
        counting: Option<Box<Aggregation>>,
        more: i64,
    },
    /// The names of all.
    List(Box<Listing>, Vec<DocumentPath>),
    Done,
}

/// What a stage comes to.
enum Next {
    Step(Step),
    Stage(Stage),
}

impl Load {
    /// A load of a target at a snapshot: the time of a view, or a [settled](Store::settle) one.
    #[must_use]
    pub fn new(target: &Target, time: CommitTime, start: Start, indexes: Arc<Indexes>) -> Self {
        let target = match target {
            Target::Query(query) => Target::Query(Query {
                select: None,
                ..query.clone()
            }),
            Target::Documents(paths) => Target::Documents(paths.clone()),
        };
        Self {
            target,
            time,
            indexes,
            since: None,
            expected: None,
            stage: Stage::Begin(start),
        }
    }

    /// The snapshot that it is read at.
    #[must_use]
    pub const fn time(&self) -> CommitTime {
        self.time
    }

    /// Goes on. A step that says little takes little: all have the same budget.
    ///
    /// # Errors
    /// [`ReadTimeTooOld`](firekeep_store::Error::ReadTimeTooOld) when the load took so long that its own time cannot be
    /// read any more; [`Error::Corrupt`]; those of storage.
    pub fn next(&mut self, store: &Store, budget: Budget) -> Result<Step, Error> {
        loop {
            match self.advance(store, budget) {
                Ok(Next::Step(step)) => return Ok(step),
                Ok(Next::Stage(stage)) => self.stage = stage,
                Err(Error::Store(firekeep_store::Error::ReadTimeTooOld))
                    if self.since.is_some() =>
                {
                    return Ok(self.reset());
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Begins again with everything.
    fn reset(&mut self) -> Step {
        self.since = None;
        self.expected = None;
        self.stage = self.whole();
        Step::Reset
    }

    fn whole(&self) -> Stage {
        match &self.target {
            Target::Query(_) => Stage::Whole(None),
            Target::Documents(paths) => Stage::Names(Names::new(paths, None, None)),
        }
    }

    fn advance(&mut self, store: &Store, budget: Budget) -> Result<Next, Error> {
        let time = self.time;
        let sources = Sources {
            store,
            indexes: &self.indexes,
        };
        match &mut self.stage {
            Stage::Begin(start) => {
                let start = *start;
                self.begin(store, start)
            }
            Stage::Whole(execution) => {
                let Target::Query(query) = &self.target else {
                    return Ok(Next::Stage(Stage::Done));
                };
                let tx = store.read_at(time)?;
                let execution = match execution {
                    Some(execution) => execution,
                    None => {
                        let catalog = sources.catalog(&tx, time)?;
                        execution.insert(Box::new(Execution::new(query.clone(), catalog)?))
                    }
                };
                let page = execution.next_page(&tx, budget)?;
                let documents = page.documents.into_iter().map(Delivered::new);
                let changes = documents.map(Change::Matches).collect();
                if page.done {
                    self.stage = Stage::Done;
                }
                Ok(Next::Step(Step::Changes(changes)))
            }
            Stage::Names(names) => {
                if let Some(changes) = names.step(store, time, budget)? {
                    return Ok(Next::Step(Step::Changes(changes)));
                }
                let existence = names.existence();
                self.stage = Stage::Done;
                Ok(match existence {
                    Some(step) => Next::Step(step),
                    None => Next::Stage(Stage::Done),
                })
            }
            Stage::CatchUp(catch_up) => match catch_up.step(store, time, budget)? {
                Caught::Changes(changes) => Ok(Next::Step(Step::Changes(changes))),
                Caught::TooMuch => self.compare(),
                Caught::Up { more } => Ok(Next::Stage(match self.expected {
                    Some(_) => Stage::Count {
                        counting: None,
                        more,
                    },
                    None => Stage::Done,
                })),
            },
            Stage::Compare(difference) => {
                if difference.is_over() {
                    let gone = difference.gone().into();
                    return Ok(Next::Stage(Stage::Gone(gone, difference.counts())));
                }
                if difference.held() > DIFFERENCE_DOCUMENTS_MAX {
                    return Ok(Next::Step(self.reset()));
                }
                let found = difference.step(sources, budget.rows_read)?;
                let keys: Vec<_> = found.iter().map(keys::document).collect();
                let changes = fetch(&store.read_at(time)?, &keys)?;
                Ok(Next::Step(Step::Changes(changes)))
            }
            Stage::Gone(gone, (before, _)) => {
                if gone.is_empty() {
                    let is_known = self.expected.is_none_or(|expected| expected == *before);
                    return self.end(is_known);
                }
                let some = gone.len().min(READ_DOCUMENTS);
                let some: Vec<_> = gone.drain(..some).collect();
                let changes = departed(&store.read_at(time)?, self.since, some)?;
                Ok(Next::Step(Step::Changes(changes)))
            }
            Stage::Count { counting, more } => {
                let Target::Query(query) = &self.target else {
                    return Ok(Next::Stage(Stage::Done));
                };
                let tx = store.read_at(time)?;
                let counting = match counting {
                    Some(counting) => counting,
                    None => {
                        let catalog = sources.catalog(&tx, time)?;
                        counting.insert(Box::new(Aggregation::new(count_of(query), catalog)?))
                    }
                };
                let Some(results) = counting.next(&tx, budget)? else {
                    return Ok(Next::Step(Step::Changes(Vec::new())));
                };
                let count = match results.first() {
                    Some((_, Value::Integer(count))) => *count,
                    _ => 0,
                };
                let before = count - *more;
                let is_known = self
                    .expected
                    .is_none_or(|expected| i64::from(expected) == before);
                self.end(is_known)
            }
            Stage::List(listing, names) => {
                listing.fill(sources, budget.rows_read)?;
                while let Some(listed) = listing.pop() {
                    if names.len() <= EXISTENCE_NAMES_MAX {
                        names.push(listed.path);
                    }
                }
                if !listing.is_over() {
                    return Ok(Next::Step(Step::Changes(Vec::new())));
                }
                let count = listing.count;
                let names = std::mem::take(names);
                let names = Some(names).filter(|names| names.len() <= EXISTENCE_NAMES_MAX);
                self.stage = Stage::Done;
                Ok(Next::Step(Step::Existence { count, names }))
            }
            Stage::Done => Ok(Next::Step(Step::Done)),
        }
    }

    fn begin(&mut self, store: &Store, start: Start) -> Result<Next, Error> {
        let (since, expected) = match start {
            Start::Fresh => return Ok(Next::Stage(self.whole())),
            Start::After {
                time,
                expected_count,
            } if time <= self.time => (time, expected_count),
            Start::After { .. } | Start::Lost => return Ok(Next::Step(self.reset())),
        };
        self.since = Some(since);
        self.expected = expected;
        // Refuses a time of which the history is gone.
        drop(store.read_at(since)?);
        match &self.target {
            Target::Documents(paths) => {
                let names = Names::new(paths, Some(since), expected);
                Ok(Next::Stage(Stage::Names(names)))
            }
            Target::Query(query) if query.limit.is_some() || query.offset > 0 => self.compare(),
            Target::Query(query) => {
                let catch_up = CatchUp::new(query.clone(), since, expected.is_some());
                Ok(Next::Stage(Stage::CatchUp(Box::new(catch_up))))
            }
        }
    }

    fn compare(&mut self) -> Result<Next, Error> {
        let (Target::Query(query), Some(since)) = (&self.target, self.since) else {
            return Ok(Next::Step(self.reset()));
        };
        let difference = Difference::new(query, since, self.time);
        Ok(Next::Stage(Stage::Compare(Box::new(difference))))
    }

    /// The end, for a client that holds as many documents as there were, or behind the names of all.
    fn end(&self, is_known: bool) -> Result<Next, Error> {
        Ok(Next::Stage(match &self.target {
            Target::Query(query) if !is_known => {
                Stage::List(Box::new(Listing::new(query, self.time)), Vec::new())
            }
            Target::Query(_) | Target::Documents(_) => Stage::Done,
        }))
    }
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

/// Documents that are in the answer.
fn fetch(tx: &ReadTx<'_>, keys: &[Key]) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::with_capacity(keys.len());
    for some in keys.chunks(READ_DOCUMENTS) {
        for (key, row) in some.iter().zip(rows(tx, some)?) {
            let row = row.ok_or(Error::Corrupt("its row"))?;
            let document = read::decode(keys::path(key)?, &row)?;
            changes.push(Change::Matches(Delivered::new(document)));
        }
    }
    Ok(changes)
}

/// Documents that were in the answer.
fn departed(
    tx: &ReadTx<'_>,
    since: Option<CommitTime>,
    keys: Vec<Key>,
) -> Result<Vec<Change>, Error> {
    let change = |(key, row): (&Key, Option<Row>)| {
        let path = keys::path(key)?;
        Ok(match row {
            None => Change::Deleted(path),
            Some(row) if row.time > since => {
                Change::Left(Delivered::new(read::decode(path, &row)?))
            }
            Some(_) => Change::FellOut(path),
        })
    };
    keys.iter().zip(rows(tx, &keys)?).map(change).collect()
}

/// The rows of documents.
pub(super) fn rows(tx: &ReadTx<'_>, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
    let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    Ok(tx.find_rows(Space::Docs, &keys)?)
}
