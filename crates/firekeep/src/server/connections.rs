//! Accepts connections and serves HTTP/1.1 and HTTP/2 on them, with or without TLS, until told to stop.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Request, header};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Semaphore, watch};

use super::dispatch::App;
use super::gather::gathering;
use super::patience::Patient;
use super::tls::Tls;
use crate::limits::{
    ACCEPT_PAUSE, BACKLOG, CONNECTIONS_MAX, FILES_RESERVED, HANDSHAKE_TIME_MAX, HEAD_BYTES_MAX,
    HEAD_TIME_MAX, IDLE_TIME_MAX, PING_EVERY, STREAMS_MAX,
};

/// Browsers do without plain HTTP for a year. Source: auth specification, section 22.4.
const STAY_ENCRYPTED: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// Listens with room for a burst of clients: those that the standard library's backlog of 128 turns away try again only
/// a second later.
pub(crate) fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart does not wait for the connections of the process before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Raises the limit on open files as far as the machine allows, and gives the number of connections it leaves room
/// for. An engine that cannot open a file has failed for good, so connections never take the last one.
pub(crate) fn connections_max() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // Without the right to do so, what was allowed before stays.
    let _ = setrlimit(Resource::Nofile, raised);
    let files = match getrlimit(Resource::Nofile).current {
        Some(files) => usize::try_from(files).unwrap_or(usize::MAX),
        None => usize::MAX,
    };
    let left = files.saturating_sub(FILES_RESERVED).max(files / 4);
    if left < CONNECTIONS_MAX {
        tracing::info!(
            "room for {left} connections, since this process may open {files} files; raise the hard limit \
             (`ulimit -Hn`) for more"
        );
    }
    left.min(CONNECTIONS_MAX)
}

/// Serves a listener until `stopped`, then waits for what is in flight.
pub(crate) async fn serve(
    listener: TcpListener,
    connections_max: usize,
    tls: Option<Tls>,
    app: Arc<App>,
    mut stopped: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(connections_max));
    let graceful = GracefulShutdown::new();
    loop {
        let free = tokio::select! {
            free = Arc::clone(&places).acquire_owned() => free,
            _ = stopped.changed() => break,
        };
        let Ok(place) = free else { break };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            _ = stopped.changed() => break,
        };
        let _ = stream.set_nodelay(true);
        let (app, tls, watcher) = (Arc::clone(&app), tls.clone(), graceful.watcher());
        tokio::spawn(async move {
            let _place = place;
            match tls {
                None => converse(stream, peer, Safety::Clear, app, watcher).await,
                Some(tls) => {
                    let handshake = tls.accept(stream);
                    if let Ok(Ok(stream)) =
                        tokio::time::timeout(HANDSHAKE_TIME_MAX, handshake).await
                    {
                        converse(stream, peer, Safety::Encrypted, app, watcher).await;
                    }
                }
            }
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// Whether others can read along.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Safety {
    Clear,
    Encrypted,
}

async fn converse<S>(
    stream: S,
    peer: SocketAddr,
    safety: Safety,
    app: Arc<App>,
    watcher: hyper_util::server::graceful::Watcher,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let app = Arc::clone(&app);
        // Boxed: Hyper keeps room for a request's whole future on each connection, idle ones too.
        Box::pin(async move {
            let mut response = app.answer(request.map(Body::new), peer).await;
            if safety == Safety::Encrypted {
                let headers = response.headers_mut();
                headers.insert(header::STRICT_TRANSPORT_SECURITY, STAY_ENCRYPTED);
            }
            Ok::<_, Infallible>(response)
        })
    });
    let serving = gathering(Patient::new(stream, IDLE_TIME_MAX), |stream| {
        let http = http();
        let connection = http.serve_connection(TokioIo::new(stream), service);
        watcher.watch(connection.into_owned())
    });
    // A client that goes away in the middle is no fault of ours.
    let _ = serving.await;
}

/// HTTP/1.1 and HTTP/2, by what the client begins with, within the limits.
fn http() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .keep_alive_interval(PING_EVERY);
    builder
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::Response;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::Instant;

    use super::*;

    /// How long a client is borne that sends `first`, then a byte of `rest` every five seconds, over and over.
    async fn borne(first: &[u8], rest: &[u8]) -> Duration {
        let (mut client, ours) = tokio::io::duplex(64 * 1024);
        let began = Instant::now();
        let service = service_fn(|_| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
        let serving = tokio::spawn(
            http()
                .serve_connection(TokioIo::new(Patient::new(ours, IDLE_TIME_MAX)), service)
                .into_owned(),
        );
        client.write_all(first).await.unwrap();
        let mut rest = rest.iter().cycle();
        while !serving.is_finished() && began.elapsed() < 10 * HEAD_TIME_MAX {
            tokio::time::sleep(Duration::from_secs(5)).await;
            let _ = client.write_u8(*rest.next().unwrap()).await;
        }
        serving.abort();
        let _ = client.read_to_end(&mut Vec::new()).await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_trickles_is_given_up() {
        let late = HEAD_TIME_MAX..=HEAD_TIME_MAX + Duration::from_secs(10);
        assert!(late.contains(&borne(b"GET / HTTP/1.1\r\nx: ", b"y").await));
        assert!(late.contains(&borne(b"G", b"E").await));
        let second = b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nx: ";
        assert!(late.contains(&borne(second, b"y").await));
    }

    #[tokio::test(start_paused = true)]
    async fn an_http2_client_that_trickles_is_given_up() {
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        let late = HEAD_TIME_MAX..=HEAD_TIME_MAX + Duration::from_secs(10);
        assert!(late.contains(&borne(b"", preface).await));
        // Settings of 16 KiB that do not end.
        let endless = [0, 0x3f, 0xfc, 4, 0, 0, 0, 0, 0];
        let first = [&preface[..], &endless].concat();
        assert!(borne(&first, &[0]).await < 2 * HEAD_TIME_MAX);
        let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        // A header block of 16 KiB that does not end.
        let headers = [0, 0x40, 0, 1, 0, 0, 0, 0, 1];
        let first = [&preface[..], &settings, &headers].concat();
        assert!(borne(&first, &[0]).await < 2 * HEAD_TIME_MAX);
    }
}
