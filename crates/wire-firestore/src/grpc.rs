//! Firestore over gRPC: which service a call is for, and what holds for every call: limits, deadline, panics.
//!
//! A method is one line in `service.rs` and a function in the file of its group; but for `Listen`, which has its own way
//! in. Follows the Firestore specification, sections 1.4, 5 and 8.4, and the published "gRPC over HTTP2".

mod answer;
mod deadline;
mod documents;
mod health;
mod incoming;
mod pages;
mod passed;
mod queries;
mod service;
mod streams;
mod transactions;
mod writes;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use firekeep_api::Core;
use firekeep_wire_proto::FILE_DESCRIPTOR_SET;
use firekeep_wire_proto::google::firestore::admin::v1::firestore_admin_server::FirestoreAdminServer;
use firekeep_wire_proto::google::firestore::v1::firestore_server::FirestoreServer;
use firekeep_wire_proto::google::longrunning::operations_server::OperationsServer;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::server::NamedService;
use tonic::{Status, body};
use tonic_health::pb::health_server::HealthServer;
use tonic_reflection::server::Builder;
use tower_service::Service as _;

use crate::admin::Admin;
use crate::limits::{MESSAGE_BYTES_MAX, REFLECTION_TIME_MAX, STATUS_TEXT_BYTES_MAX};
use crate::{Code, Refusal, credential};
use answer::Answer;
use health::Health;
use incoming::{Metered, Takes};
pub(crate) use service::Service;

/// Whether a request is a gRPC call, by its content type.
#[must_use]
pub fn is_call(headers: &axum::http::HeaderMap) -> bool {
    kind(headers).is_some_and(|kind| kind.starts_with("application/grpc"))
}

/// The content type, without parameters, in lower case.
fn kind(headers: &axum::http::HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let kind = value.split(';').next().unwrap_or_default();
    Some(kind.trim().to_ascii_lowercase())
}

/// A service that answers calls.
type Handler =
    Box<dyn Fn(Request<Metered>) -> BoxFuture<'static, Response<body::Body>> + Send + Sync>;

/// All services.
pub struct Grpc {
    core: Arc<Core>,
    service: Service,
    firestore: FirestoreServer<Service>,
    admin: FirestoreAdminServer<Admin>,
    operations: OperationsServer<Admin>,
    health: HealthServer<Health>,
    /// The two versions of server reflection; made when somebody asks.
    reflection: OnceLock<[Handler; 2]>,
    stopped: watch::Receiver<bool>,
}

impl Grpc {
    /// The services of a server. Answers that have no end of their own end once `stopped` says so.
    #[must_use]
    pub fn new(core: &Arc<Core>, stopped: watch::Receiver<bool>) -> Self {
        let service = Service::new(Arc::clone(core));
        let admin = Admin::new(core);
        Self {
            core: Arc::clone(core),
            service: service.clone(),
            admin: FirestoreAdminServer::new(admin.clone()),
            operations: OperationsServer::new(admin),
            firestore: FirestoreServer::new(service).max_decoding_message_size(MESSAGE_BYTES_MAX),
            health: HealthServer::new(Health::new(Arc::clone(core), stopped.clone())),
            reflection: OnceLock::new(),
            stopped,
        }
    }

    /// Answers a call, whatever happens. `ended` hears how it ended, when it has: the answer may be long.
    pub async fn handle(
        &self,
        request: Request<Body>,
        ended: impl FnOnce(Code) + Send + 'static,
    ) -> Response<Body> {
        if let Some(code) = fault(&request) {
            ended(Code::Internal);
            return code.into_response();
        }
        let ended = Box::new(ended);
        let deadline = match deadline::read(request.headers()) {
            Ok(deadline) => deadline,
            Err(refusal) => return Answer::refused(refusal.into(), ended),
        };
        if let Err(refusal) = self.check(&request) {
            return Answer::refused(refusal.into(), ended);
        }
        let place = incoming::Place::default();
        let takes = Takes::of(request.uri().path());
        let request = request.map(|body| Metered::new(body, takes, place.clone()));
        let done = guard(deadline, self.route(request)).await;
        // The answer is there, or will not come: nothing of the request is in memory any more.
        drop(place);
        match done {
            Ok(response) => Answer::of(response, deadline, ended),
            Err(status) => Answer::refused(status, ended),
        }
    }

    /// Refuses who can never be let in, before the message is read.
    fn check(&self, request: &Request<Body>) -> Result<(), Refusal> {
        match request.uri().path().starts_with("/google.") {
            true => credential::check(&self.core, credential::bearer(request.headers())?),
            false => Ok(()),
        }
    }

