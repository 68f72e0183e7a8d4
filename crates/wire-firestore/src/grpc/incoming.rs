//! The body of a call on its way in: how long its messages may be, all of them together too, and how long they may take.
//!
//! Watches the frames go by and decodes nothing. Source: gRPC over HTTP2, "Length-Prefixed-Message"; Firestore
//! specification, section 1.4.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::Sleep;
use tonic::Status;

use crate::Refusal;
use crate::limits::{
    MESSAGE_BYTES_MAX, MESSAGE_BYTES_SMALL, MESSAGE_TIME_MAX, MESSAGES_BYTES_MAX, REQUEST_BYTES_MAX,
};

/// What of the memory for messages is counted as one.
const PIECE: usize = 1024;

/// One for the process, as its memory is one.
static PIECES: Semaphore = Semaphore::const_new(MESSAGES_BYTES_MAX / PIECE);

/// A call's claim to memory for its message. Ends when all its clones are gone.
#[derive(Clone, Default)]
pub(super) struct Place(Arc<Mutex<Option<SemaphorePermit<'static>>>>);

impl Place {
    /// Grows the claim to this many pieces; `false` when they are not there.
    fn grow(&self, pieces: usize) -> bool {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let more = pieces.saturating_sub(held.as_ref().map_or(0, SemaphorePermit::num_permits));
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        let Ok(fresh) = PIECES.try_acquire_many(more) else {
            return false;
        };
        match held.as_mut() {
            Some(held) => held.merge(fresh),
            None => *held = Some(fresh),
        }
        true
    }

    fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// How many messages a method takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// One. The method begins only once the body has ended behind it.
    One,
    /// As many as the client sends, whenever it does.
    Many,
}

impl Takes {
    /// What the method of this path takes.
    pub(super) fn of(path: &str) -> Self {
        match path.rsplit('/').next() {
            Some("Listen" | "Write" | "ServerReflectionInfo") => Self::Many,
            _ => Self::One,
        }
    }
}

/// A body that ends with a refusal at what is too much.
pub(super) struct Metered {
    body: Body,
    takes: Takes,
    part: Part,
    place: Place,
    /// A message was there, whole.
    has_message: bool,
    /// Runs at first while a message is waited for, and while one is on its way. Where one message is all, until the
    /// body ends: what waits for that holds the message meanwhile.
    patience: Option<Pin<Box<Sleep>>>,
    /// Ends the body, whatever the client does.
    end: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

/// Where in a message the body stands.
enum Part {
    /// The flag and four bytes of length, of which this much is there.
    Prefix { length: usize, seen: u8 },
    /// The message itself.
    Message { length: usize, seen: usize },
}

impl Part {
    const BEGIN: Self = Self::Prefix { length: 0, seen: 0 };
}

impl Metered {
    pub(super) fn new(body: Body, takes: Takes, place: Place) -> Self {
        Self {
            body,
            takes,
            has_message: false,
            part: Part::BEGIN,
            place,
            patience: Some(Box::pin(tokio::time::sleep(MESSAGE_TIME_MAX))),
            end: None,
        }
    }

    /// The same, ending as if the client had ended it: when the server stops, or after this time.
    pub(super) fn until(self, mut stopped: watch::Receiver<bool>, most: Duration) -> Self {
        let end = async move {
            let stops = stopped.wait_for(|stopped| *stopped);
            // Done either way: nobody is left who could stop the server later.
            let _ = tokio::time::timeout(most, stops).await;
        };
        let end = Some(Box::pin(end) as _);
        Self { end, ..self }
    }

    /// Follows the messages through some bytes.
    fn follow(&mut self, mut bytes: &[u8]) -> Result<(), Refusal> {
        while !bytes.is_empty() {
            match &mut self.part {
                Part::Prefix { length, seen } => {
                    let Some((first, rest)) = bytes.split_first() else {
                        break;
                    };
                    if *seen == 0 {
                        if self.has_message {
                            match self.takes {
                                Takes::One => return Err(one_too_many()),
                                // What the message before had, its handler has taken over.
                                Takes::Many => self.place.clear(),
                            }
                        }
                        let patience = || Box::pin(tokio::time::sleep(MESSAGE_TIME_MAX));
                        self.patience.get_or_insert_with(patience);
                    } else {
                        *length = *length << 8 | usize::from(*first);
                    }
                    *seen += 1;
                    bytes = rest;
                    if *seen == 5 {
                        check_length(*length)?;
                        let length = *length;
                        self.part = Part::Message { length, seen: 0 };
                        if length == 0 {
                            self.end_message();
                        }
                    }
                }
                Part::Message { length, seen } => {
                    let here = bytes.len().min(*length - *seen);
                    *seen += here;
                    bytes = bytes.get(here..).unwrap_or_default();
                    let (length, seen) = (*length, *seen);
                    if seen > MESSAGE_BYTES_SMALL && !self.place.grow(seen.div_ceil(PIECE)) {
                        return Err(busy());
                    }
                    if seen == length {
                        self.end_message();
                    }
                }
            }
        }
        Ok(())
    }

    fn end_message(&mut self) {
        self.part = Part::BEGIN;
        self.has_message = true;
        if self.takes == Takes::Many {
            self.patience = None;
        }
    }
}

fn check_length(length: usize) -> Result<(), Refusal> {
    if length > MESSAGE_BYTES_MAX {
        return Err(Refusal::new(
            crate::Code::ResourceExhausted,
            format!("The message has {length} bytes, more than {MESSAGE_BYTES_MAX}."),
        ));
    }
    if length > REQUEST_BYTES_MAX {
        return Err(Refusal::invalid(format!(
            "Request payload size exceeds the limit: {REQUEST_BYTES_MAX} bytes."
        )));
    }
    Ok(())
}

/// Source: gRPC's "Status codes and their use in gRPC", request cardinality violation.
fn one_too_many() -> Refusal {
    Refusal::unimplemented("The method takes one message.")
}

fn busy() -> Refusal {
    Refusal::new(crate::Code::Unavailable, "The server is busy. Try again.")
}

impl HttpBody for Metered {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if let Some(end) = &mut this.end
            && end.as_mut().poll(cx).is_ready()
        {
            this.end = None;
            this.body = Body::empty();
        }
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let followed = frame.data_ref().map_or(Ok(()), |bytes| this.follow(bytes));
                Poll::Ready(Some(followed.map(|()| frame).map_err(Status::from)))
            }
            // The client went away; nobody reads the answer.
            Poll::Ready(Some(Err(error))) => {
                Poll::Ready(Some(Err(Status::cancelled(error.to_string()))))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                let Some(patience) = &mut this.patience else {
                    return Poll::Pending;
                };
                ready!(patience.as_mut().poll(cx));
                let text = "The message took too long to arrive.";
                Poll::Ready(Some(Err(Status::deadline_exceeded(text))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
