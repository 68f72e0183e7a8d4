//! The loading of one target: some steps at a time, the first ones here, the others off the async threads.

use std::sync::Arc;

use firekeep_documents::watch::{Load, Start, Step, Target, TargetId};
use firekeep_documents::{Budget, Error as DocumentError};
use firekeep_store::{CommitTime, Error as StoreError};
use tokio::task::JoinHandle;

use crate::Error;
use crate::firestore::database::Database;
use crate::limits::{LOAD_STEPS_AT_ONCE, QUERY_PAGE, QUERY_PAGE_FIRST};

/// A target that is being loaded.
pub(super) struct Loading {
    pub(super) target: TargetId,
    /// Whether the client may get the names of what it should have.
    names: bool,
    /// `None` while the task has it.
    load: Option<Stage>,
    task: Option<JoinHandle<Result<Ran, Error>>>,
}

enum Stage {
    /// Nothing was read.
    Begin(Begin),
    Load(Box<Load>),
}

struct Begin {
    what: Target,
    start: Start,
    /// Everything later is delivered: what is loaded must be of this time or a later one.
    after: CommitTime,
}

/// A load, and the steps that it has just made.
struct Ran {
    load: Box<Load>,
    steps: Vec<Step>,
}

/// What was loaded.
pub(super) struct Made {
    pub(super) steps: Vec<Step>,
    /// As of when.
    pub(super) time: CommitTime,
    /// Whether that was the last of it.
    pub(super) done: bool,
}

impl Loading {
    pub(super) fn new(target: TargetId, what: Target, start: Start, after: CommitTime) -> Self {
        let expected = match start {
            Start::After { expected_count, .. } => expected_count,
            Start::Fresh | Start::Lost => None,
        };
        Self {
            target,
            // Source: specification, section 12.
            names: expected.is_some_and(|expected| expected > 0),
            load: Some(Stage::Begin(Begin { what, start, after })),
            task: None,
        }
    }

    /// Makes some steps. Nothing is lost when it is dropped before.
    ///
    /// # Errors
    /// Storage errors.
    pub(super) async fn go_on(&mut self, database: &Arc<Database>) -> Result<Made, Error> {
        if let Some(stage) = self.load.take() {
            // Short, and enough for most targets of apps.
            if matches!(stage, Stage::Begin(_)) && !database.remote {
                let ran = run(stage, database, QUERY_PAGE_FIRST)?;
                return Ok(self.made(ran));
            }
            let database = Arc::clone(database);
            let run = move || run(stage, &database, QUERY_PAGE);
            self.task = Some(tokio::task::spawn_blocking(run));
        }
        let ended = || Error::Internal("the loading of a target did not end".to_owned());
        let task = self.task.as_mut().ok_or_else(ended)?;
        let ran = task.await.map_err(|_| ended());
        self.task = None;
        Ok(self.made(ran??))
    }

    fn made(&mut self, ran: Ran) -> Made {
        let Ran { load, mut steps } = ran;
        for step in &mut steps {
            if let Step::Existence { names, .. } = step {
                *names = names.take().filter(|_| self.names);
            }
        }
        let made = Made {
            time: load.time(),
            done: matches!(steps.last(), Some(Step::Done)),
            steps,
        };
        self.load = Some(Stage::Load(load));
        made
    }
}

/// Makes some steps, not many. Blocks.
fn run(stage: Stage, database: &Database, budget: Budget) -> Result<Ran, Error> {
    let mut load = match stage {
        Stage::Load(load) => load,
        Stage::Begin(Begin { what, start, after }) => {
            let time = database.view(None)?.time().max(after);
            Box::new(Load::new(&what, time, start, database.indexes()))
        }
    };
    let (mut steps, mut documents) = (Vec::new(), 0);
    while steps.len() < LOAD_STEPS_AT_ONCE && documents < budget.documents {
        let step = load.next(&database.store, budget).map_err(late)?;
        match &step {
            Step::Changes(changes) => documents += changes.len(),
            Step::Reset | Step::Existence { .. } | Step::Done => {}
        }
        let done = matches!(step, Step::Done);
        steps.push(step);
        if done {
            break;
        }
    }
    Ok(Ran { load, steps })
}

/// A load that took so long that its own time is gone; the client begins again.
fn late(error: DocumentError) -> Error {
    match error {
        DocumentError::Store(StoreError::ReadTimeTooOld) => {
            Error::Unavailable("what a target begins with was not read in time")
        }
        error => error.into(),
    }
}
