//! A connection that is given up when no byte has moved on it for too long, in either direction.
//!
//! Hyper limits the time for a request's head, but neither waits in vain for the first byte, nor for a client that
//! does not read its answers, nor for an HTTP/2 preface that comes byte by byte. Whoever holds such connections open would
//! take the places of everybody else.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// What an HTTP/2 connection begins with. Source: RFC 9113, section 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The stream and when a byte last moved on it.
pub(crate) struct Patient<S> {
    stream: S,
    idle_max: Duration,
    moved: Instant,
    /// Set for some time after `moved`, and set anew when it fires: moving bytes must cost nothing.
    timer: Pin<Box<Sleep>>,
    /// What is still to come of the HTTP/2 preface, while nothing else has come.
    preface: &'static [u8],
}

impl<S> Patient<S> {
    /// Gives up when no byte moves for `idle_max`.
    pub(crate) fn new(stream: S, idle_max: Duration) -> Self {
        Self {
            stream,
            idle_max,
            moved: Instant::now(),
            timer: Box::pin(tokio::time::sleep(idle_max)),
            preface: PREFACE,
        }
    }

    /// What the stream said; or that time is up, when it waits.
    fn judge<T>(&mut self, cx: &mut Context<'_>, said: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if said.is_ready() {
            self.moved = Instant::now();
            return said;
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let until = self.moved + self.idle_max;
            if until <= Instant::now() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.timer.as_mut().reset(until);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (moved, old) = (self.moved, buffer.filled().len());
        let said = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let said = self.judge(cx, said);
        let new = buffer.filled().get(old..).unwrap_or_default();
        self.preface = self.preface.strip_prefix(new).unwrap_or_default();
        if !self.preface.is_empty() {
            // The whole preface has the time of one byte: until it is there, Hyper has no clock running.
            self.moved = moved;
        }
        said
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, said)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.judge(cx, said)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A flush that has nothing to do is no sign of life.
        let moved = self.moved;
        let said = Pin::new(&mut self.stream).poll_flush(cx);
        let said = self.judge(cx, said);
        self.moved = moved;
        said
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let said = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.judge(cx, said)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const IDLE_MAX: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_given_up() {
        let (_peer, ours) = tokio::io::duplex(64);
        let began = Instant::now();
        let error = Patient::new(ours, IDLE_MAX).read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed(), IDLE_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_peer_is_not() {
        let (mut peer, ours) = tokio::io::duplex(64);
        let mut ours = Patient::new(ours, IDLE_MAX);
        let slow = async {
            for byte in 0..5 {
                tokio::time::sleep(IDLE_MAX / 2).await;
                peer.write_u8(byte).await.unwrap();
            }
            peer
        };
        let read = async {
            for byte in 0..5 {
                assert_eq!(ours.read_u8().await.unwrap(), byte);
            }
        };
        let (_peer, ()) = tokio::join!(slow, read);
    }

    #[tokio::test(start_paused = true)]
    async fn a_preface_that_trickles_is_given_up() {
        let (mut peer, ours) = tokio::io::duplex(64);
        let mut ours = Patient::new(ours, IDLE_MAX);
        let trickle = async {
            for byte in PREFACE {
                if peer.write_u8(*byte).await.is_err() {
                    break;
                }
                tokio::time::sleep(IDLE_MAX / 4).await;
            }
        };
        let began = Instant::now();
        let read = async move {
            let error = ours.read_exact(&mut [0; 24]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            assert_eq!(began.elapsed(), IDLE_MAX);
        };
        tokio::join!(trickle, read);
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_preface_a_slow_peer_is_not() {
        let (mut peer, ours) = tokio::io::duplex(64);
        let mut ours = Patient::new(ours, IDLE_MAX);
        let slow = async {
            for bytes in [PREFACE, b"a", b"b", b"c"] {
                tokio::time::sleep(IDLE_MAX * 3 / 4).await;
                peer.write_all(bytes).await.unwrap();
            }
        };
        let read = async { ours.read_exact(&mut [0; 27]).await.unwrap() };
        let (read, ()) = tokio::join!(read, slow);
        assert_eq!(read, 27);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_read_is_given_up() {
        let (_peer, ours) = tokio::io::duplex(64);
        let mut ours = Patient::new(ours, IDLE_MAX);
        let error = ours.write_all(&[0; 65]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
