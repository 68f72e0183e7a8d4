//! The service `google.firestore.v1.Firestore`: its methods, each in the file of its group.

use std::sync::Arc;

use firekeep_api::Core;
use firekeep_api::firestore::Firestore;
use firekeep_model::{Caller, DatabaseName};
use firekeep_wire_proto::google::firestore::v1 as proto;
use proto::firestore_server::{self, FirestoreServer};
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

use super::pages::Messages;
use super::{documents, passed, queries, streams, transactions, writes};
use crate::{Refusal, credential};

/// The generated part of the service.
pub(super) type Server = FirestoreServer<Service>;

/// Answers the calls.
#[derive(Clone)]
pub(crate) struct Service {
    core: Arc<Core>,
    pub(crate) firestore: Firestore,
}

impl Service {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        let firestore = Firestore::new(Arc::clone(&core));
        Self { core, firestore }
    }

    /// Who asks for something of a database.
    pub(super) fn caller(
        &self,
        metadata: &MetadataMap,
        database: &DatabaseName,
    ) -> Result<Caller, Refusal> {
        self.prove(credential::bearer(metadata.as_ref())?, database)
    }

    /// Whom a bearer credential proves.
    pub(crate) fn prove(
        &self,
        bearer: Option<&str>,
        database: &DatabaseName,
    ) -> Result<Caller, Refusal> {
        let caller = self.core.documents_caller(bearer, database);
        caller.map_err(|error| Refusal::of(error, database))
    }
}

/// The metadata and the message of a call.
fn open<M>(request: Request<M>) -> (MetadataMap, M) {
    let (metadata, _, message) = request.into_parts();
    (metadata, message)
}

/// Calls the function of a method, and wraps what it gives.
macro_rules! answer {
    ($service:expr, $request:expr, $group:ident :: $method:ident) => {{
        let (metadata, message) = open($request);
        let answer = $group::$method($service, &metadata, message).await;
        answer.map(Response::new).map_err(Status::from)
    }};
}

#[tonic::async_trait]
impl firestore_server::Firestore for Service {
    async fn get_document(
        &self,
        request: Request<proto::GetDocumentRequest>,
    ) -> Result<Response<proto::Document>, Status> {
        let found = answer!(self, request, documents::get)?;
        Ok(Response::new(found.into_inner().into_message()?))
    }

    type BatchGetDocumentsStream = Messages<proto::BatchGetDocumentsResponse>;

    async fn batch_get_documents(
        &self,
        request: Request<proto::BatchGetDocumentsRequest>,
    ) -> Result<Response<Self::BatchGetDocumentsStream>, Status> {
        let found = answer!(self, request, documents::batch_get)?;
        Ok(found.map(passed::into_messages))
    }

    async fn list_documents(
        &self,
        request: Request<proto::ListDocumentsRequest>,
    ) -> Result<Response<proto::ListDocumentsResponse>, Status> {
        answer!(self, request, documents::list)
    }

    async fn list_collection_ids(
        &self,
        request: Request<proto::ListCollectionIdsRequest>,
    ) -> Result<Response<proto::ListCollectionIdsResponse>, Status> {
        answer!(self, request, documents::list_collection_ids)
    }

    async fn commit(
        &self,
        request: Request<proto::CommitRequest>,
    ) -> Result<Response<proto::CommitResponse>, Status> {
        answer!(self, request, writes::commit)
    }

    async fn batch_write(
        &self,
        request: Request<proto::BatchWriteRequest>,
    ) -> Result<Response<proto::BatchWriteResponse>, Status> {
        answer!(self, request, writes::batch)
    }

    async fn create_document(
        &self,
        request: Request<proto::CreateDocumentRequest>,
    ) -> Result<Response<proto::Document>, Status> {
        answer!(self, request, writes::create)
    }

    async fn update_document(
        &self,
        request: Request<proto::UpdateDocumentRequest>,
    ) -> Result<Response<proto::Document>, Status> {
        answer!(self, request, writes::update)
    }

    async fn delete_document(
        &self,
        request: Request<proto::DeleteDocumentRequest>,
    ) -> Result<Response<()>, Status> {
        answer!(self, request, writes::delete)
    }

    async fn begin_transaction(
        &self,
        request: Request<proto::BeginTransactionRequest>,
    ) -> Result<Response<proto::BeginTransactionResponse>, Status> {
        answer!(self, request, transactions::begin)
    }

    async fn rollback(
        &self,
        request: Request<proto::RollbackRequest>,
    ) -> Result<Response<()>, Status> {
        answer!(self, request, transactions::rollback)
    }

    type RunQueryStream = Messages<proto::RunQueryResponse>;

    async fn run_query(
        &self,
        request: Request<proto::RunQueryRequest>,
    ) -> Result<Response<Self::RunQueryStream>, Status> {
        let found = answer!(self, request, queries::run)?;
        Ok(found.map(passed::into_messages))
    }

    type RunAggregationQueryStream = Messages<proto::RunAggregationQueryResponse>;

    async fn run_aggregation_query(
        &self,
        request: Request<proto::RunAggregationQueryRequest>,
    ) -> Result<Response<Self::RunAggregationQueryStream>, Status> {
        answer!(self, request, queries::aggregate)
    }

    async fn partition_query(
        &self,
        request: Request<proto::PartitionQueryRequest>,
    ) -> Result<Response<proto::PartitionQueryResponse>, Status> {
        answer!(self, request, queries::partition)
    }

    type ExecutePipelineStream = Messages<proto::ExecutePipelineResponse>;

    async fn execute_pipeline(
        &self,
        _: Request<proto::ExecutePipelineRequest>,
    ) -> Result<Response<Self::ExecutePipelineStream>, Status> {
        Err(streams::execute_pipeline().into())
    }

    type WriteStream = Messages<proto::WriteResponse>;

    async fn write(
        &self,
        request: Request<Streaming<proto::WriteRequest>>,
    ) -> Result<Response<Self::WriteStream>, Status> {
        let (metadata, requests) = open(request);
        Ok(Response::new(streams::write(self, &metadata, requests)?))
    }

    type ListenStream = Messages<proto::ListenResponse>;

    /// Never called: see [`streams::listen`].
    async fn listen(
        &self,
        _: Request<Streaming<proto::ListenRequest>>,
    ) -> Result<Response<Self::ListenStream>, Status> {
        Err(Status::internal("Listening has its own way in."))
    }
}
