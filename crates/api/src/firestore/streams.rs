//! The streams that clients keep open: how many there may be, and what ends one that its client would go on with.
//!
//! A stream is for the credential that opened it. It ends when the server stops, a while after the ID token has expired,
//! and at once when the user is disabled, deleted, revoked or signed out everywhere: nobody asks for every stream again and
//! again, [`users`] reads the log of accounts instead. Firestore specification, section 11.8.

mod users;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use firekeep_model::{Caller, DatabaseName, ProjectId, Rng as _, Uid};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::limits::{STREAM_GRACE, STREAM_GRACE_JITTER_MILLIS, STREAMS_MAX, STREAMS_OF_USER_MAX};
use crate::{Core, Error, SystemRng};

/// Who opens a stream, and by what.
#[derive(Clone)]
pub struct StreamCredential {
    /// The bearer credential as it came: it is looked at again while the stream goes on.
    pub bearer: Option<String>,
    /// Whom it proves.
    pub caller: Caller,
}

/// The open streams of all databases.
#[derive(Default)]
pub(crate) struct Streams(Mutex<Table>);

#[derive(Default)]
struct Table {
    all: HashMap<StreamId, Arc<Entry>>,
    of_users: HashMap<User, Vec<StreamId>>,
    next: u64,
    stopping: bool,
    /// Reads the log of accounts while users have streams.
    thread: Option<JoinHandle<()>>,
}

type User = (ProjectId, Uid);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct StreamId(u64);

/// What is known of one stream.
struct Entry {
    bearer: Option<String>,
    database: DatabaseName,
    user: Option<User>,
    end: watch::Sender<Option<End>>,
}

/// Why a stream ends that its client would go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Stopping,
    Unauthenticated,
    Unknown,
}

impl From<End> for Error {
    fn from(end: End) -> Self {
        match end {
            End::Stopping => Self::Unavailable("the server is stopping"),
            End::Unauthenticated => Self::Unauthenticated,
            End::Unknown => Self::Unavailable("the credential cannot be looked at"),
        }
    }
}

/// A stream's place among the open ones, and its end. The place is free again when this is dropped.
pub(super) struct Lifetime {
    core: Arc<Core>,
    id: StreamId,
    end: watch::Receiver<Option<End>>,
    expires: Option<Instant>,
}

