//! The loading of one target: some steps at a time, the first ones here, the others off the async threads.

use std::sync::Arc;

use firekeep_documents::watch::{Load, Start, Step, Target, TargetId};
use firekeep_documents::{Budget, Error as DocumentError};
use firekeep_store::{CommitTime, Error as StoreError};
use tokio::task::JoinHandle;

use crate::Error;
use crate::firestore::database::Database;
use crate::firestore::watch::bytes_of;
use crate::limits::{LOAD_STEPS_AT_ONCE, QUERY_PAGE, QUERY_PAGE_FIRST};

/// A target that is being loaded.
pub(super) struct Loading {
    pub(super) target: TargetId,
    /// Whether the client may get the names of what it should have.
    names: bool,
    /// Whether nothing was read.
    is_new: bool,
    /// `None` while the task has it.
    load: Option<Box<Load>>,
    task: Option<JoinHandle<Result<Ran, Error>>>,
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
    /// The loading of a target as of exactly the time from which on it is told what changes.
    pub(super) fn new(
        target: TargetId,
        what: &Target,
        start: Start,
        time: CommitTime,
        database: &Database,
    ) -> Self {
        let expected = match start {
            Start::After { expected_count, .. } => expected_count,
            Start::Fresh | Start::Lost => None,
        };
        Self {
            target,
            // Source: specification, section 12.
            names: expected.is_some_and(|expected| expected > 0),
            is_new: true,
            load: Some(Box::new(Load::new(what, time, start, database.indexes()))),
            task: None,
        }
    }

    /// Makes some steps. Nothing is lost when it is dropped before.
    ///
    /// # Errors
    /// Storage errors.
    pub(super) async fn go_on(&mut self, database: &Arc<Database>) -> Result<Made, Error> {
        if let Some(load) = self.load.take() {
            // Short, and enough for most targets of apps.
            if std::mem::take(&mut self.is_new) && !database.remote {
                let ran = run(load, database, QUERY_PAGE_FIRST)?;
                return Ok(self.made(ran));
            }
            let database = Arc::clone(database);
            let run = move || run(load, &database, QUERY_PAGE);
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
        self.load = Some(load);
        made
    }
}

/// Makes some steps, not many. Blocks.
fn run(mut load: Box<Load>, database: &Database, budget: Budget) -> Result<Ran, Error> {
    let (mut steps, mut found_nothing) = (Vec::new(), 0);
    let (mut documents, mut bytes) = (0, 0);
    while found_nothing < LOAD_STEPS_AT_ONCE && documents < budget.documents && bytes < budget.bytes
    {
        let step = load.next(&database.store, budget).map_err(late)?;
        match &step {
            Step::Changes(changes) if !changes.is_empty() => {
                documents += changes.len();
                bytes += bytes_of(changes);
            }
            _ => found_nothing += 1,
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
