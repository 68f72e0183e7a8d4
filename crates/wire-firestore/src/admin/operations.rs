//! Operations: most are done when they are answered; those that build an index are named by it.
//!
//! Source: Firestore specification, section 14.

use firekeep_api::firestore::{Composite, IndexState};
use firekeep_model::DatabaseName;
use firekeep_wire_proto::google::firestore::admin::v1 as proto;
use firekeep_wire_proto::google::longrunning::{
    GetOperationRequest, ListOperationsRequest, ListOperationsResponse, Operation, operation,
};
use firekeep_wire_proto::json::AnyMessage;
use tonic::metadata::MetadataMap;

use super::Admin;
use super::indexes::{self, is_live};
use super::names::{building_name, index_name, read_database, read_operation};
use crate::Refusal;

/// `GetOperation`
pub(super) async fn get(
    service: &Admin,
    metadata: &MetadataMap,
    request: GetOperationRequest,
) -> Result<Operation, Refusal> {
    let (database, id) = read_operation(&request.name)?;
    let caller = service.caller(metadata, &database)?;
    let catalog = service.firestore.index_catalog(&caller, &database).await;
    let catalog = catalog.map_err(|error| Refusal::of(error, &database))?;
    let mut all = catalog
        .all_composites()
        .iter()
        .filter(|index| is_live(index));
    let found = all.find(|index| Some(index.id) == id);
    let found = found.ok_or_else(|| indexes::not_found(&request.name))?;
    Ok(of_index(&database, found))
}

/// `ListOperations`: those that go on.
pub(super) async fn list(
    service: &Admin,
    metadata: &MetadataMap,
    request: ListOperationsRequest,
) -> Result<ListOperationsResponse, Refusal> {
    let database = read_database(&request.name)?;
    let caller = service.caller(metadata, &database)?;
    let catalog = service.firestore.index_catalog(&caller, &database).await;
    let catalog = catalog.map_err(|error| Refusal::of(error, &database))?;
    let all = catalog.all_composites().iter();
    let building = all.filter(|index| index.state == IndexState::Building);
    Ok(ListOperationsResponse {
        operations: building.map(|index| of_index(&database, index)).collect(),
        ..ListOperationsResponse::default()
    })
}

/// The operation that builds, or has built, an index.
pub(super) fn of_index(database: &DatabaseName, index: &Composite) -> Operation {
    let name = building_name(database, index.id);
    let index_name = index_name(database, index.definition.collection(), index.id);
    let operation = building(&name, &index_name);
    match index.state {
        IndexState::Ready => Operation {
            done: true,
            result: Some(operation::Result::Response(any(
                "google.firestore.admin.v1.Index",
                &indexes::write(database, index),
            ))),
            ..operation
        },
        IndexState::Building | IndexState::Off | IndexState::Dropping => operation,
    }
}

/// An operation that builds an index.
pub(super) fn building(name: &str, index: &str) -> Operation {
    let metadata = proto::IndexOperationMetadata {
        index: index.to_owned(),
        ..proto::IndexOperationMetadata::default()
    };
    Operation {
        name: name.to_owned(),
        metadata: Some(any(
            "google.firestore.admin.v1.IndexOperationMetadata",
            &metadata,
        )),
        ..Operation::default()
    }
}

/// An operation that is done when it is answered.
pub(super) fn done(
    database: &DatabaseName,
    metadata: &str,
    kind: &str,
    response: &impl AnyMessage,
) -> Operation {
    Operation {
        name: format!("{database}/operations/done"),
        metadata: Some(any(metadata, &())),
        done: true,
        result: Some(operation::Result::Response(any(kind, response))),
    }
}

fn any(kind: &str, message: &impl AnyMessage) -> prost_types::Any {
    prost_types::Any {
        type_url: format!("type.googleapis.com/{kind}"),
        value: message.to_bytes(),
    }
}
