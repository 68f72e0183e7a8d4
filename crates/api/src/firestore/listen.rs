//! `Listen`: a stream of targets, and what it is told of them.
//!
//! Everything goes by the pace of the client: a target is loaded page by page as answers are taken, and what changes
//! meanwhile waits in the stream's mailbox. One target is loaded at a time, and has its snapshot before the next one
//! begins; those that may be long are the last, since no snapshot is sent while a target is half there. Firestore
//! specification, section 11.

mod loading;
mod target;

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use firekeep_documents::watch::{Event, ResumeToken, Start, Stream, TargetChange, TargetId};
use firekeep_model::{Caller, DatabaseName};
use firekeep_store::CommitTime;
use tokio::time::Instant;

use super::Firestore;
use super::streams::{Lifetime, StreamCredential};
use super::watch::{Claim, Mailed, Subscription};
use crate::Error;
use crate::limits::STREAM_NEWS_EVERY;
use loading::Loading;
use target::{Held, Waiting};

pub use target::{AddTarget, ListenRequest};

/// A stream of targets.
pub struct Listening {
    firestore: Firestore,
    caller: Caller,
    database: DatabaseName,
    lifetime: Lifetime,
    stream: Stream,
    targets: HashMap<TargetId, Held>,
    /// From the first target on that was let in.
    subscription: Option<Subscription>,
    /// Targets that were let in and have not begun: the client has heard nothing of them.
    waiting: VecDeque<Waiting>,
    /// The targets to load, one behind the other: a new one, or all of a stream that was behind.
    loads: VecDeque<Loading>,
    /// What is to be said at once.
    ready: Vec<ListenEvent>,
    /// The memory of what is being told.
    claims: Vec<Claim>,
    /// When the client hears the time again, if nothing else.
    news_due: Instant,
}

/// What a stream says.
#[derive(Debug)]
pub enum ListenEvent {
    /// Something about its targets and documents.
    Event(Event),
    /// A target is refused, and gone.
    Rejected {
        /// The target.
        target: TargetId,
        /// Why.
        cause: Error,
    },
}

impl Firestore {
    /// Opens a stream of targets. Who may listen to what is decided for every target.
    ///
    /// # Errors
    /// [`Error::DatabaseNotFound`], [`Error::Exhausted`], [`Error::Unauthenticated`]; storage errors.
    pub async fn listen(
        &self,
        credential: StreamCredential,
        database: &DatabaseName,
    ) -> Result<Listening, Error> {
        if !self.0.has_database(database)? {
            return Err(Error::DatabaseNotFound(database.clone()));
        }
        Ok(Listening {
            firestore: self.clone(),
            caller: credential.caller.clone(),
            database: database.clone(),
            lifetime: self.0.open_stream(credential, database)?,
            stream: Stream::new(database.clone()),
            targets: HashMap::new(),
            subscription: None,
            waiting: VecDeque::new(),
            loads: VecDeque::new(),
            ready: Vec::new(),
            claims: Vec::new(),
            news_due: Instant::now() + STREAM_NEWS_EVERY,
        })
    }
}

impl Listening {
    /// What is to be told next: waits for it. Nothing is lost when it is dropped before.
    ///
    /// # Errors
    /// What ended the stream; storage errors.
    pub async fn next(&mut self) -> Result<Vec<ListenEvent>, Error> {
        loop {
            if !self.ready.is_empty() {
                return Ok(std::mem::take(&mut self.ready));
            }
            self.lifetime.check()?;
            if let Some(subscription) = &self.subscription {
                subscription.check()?;
            }
            if self.loads.is_empty() {
                self.deliver();
                if self.ready.is_empty() && self.loads.is_empty() {
                    match self.waiting.is_empty() {
                        true => self.wait().await?,
                        false => self.begin().await?,
                    }
                }
            } else {
                self.load().await?;
            }
        }
    }

    /// The resume token of a snapshot that the stream tells.
    #[must_use]
    pub fn token(&self, time: CommitTime) -> Bytes {
        match &self.subscription {
            None => Bytes::new(),
            Some(subscription) => {
                let incarnation = subscription.watch.incarnation;
                ResumeToken { incarnation, time }.encode()
            }
        }
    }

