//! The body of a back channel's answer.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::HttpBody;
use bytes::Bytes;
use firekeep_webchannel::{BackId, Step};
use http_body::Frame;

use super::live::Live;

/// Chunks as they are made, until the session or a newer GET ends it.
pub(super) struct Back {
    live: Arc<Live>,
    id: BackId,
}

impl Back {
    pub(super) const fn new(live: Arc<Live>, id: BackId) -> Self {
        Self { live, id }
    }
}

impl HttpBody for Back {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.live.next_step(self.id, cx) {
            Step::Chunk(chunk) => Poll::Ready(Some(Ok(Frame::data(chunk)))),
            Step::Wait => Poll::Pending,
            Step::End => Poll::Ready(None),
        }
    }
}

impl Drop for Back {
    /// Its end, or a client that went away.
    fn drop(&mut self) {
        self.live.detach(self.id);
    }
}