    async fn route(&self, request: Request<Metered>) -> Response<body::Body> {
        let path = request.uri().path();
        let service = path.trim_start_matches('/').split('/').next();
        let response = match service {
            Some(FirestoreServer::<Service>::NAME) if path.ends_with("/Listen") => {
                return streams::listen(&self.service, request).await;
            }
            Some(FirestoreServer::<Service>::NAME) => match passed::Method::of(path) {
                Some(method) => return passed::answer(method, &self.service, request).await,
                None => self.firestore.clone().call(request).await,
            },
            Some(FirestoreAdminServer::<Admin>::NAME) => self.admin.clone().call(request).await,
            Some(OperationsServer::<Admin>::NAME) => self.operations.clone().call(request).await,
            Some(HealthServer::<Health>::NAME) => self.health.clone().call(request).await,
            Some("grpc.reflection.v1.ServerReflection") => return self.reflect(0, request).await,
            Some("grpc.reflection.v1alpha.ServerReflection") => {
                return self.reflect(1, request).await;
            }
            _ => {
                let text = format!("The method {path} is not known to this server.");
                return Status::from(Refusal::unimplemented(text)).into_http();
            }
        };
        let Ok(response) = response;
        response
    }

    async fn reflect(&self, version: usize, request: Request<Metered>) -> Response<body::Body> {
        let handlers = self.reflection.get_or_init(reflection);
        let request = request.map(|body| body.until(self.stopped.clone(), REFLECTION_TIME_MAX));
        match handlers.get(version) {
            Some(handler) => handler(request).await,
            None => Status::unimplemented("").into_http(),
        }
    }
}

/// What a service answers, if it does so in time and does not panic.
async fn guard<T>(deadline: Option<Instant>, work: impl Future<Output = T>) -> Result<T, Status> {
    // What panics is dropped whole: nobody sees it half done.
    let work = AssertUnwindSafe(work).catch_unwind();
    let done = match deadline {
        None => work.await,
        Some(at) => match tokio::time::timeout_at(at, work).await {
            Ok(done) => done,
            Err(_) => return Err(deadline::exceeded()),
        },
    };
    done.map_err(|_| panicked())
}

/// Server reflection, in version 1 and the one before.
fn reflection() -> [Handler; 2] {
    let builder = || {
        Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    [
        handler(builder().build_v1()),
        handler(builder().build_v1alpha()),
    ]
}

/// A service, or what tells that there is none: our own descriptors cannot be read.
fn handler<S, E>(server: Result<S, E>) -> Handler
where
    S: tower_service::Service<
            Request<Metered>,
            Response = Response<body::Body>,
            Error = std::convert::Infallible,
            Future: Send,
        > + Clone
        + Send
        + Sync
        + 'static,
    E: std::error::Error,
{
    match server {
        Ok(server) => Box::new(move |request| {
            let mut server = server.clone();
            Box::pin(async move {
                let Ok(response) = server.call(request).await;
                response
            })
        }),
        Err(error) => {
            let status = Status::from(Refusal::internal(&error));
            Box::new(move |_| {
                let response = status.clone().into_http();
                Box::pin(async move { response })
            })
        }
    }
}

/// Why a request is no gRPC that anybody here speaks, in HTTP's own words. Source: gRPC over HTTP2, "Requests".
fn fault(request: &Request<Body>) -> Option<impl axum::response::IntoResponse + use<>> {
    let (code, text) = match kind(request.headers()).as_deref() {
        _ if request.method() != Method::POST => (
            StatusCode::METHOD_NOT_ALLOWED,
            "gRPC calls are POST requests.",
        ),
        // What ends a call stands behind the body, where HTTP/1.1 has no place that clients read.
        _ if request.version() < axum::http::Version::HTTP_2 => (
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            "gRPC calls need HTTP/2.",
        ),
        Some("application/grpc" | "application/grpc+proto") => return None,
        _ => (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Of gRPC, this server speaks application/grpc and application/grpc+proto.",
        ),
    };
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    Some((code, [(header::CONTENT_TYPE, kind)], text))
}

/// What the client of a call that panicked reads.
fn panicked() -> Status {
    tracing::error!("a call panicked");
    Status::internal("Internal error encountered.")
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let mut message = refusal.message;
        if message.len() > STATUS_TEXT_BYTES_MAX {
            let mut end = STATUS_TEXT_BYTES_MAX;
            while !message.is_char_boundary(end) {
                end -= 1;
            }
            message.truncate(end);
            message.push('…');
        }
        Self::new(tonic::Code::from(refusal.code.number()), message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_panics_is_internal() {
        let panics = async { panic!("on purpose") };
        let status = guard::<()>(None, panics).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Internal);
        assert_eq!(status.message(), "Internal error encountered.");
        assert_eq!(guard(None, async { 7 }).await.unwrap(), 7);
    }
}
