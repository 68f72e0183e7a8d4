//! A stream of messages as one JSON list, whose elements leave as they come. Source: Firestore specification, section 8.2.
//!
//! Those that are there at once leave together: a query's page is one piece of the body, not one for each document.

use std::convert::Infallible;
use std::future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::http::Response;
use bytes::Bytes;
use firekeep_wire_proto::json::{self, Json};
use futures_util::{Stream, StreamExt as _, stream};

use super::envelope;
use crate::Refusal;

/// How much waits for more of what is there at once, in bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// The answer with the messages of a stream. An error after the first becomes the last element.
///
/// # Errors
/// The stream's, when it begins with one.
pub(super) async fn respond<M: Json>(
    messages: impl Stream<Item = Result<M, Refusal>> + Send + 'static,
) -> Result<Response<Body>, Refusal> {
    let mut messages = Box::pin(messages);
    let mut list = List {
        text: b"[".to_vec(),
        ended: false,
    };
    match messages.next().await {
        Some(Ok(message)) => json::encode_into(&message, &mut list.text),
        Some(Err(refusal)) => return Err(refusal),
        None => list.end(),
    }
    // Nothing is waited for: what answers at once is sent whole, and says its length.
    let filled = |cx: &mut Context<'_>| {
        let _ = list.fill(messages.as_mut(), cx);
        Poll::Ready(())
    };
    future::poll_fn(filled).await;
    if list.ended {
        return Ok(envelope::answer(list.text.into()));
    }
    let pieces = stream::poll_fn(move |cx| list.next_piece(messages.as_mut(), cx));
    Ok(envelope::answer(Body::from_stream(pieces)))
}

/// A list being written.
struct List {
    /// What has not left yet.
    text: Vec<u8>,
    ended: bool,
}

impl List {
    /// Takes what there is, up to a piece. Pending: more may come later.
    fn fill<M: Json>(
        &mut self,
        mut messages: Pin<&mut impl Stream<Item = Result<M, Refusal>>>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        while !self.ended && self.text.len() < PIECE_BYTES {
            match ready!(messages.as_mut().poll_next(cx)) {
                Some(Ok(message)) => {
                    self.text.push(b',');
                    json::encode_into(&message, &mut self.text);
                }
                Some(Err(refusal)) => {
                    self.text.push(b',');
                    let error = envelope::body(&refusal).to_string();
                    self.text.extend_from_slice(error.as_bytes());
                    self.end();
                }
                None => self.end(),
            }
        }
        Poll::Ready(())
    }

    fn end(&mut self) {
        self.text.push(b']');
        self.ended = true;
    }

    fn next_piece<M: Json>(
        &mut self,
        messages: Pin<&mut impl Stream<Item = Result<M, Refusal>>>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let filled = self.fill(messages, cx);
        if !self.text.is_empty() {
            let piece = std::mem::take(&mut self.text);
            return Poll::Ready(Some(Ok(piece.into())));
        }
        // INVARIANT: nothing is left to say only when there is nothing more, or it has to be waited for.
        filled.map(|()| None)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use axum::body::HttpBody as _;
    use firekeep_wire_proto::google::firestore::v1::RunQueryResponse;
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::Code;

    /// A message, an error, or a wait.
    #[derive(Clone, Copy)]
    enum Step {
        Skip(i32),
        Fail,
        Wait,
    }
    use Step::{Fail, Skip, Wait};

    /// The pieces that the steps become, and whether the answer says its length.
    async fn pieces(steps: &[Step]) -> Result<(Vec<String>, bool), Refusal> {
        let mut steps = VecDeque::from(steps.to_vec());
        let messages = stream::poll_fn(move |cx| match steps.pop_front() {
            Some(Skip(skipped_results)) => Poll::Ready(Some(Ok(RunQueryResponse {
                skipped_results,
                ..Default::default()
            }))),
            Some(Fail) => Poll::Ready(Some(Err(Refusal::new(Code::Aborted, "no")))),
            Some(Wait) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            None => Poll::Ready(None),
        });
        let mut body = respond(messages).await?.into_body();
        let length = body.size_hint().exact();
        let mut pieces = Vec::new();
        while let Some(frame) = body.frame().await {
            let bytes = frame.unwrap().into_data().unwrap();
            pieces.push(String::from_utf8(bytes.to_vec()).unwrap());
        }
        let total: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        assert!(length.is_none_or(|length| length == total));
        Ok((pieces, length.is_some()))
    }

    #[tokio::test]
    async fn elements_leave_as_they_come() {
        const ERROR: &str =
            r#",{"error":{"code":409,"details":[],"message":"no","status":"ABORTED"}}]"#;
        let rows: &[(&[Step], &[&str], bool)] = &[
            (&[], &["[]"], true),
            (&[Wait, Skip(1)], &[r#"[{"skippedResults":1}]"#], true),
            (
                &[Skip(1), Skip(2)],
                &[r#"[{"skippedResults":1},{"skippedResults":2}]"#],
                true,
            ),
            (
                &[Skip(1), Wait, Wait, Skip(2), Skip(3), Wait],
                &[
                    r#"[{"skippedResults":1}"#,
                    r#",{"skippedResults":2},{"skippedResults":3}"#,
                    "]",
                ],
                false,
            ),
            (
                &[Skip(1), Wait, Wait, Fail, Skip(2)],
                &[r#"[{"skippedResults":1}"#, ERROR],
                false,
            ),
        ];
        for (steps, expected, whole) in rows {
            let (found, said_length) = pieces(steps).await.unwrap();
            assert_eq!(found, *expected);
            assert_eq!(said_length, *whole);
        }
    }

    #[tokio::test]
    async fn an_error_before_the_first_is_the_answer() {
        for steps in [[Fail, Skip(1)], [Wait, Fail]] {
            assert_eq!(pieces(&steps).await.unwrap_err().code, Code::Aborted);
        }
    }

    #[tokio::test]
    async fn a_long_list_leaves_in_pieces() {
        let (found, said_length) = pieces(&[Skip(7); 10_000]).await.unwrap();
        assert!(!said_length && found.len() > 2);
        assert!(found.iter().all(|piece| piece.len() < 2 * PIECE_BYTES));
        let list: Vec<serde_json::Value> = serde_json::from_str(&found.concat()).unwrap();
        assert_eq!(list.len(), 10_000);
    }
}
