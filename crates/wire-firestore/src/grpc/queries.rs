//! Queries.

use firekeep_wire_proto::google::firestore::v1 as proto;
use tonic::metadata::MetadataMap;

use super::pages::Messages;
use super::service::Service;
use crate::Refusal;

/// `RunQuery`
pub(super) async fn run(
    _service: &Service,
    _metadata: &MetadataMap,
    _request: proto::RunQueryRequest,
) -> Result<Messages<proto::RunQueryResponse>, Refusal> {
    Err(Refusal::unimplemented(""))
}

/// `RunAggregationQuery`
pub(super) async fn aggregate(
    _service: &Service,
    _metadata: &MetadataMap,
    _request: proto::RunAggregationQueryRequest,
) -> Result<Messages<proto::RunAggregationQueryResponse>, Refusal> {
    Err(Refusal::unimplemented(""))
}

/// `PartitionQuery`
pub(super) async fn partition(
    _service: &Service,
    _metadata: &MetadataMap,
    _request: proto::PartitionQueryRequest,
) -> Result<proto::PartitionQueryResponse, Refusal> {
    Err(Refusal::unimplemented(""))
}
