//! Answers of many messages, made page by page as the client takes them.
//!
//! Nothing is read that nobody waits for: a client that goes away drops the stream, and with it what reads.

use std::collections::VecDeque;
use std::pin::Pin;

use futures_util::stream;
use tonic::Status;
use tonic::codegen::tokio_stream::Stream;

use crate::Refusal;

/// A stream of messages.
pub(super) type Messages<M> = Pin<Box<dyn Stream<Item = Result<M, Status>> + Send>>;

/// What makes pages of messages.
pub(super) trait Pages: Send + 'static {
    /// What comes.
    type Message: Send + 'static;

    /// The next page, maybe an empty one; `None` at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Vec<Self::Message>>, Refusal>> + Send;
}

/// One page of one message.
pub(super) struct Once<M>(pub(super) Option<M>);

impl<M: Send + 'static> Pages for Once<M> {
    type Message = M;

    async fn next(&mut self) -> Result<Option<Vec<M>>, Refusal> {
        Ok(self.0.take().map(|message| vec![message]))
    }
}

/// The messages of pages, behind a first one.
pub(super) fn messages<P: Pages>(first: Option<P::Message>, pages: P) -> Messages<P::Message> {
    let ready: VecDeque<_> = first.into_iter().collect();
    Box::pin(stream::try_unfold(
        (pages, ready),
        |(mut pages, mut ready)| async move {
            loop {
                if let Some(message) = ready.pop_front() {
                    return Ok(Some((message, (pages, ready))));
                }
                match pages.next().await? {
                    Some(page) => ready = page.into(),
                    None => return Ok(None),
                }
            }
        },
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::StreamExt as _;

    use super::*;

    /// Pages 1, 2 and so on, each twice, and every third one empty; counts how many were made. Fails at the end.
    struct Counted(Arc<AtomicUsize>);

    impl Pages for Counted {
        type Message = usize;

        async fn next(&mut self) -> Result<Option<Vec<usize>>, Refusal> {
            match self.0.fetch_add(1, Ordering::Relaxed) + 1 {
                page if page % 3 == 0 => Ok(Some(Vec::new())),
                page if page < 6 => Ok(Some(vec![page, page])),
                _ => Err(Refusal::invalid("the end")),
            }
        }
    }

    #[tokio::test]
    async fn pages_are_made_as_they_are_taken() {
        let made = Arc::new(AtomicUsize::new(0));
        let mut stream = messages(Some(0), Counted(Arc::clone(&made)));
        let mut taken = Vec::new();
        for _ in 0..6 {
            taken.push(stream.next().await.unwrap().unwrap());
        }
        assert_eq!(taken, [0, 1, 1, 2, 2, 4]);
        assert_eq!(made.load(Ordering::Relaxed), 4);
        drop(stream);
        assert_eq!(made.load(Ordering::Relaxed), 4);
    }

    #[tokio::test]
    async fn a_refusal_ends_the_messages() {
        let stream = messages(None, Counted(Arc::new(AtomicUsize::new(3))));
        let all: Vec<_> = stream.collect().await;
        let codes = all.into_iter().map(|it| it.map_err(|status| status.code()));
        let end = Err(tonic::Code::InvalidArgument);
        assert_eq!(codes.collect::<Vec<_>>(), [Ok(4), Ok(4), Ok(5), Ok(5), end]);
    }
}
