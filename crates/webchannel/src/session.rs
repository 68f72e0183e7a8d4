//! One session: both channels, how long it lives, and how it ends. Source: WebChannel specification, sections 2 to 7.

mod back;

use std::time::Instant;

use bytes::Bytes;

pub use back::{BackId, Step};

use crate::frame;
use crate::inbox::Inbox;
use crate::limits::{
    ABANDONED_AFTER, KEEP_ALIVE, LINGER_TIME, OUTBOX_ARRAYS_ROOM, OUTBOX_BYTES_ROOM,
    UNCLAIMED_AFTER,
};
use crate::outbox::Outbox;
use crate::text::Text;
use back::Back;

/// A session whose messages are `M`.
///
/// Whoever holds it calls [`Session::tick`] at [`Session::next_deadline`], and looks after every call whether the
/// session is over. An over session answers nothing any more.
#[derive(Debug)]
pub struct Session<M> {
    sid: String,
    inbox: Inbox<M>,
    outbox: Outbox,
    back: Option<Back>,
    /// How many back channels there have been.
    backs: u64,
    /// How many bytes may wait for an acknowledgement.
    room: usize,
    opened: Instant,
    /// When there was last a GET or a POST.
    seen: Instant,
    /// Once nothing more will be said.
    ending: Option<Ending>,
    over: Option<Cause>,
}

/// A session that has said its last.
#[derive(Debug)]
struct Ending {
    /// Since when the client has, as far as we know, all of it.
    told: Option<Instant>,
}

/// The last that a session says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// A message that says what went wrong: the client takes its code from it.
    Error(Text),
    /// The client opens another session at once: this server is about to stop.
    Close,
    /// The client opens another session and says in its console that something is wrong.
    Stop,
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The client ended it.
    Terminated,
    /// It had said its last, and the client did not come back to end it.
    Ended,
    /// The client never came for its answers.
    Unclaimed,
    /// The client did not come back.
    Abandoned,
    /// A message that others waited for did not come.
    Gap,
    /// The client sent more than anybody sends who waits for answers.
    TooManyMessages,
    /// The client did not acknowledge enough of what it was sent.
    StoreFull,
}

impl<M: AsRef<str>> Session<M> {
    /// A new session. Its name is text that stands in JSON and URLs as it is.
    #[must_use]
    pub fn new(now: Instant, sid: String) -> Self {
        let mut outbox = Outbox::default();
        // The first GET must have something to say at once, or the client believes that a proxy buffers (section 6.2).
        outbox.push(now, noop());
        Self {
            sid,
            inbox: Inbox::new(),
            outbox,
            back: None,
            backs: 0,
            room: OUTBOX_BYTES_ROOM,
            opened: now,
            seen: now,
            ending: None,
            over: None,
        }
    }

    /// The answer to the handshake.
    #[must_use]
    pub fn handshake_answer(&self) -> Bytes {
        frame::handshake(&self.sid, KEEP_ALIVE)
    }

    /// Takes in what a POST brings: messages with their map ids, each once and in order, and an acknowledgement.
    pub fn receive(
        &mut self,
        now: Instant,
        aid: Option<u64>,
        messages: impl IntoIterator<Item = (u64, M)>,
    ) {
        self.seen = now;
        if let Some(aid) = aid {
            self.outbox.acknowledge(aid);
        }
        for (id, message) in messages {
            if self.inbox.put(now, id, message).is_err() {
                return self.finish(Cause::TooManyMessages);
            }
        }
    }

    /// The answer to a forward POST.
    #[must_use]
    pub fn forward_answer(&self) -> Bytes {
        frame::forward(self.back.is_some(), self.outbox.last(), self.outbox.bytes())
    }

    /// The next message of the client.
    pub fn take_message(&mut self) -> Option<M> {
        self.inbox.take()
    }

    /// Whether the client should get its answer only when messages have been taken.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.over.is_none() && self.inbox.is_crowded()
    }

    /// Adds a message of the server.
    pub fn push(&mut self, now: Instant, message: Text) {
        if self.ending.is_none() && self.over.is_none() {
            self.outbox.push(now, message);
            if self.outbox.is_overfull() {
                self.finish(Cause::StoreFull);
            }
        }
    }

    /// Whether the server has said anything but its first noop.
    #[must_use]
    pub fn has_spoken(&self) -> bool {
        self.outbox.last() > 1 || self.over.is_some()
    }

    /// Whether there is room for more messages of the server: the client acknowledges those that it has.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.outbox.bytes() < self.room && self.outbox.len() < OUTBOX_ARRAYS_ROOM
    }

    /// How many bytes the client has not acknowledged.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.outbox.bytes()
    }

    /// Sets how many bytes may be unacknowledged before there is no more room; at most [`OUTBOX_BYTES_ROOM`]. Tells whether
    /// that is another number than before: the back channel may have something to do then.
    pub fn set_room(&mut self, bytes: usize) -> bool {
        let before = std::mem::replace(&mut self.room, bytes.min(OUTBOX_BYTES_ROOM));
        before != self.room
    }

    /// Says the last thing. The client's further messages are nobody's.
    pub fn end(&mut self, now: Instant, end: End) {
        if self.ending.is_some() || self.over.is_some() {
            return;
        }
        let content = match end {
            End::Error(text) => text,
            End::Close => Text::from(r#""close""#),
            End::Stop => Text::from(r#""stop""#),
        };
        self.outbox.push(now, content);
        self.ending = Some(Ending { told: None });
        self.inbox.close();
    }

    /// The client ends the session.
    pub fn terminate(&mut self) {
        self.finish(Cause::Terminated);
    }

    /// Whether the session has said its last.
    #[must_use]
    pub const fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// Whether the session has said its last, and nobody is there who has not heard it.
    #[must_use]
    pub fn has_told_all(&self) -> bool {
        let told = |ending: &Ending| ending.told.is_some() || self.back.is_none();
        self.ending.as_ref().is_some_and(told)
    }

    /// Why the session is over, once it is.
    #[must_use]
    pub const fn over(&self) -> Option<Cause> {
        self.over
    }

    fn finish(&mut self, cause: Cause) {
        self.over.get_or_insert(cause);
        self.back = None;
        self.inbox.close();
        self.outbox = Outbox::default();
    }

    /// When [`Session::tick`] has something to do; never, once the session is over.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.over.is_some() {
            return None;
        }
        let back = self.back.as_ref();
        let of_back = match back {
            Some(back) => back.deadline(&self.outbox),
            None => Some(self.gone_at().0),
        };
        [of_back, self.inbox.deadline()].into_iter().flatten().min()
    }

    /// When a session without a back channel is over, and why.
    fn gone_at(&self) -> (Instant, Cause) {
        match &self.ending {
            Some(Ending { told: Some(told) }) => (*told + LINGER_TIME, Cause::Ended),
            // POSTs do not make up for a GET that never comes.
            _ if self.backs == 0 => (self.opened + UNCLAIMED_AFTER, Cause::Unclaimed),
            _ => (self.seen + ABANDONED_AFTER, Cause::Abandoned),
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Instant) {
        if self.over.is_some() {
            return;
        }
        if self.inbox.deadline().is_some_and(|at| at <= now) {
            return self.finish(Cause::Gap);
        }
        self.tick_back(now);
        if self.back.is_none() {
            let (at, cause) = self.gone_at();
            if at <= now {
                self.finish(cause);
            }
        }
    }
}

/// What clients ignore.
fn noop() -> Text {
    Text::from(r#""noop""#)
}

#[cfg(test)]
mod tests;
