//! Watching databases: for each that somebody listens to, one thread that reads its log and says what changed.
//!
//! A commit knows nothing of listeners, so they never slow it down. The thread begins with the first listener and ends a
//! while after the last; its database counts as used meanwhile. What it finds goes into the [`Mailbox`] of each stream.
//! Firestore specification, section 15.2.

mod mailbox;
mod thread;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use firekeep_documents::watch::{Hub, Incarnation, Outcome, SubscriberId, Target, TargetId};
use firekeep_model::{Clock, DatabaseName};
use firekeep_store::CommitTime;
use tokio::sync::watch;

use super::database::{Database, off_async};
use super::databases::Record;
use crate::{Core, Error};

use mailbox::{Letter, Room};
pub(super) use mailbox::{Mailbox, Mailed};

/// The databases that somebody listens to.
pub(crate) struct Watches {
    clock: Arc<dyn Clock>,
    all: Mutex<HashMap<DatabaseName, Arc<Watch>>>,
    /// Held while one is begun: two of one database would be one too many.
    beginning: Mutex<()>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    stopping: AtomicBool,
    subscribers: AtomicU64,
    room: Arc<Room>,
}

/// A database that somebody listens to.
pub(super) struct Watch {
    pub(super) database: Arc<Database>,
    pub(super) incarnation: Incarnation,
    table: Mutex<Table>,
    /// Who left, to be taken off the table when somebody has it.
    left: Mutex<Vec<Left>>,
    /// The snapshot up to which everything was mailed.
    position: watch::Sender<CommitTime>,
    end: watch::Sender<Option<End>>,
}

struct Table {
    hub: Hub,
    mailboxes: HashMap<SubscriberId, Arc<Mailbox>>,
    /// Nobody can come any more.
    over: bool,
}

/// What a subscriber listens to no more.
enum Left {
    Target(SubscriberId, TargetId),
    Everything(SubscriberId),
}

/// Why a database is not watched any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It was deleted.
    Deleted,
    /// Storage failed, or the thread did.
    Failed,
    /// The server stops.
    Stopping,
}

/// A stream's place at a watch; free again when it is dropped.
pub(super) struct Subscription {
    pub(super) watch: Arc<Watch>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) position: watch::Receiver<CommitTime>,
    end: watch::Receiver<Option<End>>,
    id: SubscriberId,
}

impl Watches {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            all: Mutex::default(),
            beginning: Mutex::default(),
            threads: Mutex::default(),
            stopping: AtomicBool::new(false),
            subscribers: AtomicU64::new(0),
            room: Arc::default(),
        }
    }

    /// Ends the watch of a database that is gone.
    pub(super) fn end(&self, name: &DatabaseName, end: End) {
        if let Some(watch) = self.lock().remove(name) {
            watch.end(end);
        }
    }

    /// Ends all, and waits for their threads. Blocks.
    pub(super) fn close(&self) {
        self.stopping.store(true, Ordering::Release);
        let threads = self.threads.lock();
        let threads = std::mem::take(&mut *threads.unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // One that panicked has ended its watch.
            let _ = thread.join();
        }
    }

    fn find(&self, database: &Arc<Database>) -> Option<Arc<Watch>> {
        let found = self.lock().get(&database.name).cloned();
        found.filter(|watch| Arc::ptr_eq(&watch.database, database))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DatabaseName, Arc<Watch>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a stream at a watch; `None` when that has just ended.
    fn subscribe(&self, watch: &Arc<Watch>) -> Option<Subscription> {
        let id = SubscriberId(self.subscribers.fetch_add(1, Ordering::Relaxed));
        let mailbox = Arc::new(Mailbox::new(Arc::clone(&self.room)));
        let mut table = watch.lock();
        if table.over {
            return None;
        }
        table.mailboxes.insert(id, Arc::clone(&mailbox));
        drop(table);
        Some(Subscription {
            watch: Arc::clone(watch),
            mailbox,
            position: watch.position.subscribe(),
            end: watch.end.subscribe(),
            id,
        })
    }
}

impl Core {
    /// A place for a stream at the watch of a database, which begins where it has not.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the server stops; storage errors.
    pub(super) async fn subscribe(
        self: &Arc<Self>,
        database: &Arc<Database>,
    ) -> Result<Subscription, Error> {
        if let Some(watch) = self.watches.find(database)
            && let Some(subscription) = self.watches.subscribe(&watch)
        {
            return Ok(subscription);
        }
        let (core, database) = (Arc::clone(self), Arc::clone(database));
        off_async(move || {
            let beginning = core.watches.beginning.lock();
            let _alone = beginning.unwrap_or_else(PoisonError::into_inner);
            loop {
                let watch = match core.watches.find(&database) {
                    Some(watch) => watch,
                    None => core.begin_watch(&database)?,
                };
                if let Some(subscription) = core.watches.subscribe(&watch) {
                    return Ok(subscription);
                }
            }
        })
        .await
    }

