//! Which Firestore databases there are, and which of them are open.
//!
//! A database is a record in the system's store, and a number in the engine. The record is made on first use where the
//! mode allows it, else by an administrator. Its number is never given to another one, and its clock goes on for ever:
//! a client ignores what is older than what it saw (Firestore specification, section 3).

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use firekeep_documents::watch::Incarnation;
use firekeep_model::{Clock, DatabaseId, DatabaseName, OpContext, ProjectId, Timestamp};
use firekeep_store::{
    CommitTime, DbId, Direction, Engine, Key, KeyRange, PageLimit, Read, Space, Store, WriteTx,
};
use serde::{Deserialize, Serialize};

use super::database::{Database, off_async};
use super::promised::Promised;
use crate::limits::{CLOSED_ROUND, DATABASE_IDLE, DATABASES_OPEN_MAX};
use crate::{Core, Error};

/// The number of the next database, in decimal. Number 0 is the system's.
const NEXT: &[u8] = b"next-database";
const RECORDS: &[u8] = b"database/";

/// The open databases.
pub(crate) struct Databases {
    engine: Arc<dyn Engine>,
    clock: Arc<dyn Clock>,
    promised: Arc<Promised>,
    open: Mutex<Open>,
    /// Held while one is opened: two stores of one database would not know of each other.
    opening: Mutex<()>,
    emptying: Mutex<()>,
    /// When the closed ones were looked after last.
    round: AtomicI64,
}

#[derive(Default)]
struct Open {
    all: HashMap<DatabaseName, Arc<Database>>,
    /// The deleted one that is being emptied.
    emptied: Option<Arc<Database>>,
    closed: bool,
}

/// What is stored of a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Its number in the engine.
    pub(super) number: u32,
    /// Its name for ever; one that is made again has another one.
    pub(super) uid: String,
    pub(super) created_micros: i64,
    pub(super) state: State,
    /// Another database had its name and its number up to then, in microseconds: what there was before is not its past.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) since_micros: Option<i64>,
    /// Documents of it expire, or did: it is opened from time to time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) expires: bool,
    /// Nobody deletes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) protected: bool,
}

/// How far the life of a database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// It is there.
    Live,
    /// It was deleted, and still has data.
    Emptying,
    /// It was deleted. The record keeps its number.
    Deleted,
}

impl Databases {
    /// # Errors
    /// Storage errors.
    pub(crate) fn new(
        engine: Arc<dyn Engine>,
        clock: Arc<dyn Clock>,
        system: &Arc<Store>,
    ) -> Result<Self, Error> {
        Ok(Self {
            engine,
            clock,
            promised: Arc::new(Promised::load(system)?),
            open: Mutex::default(),
            opening: Mutex::default(),
            emptying: Mutex::default(),
            round: AtomicI64::new(i64::MIN),
        })
    }

    /// The database, if it is open.
    fn find(&self, name: &DatabaseName) -> Result<Option<Arc<Database>>, Error> {
        let open = self.lock();
        if open.closed {
            return Err(Error::Store(firekeep_store::Error::Closed));
        }
        let found = open.all.get(name).cloned();
        drop(open);
        if let Some(found) = &found {
            found.touch(self.clock.now());
        }
        Ok(found)
    }

    pub(super) fn is_open(&self, name: &DatabaseName) -> bool {
        self.lock().all.contains_key(name)
    }

    /// Whether it is time to look after the closed ones; asked again, it is not.
    pub(super) fn is_round_due(&self) -> bool {
        let every = i64::try_from(CLOSED_ROUND.as_micros()).unwrap_or(i64::MAX);
        let now = self.clock.now().micros();
        let due = self.round.load(Ordering::Relaxed).saturating_add(every) <= now;
        if due {
            self.round.store(now, Ordering::Relaxed);
        }
        due
    }

    /// Whether all that are open take writes.
    ///
    /// # Errors
    /// What keeps one from doing so.
    pub(crate) fn ready(&self) -> Result<(), firekeep_store::Error> {
        self.all()
            .iter()
            .try_for_each(|database| database.store.ready())
    }

    /// The open databases.
    pub(super) fn all(&self) -> Vec<Arc<Database>> {
        self.lock().all.values().cloned().collect()
    }

    /// The names of the open databases.
    pub(super) fn names(&self) -> Vec<DatabaseName> {
        self.lock().all.keys().cloned().collect()
    }

    /// The database, if it is open; looking does not count as use.
    pub(super) fn peek(&self, name: &DatabaseName) -> Option<Arc<Database>> {
        self.lock().all.get(name).cloned()
    }

    /// Closes those that nobody used lately. Blocks.
    pub(super) fn close_idle(&self) {
        let idle = i64::try_from(DATABASE_IDLE.as_micros()).unwrap_or(i64::MAX);
        let before = Timestamp::from_micros(self.clock.now().micros().saturating_sub(idle));
        let opening = self.opening.lock();
        let _opening = opening.unwrap_or_else(PoisonError::into_inner);
        let idle = |_: &DatabaseName, database: &mut Arc<Database>| {
            !is_in_use(database) && database.used() <= before
        };
        let idle: Vec<_> = self.lock().all.extract_if(idle).collect();
        // Waits for their threads, so not with the list locked, which every request takes. Nobody opens one meanwhile.
        drop(idle);
    }

