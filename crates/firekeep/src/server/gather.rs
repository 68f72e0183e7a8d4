//! A connection's bytes on their way out, gathered: what one turn of a connection writes goes out together.
//!
//! An answer over HTTP/2 is three frames at least, and a connection writes and flushes them one by one. Each write costs a
//! trip through the kernel, and wakes the client, which then sleeps again: more than to make the answer. So flushing
//! waits here until the connection has nothing more to do for the moment.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::limits::GATHERED_BYTES_MAX;

/// The stream as its connection sees it.
pub(crate) struct Gather<S>(Arc<Mutex<Gathered<S>>>);

struct Gathered<S> {
    stream: S,
    /// What is to be written, from `from` on.
    bytes: Vec<u8>,
    from: usize,
}

/// Serves a connection over a stream, and sends what each of its turns has written.
///
/// # Errors
/// When the stream cannot be written.
pub(crate) async fn gathering<S, C: Future>(
    stream: S,
    connect: impl FnOnce(Gather<S>) -> C,
) -> io::Result<C::Output>
where
    S: AsyncWrite + Unpin,
{
    let gathered = Arc::new(Mutex::new(Gathered {
        stream,
        bytes: Vec::new(),
        from: 0,
    }));
    let connection = connect(Gather(Arc::clone(&gathered)));
    let mut connection = std::pin::pin!(connection);
    std::future::poll_fn(|cx| {
        let polled = connection.as_mut().poll(cx);
        // Who has to wait here is woken by the stream, and then has its next turn.
        if let Poll::Ready(Err(error)) = lock(&gathered).poll_drain(cx) {
            return Poll::Ready(Err(error));
        }
        polled.map(Ok)
    })
    .await
}

fn lock<S>(gathered: &Mutex<Gathered<S>>) -> MutexGuard<'_, Gathered<S>> {
    gathered.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: AsyncWrite + Unpin> Gathered<S> {
    /// Writes what was gathered.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.bytes.is_empty() {
            return Poll::Ready(Ok(()));
        }
        while let Some(rest) = self.bytes.get(self.from..).filter(|rest| !rest.is_empty()) {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.from += written;
        }
        // Idle connections hold none.
        (self.bytes, self.from) = (Vec::new(), 0);
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Makes room for so many bytes. `false` when they are too many to be copied.
    fn poll_room(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<io::Result<bool>> {
        if self.bytes.len() + wanted > GATHERED_BYTES_MAX {
            ready!(self.poll_drain(cx))?;
        }
        Poll::Ready(Ok(wanted <= GATHERED_BYTES_MAX))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gather<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut lock(&self.0).stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gather<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut gathered = lock(&self.0);
        let wanted = slices.iter().map(|slice| slice.len()).sum();
        if !ready!(gathered.poll_room(cx, wanted))? {
            return Pin::new(&mut gathered.stream).poll_write_vectored(cx, slices);
        }
        gathered.bytes.reserve(wanted);
        for slice in slices {
            gathered.bytes.extend_from_slice(slice);
        }
        Poll::Ready(Ok(wanted))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Nothing: see [`gathering`].
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut gathered = lock(&self.0);
        ready!(gathered.poll_drain(cx))?;
        Pin::new(&mut gathered.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// A stream that counts its writes.
    struct Counted<S>(S, Arc<Mutex<Vec<usize>>>);

    impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let written = ready!(Pin::new(&mut self.0).poll_write(cx, bytes))?;
            self.1.lock().unwrap().push(written);
            Poll::Ready(Ok(written))
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(cx)
        }
    }

    /// How writes of these lengths, with a flush after each and a pause after every second one, reach a peer.
    async fn check(room: usize, lengths: &[usize], expected: &[usize]) {
        let (mut peer, ours) = tokio::io::duplex(room);
        let writes = Arc::<Mutex<Vec<usize>>>::default();
        let sent: Vec<u8> = lengths
            .iter()
            .zip(1..)
            .flat_map(|(length, byte)| vec![byte; *length])
            .collect();
        let sending = gathering(Counted(ours, Arc::clone(&writes)), async |mut stream| {
            for (at, (length, byte)) in lengths.iter().zip(1..).enumerate() {
                stream.write_all(&vec![byte; *length]).await.unwrap();
                stream.flush().await.unwrap();
                if at % 2 == 1 {
                    tokio::task::yield_now().await;
                }
            }
            stream.shutdown().await.unwrap();
        });
        let mut received = Vec::new();
        let (ended, read) = tokio::join!(sending, peer.read_to_end(&mut received));
        ended.unwrap();
        assert_eq!(read.unwrap(), sent.len());
        assert_eq!(received, sent);
        assert_eq!(*writes.lock().unwrap(), expected, "{lengths:?}");
    }

    #[tokio::test]
    async fn what_is_written_in_one_turn_goes_out_together() {
        check(1 << 20, &[9, 100, 20, 30], &[109, 50]).await;
        check(1 << 20, &[9], &[9]).await;
    }

    #[tokio::test]
    async fn what_is_too_much_to_be_gathered_goes_out_at_once() {
        let (most, long) = (GATHERED_BYTES_MAX, 3 * GATHERED_BYTES_MAX);
        check(1 << 20, &[9, long, 20], &[9, long, 20]).await;
        check(1 << 20, &[most, 1], &[most, 1]).await;
    }

    #[tokio::test]
    async fn a_peer_that_reads_slowly_gets_everything() {
        check(40, &[30, 30, 30], &[40, 40, 10]).await;
    }

    #[tokio::test]
    async fn a_stream_that_broke_ends_the_connection() {
        let (peer, ours) = tokio::io::duplex(8);
        drop(peer);
        let ended = gathering(ours, async |mut stream| {
            stream.write_all(b"x").await.unwrap();
            std::future::pending::<()>().await;
        });
        assert_eq!(ended.await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
