//! A session that requests and a task work on at once: its state behind a lock, and whom a change wakes.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use firekeep_webchannel::{BackId, Cause, End, Mode, Session, Step, Text};
use firekeep_wire_http::Place;
use tokio::sync::Notify;

use super::back::Back;
use super::registry::Outstanding;
use super::rpc::Rpc;
use super::unknown_sid;
use crate::Refusal;
use crate::limits::{CROWDED_TIME_MAX, FIRST_ANSWER_TIME_MAX};

/// A message of the client, not read yet.
pub(super) struct Message {
    text: String,
    /// The claim to memory of the request that brought it.
    place: Option<Arc<Place>>,
}

impl Message {
    pub(super) const fn new(text: String, place: Option<Arc<Place>>) -> Self {
        Self { text, place }
    }

    /// Its text, and what to hold on to while it is in memory.
    pub(super) fn into_parts(self) -> (String, Option<Arc<Place>>) {
        (self.text, self.place)
    }
}

impl AsRef<str> for Message {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

/// One session.
pub(super) struct Live {
    pub(super) rpc: Rpc,
    state: Mutex<State>,
    /// Something has changed that the session's task looks at.
    changed: Notify,
    /// Messages have been taken or made.
    moved: Notify,
}

struct State {
    session: Session<Message>,
    /// What waits on the newest back channel.
    back: Option<Waker>,
    /// What waits for messages of the client.
    requests: Option<Waker>,
    outstanding: Outstanding,
}

/// What a session's task has to know.
pub(super) struct Look {
    pub(super) deadline: Instant,
    pub(super) is_ending: bool,
    pub(super) has_room: bool,
    pub(super) has_told_all: bool,
}

/// Tokio's time, which tests stop.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Live {
    pub(super) fn new(rpc: Rpc, sid: String, outstanding: Outstanding) -> Self {
        Self {
            rpc,
            state: Mutex::new(State {
                session: Session::new(now(), sid),
                back: None,
                requests: None,
                outstanding,
            }),
            changed: Notify::new(),
            moved: Notify::new(),
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let done = work(&mut state);
        let bytes = state.session.outstanding();
        state.outstanding.set(bytes);
        done
    }

    pub(super) fn handshake_answer(&self) -> Bytes {
        self.with(|state| state.session.handshake_answer())
    }

    /// Takes in what a POST brings.
    pub(super) fn receive(
        &self,
        aid: Option<u64>,
        messages: impl IntoIterator<Item = (u64, Message)>,
    ) {
        self.with(|state| {
            state.session.receive(now(), aid, messages);
            wake(&mut state.requests);
            if state.session.over().is_some() {
                wake(&mut state.back);
            }
        });
        self.changed.notify_one();
    }

    /// Waits until the messages of the client are few enough, within limits.
    pub(super) async fn made_room(&self) {
        // Whoever still does not wait is refused when there are too many.
        let has_room = |state: &State| !state.session.is_crowded();
        self.moved_until(CROWDED_TIME_MAX, has_room).await;
    }

    /// Waits for the first answer of the method, a little. The client gives its GET twice the time that a handshake takes
    /// before it believes that a proxy buffers (section 6.2): work that is done first gives it more.
    pub(super) async fn first_answer(&self) {
        let has_spoken = |state: &State| state.session.has_spoken();
        self.moved_until(FIRST_ANSWER_TIME_MAX, has_spoken).await;
    }

    async fn moved_until(&self, most: Duration, is: impl Fn(&State) -> bool) {
        let moved = async {
            loop {
                let moved = self.moved.notified();
                if self.with(|state| is(state)) {
                    break;
                }
                moved.await;
            }
        };
        let _ = tokio::time::timeout(most, moved).await;
    }

    /// The answer to a POST.
    pub(super) fn forward_answer(&self) -> Result<Bytes, Refusal> {
        self.with(|state| match state.session.over() {
            None => Ok(state.session.forward_answer()),
            Some(_) => Err(unknown_sid()),
        })
    }

    /// The body of the answer to a GET, which is the back channel from now on.
    pub(super) fn attach(self: Arc<Self>, aid: u64, mode: Mode) -> Result<Back, Refusal> {
        let id = self.with(|state| {
            let id = state.session.attach(now(), aid, mode);
            wake(&mut state.back);
            match state.session.over() {
                None => Ok(id),
                Some(_) => Err(unknown_sid()),
            }
        })?;
        self.changed.notify_one();
        Ok(Back::new(self, id))
    }

    /// What that back channel does next; when it waits, what wakes it is there.
    pub(super) fn next_step(&self, id: BackId, cx: &Context<'_>) -> Step {
        let step = self.with(|state| {
            let step = state.session.next_step(now(), id);
            if step == Step::Wait {
                state.back = Some(cx.waker().clone());
            }
            step
        });
        if step == Step::End {
            self.changed.notify_one();
        }
        step
    }

    /// That back channel is no more.
    pub(super) fn detach(&self, id: BackId) {
        self.with(|state| state.session.detach(now(), id));
        self.changed.notify_one();
    }

    /// The client's next message; none, ever, once the session has said its last.
    pub(super) fn poll_message(&self, cx: &Context<'_>) -> Poll<Option<Message>> {
        let found = self.with(|state| {
            if let Some(message) = state.session.take_message() {
                return Poll::Ready(Some(message));
            }
            if state.session.is_ending() || state.session.over().is_some() {
                return Poll::Ready(None);
            }
            state.requests = Some(cx.waker().clone());
            Poll::Pending
        });
        self.moved.notify_waiters();
        found
    }

    /// Adds messages of the server.
    pub(super) fn push(&self, messages: Vec<Text>) {
        self.with(|state| {
            let now = now();
            for message in messages {
                state.session.push(now, message);
            }
            wake(&mut state.back);
        });
        self.moved.notify_waiters();
    }

    /// Says the last thing.
    pub(super) fn end(&self, end: End) {
        self.with(|state| {
            state.session.end(now(), end);
            wake(&mut state.back);
        });
        self.moved.notify_waiters();
    }

    /// The client ends the session.
    pub(super) fn terminate(&self) {
        self.with(|state| {
            state.session.terminate();
            wake(&mut state.back);
        });
        self.moved.notify_waiters();
        self.changed.notify_one();
    }

    pub(super) fn is_over(&self) -> bool {
        self.over().is_some()
    }

    /// Why the session is over, once it is.
    pub(super) fn over(&self) -> Option<Cause> {
        self.with(|state| state.session.over())
    }

    /// What the session's task does next; nothing, once the session is over.
    pub(super) fn look(&self) -> Option<Look> {
        self.with(|state| {
            let room = state.outstanding.room();
            if state.session.set_room(room) {
                wake(&mut state.back);
            }
            Some(Look {
                deadline: state.session.next_deadline()?,
                is_ending: state.session.is_ending(),
                has_room: state.session.has_room(),
                has_told_all: state.session.has_told_all(),
            })
        })
    }

    /// Does what is due.
    pub(super) fn tick(&self) {
        self.with(|state| {
            state.session.tick(now());
            wake(&mut state.back);
        });
        self.moved.notify_waiters();
    }

    /// Waits until something has changed that the session's task looks at.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}