    /// Begins to watch a database, from now on. Blocks.
    fn begin_watch(&self, database: &Arc<Database>) -> Result<Arc<Watch>, Error> {
        let watches = &self.watches;
        if watches.stopping.load(Ordering::Acquire) {
            return Err(Error::Unavailable("the server is stopping"));
        }
        let name = &database.name;
        let live = || {
            let record = Record::find(&self.read()?, name)?.filter(Record::is_live);
            record.ok_or_else(|| Error::DatabaseNotFound(name.clone()))
        };
        let record = live()?;
        let position = database.settle(CommitTime(watches.clock.now().micros()))?;
        let feed = database.store.feed(position).map_err(Error::of_storage)?;
        let watch = Arc::new(Watch {
            database: Arc::clone(database),
            incarnation: record.incarnation()?,
            table: Mutex::new(Table {
                hub: Hub::new(position, database.indexes()),
                mailboxes: HashMap::new(),
                over: false,
            }),
            left: Mutex::default(),
            position: watch::Sender::new(position),
            end: watch::Sender::new(None),
        });
        watches.lock().insert(name.clone(), Arc::clone(&watch));
        let thread = thread::begin(watches, &watch, feed)?;
        let threads = watches.threads.lock();
        let mut threads = threads.unwrap_or_else(PoisonError::into_inner);
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
        drop(threads);
        // Who deletes it from now on finds the watch.
        if let Err(error) = live() {
            watches.end(name, End::Deleted);
            return Err(error);
        }
        Ok(watch)
    }
}

impl Watch {
    /// Ends it for everybody; the first reason is the one that counts.
    fn end(&self, end: End) {
        self.lock().over = true;
        self.end.send_if_modified(|known| {
            let is_first = known.is_none();
            known.get_or_insert(end);
            is_first
        });
    }

    /// The table, without those who left. Waits for it.
    fn lock(&self) -> MutexGuard<'_, Table> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        self.tidy(table)
    }

    /// The same, if nobody has it.
    fn try_lock(&self) -> Option<MutexGuard<'_, Table>> {
        self.table.try_lock().ok().map(|table| self.tidy(table))
    }

    fn tidy<'a>(&self, mut table: MutexGuard<'a, Table>) -> MutexGuard<'a, Table> {
        let left = std::mem::take(&mut *self.left());
        left.into_iter().for_each(|left| table.take_off(&left));
        table
    }

    fn left(&self) -> MutexGuard<'_, Vec<Left>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn listen(
        mut table: MutexGuard<'_, Self>,
        subscriber: SubscriberId,
        target: TargetId,
        what: &Target,
    ) -> CommitTime {
        table.hub.subscribe(subscriber, target, what);
        table.hub.position()
    }

    fn take_off(&mut self, left: &Left) {
        match left {
            Left::Target(subscriber, target) => self.hub.unsubscribe(*subscriber, *target),
            Left::Everything(subscriber) => {
                self.hub.drop_subscriber(*subscriber);
                self.mailboxes.remove(subscriber);
            }
        }
    }

    /// Puts what there is to tell into the mailboxes: of each all at once, since a stream takes what is there for whole.
    fn mail(&self, outcome: &Outcome) {
        let mut post: HashMap<SubscriberId, Vec<Letter>> = HashMap::new();
        for delivery in &outcome.deliveries {
            let bytes = mailbox::bytes_of(&delivery.changes);
            for (subscriber, target) in delivery.to.iter() {
                post.entry(*subscriber).or_default().push(Letter {
                    target: *target,
                    at: outcome.position,
                    changes: Arc::clone(&delivery.changes),
                    bytes,
                });
            }
        }
        for (subscriber, letters) in post {
            if let Some(mailbox) = self.mailboxes.get(&subscriber) {
                mailbox.put(letters);
            }
        }
    }
}

impl Subscription {
    /// Listens to a target from some time on, which this gives: not before what is committed by now.
    ///
    /// # Errors
    /// What ended the watch; storage errors.
    pub(super) async fn listen(&self, id: TargetId, target: &Target) -> Result<CommitTime, Error> {
        let newest = self.watch.database.now().await?;
        let mut position = self.position.clone();
        let reached = async { drop(position.wait_for(|position| *position >= newest).await) };
        tokio::select! {
            () = reached => {}
            error = self.ended() => return Err(error),
        }
        if let Some(table) = self.watch.try_lock() {
            return Ok(Table::listen(table, self.id, id, target));
        }
        // The thread is at work, which may take as long as a query.
        let (watch, own, target) = (Arc::clone(&self.watch), self.id, target.clone());
        off_async(move || Ok(Table::listen(watch.lock(), own, id, &target))).await
    }

    /// Listens to a target no more.
    pub(super) fn leave(&self, target: TargetId) {
        self.watch.left().push(Left::Target(self.id, target));
    }

    /// # Errors
    /// What ended the watch.
    pub(super) fn check(&self) -> Result<(), Error> {
        match *self.end.borrow() {
            None => Ok(()),
            Some(end) => Err(self.error(end)),
        }
    }

    /// Waits for the end of the watch. Nothing is lost when it is dropped before.
    pub(super) async fn ended(&self) -> Error {
        let mut end = self.end.clone();
        let end = end.wait_for(Option::is_some).await;
        let end = end.ok().and_then(|end| *end);
        self.error(end.unwrap_or(End::Failed))
    }

    fn error(&self, end: End) -> Error {
        match end {
            End::Deleted => Error::DatabaseNotFound(self.watch.database.name.clone()),
            End::Failed => Error::Unavailable("the database cannot be listened to now"),
            End::Stopping => Error::Unavailable("the server is stopping"),
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.mailbox.close();
        self.watch.left().push(Left::Everything(self.id));
    }
}
