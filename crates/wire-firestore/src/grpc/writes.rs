//! Writing: commits, batches of independent writes, and the methods that write one document.

use firekeep_model::{DocumentName, ParentName};
use firekeep_wire_proto::google::firestore::v1 as proto;
use firekeep_wire_proto::google::rpc::Status;
use tonic::metadata::MetadataMap;

use super::service::Service;
use crate::Refusal;
use crate::convert::Fault;
use crate::convert::document::{read_mask, write_document};
use crate::convert::name::{
    read_collection_id, read_database, read_document_id, read_document_name, read_parent,
};
use crate::convert::value::{read_fields, write_timestamp};
use crate::convert::write::{read_precondition, read_writes, write_result};

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
    service: &Service,
    metadata: &MetadataMap,
    request: proto::BatchWriteRequest,
) -> Result<proto::BatchWriteResponse, Refusal> {
    let database = read_database(&request.database)?;
    let caller = service.caller(metadata, &database)?;
    let writes = read_writes(&database, request.writes)?;
    let written = (service.firestore)
        .batch_write(&caller, &database, writes)
        .await;
    let written = written.map_err(|error| Refusal::of(error, &database))?;
    let mut response = proto::BatchWriteResponse::default();
    for result in written {
        let (result, status) = match result {
            Ok(written) => (write_result(&written), Status::default()),
            Err(error) => (
                proto::WriteResult::default(),
                Refusal::of(error, &database).into(),
            ),
        };
        response.write_results.push(result);
        response.status.push(status);
    }
    Ok(response)
}

/// `CreateDocument`
pub(super) async fn create(
    service: &Service,
    metadata: &MetadataMap,
    request: proto::CreateDocumentRequest,
) -> Result<proto::Document, Refusal> {
    let ParentName { database, document } = read_parent(&request.parent)?;
    let caller = service.caller(metadata, &database)?;
    let collection = read_collection_id(&request.collection_id)?;
    let collection = collection.ok_or(Fault::Missing("collection_id"))?;
    let id = read_document_id(&request.document_id)?;
    let sent = request.document.unwrap_or_default();
    if !sent.name.is_empty() {
        return Err(Fault::NameOfNew.into());
    }
    let fields = read_fields(sent.fields)?;
    let mask = read_mask(request.mask)?;
    let created = (service.firestore)
        .create_document(&caller, &database, document, collection, id, fields, mask)
        .await;
    let created = created.map_err(|error| Refusal::of(error, &database))?;
    Ok(write_document(&database, &created))
}

/// `UpdateDocument`
pub(super) async fn update(
    service: &Service,
    metadata: &MetadataMap,
    request: proto::UpdateDocumentRequest,
) -> Result<proto::Document, Refusal> {
    let sent = request.document.ok_or(Fault::Missing("document"))?;
    let DocumentName { database, path } = read_document_name(&sent.name)?;
    let caller = service.caller(metadata, &database)?;
    let fields = read_fields(sent.fields)?;
    let (changed, mask) = (read_mask(request.update_mask)?, read_mask(request.mask)?);
    let precondition = read_precondition(request.current_document)?;
    let updated = (service.firestore)
        .update_document(
            &caller,
            &database,
            path,
            fields,
            changed,
            mask,
            precondition,
        )
        .await;
    let updated = updated.map_err(|error| Refusal::of(error, &database))?;
    Ok(write_document(&database, &updated))
}

/// `DeleteDocument`
pub(super) async fn delete(
    service: &Service,
    metadata: &MetadataMap,
    request: proto::DeleteDocumentRequest,
) -> Result<(), Refusal> {
    let DocumentName { database, path } = read_document_name(&request.name)?;
    let caller = service.caller(metadata, &database)?;
    let precondition = read_precondition(request.current_document)?;
    let deleted = (service.firestore)
        .delete_document(&caller, &database, path, precondition)
        .await;
    deleted.map_err(|error| Refusal::of(error, &database))
}
