//! Transactions of the server SDKs. Reads may begin one too: see the files of reads.

use firekeep_wire_proto::google::firestore::v1 as proto;
use tonic::metadata::MetadataMap;

use super::service::Service;
use crate::Refusal;
use crate::convert::name::read_database;
use crate::convert::transaction::read_begin;

/// `BeginTransaction`
pub(super) async fn begin(
    service: &Service,
    metadata: &MetadataMap,
    request: proto::BeginTransactionRequest,
) -> Result<proto::BeginTransactionResponse, Refusal> {
    let database = read_database(&request.database)?;
    let caller = service.caller(metadata, &database)?;
    let options = read_begin(request.options)?;
    let begun = (service.firestore)
        .begin_transaction(&caller, &database, options)
        .await;
    let transaction = begun.map_err(|error| Refusal::of(error, &database))?;
    Ok(proto::BeginTransactionResponse { transaction })
}

/// `Rollback`
pub(super) async fn rollback(
    service: &Service,
    metadata: &MetadataMap,
    request: proto::RollbackRequest,
) -> Result<(), Refusal> {
    let database = read_database(&request.database)?;
    let caller = service.caller(metadata, &database)?;
    let ended = (service.firestore)
        .rollback(&caller, &database, request.transaction)
        .await;
    ended.map_err(|error| Refusal::of(error, &database))
}
