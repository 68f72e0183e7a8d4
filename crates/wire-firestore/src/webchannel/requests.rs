//! The client's messages as the requests of a stream.

use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use firekeep_wire_http::Place;
use firekeep_wire_proto::json::{self, Json};
use futures_util::Stream;

use super::live::Live;
use crate::Refusal;
use crate::limits::MESSAGE_BYTES_MAX;

/// Requests in the order of their map ids. Never ends by itself, since a client has no way to say so: it ends the session.
pub(super) struct Requests<M> {
    live: Arc<Live>,
    /// The claim to memory of the request that was taken last: it is being worked on.
    place: Option<Arc<Place>>,
    message: PhantomData<fn() -> M>,
}

impl<M> Requests<M> {
    pub(super) const fn new(live: Arc<Live>) -> Self {
        let message = PhantomData;
        Self {
            live,
            place: None,
            message,
        }
    }
}

impl<M: Json + Default> Stream for Requests<M> {
    type Item = Result<M, Refusal>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.place = None;
        let Some(message) = ready!(self.live.poll_message(cx)) else {
            return Poll::Ready(None);
        };
        let (text, place) = message.into_parts();
        self.place = place;
        Poll::Ready(Some(read(&text)))
    }
}

fn read<M: Json + Default>(text: &str) -> Result<M, Refusal> {
    if text.len() > MESSAGE_BYTES_MAX {
        // A client drops what it wrote at this code; at others it would send it for ever.
        return Err(Refusal::invalid(format!(
            "Request payload size exceeds the limit: {MESSAGE_BYTES_MAX} bytes."
        )));
    }
    json::decode(text.as_bytes()).map_err(|error| Refusal::invalid(error.to_string()))
}
