//! The requests of a stream: targets are added and removed.
//!
//! A target that is refused is a message of the stream; everything else that fails is its end. Firestore specification,
//! sections 11.2, 11.6 and 11.7.

use firekeep_documents::query::Strictness;
use firekeep_documents::watch::{Lasts, Resume, Start, Target, TargetId};

use super::{ListenEvent, Listening};
use crate::Error;
use crate::limits::{TARGETS_BYTES_MAX, TARGETS_MAX};

/// What a client asks of its stream.
#[derive(Debug)]
pub enum ListenRequest {
    /// To listen to something.
    Add(Box<AddTarget>),
    /// To listen to a target no more.
    Remove(TargetId),
}

/// What a client wants to listen to.
#[derive(Debug)]
pub struct AddTarget {
    /// Its number; the stream gives one when absent.
    pub id: Option<TargetId>,
    /// What; or why what was sent is none.
    pub target: Result<Target, Error>,
    /// Where to go on.
    pub resume: Option<Resume>,
    /// How many documents the client has of it.
    pub expected_count: Option<u32>,
    /// For how long.
    pub lasts: Lasts,
    /// How many bytes it was sent in: about what it takes while it lasts.
    pub bytes: usize,
}

/// A target that was let in.
pub(super) struct Held {
    pub(super) what: Target,
    bytes: usize,
}

impl Held {
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

/// One that has not begun.
pub(super) struct Waiting {
    pub(super) target: TargetId,
    pub(super) start: Start,
    pub(super) lasts: Lasts,
    /// There may be any number of documents to load.
    is_long: bool,
}

impl Listening {
    /// Takes a request. What comes of it is told by [`next`](Self::next).
    ///
    /// # Errors
    /// [`Error::Invalid`] for a number that is in use; [`Error::DatabaseNotFound`]; storage errors. The stream is over
    /// then.
    pub async fn request(&mut self, request: ListenRequest) -> Result<(), Error> {
        match request {
            ListenRequest::Add(add) => self.add(*add).await,
            ListenRequest::Remove(id) => {
                // One that has not begun was not answered yet, and clients count answers.
                if self.waiting.iter().any(|waiting| waiting.target == id) {
                    let added = self.stream.add(id, Lasts::Open);
                    self.ready.push(ListenEvent::Event(added));
                }
                self.leave(id);
                let event = self.stream.remove(id);
                self.ready.push(ListenEvent::Event(event));
                Ok(())
            }
        }
    }

    async fn add(&mut self, add: AddTarget) -> Result<(), Error> {
        let id = match add.id {
            Some(id) if self.targets.contains_key(&id) => {
                let text = format!("the target {} is active already", id.get());
                return Err(Error::Invalid(text));
            }
            Some(id) => id,
            None => {
                let mut ids = (1..=i32::MAX).filter_map(TargetId::new);
                let id = ids.find(|id| !self.targets.contains_key(id));
                id.ok_or(Error::Exhausted("targets on this stream"))?
            }
        };
        let is_full = self.targets.len() >= TARGETS_MAX
            || self.targets_bytes() + add.bytes > TARGETS_BYTES_MAX;
        let let_in = match is_full {
            true => Err(Error::Exhausted("targets on this stream")),
            false => self.let_in(id, add).await,
        };
        match let_in {
            Ok(()) => Ok(()),
            Err(cause) if is_full || is_refusal(&cause) => {
                // Also of one that is refused: clients count answers, and one that removes it meanwhile gets its own.
                let added = self.stream.add(id, Lasts::Open);
                self.ready.push(ListenEvent::Event(added));
                self.stream.forget(id);
                let target = id;
                self.ready.push(ListenEvent::Rejected { target, cause });
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn let_in(&mut self, id: TargetId, add: AddTarget) -> Result<(), Error> {
        let mut target = add.target?;
        if let Target::Query(query) = &mut target {
            if query.find_nearest.is_some() {
                let text = "nobody can listen to the nearest vectors";
                return Err(Error::Invalid(text.to_owned()));
            }
            // COMPAT: listeners get whole documents, whatever the query selects (specification, section 17).
            query.select = None;
            query.validate(&self.database, Strictness::Lenient)?;
        }
        let (caller, firestore) = (&self.caller, &self.firestore);
        let open = firestore.admit(caller, &self.database).await?;
        if let Target::Query(query) = &target {
            let may_index = firestore.may_index(caller, &self.database);
            let looked = firestore.look_for_index(&open, query, &[], may_index);
            looked.await?;
        }
        let subscription = match &self.subscription {
            Some(subscription) => subscription,
            None => {
                let subscription = firestore.0.subscribe(&open).await?;
                self.subscription.insert(subscription)
            }
        };
        let incarnation = subscription.watch.incarnation;
        let start = match &add.resume {
            None => Start::Fresh,
            Some(resume) => match resume.start(incarnation, add.expected_count) {
                // What there was then is not the past of this database.
                Start::After { time, .. } if time < open.since => Start::Lost,
                start => start,
            },
        };
        let is_long = match &target {
            Target::Query(query) => query.limit.is_none() && !matches!(start, Start::After { .. }),
            Target::Documents(_) => false,
        };
        let waiting = Waiting {
            target: id,
            start,
            lasts: add.lasts,
            is_long,
        };
        let behind = self
            .waiting
            .iter()
            .take_while(|other| is_long || !other.is_long);
        self.waiting.insert(behind.count(), waiting);
        let held = Held {
            what: target,
            bytes: add.bytes,
        };
        self.targets.insert(id, held);
        Ok(())
    }
}

/// Whether an error is about one target only.
fn is_refusal(error: &Error) -> bool {
    match error {
        Error::PermissionDenied | Error::Invalid(_) | Error::IndexRequired(_) => true,
        Error::Documents(error) => error.is_answer(),
        _ => false,
    }
}
