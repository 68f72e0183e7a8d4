//! The transactions that clients have begun and not ended: what each may see, and what it has read.
//!
//! They are in memory: a restart ends them, and clients begin anew. A transaction reads at one time, without any lock;
//! what it read is checked when it commits. Who lost waits for a turn before the next try, so that everybody gets
//! through at a hot document. Firestore specification, section 6.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use firekeep_model::{Caller, DatabaseName, DocumentPath, ProjectId, Rng as _, Timestamp, Uid};
use firekeep_store::{CommitTime, ReadLog};
use tokio::sync::OwnedMutexGuard;

use super::database::Database;
use crate::limits::{
    TRANSACTION_IDLE, TRANSACTION_LIFE, TRANSACTION_READ_BYTES_MAX, TRANSACTION_TURN_KEPT,
    TRANSACTION_TURN_WAIT, TRANSACTION_TURNS, TRANSACTIONS_KNOWN_MAX, TRANSACTIONS_OPEN_MAX,
    TRANSACTIONS_READ_BYTES_MAX,
};
use crate::{Error, SystemRng};

/// The bytes of an id: random, so that nobody guesses one.
const ID_BYTES: usize = 32;

type Id = [u8; ID_BYTES];

/// The transactions of all databases.
pub(crate) struct Transactions {
    table: Mutex<Table>,
    /// Bytes of what all of them have read.
    read_bytes: Arc<AtomicUsize>,
    turns: Vec<Arc<tokio::sync::Mutex<()>>>,
}

#[derive(Default)]
struct Table {
    all: HashMap<Id, Entry>,
    open: usize,
}

struct Entry {
    who: Who,
    database: DatabaseName,
    begun: Timestamp,
    used: Timestamp,
    /// `None` once it ended.
    transaction: Option<Arc<Transaction>>,
    /// Where it waits for its turn next time: it ended because others were first.
    lost_at: Option<usize>,
}

/// A transaction that has not ended.
pub(super) struct Transaction {
    pub(super) database: Arc<Database>,
    /// Everything is read at this time.
    pub(super) read_time: CommitTime,
    pub(super) may_write: bool,
    reads: Mutex<Reads>,
    read_bytes: Arc<AtomicUsize>,
    /// Held by one that lost before, for [`TRANSACTION_TURN_KEPT`] at most.
    turn: Mutex<Option<Turn>>,
    /// When it read last, in microseconds.
    used: AtomicI64,
}

/// What a transaction has read.
struct Reads {
    /// `None` once it was too much: the transaction is over.
    log: Option<ReadLog>,
    /// What is counted for it in the bytes of all.
    counted: usize,
}

/// The right to be next at a hot document.
struct Turn {
    _held: OwnedMutexGuard<()>,
}

/// Whose transaction it is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    Nobody,
    User(ProjectId, Uid),
    Administrator,
}

impl Who {
    fn of(caller: &Caller) -> Self {
        match caller {
            Caller::Anonymous | Caller::ApiKey { .. } => Self::Nobody,
            Caller::User { project, uid, .. } => Self::User(project.clone(), uid.clone()),
            Caller::Privileged { .. } => Self::Administrator,
        }
    }
}

/// Who asks for a transaction, of which database, when.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) caller: &'a Caller,
    pub(super) database: &'a DatabaseName,
    pub(super) now: Timestamp,
}

impl Default for Transactions {
    fn default() -> Self {
        Self {
            table: Mutex::default(),
            read_bytes: Arc::default(),
            turns: (0..TRANSACTION_TURNS).map(|_| Arc::default()).collect(),
        }
    }
}

impl Transactions {
    /// Begins a transaction that reads at `read_time`, or now. One that follows a lost one waits for its turn first.
    ///
    /// # Errors
    /// [`Error::Exhausted`], [`Error::InvalidTransaction`] for a predecessor that is none; storage errors.
    pub(super) async fn begin(
        &self,
        asker: Asker<'_>,
        database: Arc<Database>,
        read_time: Option<CommitTime>,
        may_write: bool,
        after: Option<&Bytes>,
    ) -> Result<(Bytes, Arc<Transaction>), Error> {
        let turn = match after {
            Some(id) => self.wait_for_turn(asker, id).await?,
            None => None,
        };
        let read_time = match read_time {
            Some(time) => time,
            None => database.now().await?,
        };
        let transaction = Arc::new(Transaction {
            database,
            read_time,
            may_write,
            reads: Mutex::new(Reads {
                log: Some(ReadLog::default()),
                counted: 0,
            }),
            read_bytes: Arc::clone(&self.read_bytes),
            turn: Mutex::new(turn),
            used: AtomicI64::new(asker.now.micros()),
        });
        let mut id = [0; ID_BYTES];
        SystemRng.fill(&mut id);
        let mut table = self.lock();
        table.expire_if_full(asker.now);
        if table.open >= TRANSACTIONS_OPEN_MAX {
            return Err(Error::Exhausted("transactions"));
        }
        table.open += 1;
        table.all.insert(
            id,
            Entry {
                who: Who::of(asker.caller),
                database: asker.database.clone(),
                begun: asker.now,
                used: asker.now,
                transaction: Some(Arc::clone(&transaction)),
                lost_at: None,
            },
        );
        drop(table);
        if transaction.has_turn() {
            // Its client may be gone, and others wait.
            let lapsing = Arc::downgrade(&transaction);
            tokio::spawn(async move {
                tokio::time::sleep(TRANSACTION_TURN_KEPT).await;
                if let Some(transaction) = lapsing.upgrade() {
                    transaction.turn().take();
                }
            });
        }
        Ok((Bytes::copy_from_slice(&id), transaction))
    }

