//! The task of one session: hears what its method says, and does what is due.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;

use firekeep_webchannel::{End, Text};
use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio::time::Instant;

use super::live::Live;
use super::registry::Seat;
use super::rpc::{self, Answers};
use crate::limits::{GATHERED_BYTES, LEAVE_TIME_MAX};
use crate::{Code, Refusal};

/// Runs until the session is over. Its seat is free then, and its method cancelled.
pub(super) async fn run(
    live: Arc<Live>,
    mut answers: Answers,
    seat: Seat,
    mut stopped: watch::Receiver<bool>,
) {
    // Once the server stops: until when clients are told so.
    let mut leaves = None;
    while let Some(look) = live.look() {
        if look.is_ending {
            answers = rpc::silence();
        }
        if leaves.is_some_and(|at| look.has_told_all || at <= Instant::now()) {
            break;
        }
        tokio::select! {
            biased;
            // Whoever could stop the server later is gone: that is the same.
            _ = stopped.wait_for(|stopped| *stopped), if leaves.is_none() => {
                leaves = Some(Instant::now() + LEAVE_TIME_MAX);
                live.end(End::Close);
            }
            () = tokio::time::sleep_until(leaves.unwrap_or_else(Instant::now)), if leaves.is_some() => {}
            () = tokio::time::sleep_until(Instant::from_std(look.deadline)) => live.tick(),
            said = next(&mut answers), if look.has_room => {
                live.push(said.messages);
                if let Some(refusal) = said.end {
                    live.end(End::Error(rpc::error_text(&refusal)));
                }
            }
            () = live.changed() => {}
        }
    }
    live.terminate();
    tracing::debug!(rpc = ?live.rpc, cause = ?live.over(), "a session is over");
    drop(seat);
}

/// What a method says at once.
#[derive(Default)]
struct Said {
    messages: Vec<Text>,
    end: Option<Refusal>,
}

/// Waits for something, and takes what is there: messages that are made together leave together.
async fn next(answers: &mut Answers) -> Said {
    let mut said = Said::default();
    let mut bytes = 0;
    let gather = std::future::poll_fn(|cx| {
        while said.end.is_none() && bytes < GATHERED_BYTES {
            match answers.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => {
                    bytes += message.bytes();
                    said.messages.push(message);
                }
                Poll::Ready(Some(Err(refusal))) => said.end = Some(refusal),
                Poll::Ready(None) => said.end = Some(ended()),
                Poll::Pending if said.messages.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(())
    });
    // What panics is dropped whole: the session ends, and with it the method.
    if AssertUnwindSafe(gather).catch_unwind().await.is_err() {
        tracing::error!("a stream panicked");
        said.end = Some(Refusal::new(Code::Internal, "Internal error encountered."));
    }
    said
}

/// A method that ends without saying why (section 7.1).
fn ended() -> Refusal {
    Refusal::new(Code::Unavailable, "The stream has ended.")
}
