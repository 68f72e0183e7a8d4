//! Exports and imports that are under way, and how the last ones ended.
//!
//! Each has a thread, which this registry owns: it is told to stop, and waited for, when the server ends. Nothing of it is
//! stored: what was cut off is begun again by whoever asked for it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use firekeep_model::{DatabaseName, Rng as _, Timestamp};

use crate::limits::{OPERATIONS_AT_ONCE, OPERATIONS_KEPT};
use crate::{Error, SystemRng};

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// It writes documents to files.
    Export,
    /// It takes documents from files.
    Import,
}

/// How far an export or import is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongOperation {
    /// Its name.
    pub id: String,
    /// What it does.
    pub kind: OperationKind,
    /// Of which database.
    pub database: DatabaseName,
    /// Documents written so far: to a file, or to the database.
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
    written: AtomicU64,
    unchanged: AtomicU64,
    stopped: AtomicBool,
    end: Mutex<Option<End>>,
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
        database: &DatabaseName,
        work: impl FnOnce(&Running) -> Result<End, Error> + Send + 'static,
    ) -> Result<Arc<Running>, Error> {
        let mut known = self.lock();
        if known.closed {
            return Err(Error::Store(firekeep_store::Error::Closed));
        }
        let under_way = known.all.iter().filter(|(running, _)| !running.has_ended());
        if under_way.count() >= OPERATIONS_AT_ONCE {
            return Err(Error::Exhausted("exports and imports at once"));
        }
        let mut id = [0; 12];
        SystemRng.fill(&mut id);
        let running = Arc::new(Running {
            id: hex::encode(id),
            kind,
            database: database.clone(),
            written: AtomicU64::new(0),
            unchanged: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            end: Mutex::new(None),
            ended: Condvar::new(),
        });
        let here = Arc::clone(&running);
        let thread = std::thread::Builder::new()
            .name("export".to_owned())
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
            if let Some(end) = &*end {
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
            written: self.written.load(Ordering::Relaxed),
            unchanged: self.unchanged.load(Ordering::Relaxed),
            end: end.clone(),
        }
    }

    fn has_ended(&self) -> bool {
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        end.is_some()
    }

    fn finish(&self, end: End) {
        let mut slot = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        slot.get_or_insert(end);
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