    /// Ends a transaction of which nobody has learned the id.
    pub(super) fn forget(&self, id: &[u8]) {
        if let Ok(id) = id.try_into() {
            self.lock().remove(&id);
        }
    }

    /// A transaction, to go on with.
    ///
    /// # Errors
    /// [`Error::InvalidTransaction`], [`Error::TransactionExpired`].
    pub(super) fn find(&self, asker: Asker<'_>, id: &[u8]) -> Result<Arc<Transaction>, Error> {
        let mut table = self.lock();
        let entry = table.entry(asker, id)?;
        entry.used = asker.now;
        let transaction = entry.transaction.clone();
        let transaction = transaction.ok_or(Error::TransactionExpired)?;
        if transaction.is_over() {
            entry.transaction = None;
            table.open = table.open.saturating_sub(1);
            return Err(too_much());
        }
        Ok(transaction)
    }

    /// Ends a transaction, and gives it for the last time. Its id stays known until it expires.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub(super) fn end(&self, asker: Asker<'_>, id: &[u8]) -> Result<Arc<Transaction>, Error> {
        let mut table = self.lock();
        let entry = table.entry(asker, id)?;
        entry.used = asker.now;
        let ended = entry.transaction.take().ok_or(Error::TransactionExpired)?;
        table.open = table.open.saturating_sub(1);
        Ok(ended)
    }

    /// Ends a transaction that may have ended.
    ///
    /// # Errors
    /// As [`find`](Self::find), but not for one that ended lately.
    pub(super) fn roll_back(&self, asker: Asker<'_>, id: &[u8]) -> Result<(), Error> {
        let mut table = self.lock();
        let entry = table.entry(asker, id)?;
        entry.used = asker.now;
        let ended = entry.transaction.take();
        if ended.is_some() {
            table.open = table.open.saturating_sub(1);
        }
        Ok(())
    }

    /// Notes that a transaction lost, and at which document: the first one that it would have written.
    pub(super) fn lost(&self, asker: Asker<'_>, id: &[u8], at: Option<&DocumentPath>) {
        let place = at.map(|path| self.turn_of(asker.database, path));
        if let Ok(entry) = self.lock().entry(asker, id) {
            entry.lost_at = place;
        }
    }

    /// Lets somebody pass who has the turn at a document that a transaction is about to write, for a while.
    pub(super) async fn let_pass(&self, transaction: &Transaction, path: &DocumentPath) {
        // One that has a turn of its own, here or elsewhere, waits for nobody: two such could wait for one another.
        if transaction.has_turn() {
            return;
        }
        let at = self.turn_of(&transaction.database.name, path);
        if let Some(turn) = self.turns.get(at) {
            let _ = tokio::time::timeout(TRANSACTION_TURN_WAIT, turn.lock()).await;
        }
    }

    /// How many have not ended.
    #[cfg(test)]
    pub(super) fn open(&self) -> usize {
        self.lock().open
    }

    /// Forgets what has expired.
    pub(super) fn tend(&self, now: Timestamp) {
        self.lock().expire(now);
    }

    async fn wait_for_turn(&self, asker: Asker<'_>, id: &[u8]) -> Result<Option<Turn>, Error> {
        let at = match self.lock().entry(asker, id) {
            Ok(entry) => entry.lost_at,
            // Forgotten: no reason to refuse the next try.
            Err(Error::TransactionExpired) => None,
            Err(error) => return Err(error),
        };
        let Some(turn) = at.and_then(|at| self.turns.get(at)) else {
            return Ok(None);
        };
        let waiting = Arc::clone(turn).lock_owned();
        let held = tokio::time::timeout(TRANSACTION_TURN_WAIT, waiting).await;
        Ok(held.ok().map(|held| Turn { _held: held }))
    }

    fn turn_of(&self, database: &DatabaseName, path: &DocumentPath) -> usize {
        let mut hasher = DefaultHasher::new();
        (database, path).hash(&mut hasher);
        let turns = u64::try_from(self.turns.len().max(1)).unwrap_or(1);
        usize::try_from(hasher.finish() % turns).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// What is known of an id by the one whose it is.
    fn entry(&mut self, asker: Asker<'_>, id: &[u8]) -> Result<&mut Entry, Error> {
        let id: Id = id.try_into().map_err(|_| Error::InvalidTransaction)?;
        if self
            .all
            .get(&id)
            .is_some_and(|entry| entry.is_over(asker.now))
        {
            self.remove(&id);
        }
        let entry = self.all.get_mut(&id).ok_or(Error::TransactionExpired)?;
        match entry.who == Who::of(asker.caller) && entry.database == *asker.database {
            true => Ok(entry),
            false => Err(Error::TransactionExpired),
        }
    }

    fn expire_if_full(&mut self, now: Timestamp) {
        if self.open >= TRANSACTIONS_OPEN_MAX || self.all.len() >= TRANSACTIONS_KNOWN_MAX {
            self.expire(now);
        }
        // Still full of ended ones: they are only known for the sake of their followers.
        if self.all.len() >= TRANSACTIONS_KNOWN_MAX {
            self.all.retain(|_, entry| entry.transaction.is_some());
        }
    }

    fn expire(&mut self, now: Timestamp) {
        self.all.retain(|_, entry| !entry.is_over(now));
        let open = self
            .all
            .values()
            .filter(|entry| entry.transaction.is_some());
        self.open = open.count();
    }

    fn remove(&mut self, id: &Id) {
        let removed = self.all.remove(id);
        if removed.is_some_and(|entry| entry.transaction.is_some()) {
            self.open = self.open.saturating_sub(1);
        }
    }
}