    /// Closes one that was deleted. Who still has it cannot write any more.
    pub(super) fn close_one(&self, name: &DatabaseName) {
        let opening = self.opening.lock();
        let _opening = opening.unwrap_or_else(PoisonError::into_inner);
        let database = self.lock().all.remove(name);
        if let Some(database) = database {
            database.store.close();
        }
    }

    /// Held by the one who empties deleted databases.
    pub(super) fn empty_alone(&self) -> MutexGuard<'_, ()> {
        self.emptying.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody empties deleted databases.
    pub(super) fn is_emptying(&self) -> bool {
        matches!(self.emptying.try_lock(), Err(TryLockError::WouldBlock))
    }

    /// Names the database that is being emptied, or none: `close` stops it.
    ///
    /// # Errors
    /// [`Error::Store`] once the server ends.
    pub(super) fn set_emptied(&self, database: Option<Arc<Database>>) -> Result<(), Error> {
        let mut open = self.lock();
        if open.closed {
            return Err(Error::Store(firekeep_store::Error::Closed));
        }
        open.emptied = database;
        Ok(())
    }

    /// What was told of times that no commit has.
    pub(super) fn promised(&self) -> &Arc<Promised> {
        &self.promised
    }

    /// What stores are opened with.
    pub(super) fn engine(&self) -> (Arc<dyn Engine>, Arc<dyn Clock>) {
        (Arc::clone(&self.engine), Arc::clone(&self.clock))
    }

    /// Takes no further request, and waits until everything in line is durable. Blocks.
    pub(super) fn close(&self) {
        let mut open = self.lock();
        open.closed = true;
        let all = std::mem::take(&mut open.all);
        let emptied = open.emptied.take();
        drop(open);
        for database in all.into_values().chain(emptied) {
            database.store.close();
        }
        drop(self.empty_alone());
    }

    /// Makes room for one more, at the cost of the one that was used longest ago by nobody who still does.
    fn make_room(&self) -> Result<(), Error> {
        let mut open = self.lock();
        if open.all.len() < DATABASES_OPEN_MAX {
            return Ok(());
        }
        let unused = open.all.values().filter(|database| !is_in_use(database));
        let oldest = unused.min_by_key(|database| database.used());
        let oldest = oldest.map(|database| database.name.clone());
        let oldest = oldest.ok_or(Error::Exhausted("databases in use at once"))?;
        // Nobody can take it meanwhile, and nothing is in line there: its end is quick.
        let oldest = open.all.remove(&oldest);
        drop(open);
        drop(oldest);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether somebody has it beside the list of open ones. Asked with that list locked, from which alone it is taken.
fn is_in_use(database: &Arc<Database>) -> bool {
    Arc::strong_count(database) > 1
}

impl Core {
    /// A database, opened where it is not open, made where it is missing and may be made.
    ///
    /// # Errors
    /// [`Error::DatabaseNotFound`], [`Error::Exhausted`]; storage errors.
    pub(super) async fn database(
        self: &Arc<Self>,
        name: &DatabaseName,
    ) -> Result<Arc<Database>, Error> {
        if let Some(found) = self.databases.find(name)? {
            return Ok(found);
        }
        let (core, name) = (Arc::clone(self), name.clone());
        off_async(move || core.open_database(&name)).await
    }

    /// Whether a database is there, or would be made on first use.
    pub(super) fn has_database(&self, name: &DatabaseName) -> Result<bool, Error> {
        if self.databases.find(name)?.is_some() {
            return Ok(true);
        }
        let record = Record::find(&self.read()?, name)?;
        Ok(self.makes(name) || record.is_some_and(|record| record.state == State::Live))
    }

    /// Whether a database is made when somebody uses it.
    fn makes(&self, name: &DatabaseName) -> bool {
        let is_default = name.database().as_str() == DatabaseId::DEFAULT;
        self.policy.open() || (is_default && *name.project() == self.project_id)
    }

    pub(super) fn open_database(&self, name: &DatabaseName) -> Result<Arc<Database>, Error> {
        let databases = &self.databases;
        let opening = databases.opening.lock();
        let _opening = opening.unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = databases.find(name)? {
            return Ok(found);
        }
        let known = Record::find(&self.read()?, name)?;
        let record = match known.filter(|record| record.state == State::Live) {
            Some(record) => record,
            None if self.makes(name) => {
                self.write_here(|tx, cx| Record::create(tx, cx, name, IfLive::Keep))?
            }
            None => return Err(Error::DatabaseNotFound(name.clone())),
        };
        databases.make_room()?;
        let (engine, clock) = databases.engine();
        let (remote, now) = (engine.remote(), clock.now());
        let store = Store::open(engine, DbId(record.number), clock)?;
        store.settle(databases.promised.newest())?;
        let since = record.since_micros.map_or(CommitTime::ZERO, CommitTime);
        let promised = Arc::clone(&databases.promised);
        let database = Database::new(name.clone(), since, store, remote, promised);
        let database = Arc::new(database);
        database.touch(now);
        let mut open = databases.lock();
        if open.closed {
            return Err(Error::Store(firekeep_store::Error::Closed));
        }
        open.all.insert(name.clone(), Arc::clone(&database));
        Ok(database)
    }
}

/// What to do where a database is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfLive {
    /// Be content.
    Keep,
    /// Refuse.
    Refuse,
}

impl Record {
    pub(super) fn find(tx: &dyn Read, name: &DatabaseName) -> Result<Option<Self>, Error> {
        let row = tx.get(Space::SysConfig, &key(name))?;
        Ok(row
            .map(|bytes| serde_json::from_slice(&bytes))
            .transpose()?)
    }

