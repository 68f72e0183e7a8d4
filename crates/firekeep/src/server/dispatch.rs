//! One request: its id, its log line, the edge that answers it.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, HttpBody as _};
use axum::http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header,
};
use axum::response::IntoResponse as _;
use firekeep_api::{Client, Core, Mode};
use firekeep_wire_firestore::Code;
use firekeep_wire_firestore::grpc::{self, Grpc};
use firekeep_wire_firestore::rest::{self, Rest};
use firekeep_wire_firestore::webchannel::{self, Channels};
use firekeep_wire_http::{
    Envelope, Host, Incoming, answer_preflight, apply_cors, empty, find_host, json, limits, text,
};
use firekeep_wire_identity::refuse;
use futures_util::FutureExt as _;
use serde_json::json;
use tokio::sync::watch;
use tracing::Instrument as _;

use super::head;
use super::metrics::Metrics;

/// The script tag that points a built web app here.
const SCRIPT: &str = include_str!("../../../../web/firekeep.js");

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MODE: HeaderName = HeaderName::from_static("x-firekeep-mode");

/// Everything that answers requests.
pub(crate) struct App {
    core: Arc<Core>,
    grpc: Grpc,
    rest: Rest,
    pub(crate) channels: Channels,
    trusted_proxies: Vec<IpAddr>,
    pub(crate) metrics: Arc<Metrics>,
}

impl App {
    /// Long answers end once `stopped` says so.
    pub(crate) fn new(
        core: Arc<Core>,
        trusted_proxies: Vec<IpAddr>,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        Self {
            grpc: Grpc::new(&core, stopped.clone()),
            channels: Channels::new(&core, stopped),
            rest: Rest::new(&core),
            core,
            trusted_proxies,
            metrics: Arc::default(),
        }
    }

    /// Answers one request, whatever happens.
    pub(crate) async fn answer(&self, request: Request<Body>, peer: SocketAddr) -> Response<Body> {
        let started = Instant::now();
        let id = super::random_hex::<8>();
        // An error's span, so that it is there whichever lines are written.
        let span = tracing::error_span!("request", %id);
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let headers = request.headers().clone();
        if grpc::is_call(&headers) && head::fault(&request).is_none() {
            let mut response = self
                .answer_call(request, path, started)
                .instrument(span)
                .await;
            self.mark(&mut response, &id);
            return response;
        }
        let of_firestore = find_host(&request)
            .is_some_and(|(host, path)| !matches!(Edge::of(host, &path).0, Edge::Others));
        let client = self.client(&headers, peer);
        let work = self.route(request, &path, client).instrument(span.clone());
        let done = AssertUnwindSafe(work).catch_unwind().await;
        let _within = span.entered();
        let mut response = done.unwrap_or_else(|_| {
            tracing::error!("a request panicked");
            Envelope::internal().into_response()
        });
        if method == Method::HEAD {
            response = without_content(response);
        }
        match of_firestore {
            true => webchannel::apply_cors(&headers, response.headers_mut()),
            false => apply_cors(&headers, response.headers_mut()),
        }
        self.mark(&mut response, &id);
        let elapsed = started.elapsed();
        self.metrics.count(response.status(), elapsed);
        // The path and never the query, which holds keys; no header, which hold tokens.
        tracing::debug!(
            %method,
            path,
            status = response.status().as_u16(),
            micros = elapsed.as_micros(),
            "request"
        );
        response
    }

    /// Answers a gRPC call, whose body is not read here, and whose end may be long behind its beginning.
    async fn answer_call(
        &self,
        request: Request<Body>,
        path: String,
        started: Instant,
    ) -> Response<Body> {
        let metrics = Arc::clone(&self.metrics);
        let ended = move |code: Code| {
            metrics.count_call(code);
            let micros = started.elapsed().as_micros();
            tracing::debug!(path, grpc = code.name(), micros, "call");
        };
        let response = self.grpc.handle(request, ended).await;
        self.metrics.count(response.status(), started.elapsed());
        response
    }