impl Entry {
    fn is_over(&self, now: Timestamp) -> bool {
        let age = |since: Timestamp| now.micros().saturating_sub(since.micros());
        let max = |life: std::time::Duration| i64::try_from(life.as_micros()).unwrap_or(i64::MAX);
        // A long answer is use, for as long as it is read.
        let reading = (self.transaction.as_ref())
            .map(|transaction| transaction.used.load(Ordering::Relaxed))
            .map(Timestamp::from_micros);
        let used = reading.map_or(self.used, |reading| reading.max(self.used));
        age(self.begun) >= max(TRANSACTION_LIFE) || age(used) >= max(TRANSACTION_IDLE)
    }
}

impl Transaction {
    /// Adds to what it has read.
    ///
    /// # Errors
    /// [`Error::Exhausted`] when that is too much: the transaction is over when it is so by itself. Else it is added all
    /// the same: what was read may not be forgotten.
    pub(super) fn add(&self, log: ReadLog) -> Result<(), Error> {
        let mut reads = self.reads();
        let reads = &mut *reads;
        let Some(known) = &mut reads.log else {
            return Err(too_much());
        };
        let before = known.bytes();
        known.merge(log);
        let after = known.bytes();
        let counted = (reads.counted + after).saturating_sub(before);
        if counted > TRANSACTION_READ_BYTES_MAX {
            reads.log = None;
            self.count(&mut reads.counted, 0);
            return Err(too_much());
        }
        match self.count(&mut reads.counted, counted) > TRANSACTIONS_READ_BYTES_MAX {
            true => Err(too_much()),
            false => Ok(()),
        }
    }

    /// Gives what it has read, once.
    ///
    /// # Errors
    /// [`Error::Exhausted`] when that was too much.
    pub(super) fn take_reads(&self) -> Result<ReadLog, Error> {
        let mut reads = self.reads();
        reads.log.as_mut().map(std::mem::take).ok_or_else(too_much)
    }

    /// Notes that it is used.
    pub(super) fn touch(&self, now: Timestamp) {
        self.used.fetch_max(now.micros(), Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.reads().log.is_none()
    }

    fn has_turn(&self) -> bool {
        self.turn().is_some()
    }

    /// Counts this many bytes for the transaction; gives those of all.
    fn count(&self, counted: &mut usize, bytes: usize) -> usize {
        let before = std::mem::replace(counted, bytes);
        match bytes >= before {
            true => self.read_bytes.fetch_add(bytes - before, Ordering::Relaxed) + bytes - before,
            false => self.read_bytes.fetch_sub(before - bytes, Ordering::Relaxed),
        }
    }

    fn reads(&self) -> MutexGuard<'_, Reads> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self) -> MutexGuard<'_, Option<Turn>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_much() -> Error {
    Error::Exhausted("reads in transactions")
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let counted = self.reads().counted;
        self.read_bytes.fetch_sub(counted, Ordering::Relaxed);
    }
}
