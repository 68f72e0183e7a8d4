//! Operations on documents: each is the gRPC method of its name, with the message that path, parameters and body make.
//!
//! What the path says is what holds; a body may say it again. Source: Firestore specification, section 8.1.

use axum::body::Body;
use axum::http::Response;
use firekeep_wire_proto::google::firestore::v1 as proto;
use firekeep_wire_proto::json::{self, Json};
use futures_util::TryStreamExt as _;
use proto::firestore_server::Firestore;
use tonic::Status;
use tonic::codegen::tokio_stream::Stream;

use super::call::Call;
use super::route::Operation;
use super::{array, envelope};
use crate::Refusal;

/// Answers an operation on what the path names, and the collection behind that.
///
/// # Errors
/// What is wrong with the request, or the method's own refusal.
pub(super) async fn answer(
    service: &impl Firestore,
    operation: Operation,
    name: String,
    collection_id: String,
    mut call: Call<'_>,
) -> Result<Response<Body>, Refusal> {
    match operation {
        Operation::GetDocument => {
            let mut message: proto::GetDocumentRequest = call.query()?;
            message.name = name;
            one(service.get_document(call.with(message)?).await)
        }
        Operation::ListDocuments => {
            let mut message: proto::ListDocumentsRequest = call.query()?;
            message.parent = name;
            message.collection_id = collection_id;
            one(service.list_documents(call.with(message)?).await)
        }
        Operation::CreateDocument => {
            let mut message: proto::CreateDocumentRequest = call.query()?;
            message.parent = name;
            message.collection_id = collection_id;
            message.document = Some(call.body()?);
            one(service.create_document(call.with(message)?).await)
        }
        Operation::UpdateDocument => {
            let mut message: proto::UpdateDocumentRequest = call.query()?;
            let document: proto::Document = call.body()?;
            message.document = Some(proto::Document { name, ..document });
            one(service.update_document(call.with(message)?).await)
        }
        Operation::DeleteDocument => {
            let mut message: proto::DeleteDocumentRequest = call.query()?;
            message.name = name;
            one(service.delete_document(call.with(message)?).await)
        }
        Operation::BatchGetDocuments => {
            let mut message: proto::BatchGetDocumentsRequest = call.body()?;
            message.database = name;
            many(service.batch_get_documents(call.with(message)?).await).await
        }
        Operation::BatchWrite => {
            let mut message: proto::BatchWriteRequest = call.body()?;
            message.database = name;
            one(service.batch_write(call.with(message)?).await)
        }
        Operation::BeginTransaction => {
            let mut message: proto::BeginTransactionRequest = call.body()?;
            message.database = name;
            one(service.begin_transaction(call.with(message)?).await)
        }
        Operation::Commit => {
            let mut message: proto::CommitRequest = call.body()?;
            message.database = name;
            one(service.commit(call.with(message)?).await)
        }
        Operation::Rollback => {
            let mut message: proto::RollbackRequest = call.body()?;
            message.database = name;
            one(service.rollback(call.with(message)?).await)
        }
        Operation::ExecutePipeline => {
            let mut message: proto::ExecutePipelineRequest = call.body()?;
            message.database = name;
            many(service.execute_pipeline(call.with(message)?).await).await
        }
        Operation::RunQuery => {
            let mut message: proto::RunQueryRequest = call.body()?;
            message.parent = name;
            many(service.run_query(call.with(message)?).await).await
        }
        Operation::RunAggregationQuery => {
            let mut message: proto::RunAggregationQueryRequest = call.body()?;
            message.parent = name;
            many(service.run_aggregation_query(call.with(message)?).await).await
        }
        Operation::PartitionQuery => {
            let mut message: proto::PartitionQueryRequest = call.body()?;
            message.parent = name;
            one(service.partition_query(call.with(message)?).await)
        }
        Operation::ListCollectionIds => {
            let mut message: proto::ListCollectionIdsRequest = call.body()?;
            message.parent = name;
            one(service.list_collection_ids(call.with(message)?).await)
        }
        Operation::Listen | Operation::Write => Err(Refusal::unimplemented(
            "Streams in both directions are not available over REST.",
        )),
    }
}

/// The answer of one message.
pub(super) fn one<M: Json>(
    answer: Result<tonic::Response<M>, Status>,
) -> Result<Response<Body>, Refusal> {
    let message = answer?.into_inner();
    Ok(envelope::answer(json::encode(&message).into()))
}

/// The answer of a stream of messages.
async fn many<M: Json>(
    answer: Result<tonic::Response<impl Stream<Item = Result<M, Status>> + Send + 'static>, Status>,
) -> Result<Response<Body>, Refusal> {
    let messages = answer?.into_inner();
    array::respond(messages.map_err(Refusal::from)).await
}
