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

use std::sync::Arc;

use firekeep_store::{CommitTime, Store};

use super::catch_up::{CatchUp, Caught};
use super::check::Check;
use super::comparison::{Compared, Comparison};
use super::listing::Sources;
use super::names::Names;
use super::{Change, Delivered, Start, Step, Target};
use crate::index::Indexes;
use crate::query::Query;
use crate::{Budget, Error, Execution};

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
    Compare(Box<Comparison>),
    /// If the client holds what it should.
    Check(Box<Check>),
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
        Ok(match &mut self.stage {
            Stage::Begin(start) => {
                let start = *start;
                return self.begin(store, start);
            }
            Stage::Whole(execution) => {
                let (changes, is_over) = next_page(execution, &self.target, sources, time, budget)?;
                if is_over {
                    self.stage = Stage::Done;
                }
                Next::Step(Step::Changes(changes))
            }
            Stage::Names(names) => or_done(names.step(store, time, budget)?),
            Stage::CatchUp(catch_up) => match catch_up.step(store, time, budget)? {
                Caught::Changes(changes) => Next::Step(Step::Changes(changes)),
                Caught::TooMuch => self.compare(),
                Caught::Up { more } => {
                    self.check(|query, time, expected| Check::more(query, time, expected, more))
                }
            },
            Stage::Compare(comparison) => match comparison.step(sources, budget)? {
                Compared::Changes(changes) => Next::Step(Step::Changes(changes)),
                Compared::TooMuch => Next::Step(self.reset()),
                Compared::Over { before } => {
                    self.check(|query, time, expected| Check::were(query, time, expected, before))
                }
            },
            Stage::Check(check) => or_done(check.step(sources, budget)?),
            Stage::Done => Next::Step(Step::Done),
        })
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
            Target::Query(query) if query.limit.is_some() || query.offset > 0 => Ok(self.compare()),
            Target::Query(query) => {
                let catch_up = CatchUp::new(query.clone(), since, expected.is_some());
                Ok(Next::Stage(Stage::CatchUp(Box::new(catch_up))))
            }
        }
    }

    fn compare(&mut self) -> Next {
        let (Target::Query(query), Some(since)) = (&self.target, self.since) else {
            return Next::Step(self.reset());
        };
        let comparison = Comparison::new(query, since, self.time);
        Next::Stage(Stage::Compare(Box::new(comparison)))
    }

    /// The end, or a check before it where the client says what it holds.
    fn check(&self, check: impl Fn(&Query, CommitTime, u32) -> Check) -> Next {
        Next::Stage(match (&self.target, self.expected) {
            (Target::Query(query), Some(expected)) => {
                Stage::Check(Box::new(check(query, self.time, expected)))
            }
            _ => Stage::Done,
        })
    }
}

fn or_done(step: Option<Step>) -> Next {
    step.map_or(Next::Stage(Stage::Done), Next::Step)
}

/// A page of everything, and if it is the last one.
fn next_page(
    execution: &mut Option<Box<Execution>>,
    target: &Target,
    sources: Sources<'_>,
    time: CommitTime,
    budget: Budget,
) -> Result<(Vec<Change>, bool), Error> {
    let Target::Query(query) = target else {
        return Ok((Vec::new(), true));
    };
    let tx = sources.store.read_at(time)?;
    let execution = match execution {
        Some(execution) => execution,
        None => {
            let catalog = sources.catalog(&tx, time)?;
            execution.insert(Box::new(Execution::new(query.clone(), catalog)?))
        }
    };
    let page = execution.next_page(&tx, budget)?;
    let documents = page.documents.into_iter().map(Delivered::new);
    Ok((documents.map(Change::Matches).collect(), page.done))
}

#[cfg(test)]
mod tests;