    /// Says in the answer which request it is of, and that the server runs in dev mode.
    fn mark(&self, response: &mut Response<Body>, id: &str) {
        if let Ok(value) = HeaderValue::from_str(id) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        if self.core.status().mode == Mode::Dev {
            response
                .headers_mut()
                .insert(MODE, HeaderValue::from_static("dev"));
        }
    }

    async fn route(&self, request: Request<Body>, path: &str, client: Client) -> Response<Body> {
        if let Some(fault) = head::fault(&request) {
            let mut response = refuse(path, Envelope::invalid_argument(fault));
            // Where the body ends is a matter of opinion.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
            return response;
        }
        if let Some(response) = answer_preflight(request.method(), request.headers()) {
            return response;
        }
        let mut edge = Edge::Others;
        let read = Incoming::read_within(request, client, |host, path| {
            let bytes_max;
            (edge, bytes_max) = Edge::of(host, path);
            bytes_max
        });
        let mut incoming = match (read.await, edge) {
            (Ok(incoming), _) => incoming,
            (Err(envelope), Edge::Rest) => return rest::refuse(&envelope),
            (Err(envelope), Edge::Channel) => return webchannel::refuse(&envelope),
            (Err(envelope), Edge::Others) => return refuse(path, envelope),
        };
        match edge {
            Edge::Channel => return self.channels.handle(&mut incoming).await,
            Edge::Rest => return self.rest.handle(&mut incoming).await,
            Edge::Others => {}
        }
        if let Some(response) = self.own(&incoming) {
            return response;
        }
        if let Some(response) = firekeep_wire_identity::handle(&self.core, &mut incoming).await {
            return response;
        }
        let unknown = Envelope::not_found("The requested URL was not found on this server.");
        refuse(path, unknown)
    }

    /// What is the program's own: status, health, the script.
    fn own(&self, request: &Incoming) -> Option<Response<Body>> {
        if request.host != Host::Own || !matches!(request.method, Method::GET | Method::HEAD) {
            return None;
        }
        Some(match request.path.as_str() {
            "" => json(StatusCode::OK, &self.status()),
            "healthz" => empty(StatusCode::NO_CONTENT),
            "readyz" => match self.core.ready() {
                Ok(()) => empty(StatusCode::NO_CONTENT),
                Err(error) => {
                    tracing::error!(%error, "not ready");
                    empty(StatusCode::SERVICE_UNAVAILABLE)
                }
            },
            "firekeep.js" => text("text/javascript; charset=utf-8", SCRIPT),
            _ => return None,
        })
    }

    fn status(&self) -> serde_json::Value {
        let status = self.core.status();
        let mut body = json!({ "firekeep": {
            "version": env!("CARGO_PKG_VERSION"),
            "mode": status.mode.as_str(),
            "projectId": status.project_id,
        } });
        if let (Mode::Dev, serde_json::Value::Object(members)) = (status.mode, &mut body) {
            // COMPAT: readiness probes of the emulator look for this (auth specification, section 4.6).
            members.insert("authEmulator".to_owned(), json!({ "ready": true }));
        }
        body
    }

    /// The client's address: the peer's, or what a trusted proxy says.
    fn client(&self, headers: &HeaderMap, peer: SocketAddr) -> Client {
        Client {
            address: Some(client_address(&self.trusted_proxies, headers, peer.ip())),
        }
    }
}

/// Which edge answers a request that is no gRPC.
#[derive(Clone, Copy)]
enum Edge {
    Channel,
    Rest,
    Others,
}

impl Edge {
    /// The edge of a host and a path, and the most bytes of a body.
    fn of(host: Host, path: &str) -> (Self, usize) {
        if let Some(bytes_max) = webchannel::body_bytes_max(host, path) {
            return (Self::Channel, bytes_max);
        }
        match rest::is_ours(host, path) {
            true => (Self::Rest, rest::BODY_BYTES_MAX),
            false => (Self::Others, limits::BODY_BYTES_MAX),
        }
    }
}

