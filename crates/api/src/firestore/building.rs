//! Building indexes in the background: one task after the other, of which none keeps the others from being done.
//!
//! Storage design, section 5.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use firekeep_documents::Error as DocumentError;
use firekeep_documents::index::backfill::{self, Step, Task};
use firekeep_store::Error as StoreError;

use super::database::Database;

/// Who builds the indexes of a database, and what cannot be built.
#[derive(Default)]
pub(super) struct Building(Mutex<State>);

#[derive(Default)]
struct State {
    /// Somebody builds.
    is_under_way: bool,
    /// There may be more to do than the one who builds has seen.
    is_asked: bool,
    /// What failed when it was tried last, and why.
    failed: Vec<(Task, String)>,
}

impl Building {
    /// True for the one who is to build from now on. Whoever does it already looks once more.
    fn begin(&self) -> bool {
        let mut state = self.lock();
        state.is_asked = true;
        !std::mem::replace(&mut state.is_under_way, true)
    }

    /// Whether the one who builds must look once more; if not, nobody builds any more.
    fn goes_on(&self) -> bool {
        let mut state = self.lock();
        state.is_under_way = std::mem::take(&mut state.is_asked);
        state.is_under_way
    }

    /// Why a task failed when it was tried last.
    pub(super) fn failure(&self, task: &Task) -> Option<String> {
        let state = self.lock();
        let mut failed = state.failed.iter();
        let found = failed.find(|(other, _)| other == task);
        found.map(|(_, why)| why.clone())
    }

    /// Notes how a task ended. True if that is news.
    fn note(&self, task: &Task, failure: Option<String>) -> bool {
        let mut state = self.lock();
        let known = state.failed.iter().position(|(other, _)| other == task);
        let before = known.map(|at| state.failed.swap_remove(at).1);
        let is_news = failure.is_some() && failure != before;
        let failed = failure.map(|why| (task.clone(), why));
        state.failed.extend(failed);
        is_news
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the building also where it panics, or nobody would ever build again.
struct Ends<'a>(&'a Building);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().is_under_way = false;
        }
    }
}

impl Database {
    /// Goes on with the indexes that are being built or removed, in the background, until nothing is left that can be
    /// done. Ends when the store is closed; who opens it again goes on.
    pub(super) fn build_indexes(self: &Arc<Self>) {
        if !self.building.begin() {
            return;
        }
        let database = Arc::clone(self);
        tokio::task::spawn_blocking(move || database.build());
    }

    fn build(&self) {
        let _ends = Ends(&self.building);
        while self.building.goes_on() {
            match self.build_all() {
                Ok(()) | Err(DocumentError::Store(StoreError::Closed)) => {}
                // The next round tries again.
                Err(error) => {
                    tracing::error!(%error, database = %self.name, "indexes are not built");
                }
            }
        }
    }

    /// Does every task that there is, as far as it can be done.
    fn build_all(&self) -> Result<(), DocumentError> {
        let mut tried: Vec<Task> = Vec::new();
        loop {
            let catalog = self.indexes().catalog(&self.store.read()?)?;
            let tasks = catalog.tasks().into_iter();
            let Some(task) = tasks.into_iter().find(|task| !tried.contains(task)) else {
                return Ok(());
            };
            let failure = match self.build_one(&task) {
                Ok(()) => None,
                Err(error @ DocumentError::Store(StoreError::Closed)) => return Err(error),
                Err(error) => Some(error.to_string()),
            };
            if self.building.note(&task, failure.clone()) {
                let why = failure.as_deref().unwrap_or_default();
                tracing::error!(why, ?task, database = %self.name, "an index is not built");
            }
            if failure.is_some() {
                tried.push(task);
            }
        }
    }

    fn build_one(&self, task: &Task) -> Result<(), DocumentError> {
        while backfill::step(&self.store, task)? == Step::More {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use firekeep_documents::index::IndexId;

    use super::*;

    #[test]
    fn who_asks_while_somebody_builds_is_not_forgotten() {
        let building = Building::default();
        assert!(building.begin());
        assert!(building.goes_on());
        // At any moment up to the end.
        assert!(!building.begin());
        assert!(building.goes_on());
        assert!(!building.goes_on());
        assert!(building.begin());
    }

    #[test]
    fn a_failure_is_news_once() {
        let building = Building::default();
        let task = Task::Composite(IndexId(16));
        for (failure, is_news) in [
            (None, false),
            (Some("a"), true),
            (Some("a"), false),
            (Some("b"), true),
            (None, false),
            (Some("b"), true),
        ] {
            let failure = failure.map(str::to_owned);
            assert_eq!(building.note(&task, failure.clone()), is_news);
            assert_eq!(building.failure(&task), failure);
        }
    }
}
