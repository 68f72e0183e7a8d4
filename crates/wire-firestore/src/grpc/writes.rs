//! Writing: commits, batches of independent writes, and the methods that write one document.

use firekeep_wire_proto::google::firestore::v1 as proto;
use tonic::metadata::MetadataMap;

use super::service::Service;
use crate::Refusal;
use crate::convert::name::read_database;
use crate::convert::value::write_timestamp;
use crate::convert::write::{read_writes, write_result};

/// `Commit`
pub(super) async fn commit(
    service: &Service,
    metadata: &MetadataMap,
    request: proto::CommitRequest,
) -> Result<proto::CommitResponse, Refusal> {
    let database = read_database(&request.database)?;
    let caller = service.caller(metadata, &database)?;
    let writes = read_writes(&database, request.writes)?;
    let transaction = (!request.transaction.is_empty()).then_some(request.transaction);
    let committed = (service.firestore)
        .commit(&caller, &database, writes, transaction)
        .await;
    let committed = committed.map_err(|error| Refusal::of(error, &database))?;
    Ok(proto::CommitResponse {
        write_results: committed.results.iter().map(write_result).collect(),
        commit_time: Some(write_timestamp(committed.commit_time)),
    })
}

/// `BatchWrite`
pub(super) async fn batch(
    _service: &Service,
    _metadata: &MetadataMap,
    _request: proto::BatchWriteRequest,
) -> Result<proto::BatchWriteResponse, Refusal> {
    Err(Refusal::unimplemented(""))
}

/// `CreateDocument`
pub(super) async fn create(
    _service: &Service,
    _metadata: &MetadataMap,
    _request: proto::CreateDocumentRequest,
) -> Result<proto::Document, Refusal> {
    Err(Refusal::unimplemented(""))
}

/// `UpdateDocument`
pub(super) async fn update(
    _service: &Service,
    _metadata: &MetadataMap,
    _request: proto::UpdateDocumentRequest,
) -> Result<proto::Document, Refusal> {
    Err(Refusal::unimplemented(""))
}

/// `DeleteDocument`
pub(super) async fn delete(
    _service: &Service,
    _metadata: &MetadataMap,
    _request: proto::DeleteDocumentRequest,
) -> Result<(), Refusal> {
    Err(Refusal::unimplemented(""))
}
