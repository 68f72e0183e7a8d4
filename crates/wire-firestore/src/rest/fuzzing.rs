//! The way from a request's line and body to messages, for the fuzzer: no part of what this crate offers.

use axum::http::Method;
use firekeep_wire_proto::google::firestore::v1 as proto;

use super::request::{from_body, from_query};
use super::route::{self, Operation, Route};
use crate::Refusal;

/// Where a request leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Led {
    /// Nowhere.
    Nowhere,
    /// To an operation on documents, on this name, and the id of a collection below it.
    Documents(String, String),
    /// To something else.
    Elsewhere,
}

/// Whether a decoded path is one of ours.
#[must_use]
pub fn is_ours(path: &str) -> bool {
    route::is_ours(path)
}

/// Finds the operation and reads its message; only the operation is not carried out.
///
/// # Errors
/// What the client is told.
pub fn transcode(
    method: &Method,
    raw_path: &str,
    query: &[(String, String)],
    body: &[u8],
) -> Result<Led, Refusal> {
    let (operation, name, collection_id) = match Route::find(method, raw_path)? {
        None => return Ok(Led::Nowhere),
        Some(Route::Documents {
            operation,
            name,
            collection_id,
        }) => (operation, name, collection_id),
        Some(
            Route::Admin { .. }
            | Route::Clear { .. }
            | Route::Files { .. }
            | Route::EmulatorOnly(_),
        ) => {
            return Ok(Led::Elsewhere);
        }
    };
    match operation {
        Operation::GetDocument => drop(from_query::<proto::GetDocumentRequest>(query)?),
        Operation::ListDocuments => drop(from_query::<proto::ListDocumentsRequest>(query)?),
        Operation::DeleteDocument => drop(from_query::<proto::DeleteDocumentRequest>(query)?),
        Operation::CreateDocument => {
            from_query::<proto::CreateDocumentRequest>(query)?;
            from_body::<proto::Document>(body)?;
        }
        Operation::UpdateDocument => {
            from_query::<proto::UpdateDocumentRequest>(query)?;
            from_body::<proto::Document>(body)?;
        }
        Operation::BatchGetDocuments => drop(from_body::<proto::BatchGetDocumentsRequest>(body)?),
        Operation::BatchWrite => drop(from_body::<proto::BatchWriteRequest>(body)?),
        Operation::BeginTransaction => drop(from_body::<proto::BeginTransactionRequest>(body)?),
        Operation::Commit => drop(from_body::<proto::CommitRequest>(body)?),
        Operation::Rollback => drop(from_body::<proto::RollbackRequest>(body)?),
        Operation::ExecutePipeline => drop(from_body::<proto::ExecutePipelineRequest>(body)?),
        Operation::RunQuery => drop(from_body::<proto::RunQueryRequest>(body)?),
        Operation::RunAggregationQuery => {
            from_body::<proto::RunAggregationQueryRequest>(body)?;
        }
        Operation::PartitionQuery => drop(from_body::<proto::PartitionQueryRequest>(body)?),
        Operation::ListCollectionIds => drop(from_body::<proto::ListCollectionIdsRequest>(body)?),
        Operation::Listen | Operation::Write => {}
    }
    Ok(Led::Documents(name, collection_id))
}
