//! Exports, imports and deletions in bulk that are under way, and how the last ones ended.
//!
//! Each has a thread, which this registry owns: it is told to stop, and waited for, when the server ends. Nothing of it is
//! stored: what was cut off is begun again by whoever asked for it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use firekeep_model::{Clock, DatabaseName, Rng as _, Timestamp};

use crate::limits::{OPERATIONS_AT_ONCE, OPERATIONS_KEPT};
use crate::{Error, SystemRng};

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// It writes documents to files.
    Export,
    /// It takes documents from files.
    Import,
    /// It deletes the documents of groups of collections.
    BulkDelete,
}

/// How far an operation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongOperation {
    /// Its name.
    pub id: String,
    /// What it does.
    pub kind: OperationKind,
    /// Of which database.
    pub database: DatabaseName,
    /// The path that is written or read, or the ids of the collections whose documents are deleted.
    pub subject: Vec<String>,
    /// When it began.
    pub begun: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// If it was told to stop.
    pub stopped: bool,
    /// Documents written so far to a file or to the database, or deleted.
    pub written: u64,
    /// Documents of an import that were there already.
    pub unchanged: u64,
    /// How it ended; `None` while it goes on.
    pub end: Option<End>,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It did all.
    Done {
        /// The time that an export is of.
        read_time: Option<Timestamp>,
        /// What is worth knowing, in sentences.
        notes: Vec<String>,
    },
    /// It did not: why, in a sentence. What an import wrote before is there.
    Failed(String),
}

/// The operations of a server.
#[derive(Default)]
pub(crate) struct Operations {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The newest last.
    all: VecDeque<(Arc<Running>, Option<JoinHandle<()>>)>,
    closed: bool,
}

/// What the thread of an operation shares with those who ask.
pub(super) struct Running {
    id: String,
    kind: OperationKind,
    database: DatabaseName,
    subject: Vec<String>,
    clock: Arc<dyn Clock>,
    begun: Timestamp,
    written: AtomicU64,
    unchanged: AtomicU64,
    stopped: AtomicBool,
    end: Mutex<Option<(End, Timestamp)>>,
    ended: Condvar,
}

impl Operations {
    /// Begins an operation.
    ///
    /// # Errors
    /// [`Error::Exhausted`]; [`Error::Store`] while the server ends.
    pub(super) fn begin(
        &self,
        kind: OperationKind,
        (database, subject): (&DatabaseName, Vec<String>),
        clock: Arc<dyn Clock>,
        work: impl FnOnce(&Running) -> Result<End, Error> + Send + 'static,
    ) -> Result<Arc<Running>, Error> {
        let mut known = self.lock();
        if known.closed {
            return Err(Error::Store(firekeep_store::Error::Closed));
        }
        let under_way = known.all.iter().filter(|(running, _)| !running.has_ended());
        if under_way.count() >= OPERATIONS_AT_ONCE {
            return Err(Error::Exhausted("exports, imports and deletions at once"));
        }
        let mut id = [0; 12];
        SystemRng.fill(&mut id);
        let running = Arc::new(Running {
            id: hex::encode(id),
            kind,
            database: database.clone(),
            subject,
            begun: clock.now(),
            clock,
            written: AtomicU64::new(0),
            unchanged: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            end: Mutex::new(None),
            ended: Condvar::new(),
        });
        let here = Arc::clone(&running);
        let thread = std::thread::Builder::new()
            .name("operation".to_owned())
            .spawn(move || {
                // Ends also by a panic, which whoever waits must not wait out.
                let guard = EndOnDrop(&here);
                let end = work(&here).unwrap_or_else(|error| End::Failed(error.to_string()));
                here.finish(end);
                drop(guard);
            });
        let thread = thread.map_err(|error| Error::Store(error.into()))?;
        known.all.push_back((Arc::clone(&running), Some(thread)));
        while known.all.len() > OPERATIONS_KEPT {
            let oldest = known
                .all
                .iter()
                .position(|(running, _)| running.has_ended());
            match oldest {
                Some(oldest) => drop(known.all.remove(oldest)),
                None => break,
            }
        }
        Ok(running)
    }

    /// An operation that goes on, or ended not long ago.
    pub(super) fn find(&self, id: &str) -> Option<LongOperation> {
        let known = self.lock();
        let found = known.all.iter().find(|(running, _)| running.id == id);
        found.map(|(running, _)| running.show())
    }

    /// The operations of a database, the oldest first.
    pub(super) fn list(&self, database: &DatabaseName) -> Vec<LongOperation> {
        let known = self.lock();
        let all = known.all.iter().map(|(running, _)| running);
        let own = all.filter(|running| running.database == *database);
        own.map(|running| running.show()).collect()
    }

    /// Tells an operation to stop, which it does behind what it is at. Without effect on one that has ended.
    pub(super) fn stop(&self, id: &str) {
        let known = self.lock();
        if let Some((running, _)) = known.all.iter().find(|(running, _)| running.id == id)
            && !running.has_ended()
        {
            running.stopped.store(true, Ordering::Relaxed);
        }
    }

    /// Forgets an operation that has ended; false for one that goes on.
    pub(super) fn forget(&self, id: &str) -> bool {
        let mut known = self.lock();
        let found = known.all.iter().position(|(running, _)| running.id == id);
        let Some(found) = found else { return true };
        let has_ended = known
            .all
            .get(found)
            .is_some_and(|(running, _)| running.has_ended());
        if has_ended {
            known.all.remove(found);
        }
        has_ended
    }

    /// Stops all, waits for them, and takes no further ones. Blocks.
    pub(super) fn close(&self) {
        let mut known = self.lock();
        known.closed = true;
        let mut all = std::mem::take(&mut known.all);
        drop(known);
        for (running, _) in &all {
            running.stopped.store(true, Ordering::Relaxed);
        }
        for thread in all.iter_mut().filter_map(|(_, thread)| thread.take()) {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// Counts what was done; an error once the operation is to stop.
    ///
    /// # Errors
    /// [`Error::Invalid`] with a sentence.
    pub(super) fn count(&self, written: u64, unchanged: u64) -> Result<(), Error> {
        self.written.fetch_add(written, Ordering::Relaxed);
        self.unchanged.fetch_add(unchanged, Ordering::Relaxed);
        match self.stopped.load(Ordering::Relaxed) {
            true => Err(Error::Invalid("it was stopped; begin it again".to_owned())),
            false => Ok(()),
        }
    }

    /// Waits for the end. Blocks.
    pub(super) fn wait(&self) -> End {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some((end, _)) = &*end {
                return end.clone();
            }
            let waited = self.ended.wait(end);
            end = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn show(&self) -> LongOperation {
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        LongOperation {
            id: self.id.clone(),
            kind: self.kind,
            database: self.database.clone(),
            subject: self.subject.clone(),
            begun: self.begun,
            ended: end.as_ref().map(|(_, at)| *at),
            stopped: self.stopped.load(Ordering::Relaxed),
            written: self.written.load(Ordering::Relaxed),
            unchanged: self.unchanged.load(Ordering::Relaxed),
            end: end.as_ref().map(|(end, _)| end.clone()),
        }
    }

    fn has_ended(&self) -> bool {
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        end.is_some()
    }

    fn finish(&self, end: End) {
        let mut slot = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        slot.get_or_insert_with(|| (end, self.clock.now()));
        self.ended.notify_all();
    }
}

struct EndOnDrop<'a>(&'a Running);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.finish(End::Failed(
            "it broke off by a fault of the server".to_owned(),
        ));
    }
}
