//! Messages with a document that is passed on as it is stored, and the methods that answer with them.
//!
//! Over gRPC the stored bytes become the message's without values between; not by the generated service, which would
//! want messages of its own. REST gets such messages. Source: gRPC over HTTP2; Firestore specification, section 5.

use std::future::Future;
use std::pin::Pin;

use axum::http::{Request, Response};
use firekeep_api::Error;
use firekeep_api::firestore::{DocumentError, Given};
use firekeep_model::DatabaseName;
use firekeep_wire_proto::google::firestore::v1 as proto;
use firekeep_wire_proto::{Codec, MessageDecoder};
use futures_util::StreamExt as _;
use prost::Message;
use prost::bytes::BufMut as _;
use proto::batch_get_documents_response::Result as Outcome;
use tonic::codec::{EncodeBuf, Encoder};
use tonic::server::{Grpc, ServerStreamingService, UnaryService};
use tonic::{Status, body};

use super::incoming::Metered;
use super::pages::Messages;
use super::service::Service;
use super::{documents, queries};
use crate::Refusal;
use crate::convert::document::write_document;
use crate::convert::stored::{put_bare_document, put_document};
use crate::limits::MESSAGE_BYTES_MAX;

/// A message, and the document that it has.
pub(super) struct Passed<M> {
    document: Option<(DatabaseName, Given)>,
    /// What it says beside that.
    pub(super) told: M,
}

/// A message that has a document.
pub(super) trait Holds: Message + Default {
    /// The number of its field for the document; `None` when the message is the document. INVARIANT: the lowest of those
    /// that messages with a document have.
    const FIELD: Option<u32>;

    /// The same with the document.
    fn with(self, document: proto::Document) -> Self;
}

impl Holds for proto::Document {
    const FIELD: Option<u32> = None;

    fn with(self, document: proto::Document) -> Self {
        document
    }
}

impl Holds for proto::BatchGetDocumentsResponse {
    const FIELD: Option<u32> = Some(1);

    fn with(self, document: proto::Document) -> Self {
        Self {
            result: Some(Outcome::Found(document)),
            ..self
        }
    }
}

impl Holds for proto::RunQueryResponse {
    const FIELD: Option<u32> = Some(1);

    fn with(self, document: proto::Document) -> Self {
        Self {
            document: Some(document),
            ..self
        }
    }
}

impl<M: Holds> Passed<M> {
    pub(super) const fn of(database: DatabaseName, document: Given, told: M) -> Self {
        Self {
            document: Some((database, document)),
            told,
        }
    }

    /// A message without a document.
    pub(super) const fn without(told: M) -> Self {
        Self {
            document: None,
            told,
        }
    }

    /// The whole message.
    ///
    /// # Errors
    /// INTERNAL for a document that is damaged.
    pub(super) fn into_message(self) -> Result<M, Status> {
        let Some((database, document)) = self.document else {
            return Ok(self.told);
        };
        let document = document
            .decode()
            .map_err(|error| damaged(error, &database))?;
        Ok(self.told.with(write_document(&database, &document)))
    }

    /// Appends the whole message.
    ///
    /// # Errors
    /// As [`into_message`](Self::into_message).
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Status> {
        if let Some((database, document)) = &self.document {
            let put = match M::FIELD {
                Some(field) => put_document(out, field, database, document),
                None => put_bare_document(out, database, document),
            };
            put.map_err(|error| damaged(error, database))?;
        }
        self.told.encode_raw(out);
        Ok(())
    }
}

/// The whole messages.
pub(super) fn into_messages<M: Holds + 'static>(messages: Messages<Passed<M>>) -> Messages<M> {
    Box::pin(messages.map(|message| message?.into_message()))
}

fn damaged(error: DocumentError, database: &DatabaseName) -> Status {
    Refusal::of(Error::from(error), database).into()
}

/// The methods that answer so.
#[derive(Clone, Copy)]
pub(super) enum Method {
    GetDocument,
    BatchGetDocuments,
    RunQuery,
}

