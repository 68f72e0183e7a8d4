//! Streams in both directions: what gRPC brings goes to `crate::streams`, and back.

use firekeep_wire_proto::google::firestore::v1 as proto;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use tonic::metadata::MetadataMap;
use tonic::{Status, Streaming};

use super::pages::Messages;
use super::service::Service;
use crate::{Refusal, credential, streams};

/// `Write`
pub(super) fn write(
    service: &Service,
    metadata: &MetadataMap,
    requests: Streaming<proto::WriteRequest>,
) -> Result<Messages<proto::WriteResponse>, Refusal> {
    let answers = streams::write::write(service, bearer(metadata)?, taken(requests));
    Ok(Box::pin(answers.map_err(Status::from)))
}

/// `Listen`
pub(super) fn listen() -> Refusal {
    Refusal::unimplemented(
        "Listening to documents is not implemented by this server yet; read them with RunQuery or \
         BatchGetDocuments (in SDKs: get() instead of onSnapshot()).",
    )
}

/// `ExecutePipeline`
pub(super) fn execute_pipeline() -> Refusal {
    Refusal::unimplemented(
        "Pipelines are not implemented by this server; use structured queries (RunQuery).",
    )
}

fn bearer(metadata: &MetadataMap) -> Result<Option<String>, Refusal> {
    Ok(credential::bearer(metadata.as_ref())?.map(str::to_owned))
}

fn taken<M: Send + 'static>(
    requests: Streaming<M>,
) -> impl Stream<Item = Result<M, Refusal>> + Send + 'static {
    requests.map(|request| request.map_err(Refusal::from))
}
