//! `BulkDeleteDocuments`. Source: Firestore specification, section 14.

use firekeep_model::CollectionId;
use firekeep_wire_proto::google::firestore::admin::v1 as proto;
use firekeep_wire_proto::google::longrunning::Operation;
use tonic::metadata::MetadataMap;

use super::names::read_database;
use super::{Admin, operations};
use crate::Refusal;
use crate::convert::Fault;

/// `BulkDeleteDocuments`
pub(super) async fn begin(
    service: &Admin,
    metadata: &MetadataMap,
    request: proto::BulkDeleteDocumentsRequest,
) -> Result<Operation, Refusal> {
    let database = read_database(&request.name)?;
    let caller = service.caller(metadata, &database)?;
    if request.namespace_ids.iter().any(|id| !id.is_empty()) {
        return Err(Refusal::invalid("there are no namespaces"));
    }
    let ids = request.collection_ids.iter();
    let collections = ids.map(|id| CollectionId::parse(id).map_err(Fault::from));
    let collections = collections.collect::<Result<Vec<_>, _>>()?;
    let begun = service
        .firestore
        .bulk_delete(&caller, &database, collections)
        .await;
    let begun = begun.map_err(|error| Refusal::of(error, &database))?;
    Ok(operations::of_long(&begun))
}