    /// Begins with the target that is in turn.
    async fn begin(&mut self) -> Result<(), Error> {
        let (Some(next), Some(subscription)) = (self.waiting.front(), &self.subscription) else {
            return Ok(());
        };
        let Some(held) = self.targets.get(&next.target) else {
            return Ok(());
        };
        let time = tokio::select! {
            time = subscription.listen(next.target, &held.what) => time?,
            error = self.lifetime.ended() => return Err(error),
        };
        // Nothing is waited for from here on.
        let database = &subscription.watch.database;
        let loading = Loading::new(next.target, &held.what, next.start, time, database);
        self.loads.push_back(loading);
        let (letters, claim) = subscription.mailbox.take_until(time);
        self.claims.push(claim);
        for letter in letters {
            let (stream, target) = (&mut self.stream, letter.target);
            stream.deliver(target, letter.at, &letter.changes);
        }
        let begun = self.waiting.pop_front();
        self.tell_all(|stream| {
            let mut events = stream.flush(time);
            events.extend(begun.map(|begun| stream.add(begun.target, begun.lasts)));
            events
        });
        Ok(())
    }

    /// Goes on with the loading that is in turn.
    async fn load(&mut self) -> Result<(), Error> {
        let (Some(loading), Some(subscription)) = (self.loads.front_mut(), &self.subscription)
        else {
            return Ok(());
        };
        let made = tokio::select! {
            made = loading.go_on(&subscription.watch.database) => made?,
            error = self.lifetime.ended() => return Err(error),
            error = subscription.ended() => return Err(error),
        };
        let target = loading.target;
        if made.done {
            self.loads.pop_front();
        }
        for step in made.steps {
            self.tell_all(|stream| stream.step(target, made.time, step));
        }
        Ok(())
    }

    /// Tells what the mailbox has, and the time that is reached by it, if there is anything to tell.
    fn deliver(&mut self) {
        self.claims.clear();
        let Some(subscription) = &self.subscription else {
            return;
        };
        // Read before the mailbox, which has everything up to it: maybe more.
        let mut reached = *subscription.position.borrow();
        match subscription.mailbox.take() {
            Mailed::Letters(letters, claim) => {
                self.claims.push(claim);
                for letter in letters {
                    let (stream, target) = (&mut self.stream, letter.target);
                    stream.deliver(target, letter.at, &letter.changes);
                    reached = reached.max(letter.at);
                }
            }
            Mailed::Behind(lost) => return self.catch_up(reached.max(lost)),
        }
        let is_due = self.stream.is_due() || Instant::now() >= self.news_due;
        if is_due && self.stream.targets() > 0 {
            self.tell_all(|stream| stream.snapshot(reached));
        }
    }

    /// Loads every target from where it is, since something was lost: as of a time from which on nothing was.
    fn catch_up(&mut self, at: CommitTime) {
        let Some(subscription) = &self.subscription else {
            return;
        };
        let database = &subscription.watch.database;
        for (id, time) in self.stream.load_again() {
            if let Some(target) = self.targets.get(&id) {
                let expected_count = None;
                let start = Start::After {
                    time,
                    expected_count,
                };
                let loading = Loading::new(id, &target.what, start, at, database);
                self.loads.push_back(loading);
            }
        }
    }

    /// Waits until there may be something to tell.
    async fn wait(&mut self) -> Result<(), Error> {
        let Some(subscription) = &self.subscription else {
            return Err(self.lifetime.ended().await);
        };
        let mut position = subscription.position.clone();
        let due = self.stream.next_snapshot().filter(|_| self.stream.is_due());
        let reached = async {
            match due {
                Some(due) => drop(position.wait_for(|position| *position >= due).await),
                None => std::future::pending().await,
            }
        };
        let has_targets = self.stream.targets() > 0;
        tokio::select! {
            error = self.lifetime.ended() => Err(error),
            error = subscription.ended() => Err(error),
            () = subscription.mailbox.news() => Ok(()),
            () = reached => Ok(()),
            () = tokio::time::sleep_until(self.news_due), if has_targets => Ok(()),
        }
    }

    /// Has what the stream says told, and forgets the targets that end by it.
    fn tell_all(&mut self, say: impl FnOnce(&mut Stream) -> Vec<Event>) {
        for event in say(&mut self.stream) {
            if let Event::Target {
                change, targets, ..
            } = &event
            {
                match change {
                    TargetChange::Remove => {
                        targets.clone().into_iter().for_each(|id| self.leave(id))
                    }
                    TargetChange::NoChange => self.news_due = Instant::now() + STREAM_NEWS_EVERY,
                    TargetChange::Add | TargetChange::Current | TargetChange::Reset => {}
                }
            }
            self.ready.push(ListenEvent::Event(event));
        }
    }

    fn targets_bytes(&self) -> usize {
        self.targets.values().map(Held::bytes).sum()
    }

    /// Listens to a target no more.
    fn leave(&mut self, id: TargetId) {
        self.targets.remove(&id);
        self.waiting.retain(|waiting| waiting.target != id);
        self.loads.retain(|loading| loading.target != id);
        if let Some(subscription) = &self.subscription {
            subscription.leave(id);
        }
    }
}
