//! The transactions that clients have begun and not ended: what each may see, and what it has read.
//!
//! They are in memory: a restart ends them, and clients begin anew. A transaction reads at one time, without any lock;
//! what it read is checked when it commits. Who lost waits for a turn before the next try, so that everybody gets
//! through at a hot document. Firestore specification, section 6.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use firekeep_model::{Caller, DatabaseName, DocumentPath, ProjectId, Rng as _, Timestamp, Uid};
use firekeep_store::{CommitTime, ReadLog};
use tokio::sync::OwnedMutexGuard;

use super::database::Database;
use crate::limits::{
    TRANSACTION_IDLE, TRANSACTION_LIFE, TRANSACTION_READ_BYTES_MAX, TRANSACTION_TURN_WAIT,
    TRANSACTION_TURNS, TRANSACTIONS_KNOWN_MAX, TRANSACTIONS_OPEN_MAX, TRANSACTIONS_READ_BYTES_MAX,
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
    reads: Mutex<ReadLog>,
    read_bytes: Arc<AtomicUsize>,
    /// Held for as long as the transaction lives, by one that lost before.
    turn: Option<Turn>,
}

/// The right to be next at a hot document.
struct Turn {
    at: usize,
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
            reads: Mutex::default(),
            read_bytes: Arc::clone(&self.read_bytes),
            turn,
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
        Ok((Bytes::copy_from_slice(&id), transaction))
    }

    /// A transaction, to go on with.
    ///
    /// # Errors
    /// [`Error::InvalidTransaction`], [`Error::TransactionExpired`].
    pub(super) fn find(&self, asker: Asker<'_>, id: &[u8]) -> Result<Arc<Transaction>, Error> {
        let mut table = self.lock();
        let entry = table.entry(asker, id)?;
        let transaction = entry.transaction.clone();
        entry.used = asker.now;
        transaction.ok_or(Error::TransactionExpired)
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
        let at = self.turn_of(&transaction.database.name, path);
        if transaction.turn.as_ref().is_some_and(|turn| turn.at == at) {
            return;
        }
        if let Some(turn) = self.turns.get(at) {
            let _ = tokio::time::timeout(TRANSACTION_TURN_WAIT, turn.lock()).await;
        }
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
        let Some((at, turn)) = at.and_then(|at| Some((at, self.turns.get(at)?))) else {
            return Ok(None);
        };
        let waiting = Arc::clone(turn).lock_owned();
        let held = tokio::time::timeout(TRANSACTION_TURN_WAIT, waiting).await;
        Ok(held.ok().map(|held| Turn { at, _held: held }))
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
        age(self.begun) >= max(TRANSACTION_LIFE) || age(self.used) >= max(TRANSACTION_IDLE)
    }
}

impl Transaction {
    /// Adds to what it has read.
    ///
    /// # Errors
    /// [`Error::Exhausted`] when that is too much. It is added all the same: what was read may not be forgotten.
    pub(super) fn add(&self, log: ReadLog) -> Result<(), Error> {
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        let before = reads.bytes();
        reads.merge(log);
        let after = reads.bytes();
        drop(reads);
        let all = match after >= before {
            true => self.read_bytes.fetch_add(after - before, Ordering::Relaxed) + after - before,
            false => self.read_bytes.fetch_sub(before - after, Ordering::Relaxed),
        };
        match after > TRANSACTION_READ_BYTES_MAX || all > TRANSACTIONS_READ_BYTES_MAX {
            true => Err(Error::Exhausted("reads in transactions")),
            false => Ok(()),
        }
    }

    /// What it has read.
    pub(super) fn reads(&self) -> ReadLog {
        let reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        reads.clone()
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let reads = self.reads.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.read_bytes.fetch_sub(reads.bytes(), Ordering::Relaxed);
    }
}
