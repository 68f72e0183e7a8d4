//! The engine: an open folder, and the state of each database in it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use firekeep_model::Clock;
use firekeep_store::{
    CheckpointInfo, ClockState, ClockView, CommitError, CommitTime, DbId, Decision, Engine, Error,
    Health, Key, LogRow, META_CLOCK, Snapshot, Space, TrimBudget, Trimmed, physical_key, read_log,
};
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{ColumnFamily, DB, properties};

use crate::disk::disk_free_bytes;
use crate::error::{read_failed, write_failed};
use crate::snapshot::RocksSnapshot;

/// An open data folder. Dropping it closes the folder; until then no other engine opens it.
pub struct RocksEngine {
    pub(crate) db: DB,
    pub(crate) clock: Arc<dyn Clock>,
    databases: Mutex<HashMap<DbId, Arc<Database>>>,
    /// Why commits are refused. A failed write may or may not be on the disk, so nothing may follow it.
    fatal: OnceLock<String>,
    // Declared last, so dropped last: the folder is free only once RocksDB has closed it.
    _lock: File,
}

/// What is kept in memory of one database.
pub(crate) struct Database {
    /// Held from the decision until the commit is on the disk.
    pub(crate) clock: Mutex<ClockState>,
    /// The newest commit on the disk; its own lock, so that `tail` does not wait for commits.
    published: Mutex<CommitTime>,
    grown: Condvar,
}

impl Database {
    fn new(state: ClockState) -> Self {
        Self {
            clock: Mutex::new(state),
            published: Mutex::new(state.last),
            grown: Condvar::new(),
        }
    }

    pub(crate) fn publish(&self, time: CommitTime) {
        *lock(&self.published) = time;
        self.grown.notify_all();
    }

    /// Waits until there is a commit after `after`, or for `wait`.
    fn wait_for_growth(&self, after: CommitTime, wait: Duration) {
        let published = lock(&self.published);
        // Whether it grew or the time was up is seen in the log.
        let _ = self
            .grown
            .wait_timeout_while(published, wait, |published| *published <= after);
    }
}

impl RocksEngine {
    /// Takes over an opened folder and checks the clock of every database in it.
    pub(crate) fn new(db: DB, clock: Arc<dyn Clock>, lock: File) -> Result<Self, Error> {
        let engine = Self {
            db,
            clock,
            databases: Mutex::default(),
            fatal: OnceLock::new(),
            _lock: lock,
        };
        for id in engine.database_ids()? {
            engine.database(id)?;
        }
        Ok(engine)
    }

    /// The column family of a space.
    pub(crate) fn family(&self, space: Space) -> Result<&ColumnFamily, Error> {
        self.db
            .cf_handle(space.name())
            .ok_or_else(|| missing(space))
    }

    /// The databases that have had a commit.
    pub(crate) fn database_ids(&self) -> Result<Vec<DbId>, Error> {
        let mut rows = self.db.raw_iterator_cf(self.family(Space::Meta)?);
        let mut ids = Vec::new();
        rows.seek_to_first();
        while let Some(id) = rows.key().and_then(|key| key.first_chunk()) {
            let id = u32::from_be_bytes(*id);
            ids.push(DbId(id));
            let Some(next) = id.checked_add(1) else { break };
            rows.seek(next.to_be_bytes());
        }
        rows.status().map_err(read_failed)?;
        Ok(ids)
    }

    /// The state of a database, read from the disk when it is first asked for.
    pub(crate) fn database(&self, id: DbId) -> Result<Arc<Database>, Error> {
        let mut databases = lock(&self.databases);
        if let Some(database) = databases.get(&id) {
            return Ok(Arc::clone(database));
        }
        let view = self.view(id)?;
        let row = view.clock_row()?;
        let newest = view.newest_log_row()?;
        let state = ClockState::load(row.as_deref(), newest.as_deref())?;
        let database = Arc::new(Database::new(state));
        databases.insert(id, Arc::clone(&database));
        Ok(database)
    }

    /// A snapshot by its own type.
    pub(crate) fn view(&self, id: DbId) -> Result<RocksSnapshot<'_>, Error> {
        RocksSnapshot::new(self, id)
    }

    /// Refuses once the engine has failed.
    pub(crate) fn check_alive(&self) -> Result<(), CommitError> {
        match self.fatal.get() {
            Some(cause) => Err(CommitError::Fatal(cause.clone())),
            None => Ok(()),
        }
    }

    /// Takes no further commits; gives the error to answer with.
    pub(crate) fn fail(&self, error: rocksdb::Error) -> CommitError {
        let cause = self
            .fatal
            .get_or_init(|| write_failed(self.db.path(), error));
        CommitError::Fatal(cause.clone())
    }
}

impl Engine for RocksEngine {
    fn remote(&self) -> bool {
        false
    }

    fn snapshot(&self, db: DbId) -> Result<Box<dyn Snapshot + '_>, Error> {
        Ok(Box::new(self.view(db)?))
    }

    fn commit(
        &self,
        db: DbId,
        known: CommitTime,
        decide: &mut dyn FnMut(&ClockView<'_>) -> Decision,
    ) -> Result<CommitTime, CommitError> {
        self.commit_group(db, known, decide)
    }

    fn tail(
        &self,
        db: DbId,
        after: CommitTime,
        limit: usize,
        wait: Duration,
    ) -> Result<Vec<LogRow>, Error> {
        if limit > 0 {
            self.database(db)?.wait_for_growth(after, wait);
        }
        read_log(&self.view(db)?, after, limit)
    }

    fn checkpoint(&self, to: &Path) -> Result<CheckpointInfo, Error> {
        if to.exists() {
            return Err(Error::Io(io::ErrorKind::AlreadyExists.into()));
        }
        Checkpoint::new(&self.db)
            .and_then(|checkpoint| checkpoint.create_checkpoint(to))
            .map_err(read_failed)?;
        let mut info = CheckpointInfo { bytes: 0, files: 0 };
        for entry in fs::read_dir(to)? {
            info.bytes += entry?.metadata()?.len();
            info.files += 1;
        }
        Ok(info)
    }

    fn trim(&self, db: DbId, below: CommitTime, budget: TrimBudget) -> Result<Trimmed, Error> {
        self.trim_log(db, below, budget)
    }

    fn health(&self) -> Health {
        let property = |name| matches!(self.db.property_int_value(name), Ok(Some(1..)));
        Health {
            fatal: self.fatal.get().cloned(),
            stalled: property(properties::IS_WRITE_STOPPED)
                || property(properties::ACTUAL_DELAYED_WRITE_RATE),
            disk_free_bytes: disk_free_bytes(self.db.path()),
        }
    }
}

impl Drop for RocksEngine {
    fn drop(&mut self) {
        // Every acknowledged commit is on the disk already. An error has nobody left to be told to, and the log is
        // replayed at the next start in any case.
        // A sync that failed is not tried again: it would seem to succeed.
        if self.fatal.get().is_none() {
            let _ = self.db.flush_wal(true);
        }
        self.db.cancel_all_background_work(true);
    }
}

/// Takes a lock whose holder may have panicked: what it guards is only ever replaced as a whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The error for a space that the folder should have.
pub(crate) fn missing(space: Space) -> Error {
    Error::Corrupt(format!("the space `{}` is missing", space.name()))
}

/// The key of a database's clock row.
pub(crate) fn clock_key(db: DbId) -> Key {
    physical_key(db, META_CLOCK)
}
