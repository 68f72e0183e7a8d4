//! The answer to a call on its way out: it ends at the deadline, or when what makes it panics, and tells how it ended.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, Response};
use bytes::Bytes;
use http_body::Frame;
use tokio::time::{Instant, Sleep};
use tonic::{Status, body};
use tracing::Span;

use super::{deadline, panicked};
use crate::Code;

/// Who hears how a call ended.
type Ended = Box<dyn FnOnce(Code) + Send>;

/// The body of an answer.
pub(super) struct Answer {
    body: body::Body,
    deadline: Option<Pin<Box<Sleep>>>,
    /// Gone once the call has ended.
    ended: Option<Ended>,
    /// The request's, for what is logged on the way.
    span: Span,
}

impl Answer {
    /// The answer of a service, until the deadline.
    pub(super) fn of(
        response: Response<body::Body>,
        deadline: Option<Instant>,
        ended: Ended,
    ) -> Response<Body> {
        // An answer that is nothing but a status has it among its headers.
        if let Some(code) = code(response.headers()) {
            ended(code);
            return response.map(Body::new);
        }
        response.map(|body| {
            Body::new(Self {
                body,
                deadline: deadline.map(|at| Box::pin(tokio::time::sleep_until(at))),
                ended: Some(ended),
                span: Span::current(),
            })
        })
    }

    /// An answer that is nothing but a status.
    pub(super) fn refused(status: Status, ended: Ended) -> Response<Body> {
        Self::of(status.into_http(), None, ended)
    }

    fn end(&mut self, code: Code) {
        self.deadline = None;
        if let Some(ended) = self.ended.take() {
            ended(code);
        }
    }

    /// Ends the answer with a status of our own; whatever makes the rest is dropped.
    fn stop(&mut self, status: &Status) -> Frame<Bytes> {
        self.body = body::Body::empty();
        let mut trailers = HeaderMap::new();
        // Fails for a text that no header can hold, and ours are no such.
        let _ = status.add_header(&mut trailers);
        self.end(code(&trailers).unwrap_or(Code::Unknown));
        Frame::trailers(trailers)
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let span = this.span.clone();
        let _within = span.enter();
        if let Some(deadline) = &mut this.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Some(Ok(this.stop(&deadline::exceeded()))));
        }
        let body = AssertUnwindSafe(&mut this.body);
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let AssertUnwindSafe(body) = body;
            Pin::new(body).poll_frame(cx)
        }));
        let Ok(polled) = polled else {
            return Poll::Ready(Some(Ok(this.stop(&panicked()))));
        };
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(trailers) = frame.trailers_ref()
        {
            this.end(code(trailers).unwrap_or(Code::Unknown));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

impl Drop for Answer {
    /// A client that went away ends its call so.
    fn drop(&mut self) {
        let span = self.span.clone();
        let _within = span.enter();
        self.end(Code::Cancelled);
    }
}

/// The code of a status among headers or trailers.
fn code(headers: &HeaderMap) -> Option<Code> {
    let number: i32 = headers.get("grpc-status")?.to_str().ok()?.parse().ok()?;
    let of_number = |code: &&Code| code.number() == number;
    Some(
        Code::ALL
            .iter()
            .find(of_number)
            .copied()
            .unwrap_or(Code::Unknown),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::stream;
    use http_body_util::BodyExt as _;

    use super::*;

    /// A body of one piece, and then a panic.
    fn panics() -> body::Body {
        let pieces = stream::unfold(false, |begun| async move {
            assert!(!begun, "on purpose");
            Some((Ok::<_, Status>(Bytes::from_static(b"x")), true))
        });
        body::Body::new(Body::from_stream(pieces))
    }

    #[tokio::test]
    async fn an_answer_that_panics_ends_as_internal() {
        let (told, heard) = mpsc::channel();
        let ended = Box::new(move |code| told.send(code).unwrap());
        let body = Answer::of(Response::new(panics()), None, ended).into_body();
        let collected = body.collect().await.unwrap();
        let trailers = collected.trailers().cloned().unwrap();
        assert_eq!(trailers.get("grpc-status").unwrap(), "13");
        assert_eq!(collected.to_bytes(), "x");
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), [Code::Internal]);
    }
}
