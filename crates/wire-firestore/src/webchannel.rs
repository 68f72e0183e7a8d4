//! Firestore over WebChannel: the streams `Listen` and `Write` for browsers, which cannot speak gRPC.
//!
//! The protocol is `firekeep_webchannel`'s, the streams are those of gRPC; here are the HTTP around the one, the task
//! around the other, and who may have how many. Source: WebChannel specification.

mod answer;
mod back;
mod live;
mod registry;
mod requests;
mod rpc;
mod task;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Response};
use firekeep_api::Core;
use firekeep_model::DatabaseName;
use firekeep_webchannel::{End, Form, Handshake, Headers, Malformed, Request};
use firekeep_wire_http::{Envelope, Host, Incoming, apply_cors_with_credentials};
use tokio::sync::watch;

use crate::grpc::Service;
use crate::rest::envelope;
use crate::{Code, Refusal, credential};
use live::{Live, Message};
use registry::Registry;
use rpc::Rpc;

/// The most bytes of a request's body, if a request to that host and (decoded) path is for this edge.
#[must_use]
pub fn body_bytes_max(host: Host, path: &str) -> Option<usize> {
    Rpc::find(host, path).map(Rpc::form_bytes_max)
}

/// Lets the page read the answer, and the two headers that its SDK looks for. Source: section 5, which is true of REST
/// too: the SDK makes all its requests so.
pub fn apply_cors(request: &HeaderMap, response: &mut HeaderMap) {
    let exposed = "X-HTTP-Session-Id, X-Client-Wire-Protocol";
    apply_cors_with_credentials(request, response, exposed);
}

/// Refuses a request that could not be read.
#[must_use]
pub fn refuse(fault: &Envelope) -> Response<Body> {
    envelope::response(&envelope::unread(fault))
}

/// All sessions.
pub struct Channels {
    service: Service,
    registry: Arc<Registry>,
    stopped: watch::Receiver<bool>,
}

impl Channels {
    /// No sessions yet. They end once `stopped` says so.
    #[must_use]
    pub fn new(core: &Arc<Core>, stopped: watch::Receiver<bool>) -> Self {
        Self {
            service: Service::new(Arc::clone(core)),
            registry: Arc::default(),
            stopped,
        }
    }

    /// Waits until no session is left.
    pub async fn ended(&self) {
        self.registry.ended().await;
    }

    /// How many sessions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.registry.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Answers a request that is for this edge. Takes the body, so that it is not kept while the answer goes on.
    pub async fn handle(&self, request: &mut Incoming) -> Response<Body> {
        let answer = self.answer(request).await;
        answer.unwrap_or_else(|refusal| envelope::response(&refusal))
    }

    async fn answer(&self, request: &mut Incoming) -> Result<Response<Body>, Refusal> {
        let method = match request.method {
            Method::GET => firekeep_webchannel::Method::Get,
            Method::POST => firekeep_webchannel::Method::Post,
            _ => return Err(Refusal::invalid("A channel takes GET and POST requests.")),
        };
        let rpc = Rpc::find(request.host, &request.path);
        let rpc = rpc.ok_or_else(|| Refusal::new(Code::NotFound, "There is no such channel."))?;
        match Request::parse(method, &request.raw_query)? {
            Request::Handshake(handshake) => self.open(rpc, &handshake, request).await,
            Request::Forward { sid, aid } => {
                let live = self.find(rpc, &sid)?;
                let (_, messages) = read_form(request)?;
                live.receive(aid, messages);
                live.made_room().await;
                Ok(answer::forward(live.forward_answer()?))
            }
            Request::Back { sid, aid, mode } => {
                let live = self.find(rpc, &sid)?;
                Ok(answer::back(live.attach(aid, mode)?))
            }
            Request::Terminate { sid } => {
                if let Some(live) = sid.and_then(|sid| self.find(rpc, &sid).ok()) {
                    live.terminate();
                }
                Ok(Response::default())
            }
        }
    }

    fn find(&self, rpc: Rpc, sid: &str) -> Result<Arc<Live>, Refusal> {
        let found = self.registry.find(sid);
        found
            .filter(|live| live.rpc == rpc && !live.is_over())
            .ok_or_else(unknown_sid)
    }

    /// Begins a session.
    async fn open(
        &self,
        rpc: Rpc,
        handshake: &Handshake,
        request: &mut Incoming,
    ) -> Result<Response<Body>, Refusal> {
        if *self.stopped.borrow() {
            return Err(Refusal::new(Code::Unavailable, "The server is stopping."));
        }
        let (headers, messages) = read_form(request)?;
        let network = request.client.network();
        let (live, seat) = self.registry.register(network, rpc)?;
        live.receive(None, messages);
        let proven = self.prove(&headers, &handshake.headers, request.query("database"));
        let answers = match proven {
            Ok(bearer) => rpc.open(&self.service, bearer, &live),
            Err(refusal) => {
                // As a message, so that the SDK sees the code: each HTTP error is "unavailable" to it (section 2.2).
                live.end(End::Error(rpc::error_text(&refusal)));
                rpc::silence()
            }
        };
        let answer = live.handshake_answer();
        let stopped = self.stopped.clone();
        tokio::spawn(task::run(Arc::clone(&live), answers, seat, stopped));
        live.first_answer().await;
        let routing_token = handshake.wants_routing_token.then(registry::random);
        Ok(answer::handshake(answer, routing_token, request.version))
    }

    /// The bearer credential of a handshake, verified: the expensive work is done here, where the client takes the time
    /// that an answer needs (section 6.2).
    fn prove(
        &self,
        form: &Headers,
        query: &Headers,
        database: Option<&str>,
    ) -> Result<Option<String>, Refusal> {
        let value = form.find("authorization");
        let Some(value) = value.or_else(|| query.find("authorization")) else {
            return Ok(None);
        };
        let bearer = credential::token(value).ok_or_else(Refusal::unauthenticated)?;
        // Each message names the database again, and one that is none is refused there.
        if let Some(Ok(database)) = database.map(DatabaseName::parse) {
            self.service.prove(Some(bearer), &database)?;
        }
        Ok(Some(bearer.to_owned()))
    }
}

/// The form that a body is, and its messages with their claim to memory. The body is gone then.
fn read_form(
    request: &mut Incoming,
) -> Result<(Headers, impl Iterator<Item = (u64, Message)> + use<>), Refusal> {
    let (body, mut place) = request.take_body_and_place();
    let form = Form::parse(&body)?;
    drop(body);
    let bytes = form.messages.iter().map(|(_, text)| text.len()).sum();
    if let Some(place) = &mut place {
        place.shrink(bytes);
    }
    let place = place.map(Arc::new);
    let messages = form.messages.into_iter();
    let messages = messages.map(move |(id, text)| (id, Message::new(text, place.clone())));
    Ok((form.headers, messages))
}

/// The words are those that clients look for (section 7.3).
fn unknown_sid() -> Refusal {
    Refusal::invalid("Unknown SID")
}

impl From<Malformed> for Refusal {
    fn from(fault: Malformed) -> Self {
        Self::invalid(fault.to_string())
    }
}