impl Lifetime {
    /// Waits for what ends the stream. Nothing is lost when it is dropped before.
    pub(super) async fn ended(&mut self) -> Error {
        let expired = async {
            match self.expires {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let end = tokio::select! {
            () = expired => End::Unauthenticated,
            end = self.end.wait_for(Option::is_some) => {
                end.ok().and_then(|end| *end).unwrap_or(End::Stopping)
            }
        };
        end.into()
    }

    /// # Errors
    /// What ended the stream.
    pub(super) fn check(&self) -> Result<(), Error> {
        let expired = self.expires.is_some_and(|at| at <= Instant::now());
        match *self.end.borrow() {
            Some(end) => Err(end.into()),
            None if expired => Err(Error::Unauthenticated),
            None => Ok(()),
        }
    }
}

impl Drop for Lifetime {
    fn drop(&mut self) {
        self.core.streams.lock().remove(self.id);
    }
}

impl Core {
    /// Gives a stream its place.
    ///
    /// # Errors
    /// [`Error::Exhausted`]; [`Error::Unauthenticated`] when the credential is good no more; storage errors.
    pub(super) fn open_stream(
        self: &Arc<Self>,
        credential: StreamCredential,
        database: &DatabaseName,
    ) -> Result<Lifetime, Error> {
        let StreamCredential { bearer, caller } = credential;
        let (user, expires) = match caller {
            Caller::User {
                project,
                uid,
                claims,
            } => {
                let exp = claims.get("exp").and_then(serde_json::Value::as_i64);
                (Some((project, uid)), exp.map(|exp| self.expiry(exp)))
            }
            Caller::Anonymous | Caller::ApiKey { .. } | Caller::Privileged { .. } => (None, None),
        };
        // Before the stream is known: no change of the user is between this and the first row that is read.
        let since = self.read()?.time();
        let (end, ended) = watch::channel(None);
        let entry = Arc::new(Entry {
            bearer,
            database: database.clone(),
            user,
            end,
        });
        let id = self.streams.lock().add(Arc::clone(&entry))?;
        let lifetime = Lifetime {
            core: Arc::clone(self),
            id,
            end: ended,
            expires,
        };
        if entry.user.is_some() {
            users::follow(self, since)?;
        }
        // What changed between the look at the credential and now.
        self.look_again(&entry);
        lifetime.check()?;
        Ok(lifetime)
    }

    /// When the stream of a token ends that expires at `exp`: some while later, and not all at once.
    fn expiry(&self, exp: i64) -> Instant {
        let mut random = [0; 8];
        SystemRng.fill(&mut random);
        let jitter = u64::from_be_bytes(random) % STREAM_GRACE_JITTER_MILLIS;
        let left = u64::try_from(exp.saturating_sub(self.now().secs())).unwrap_or(0);
        let left = Duration::from_secs(left.min(u64::from(u32::MAX)));
        Instant::now() + left + STREAM_GRACE + Duration::from_millis(jitter)
    }

    /// Ends a stream whose credential is good no more.
    fn look_again(&self, entry: &Entry) {
        let end = match self.documents_caller(entry.bearer.as_deref(), &entry.database) {
            Ok(_) => return,
            Err(Error::Unauthenticated) => End::Unauthenticated,
            Err(error) => {
                tracing::error!(%error, "the credential of a stream cannot be looked at");
                End::Unknown
            }
        };
        entry.end(end);
    }

    /// Ends the streams of administrators whose credentials are good no more: after a change of service accounts.
    pub(crate) fn look_at_administrators(&self) {
        let table = self.streams.lock();
        let entries = table.all.values();
        let theirs = entries.filter(|entry| entry.user.is_none() && entry.bearer.is_some());
        let theirs: Vec<_> = theirs.cloned().collect();
        drop(table);
        theirs.iter().for_each(|entry| self.look_again(entry));
    }

    /// Ends all streams, and lets nobody open another one: the server stops.
    pub fn end_streams(&self) {
        let mut table = self.streams.lock();
        table.stopping = true;
        table
            .all
            .values()
            .for_each(|entry| entry.end(End::Stopping));
    }
}

impl Entry {
    /// Ends the stream; the first reason is the one that counts.
    fn end(&self, end: End) {
        self.end.send_if_modified(|known| {
            let is_first = known.is_none();
            known.get_or_insert(end);
            is_first
        });
    }
}

impl Streams {
    /// Waits until nothing reads the log of accounts any more. Blocks.
    pub(super) fn close(&self) {
        let mut table = self.lock();
        table.stopping = true;
        let thread = table.thread.take();
        drop(table);
        if let Some(thread) = thread {
            // One that panicked is as much at its end.
            let _ = thread.join();
        }
    }

    /// The streams of a user.
    fn of_user(&self, user: &User) -> Vec<Arc<Entry>> {
        let table = self.lock();
        let ids = table.of_users.get(user).into_iter().flatten();
        ids.filter_map(|id| table.all.get(id).cloned()).collect()
    }

    /// The streams of all users.
    fn of_users(&self) -> Vec<Arc<Entry>> {
        let table = self.lock();
        let entries = table.all.values();
        entries
            .filter(|entry| entry.user.is_some())
            .cloned()
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn add(&mut self, entry: Arc<Entry>) -> Result<StreamId, Error> {
        if self.stopping {
            return Err(End::Stopping.into());
        }
        if self.all.len() >= STREAMS_MAX {
            return Err(Error::Exhausted("streams"));
        }
        let id = StreamId(self.next);
        if let Some(user) = &entry.user {
            let ids = self.of_users.entry(user.clone()).or_default();
            if ids.len() >= STREAMS_OF_USER_MAX {
                return Err(Error::Exhausted("streams of one user"));
            }
            ids.push(id);
        }
        self.next += 1;
        self.all.insert(id, entry);
        Ok(id)
    }

    fn remove(&mut self, id: StreamId) {
        let entry = self.all.remove(&id);
        let Some(user) = entry.and_then(|entry| entry.user.clone()) else {
            return;
        };
        let Some(ids) = self.of_users.get_mut(&user) else {
            return;
        };
        ids.retain(|known| *known != id);
        if ids.is_empty() {
            self.of_users.remove(&user);
        }
    }
}
