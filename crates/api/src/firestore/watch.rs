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
use tokio::sync::{Mutex as FairMutex, MutexGuard as FairGuard, watch};

use super::database::{Database, off_async};
use super::databases::Record;
use crate::{Core, Error};

pub(super) use mailbox::{Claim, Mailbox, Mailed, bytes_of};
use mailbox::{Letter, Room};

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
    /// The thread has it while it reads, which may take as long as a query: streams wait for their turn without a
    /// thread, and do not get it again and again before others do.
    table: FairMutex<Table>,
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

    /// Ends the watch of a database that is gone. Blocks.
    pub(super) fn end(&self, name: &DatabaseName, end: End) {
        // Not with the list locked: the watch may be at work.
        let watch = self.lock().remove(name);
        if let Some(watch) = watch {
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

    /// Takes a watch that is over off the list.
    fn forget(&self, watch: &Arc<Watch>) {
        let mut all = self.lock();
        let name = &watch.database.name;
        if (all.get(name)).is_some_and(|known| Arc::ptr_eq(known, watch)) {
            all.remove(name);
        }
    }

    /// A place for a stream at a watch; `None` when that is over.
    async fn subscribe(&self, watch: &Arc<Watch>) -> Option<Subscription> {
        let id = SubscriberId(self.subscribers.fetch_add(1, Ordering::Relaxed));
        let mailbox = Arc::new(Mailbox::new(Arc::clone(&self.room)));
        let mut table = watch.lock().await;
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
        loop {
            let watch = match self.watches.find(database) {
                Some(watch) => watch,
                None => {
                    let (core, database) = (Arc::clone(self), Arc::clone(database));
                    off_async(move || core.begin_watch(&database)).await?
                }
            };
            if let Some(subscription) = self.watches.subscribe(&watch).await {
                return Ok(subscription);
            }
            self.watches.forget(&watch);
        }
    }

    /// Begins to watch a database, from now on, unless somebody has just done so. Blocks.
    fn begin_watch(&self, database: &Arc<Database>) -> Result<Arc<Watch>, Error> {
        let watches = &self.watches;
        let beginning = watches.beginning.lock();
        let _alone = beginning.unwrap_or_else(PoisonError::into_inner);
        if let Some(watch) = watches.find(database) {
            return Ok(watch);
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
            table: FairMutex::new(Table {
                hub: Hub::new(position, database.indexes()),
                mailboxes: HashMap::new(),
                over: false,
            }),
            left: Mutex::default(),
            position: watch::Sender::new(position),
            end: watch::Sender::new(None),
        });
        let threads = watches.threads.lock();
        let mut threads = threads.unwrap_or_else(PoisonError::into_inner);
        // With the list locked: who stops the server waits for every thread that is begun.
        if watches.stopping.load(Ordering::Acquire) {
            return Err(Error::Unavailable("the server is stopping"));
        }
        watches.lock().insert(name.clone(), Arc::clone(&watch));
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread::begin(watches, &watch, feed)?);
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
    /// Ends it for everybody; the first reason is the one that counts. Blocks.
    fn end(&self, end: End) {
        self.lock_blocking().over = true;
        self.end.send_if_modified(|known| {
            let is_first = known.is_none();
            known.get_or_insert(end);
            is_first
        });
    }

    /// The table, without those who left.
    async fn lock(&self) -> FairGuard<'_, Table> {
        self.tidy(self.table.lock().await)
    }

    /// The same for who is on no async thread.
    fn lock_blocking(&self) -> FairGuard<'_, Table> {
        self.tidy(self.table.blocking_lock())
    }

    fn tidy<'a>(&self, mut table: FairGuard<'a, Table>) -> FairGuard<'a, Table> {
        let left = std::mem::take(&mut *self.left());
        left.into_iter().for_each(|left| table.take_off(&left));
        table
    }

    fn left(&self) -> MutexGuard<'_, Vec<Left>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
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
    /// Listens to a target from some time on, which this gives: not before what is committed by now. Dropped before that, it
    /// has done nothing.
    ///
    /// # Errors
    /// What ended the watch; storage errors.
    pub(super) async fn listen(&self, id: TargetId, target: &Target) -> Result<CommitTime, Error> {
        let newest = self.watch.database.now().await?;
        let mut position = self.position.clone();
        let listening = async {
            drop(position.wait_for(|position| *position >= newest).await);
            let mut table = self.watch.lock().await;
            table.hub.subscribe(self.id, id, target);
            table.hub.position()
        };
        tokio::select! {
            time = listening => Ok(time),
            error = self.ended() => Err(error),
        }
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

#[cfg(test)]
mod tests;