/// From the right, across all lines of the header (some proxies add a line, others extend the last one): the first
/// address that no proxy of ours has. What stands left of it, anybody may have written; what is no address ends the
/// search.
fn client_address(trusted: &[IpAddr], headers: &HeaderMap, peer: IpAddr) -> IpAddr {
    let mut nearest = peer.to_canonical();
    let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
    let lines = lines.iter().rev().map(|line| line.to_str().unwrap_or("?"));
    for text in lines.flat_map(|line| line.rsplit(',')) {
        if !trusted.contains(&nearest) {
            break;
        }
        let Some(address) = forwarded_address(text.trim()) else {
            break;
        };
        nearest = address.to_canonical();
    }
    nearest
}

/// An address, maybe with a port.
fn forwarded_address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<SocketAddr>().ok().map(|it| it.ip());
    text.parse().ok().or_else(with_port)
}

/// RFC 9110, section 9.3.2: "the server MUST NOT send content in the response" to HEAD, but says how long it would be.
/// Over HTTP/2 nobody below takes the content away.
fn without_content(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    if let Some(bytes) = body.size_hint().exact().filter(|bytes| *bytes > 0) {
        let length = parts.headers.entry(header::CONTENT_LENGTH);
        length.or_insert_with(|| bytes.into());
    }
    Response::from_parts(parts, Body::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_head_keeps_the_length_alone() {
        for (body, length) in [("content", Some("7")), ("", None)] {
            let head = without_content(Response::new(Body::from(body)));
            let found = head.headers().get(header::CONTENT_LENGTH);
            assert_eq!(found.map(|value| value.to_str().unwrap()), length);
            assert!(head.body().is_end_stream());
        }
    }

    #[tokio::test]
    async fn a_server_that_takes_no_writes_is_not_ready() {
        use firekeep_api::firestore::Access;
        use firekeep_api::{Options, SystemClock};
        use firekeep_store::{DbId, Engine, MemEngine, Store};

        let clock = || Arc::new(SystemClock);
        let engine: Arc<dyn Engine> = Arc::new(MemEngine::new(clock()));
        let store = Store::open(Arc::clone(&engine), DbId(0), clock()).unwrap();
        let options = Options {
            project: None,
            mode: Mode::Safe,
            base_url: None,
            bridge: None,
            documents: Access::Administrators,
        };
        let core = Core::open(engine, Arc::clone(&store), clock(), options).unwrap();
        let (_stop, stopped) = watch::channel(false);
        let app = App::new(core, Vec::new(), stopped);
        let ask = async |path: &str| {
            let request = Request::get(path).header(header::HOST, "127.0.0.1:7070");
            let request = request.body(Body::empty()).unwrap();
            let answer = app.answer(request, ([127, 0, 0, 1], 9).into()).await;
            answer.status().as_u16()
        };
        assert_eq!((ask("/healthz").await, ask("/readyz").await), (204, 204));
        store.close();
        assert_eq!((ask("/healthz").await, ask("/readyz").await), (204, 503));
    }

    const PROXY: &str = "10.0.0.1";

    #[track_caller]
    fn check(peer: &str, lines: &[&str], expected: &str) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted = [PROXY.parse().unwrap(), "127.0.0.1".parse().unwrap()];
        let found = client_address(&trusted, &headers, peer.parse().unwrap());
        assert_eq!(found.to_string(), expected, "{peer} {lines:?}");
    }

    #[test]
    fn only_trusted_proxies_name_the_client() {
        check("192.0.2.9", &["192.0.2.1"], "192.0.2.9");
        check(PROXY, &["192.0.2.1"], "192.0.2.1");
        check("::ffff:10.0.0.1", &["192.0.2.1:4711"], "192.0.2.1");
        check(PROXY, &["2001:db8::1"], "2001:db8::1");
        check(PROXY, &["[2001:db8::1]:4711"], "2001:db8::1");
        check(PROXY, &[], PROXY);
    }

    #[test]
    fn what_the_client_itself_wrote_does_not_count() {
        check(PROXY, &["203.0.113.7, 192.0.2.1"], "192.0.2.1");
        // HAProxy adds a line of its own.
        check(PROXY, &["203.0.113.7", "192.0.2.1"], "192.0.2.1");
        check(PROXY, &["203.0.113.7, 192.0.2.1, 127.0.0.1"], "192.0.2.1");
        check(PROXY, &["203.0.113.7, unknown"], PROXY);
        check(PROXY, &["127.0.0.1"], "127.0.0.1");
    }
}