    pub(super) fn is_live(&self) -> bool {
        self.state == State::Live
    }

    /// Which life of the database this is, for resume tokens. One that was only emptied lives on.
    pub(super) fn incarnation(&self) -> Result<Incarnation, Error> {
        let mut uid = [0; 16];
        let damaged = || Error::Internal("the uid of a database cannot be read".to_owned());
        hex::decode_to_slice(&self.uid, &mut uid).map_err(|_| damaged())?;
        Ok(Incarnation(uid))
    }

    /// The records of a project's databases, or of all, by their names.
    pub(super) fn list(
        tx: &dyn Read,
        project: Option<&ProjectId>,
    ) -> Result<Vec<(DatabaseName, Self)>, Error> {
        let prefix = match project {
            Some(project) => [RECORDS, project.as_str().as_bytes(), &[0]].concat(),
            None => RECORDS.to_vec(),
        };
        let mut rest = Some(KeyRange::prefix(&prefix));
        let mut records = Vec::new();
        while let Some(range) = rest.take() {
            let page = tx.scan(
                Space::SysConfig,
                &range,
                Direction::Forward,
                PageLimit::default(),
            )?;
            rest = page.next.map(|next| range.after(&next));
            for (key, row) in page.rows {
                records.push((name_of(&key)?, serde_json::from_slice(&row)?));
            }
        }
        Ok(records)
    }

    /// Makes the record of a database; one that was deleted gets its number back, and with it its clock.
    pub(super) fn create(
        tx: &mut WriteTx<'_>,
        cx: &mut OpContext<'_>,
        name: &DatabaseName,
        if_live: IfLive,
    ) -> Result<Self, Error> {
        let known = Self::find(tx, name)?;
        let is_again = known.is_some();
        let number = match known {
            Some(known) if known.state == State::Live && if_live == IfLive::Keep => {
                return Ok(known);
            }
            Some(known) if known.state == State::Live => {
                return Err(Error::Exists(format!("the database `{name}`")));
            }
            Some(known) if known.state == State::Emptying => {
                return Err(Error::Invalid(format!(
                    "the database `{name}` is still being deleted"
                )));
            }
            Some(known) => known.number,
            None => next_number(tx)?,
        };
        let mut uid = [0; 16];
        cx.rng.fill(&mut uid);
        let record = Self {
            number,
            uid: hex::encode(uid),
            created_micros: cx.now.micros(),
            state: State::Live,
            expires: false,
            since_micros: is_again.then(|| cx.now.micros()),
            protected: false,
        };
        record.put(tx, name)?;
        Ok(record)
    }

    pub(super) fn put(&self, tx: &mut WriteTx<'_>, name: &DatabaseName) -> Result<(), Error> {
        let row = serde_json::to_vec(self)?;
        Ok(tx.put(Space::SysConfig, key(name), row.into())?)
    }
}

/// Takes the next number.
fn next_number(tx: &mut WriteTx<'_>) -> Result<u32, Error> {
    let row = tx.get(Space::SysConfig, NEXT)?;
    let number: u32 = row.map_or(Ok(1), |bytes| serde_json::from_slice(&bytes))?;
    let next = number
        .checked_add(1)
        .ok_or(Error::Exhausted("databases were ever made"))?;
    let row = serde_json::to_vec(&next)?;
    tx.put(Space::SysConfig, NEXT.to_vec(), row.into())?;
    Ok(number)
}

/// The database of a record's key.
fn name_of(key: &[u8]) -> Result<DatabaseName, Error> {
    let damaged = || Error::Internal("the key of a database's record cannot be read".to_owned());
    let text = key
        .strip_prefix(RECORDS)
        .and_then(|key| str::from_utf8(key).ok());
    let (project, database) = text
        .and_then(|text| text.split_once('\0'))
        .ok_or_else(damaged)?;
    let project = ProjectId::parse(project).map_err(|_| damaged())?;
    let database = DatabaseId::parse(database).map_err(|_| damaged())?;
    Ok(DatabaseName::new(project, database))
}

/// Project ids hold no control characters.
fn key(name: &DatabaseName) -> Key {
    let project = name.project().as_str().as_bytes();
    let database = name.database().as_str().as_bytes();
    [RECORDS, project, &[0], database].concat()
}
