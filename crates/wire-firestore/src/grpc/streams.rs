//! Streams in both directions: what gRPC brings goes to `crate::streams`, and back.

use std::future::{Ready, ready};

use axum::http::{Request, Response};
use firekeep_wire_proto::google::firestore::v1 as proto;
use firekeep_wire_proto::{Codec, MessageDecoder};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use tonic::codec::{EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::server::StreamingService;
use tonic::{Status, Streaming, body};

use super::incoming::Metered;
use super::pages::Messages;
use super::service::Service;
use crate::limits::MESSAGE_BYTES_MAX;
use crate::streams::answer::ListenAnswer;
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

/// `Listen`: not by the generated service, which would encode every document for every listener.
pub(super) async fn listen(service: &Service, request: Request<Metered>) -> Response<body::Body> {
    let mut grpc = tonic::server::Grpc::new(ListenCodec)
        .apply_max_message_size_config(Some(MESSAGE_BYTES_MAX), None);
    grpc.streaming(Listen(service.clone()), request).await
}

struct Listen(Service);

impl StreamingService<proto::ListenRequest> for Listen {
    type Response = ListenAnswer;
    type ResponseStream = Messages<ListenAnswer>;
    type Future = Ready<Result<tonic::Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: tonic::Request<Streaming<proto::ListenRequest>>) -> Self::Future {
        let (metadata, _, requests) = request.into_parts();
        let answers = bearer(&metadata).map(|bearer| {
            let answers = streams::listen::listen(&self.0, bearer, taken(requests));
            tonic::Response::new(Box::pin(answers.map_err(Status::from)) as Messages<_>)
        });
        ready(answers.map_err(Status::from))
    }
}

/// How the messages of `Listen` stand in frames.
#[derive(Clone, Copy)]
struct ListenCodec;

impl tonic::codec::Codec for ListenCodec {
    type Encode = ListenAnswer;
    type Decode = proto::ListenRequest;
    type Encoder = Self;
    type Decoder = MessageDecoder<proto::ListenRequest>;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self::Decoder {
        Codec::<proto::ListenResponse, proto::ListenRequest>::default().decoder()
    }
}

impl Encoder for ListenCodec {
    type Item = ListenAnswer;
    type Error = Status;

    fn encode(&mut self, answer: ListenAnswer, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        answer.encode(out);
        Ok(())
    }
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
