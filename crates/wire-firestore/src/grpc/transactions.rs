//! Transactions of the server SDKs.

use firekeep_wire_proto::google::firestore::v1 as proto;
use tonic::metadata::MetadataMap;

use super::service::Service;
use crate::Refusal;

/// `BeginTransaction`
pub(super) async fn begin(
    _service: &Service,
    _metadata: &MetadataMap,
    _request: proto::BeginTransactionRequest,
) -> Result<proto::BeginTransactionResponse, Refusal> {
    Err(Refusal::unimplemented(""))
}

/// `Rollback`
pub(super) async fn rollback(
    _service: &Service,
    _metadata: &MetadataMap,
    _request: proto::RollbackRequest,
) -> Result<(), Refusal> {
    Err(Refusal::unimplemented(""))
}
