//! Prometheus metrics: counts of answers by class, the time they took, sessions, and the room on the disk.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use firekeep_store::Store;
use firekeep_wire_firestore::Code;
use firekeep_wire_http::text;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::dispatch::App;
use crate::limits::{ACCEPT_PAUSE, SCRAPE_TIME_MAX};

/// The counters.
#[derive(Default)]
pub(crate) struct Metrics {
    /// Answers by the first digit of their code, 1 to 5.
    answers: [AtomicU64; 6],
    /// gRPC calls by the number of the code that they ended with.
    calls: [AtomicU64; Code::ALL.len()],
    micros: AtomicU64,
}

impl Metrics {
    /// Counts an answer.
    pub(crate) fn count(&self, status: StatusCode, elapsed: Duration) {
        if let Some(counter) = self.answers.get(usize::from(status.as_u16() / 100)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Counts a gRPC call that has ended.
    pub(crate) fn count_call(&self, code: Code) {
        let number = usize::try_from(code.number()).ok();
        if let Some(counter) = number.and_then(|number| self.calls.get(number)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The text that Prometheus reads.
    pub(crate) fn render(&self, sessions: usize, disk_free_bytes: Option<u64>) -> String {
        let mut text = String::from(
            "# HELP firekeep_http_answers_total Answers by class of code.\n\
             # TYPE firekeep_http_answers_total counter\n",
        );
        for (class, counter) in self.answers.iter().enumerate().skip(1) {
            let count = counter.load(Ordering::Relaxed);
            let _ = writeln!(
                text,
                "firekeep_http_answers_total{{class=\"{class}xx\"}} {count}"
            );
        }
        text.push_str(
            "# HELP firekeep_grpc_calls_total gRPC calls by the code that they ended with.\n\
             # TYPE firekeep_grpc_calls_total counter\n",
        );
        for (code, counter) in Code::ALL.iter().zip(&self.calls) {
            let count = counter.load(Ordering::Relaxed);
            let name = code.name();
            let _ = writeln!(text, "firekeep_grpc_calls_total{{code=\"{name}\"}} {count}");
        }
        let micros = Duration::from_micros(self.micros.load(Ordering::Relaxed));
        let _ = write!(
            text,
            "# HELP firekeep_http_seconds_total Time spent answering.\n\
             # TYPE firekeep_http_seconds_total counter\n\
             firekeep_http_seconds_total {}\n",
            micros.as_secs_f64()
        );
        let _ = write!(
            text,
            "# HELP firekeep_webchannel_sessions Open WebChannel sessions; each tab of a browser has up to two.\n\
             # TYPE firekeep_webchannel_sessions gauge\n\
             firekeep_webchannel_sessions {sessions}\n"
        );
        if let Some(bytes) = disk_free_bytes {
            let _ = write!(
                text,
                "# HELP firekeep_disk_free_bytes Room on the disk of the data folder.\n\
                 # TYPE firekeep_disk_free_bytes gauge\n\
                 firekeep_disk_free_bytes {bytes}\n"
            );
        }
        text
    }
}

/// Serves the metrics on a listener of their own.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    store: Arc<Store>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => {
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            _ = stopped.changed() => return,
        };
        let (app, store) = (Arc::clone(&app), Arc::clone(&store));
        // One at a time: a scraper asks every few seconds.
        let service = service_fn(move |_: Request<hyper::body::Incoming>| {
            let disk_free_bytes = store.health().disk_free_bytes;
            let body = app.metrics.render(app.channels.len(), disk_free_bytes);
            async move { Ok::<_, Infallible>(text("text/plain; version=0.0.4", body).map(Body::new)) }
        });
        let serving = http1::Builder::new()
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service);
        let _ = tokio::time::timeout(SCRAPE_TIME_MAX, serving).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_class() {
        let metrics = Metrics::default();
        metrics.count(StatusCode::OK, Duration::from_millis(500));
        metrics.count(StatusCode::NOT_FOUND, Duration::from_millis(500));
        metrics.count_call(Code::NotFound);
        let text = metrics.render(3, Some(7));
        assert!(text.contains("firekeep_http_answers_total{class=\"2xx\"} 1\n"));
        assert!(text.contains("firekeep_http_answers_total{class=\"4xx\"} 1\n"));
        assert!(text.contains("firekeep_grpc_calls_total{code=\"OK\"} 0\n"));
        assert!(text.contains("firekeep_grpc_calls_total{code=\"NOT_FOUND\"} 1\n"));
        assert!(text.contains("firekeep_http_seconds_total 1\n"));
        assert!(text.contains("firekeep_webchannel_sessions 3\n"));
        assert!(text.contains("firekeep_disk_free_bytes 7\n"));
    }
}
