//! The back channel: one hanging GET at a time, the newest. Source: WebChannel specification, sections 6 to 6.3.

use std::time::Instant;

use bytes::Bytes;

use super::{Session, noop};
use crate::Mode;
use crate::limits::{ABANDONED_AFTER, BACK_TIME_MAX, GATHER_TIME, KEEP_ALIVE, OUTBOX_ARRAYS_ROOM};
use crate::outbox::Outbox;

/// Which of a session's back channels. An older one has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackId(u64);

/// What the answer to a back channel's GET does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Leaves at once.
    Chunk(Bytes),
    /// Nothing, until something changes.
    Wait,
    /// Ends.
    End,
}

/// A back channel that is open.
#[derive(Debug)]
pub(super) struct Back {
    id: BackId,
    mode: Mode,
    opened: Instant,
    /// Whether a chunk has left. A GET never ends before the first: an empty body counts as a failure.
    wrote: bool,
    /// Since when nothing has left, as far as it was looked at.
    quiet_since: Instant,
    /// A long poll says the arrays up to this one, once it knows.
    gathered: Option<u64>,
    /// Since when it ends as soon as all is written.
    closing: Option<Instant>,
}

impl Back {
    /// When something is due.
    pub(super) fn deadline(&self, outbox: &Outbox) -> Option<Instant> {
        if let Some(closing) = self.closing {
            return Some(closing + ABANDONED_AFTER);
        }
        match self.mode {
            // Whoever waits for it need not hear that a chunk has left: it only gets later.
            Mode::Streaming => {
                Some((self.opened + BACK_TIME_MAX).min(self.quiet_since + KEEP_ALIVE))
            }
            Mode::Polling(time) => Some(match outbox.unsent_since() {
                Some(since) => since + GATHER_TIME,
                None => self.opened + time,
            }),
        }
    }
}

impl<M: AsRef<str>> Session<M> {
    /// A GET has come, with an acknowledgement: it is the back channel from now on, and the one before ends.
    pub fn attach(&mut self, now: Instant, aid: u64, mode: Mode) -> BackId {
        self.seen = now;
        self.outbox.acknowledge(aid);
        self.outbox.rewind();
        if let Some(ending) = &mut self.ending {
            ending.told = None;
        }
        self.backs += 1;
        let id = BackId(self.backs);
        if self.over.is_none() {
            self.back = Some(Back {
                id,
                mode,
                opened: now,
                wrote: false,
                quiet_since: now,
                gathered: None,
                closing: None,
            });
        }
        id
    }

    /// What the answer to that GET does next.
    pub fn next_step(&mut self, now: Instant, id: BackId) -> Step {
        self.tick(now);
        let Some(back) = self.back.as_mut().filter(|back| back.id == id) else {
            return Step::End;
        };
        if let Mode::Streaming = back.mode
            && !back.wrote
            && self.outbox.is_sent()
        {
            self.outbox.push(now, noop());
        }
        let may_write = match back.mode {
            Mode::Streaming => true,
            Mode::Polling(_) => back
                .gathered
                .is_some_and(|last| self.outbox.last_sent() < last),
        };
        if may_write && let Some(chunk) = self.outbox.next_chunk() {
            back.wrote = true;
            back.quiet_since = now;
            return Step::Chunk(chunk);
        }
        let is_long =
            2 * self.outbox.bytes() >= self.room || 2 * self.outbox.len() >= OUTBOX_ARRAYS_ROOM;
        let ends = match back.mode {
            Mode::Streaming => is_long || back.closing.is_some() || self.ending.is_some(),
            Mode::Polling(_) => true,
        };
        if back.wrote && ends {
            self.told(now);
            self.detach(now, id);
            return Step::End;
        }
        Step::Wait
    }

    /// The client has been sent everything, on a back channel that ended well.
    fn told(&mut self, now: Instant) {
        if let Some(ending) = &mut self.ending {
            ending.told = Some(now);
        }
    }

    /// The answer to that GET is no more: it has ended, or its client went away.
    pub fn detach(&mut self, now: Instant, id: BackId) {
        if self.back.as_ref().is_some_and(|back| back.id == id) {
            self.back = None;
            self.seen = now;
        }
    }

    pub(super) fn tick_back(&mut self, now: Instant) {
        let Some(back) = &mut self.back else {
            return;
        };
        if back.deadline(&self.outbox).is_none_or(|at| at > now) {
            return;
        }
        if back.closing.is_some() {
            // The client reads nothing, and its connection does not tell.
            self.back = None;
            self.seen = now;
            return;
        }
        match back.mode {
            Mode::Streaming if back.opened + BACK_TIME_MAX <= now => back.closing = Some(now),
            Mode::Streaming => {
                back.quiet_since = now;
                // What waits for the client to read needs no noop behind it.
                if self.outbox.is_sent() {
                    self.outbox.push(now, noop());
                }
            }
            Mode::Polling(_) => {
                if self.outbox.is_sent() {
                    self.outbox.push(now, noop());
                }
                back.gathered = Some(self.outbox.last());
                back.closing = Some(now);
            }
        }
    }
}
