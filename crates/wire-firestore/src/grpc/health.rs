//! The published health protocol, `grpc.health.v1`: whether the store takes writes.

use std::pin::Pin;
use std::sync::Arc;

use firekeep_api::Core;
use futures_util::stream;
use tokio::sync::watch;
use tonic::codegen::tokio_stream::Stream;
use tonic::server::NamedService as _;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse, health_server};

use super::service::Server;
use crate::limits::HEALTH_EVERY;

/// Tells how the server is.
pub(super) struct Health {
    core: Arc<Core>,
    stopped: watch::Receiver<bool>,
}

impl Health {
    pub(super) fn new(core: Arc<Core>, stopped: watch::Receiver<bool>) -> Self {
        Self { core, stopped }
    }
}

/// The state of a service, the empty name being the server's. All are as well as the store is.
fn status(core: &Core, service: &str) -> ServingStatus {
    match service {
        "" | Server::NAME => match core.ready() {
            Ok(()) => ServingStatus::Serving,
            Err(_) => ServingStatus::NotServing,
        },
        _ => ServingStatus::ServiceUnknown,
    }
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

#[tonic::async_trait]
impl health_server::Health for Health {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        match status(&self.core, &request.get_ref().service) {
            ServingStatus::ServiceUnknown => Err(Status::not_found("There is no such service.")),
            status => Ok(Response::new(answer(status))),
        }
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    /// Begins with the state as it is, and tells each change, until the server stops.
    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let (core, service) = (Arc::clone(&self.core), request.into_inner().service);
        let begin = (None, self.stopped.clone());
        let changes = stream::unfold(begin, move |(told, mut stopped)| {
            let (core, service) = (Arc::clone(&core), service.clone());
            async move {
                loop {
                    let now = status(&core, &service);
                    if told != Some(now) {
                        return Some((Ok(answer(now)), (Some(now), stopped)));
                    }
                    tokio::select! {
                        () = tokio::time::sleep(HEALTH_EVERY) => {}
                        _ = stopped.wait_for(|stopped| *stopped) => return None,
                    }
                }
            }
        });
        Ok(Response::new(Box::pin(changes)))
    }
}