impl Method {
    /// The method of a path.
    pub(super) fn of(path: &str) -> Option<Self> {
        match path.rsplit('/').next() {
            Some("GetDocument") => Some(Self::GetDocument),
            Some("BatchGetDocuments") => Some(Self::BatchGetDocuments),
            Some("RunQuery") => Some(Self::RunQuery),
            _ => None,
        }
    }
}

/// Answers a call of one of the methods.
pub(super) async fn answer(
    method: Method,
    service: &Service,
    request: Request<Metered>,
) -> Response<body::Body> {
    let service = service.clone();
    match method {
        Method::GetDocument => grpc().unary(Get(service), request).await,
        Method::BatchGetDocuments => grpc().server_streaming(BatchGet(service), request).await,
        Method::RunQuery => grpc().server_streaming(Run(service), request).await,
    }
}

fn grpc<M, R>() -> Grpc<PassedCodec<M, R>>
where
    M: Holds + 'static,
    R: Message + Default + 'static,
{
    Grpc::new(PassedCodec::default()).apply_max_message_size_config(Some(MESSAGE_BYTES_MAX), None)
}

type Answering<T> = Pin<Box<dyn Future<Output = Result<tonic::Response<T>, Status>> + Send>>;

struct Get(Service);
struct BatchGet(Service);
struct Run(Service);

impl UnaryService<proto::GetDocumentRequest> for Get {
    type Response = Passed<proto::Document>;
    type Future = Answering<Self::Response>;

    fn call(&mut self, request: tonic::Request<proto::GetDocumentRequest>) -> Self::Future {
        let service = self.0.clone();
        Box::pin(async move {
            let (metadata, _, message) = request.into_parts();
            let found = documents::get(&service, &metadata, message).await;
            Ok(tonic::Response::new(found?))
        })
    }
}

impl ServerStreamingService<proto::BatchGetDocumentsRequest> for BatchGet {
    type Response = Passed<proto::BatchGetDocumentsResponse>;
    type ResponseStream = Messages<Self::Response>;
    type Future = Answering<Self::ResponseStream>;

    fn call(&mut self, request: tonic::Request<proto::BatchGetDocumentsRequest>) -> Self::Future {
        let service = self.0.clone();
        Box::pin(async move {
            let (metadata, _, message) = request.into_parts();
            let found = documents::batch_get(&service, &metadata, message).await;
            Ok(tonic::Response::new(found?))
        })
    }
}

impl ServerStreamingService<proto::RunQueryRequest> for Run {
    type Response = Passed<proto::RunQueryResponse>;
    type ResponseStream = Messages<Self::Response>;
    type Future = Answering<Self::ResponseStream>;

    fn call(&mut self, request: tonic::Request<proto::RunQueryRequest>) -> Self::Future {
        let service = self.0.clone();
        Box::pin(async move {
            let (metadata, _, message) = request.into_parts();
            let found = queries::run(&service, &metadata, message).await;
            Ok(tonic::Response::new(found?))
        })
    }
}

/// How the messages stand in frames.
struct PassedCodec<M, R>(std::marker::PhantomData<(M, R)>);

impl<M, R> Default for PassedCodec<M, R> {
    fn default() -> Self {
        Self(std::marker::PhantomData)
    }
}

/// Puts messages into frames.
struct PassedEncoder<M> {
    message: Vec<u8>,
    of: std::marker::PhantomData<M>,
}

impl<M: Holds + 'static, R: Message + Default + 'static> tonic::codec::Codec for PassedCodec<M, R> {
    type Encode = Passed<M>;
    type Decode = R;
    type Encoder = PassedEncoder<M>;
    type Decoder = MessageDecoder<R>;

    fn encoder(&mut self) -> Self::Encoder {
        PassedEncoder {
            message: Vec::new(),
            of: std::marker::PhantomData,
        }
    }

    fn decoder(&mut self) -> Self::Decoder {
        Codec::<M, R>::default().decoder()
    }
}

impl<M: Holds + 'static> Encoder for PassedEncoder<M> {
    type Item = Passed<M>;
    type Error = Status;

    fn encode(&mut self, passed: Passed<M>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        self.message.clear();
        passed.encode(&mut self.message)?;
        out.put_slice(&self.message);
        Ok(())
    }
}
