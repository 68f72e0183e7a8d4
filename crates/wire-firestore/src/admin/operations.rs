//! Operations: most are done when they are answered; those that build an index are named by it, and exports, imports and
//! deletions in bulk by a number that the server gave them.
//!
//! Source: Firestore specification, section 14.

use std::time::Duration;

use firekeep_api::firestore::{
    Composite, End, IndexProgress, IndexState, LongOperation, OperationKind, Task,
};
use firekeep_model::{Caller, DatabaseName};
use firekeep_wire_proto::google::firestore::admin::v1 as proto;
use firekeep_wire_proto::google::longrunning::{
    CancelOperationRequest, DeleteOperationRequest, GetOperationRequest, ListOperationsRequest,
    ListOperationsResponse, Operation, WaitOperationRequest, operation,
};
use firekeep_wire_proto::google::rpc::Status;
use firekeep_wire_proto::json::AnyMessage;
use proto::{OperationState, Progress};
use tonic::metadata::MetadataMap;

use super::indexes::{self, is_live};
use super::names::{
    OperationId, building_name, index_name, long_name, read_database, read_operation,
};
use super::{Admin, files};
use crate::convert::value::write_timestamp;
use crate::limits::{OPERATION_LOOKED_AT_EVERY, OPERATION_WAIT, OPERATION_WAIT_MAX};
use crate::{Code, Refusal};

/// `GetOperation`
pub(super) async fn get(
    service: &Admin,
    metadata: &MetadataMap,
    request: GetOperationRequest,
) -> Result<Operation, Refusal> {
    let (database, id) = read_operation(&request.name)?;
    let caller = service.caller(metadata, &database)?;
    match id {
        OperationId::Index(id) => {
            let catalog = service.firestore.index_catalog(&caller, &database).await;
            let catalog = catalog.map_err(|error| Refusal::of(error, &database))?;
            let all = catalog.all_composites().iter();
            let found = all
                .filter(|index| is_live(index))
                .find(|index| index.id == id);
            let found = found.ok_or_else(|| indexes::not_found(&request.name))?;
            of_index(service, &caller, &database, found).await
        }
        OperationId::Long(id) => {
            let found = service.firestore.operation(&caller, &id);
            let found = found.ok().filter(|found| found.database == database);
            let found = found.ok_or_else(|| indexes::not_found(&request.name))?;
            Ok(of_long(&found))
        }
    }
}

/// `ListOperations`: indexes that are being built, and what else goes on or ended not long ago.
pub(super) async fn list(
    service: &Admin,
    metadata: &MetadataMap,
    request: ListOperationsRequest,
) -> Result<ListOperationsResponse, Refusal> {
    let database = read_database(&request.name)?;
    let caller = service.caller(metadata, &database)?;
    let refused = |error| Refusal::of(error, &database);
    let catalog = service.firestore.index_catalog(&caller, &database).await;
    let catalog = catalog.map_err(refused)?;
    let mut operations = Vec::new();
    let all = catalog.all_composites().iter();
    for index in all.filter(|index| index.state == IndexState::Building) {
        operations.push(of_index(service, &caller, &database, index).await?);
    }
    let long = service.firestore.operations(&caller, &database);
    operations.extend(long.map_err(refused)?.iter().map(of_long));
    Ok(ListOperationsResponse {
        operations,
        ..ListOperationsResponse::default()
    })
}

/// `CancelOperation`: what an export, import or deletion did stays done.
pub(super) async fn cancel(
    service: &Admin,
    metadata: &MetadataMap,
    request: CancelOperationRequest,
) -> Result<(), Refusal> {
    let id = long(service, metadata, &request.name, "is built to its end").await?;
    let (database, _) = read_operation(&request.name)?;
    let caller = service.caller(metadata, &database)?;
    let cancelled = service.firestore.cancel_operation(&caller, &id);
    cancelled.map_err(|error| Refusal::of(error, &database))
}

/// `DeleteOperation`: forgets one that has ended.
pub(super) async fn delete(
    service: &Admin,
    metadata: &MetadataMap,
    request: DeleteOperationRequest,
) -> Result<(), Refusal> {
    let id = long(
        service,
        metadata,
        &request.name,
        "has its operation as long as it is there",
    );
    let id = id.await?;
    let (database, _) = read_operation(&request.name)?;
    let caller = service.caller(metadata, &database)?;
    let deleted = service.firestore.delete_operation(&caller, &id);
    deleted.map_err(|error| Refusal::of(error, &database))
}

/// `WaitOperation`: the operation at its end, or as it is when the time is over.
pub(super) async fn wait(
    service: &Admin,
    metadata: &MetadataMap,
    request: WaitOperationRequest,
) -> Result<Operation, Refusal> {
    let wanted = request
        .timeout
        .and_then(|time| Duration::try_from(time).ok());
    let until =
        tokio::time::Instant::now() + wanted.unwrap_or(OPERATION_WAIT).min(OPERATION_WAIT_MAX);
    loop {
        let name = request.name.clone();
        let now = get(service, metadata, GetOperationRequest { name }).await?;
        if now.done || tokio::time::Instant::now() >= until {
            return Ok(now);
        }
        let next = tokio::time::Instant::now() + OPERATION_LOOKED_AT_EVERY;
        tokio::time::sleep_until(next.min(until)).await;
    }
}

/// The id of an operation that is there and is not an index's, of which it is said why not.
async fn long(
    service: &Admin,
    metadata: &MetadataMap,
    name: &str,
    of_index: &str,
) -> Result<String, Refusal> {
    let name = name.to_owned();
    get(
        service,
        metadata,
        GetOperationRequest { name: name.clone() },
    )
    .await?;
    match read_operation(&name)?.1 {
        OperationId::Long(id) => Ok(id),
        OperationId::Index(_) => Err(Refusal::unimplemented(format!(
            "An index {of_index}; delete the index instead."
        ))),
    }
}

/// The operation that builds, or has built, an index.
pub(super) async fn of_index(
    service: &Admin,
    caller: &Caller,
    database: &DatabaseName,
    index: &Composite,
) -> Result<Operation, Refusal> {
    let name = building_name(database, index.id);
    let index_name = index_name(database, index.definition.collection(), index.id);
    if index.state == IndexState::Ready {
        let metadata = index_metadata(&index_name, OperationState::Successful, None);
        return Ok(Operation {
            name,
            metadata: Some(metadata),
            done: true,
            result: Some(operation::Result::Response(any(
                "google.firestore.admin.v1.Index",
                &indexes::write(database, index),
            ))),
        });
    }
    let task = Task::Composite(index.id);
    let progress = service.firestore.index_progress(caller, database, task);
    let progress = progress
        .await
        .map_err(|error| Refusal::of(error, database))?;
    Ok(building(&name, &index_name, Some(&progress)))
}

/// An operation that builds an index.
pub(super) fn building(name: &str, index: &str, progress: Option<&IndexProgress>) -> Operation {
    let shown = progress.map(|progress| Progress {
        estimated_work: progress.estimate.map_or(0, number),
        completed_work: number(progress.done),
    });
    Operation {
        name: name.to_owned(),
        metadata: Some(index_metadata(index, OperationState::Processing, shown)),
        // It is tried again, so it is not done: an administrator may make room, or delete the index.
        ..Operation::default()
    }
}

fn index_metadata(
    index: &str,
    state: OperationState,
    progress_documents: Option<Progress>,
) -> prost_types::Any {
    let metadata = proto::IndexOperationMetadata {
        index: index.to_owned(),
        state: state.into(),
        progress_documents,
        ..proto::IndexOperationMetadata::default()
    };
    any(
        "google.firestore.admin.v1.IndexOperationMetadata",
        &metadata,
    )
}

/// An export, an import or a deletion in bulk.
pub(super) fn of_long(of: &LongOperation) -> Operation {
    let result = match &of.end {
        None => None,
        Some(End::Done { .. }) => Some(operation::Result::Response(response(of))),
        Some(End::Failed(why)) => {
            let code = match of.stopped {
                true => Code::Cancelled,
                false => Code::FailedPrecondition,
            };
            Some(operation::Result::Error(Status {
                code: code.number(),
                message: why.clone(),
                details: Vec::new(),
            }))
        }
    };
    Operation {
        name: long_name(&of.database, &of.id),
        metadata: Some(metadata(of)),
        done: result.is_some(),
        result,
    }
}

fn response(of: &LongOperation) -> prost_types::Any {
    match of.kind {
        OperationKind::Export => any(
            "google.firestore.admin.v1.ExportDocumentsResponse",
            &proto::ExportDocumentsResponse {
                output_uri_prefix: uri(of),
            },
        ),
        OperationKind::Import => any("google.protobuf.Empty", &()),
        OperationKind::BulkDelete => any(
            "google.firestore.admin.v1.BulkDeleteDocumentsResponse",
            &proto::BulkDeleteDocumentsResponse {},
        ),
    }
}

fn metadata(of: &LongOperation) -> prost_types::Any {
    let start_time = Some(write_timestamp(of.begun));
    let end_time = of.ended.map(write_timestamp);
    let operation_state = state(of).into();
    let progress_documents = Some(Progress {
        estimated_work: 0,
        completed_work: number(of.written + of.unchanged),
    });
    let snapshot_time = match &of.end {
        Some(End::Done { read_time, .. }) => read_time.map(write_timestamp),
        _ => None,
    };
    match of.kind {
        OperationKind::Export => any(
            "google.firestore.admin.v1.ExportDocumentsMetadata",
            &proto::ExportDocumentsMetadata {
                start_time,
                end_time,
                operation_state,
                progress_documents,
                output_uri_prefix: uri(of),
                snapshot_time,
                ..proto::ExportDocumentsMetadata::default()
            },
        ),
        OperationKind::Import => any(
            "google.firestore.admin.v1.ImportDocumentsMetadata",
            &proto::ImportDocumentsMetadata {
                start_time,
                end_time,
                operation_state,
                progress_documents,
                input_uri_prefix: uri(of),
                ..proto::ImportDocumentsMetadata::default()
            },
        ),
        OperationKind::BulkDelete => any(
            "google.firestore.admin.v1.BulkDeleteDocumentsMetadata",
            &proto::BulkDeleteDocumentsMetadata {
                start_time,
                end_time,
                operation_state,
                progress_documents,
                collection_ids: of.subject.clone(),
                snapshot_time,
                ..proto::BulkDeleteDocumentsMetadata::default()
            },
        ),
    }
}

fn state(of: &LongOperation) -> OperationState {
    match (&of.end, of.stopped) {
        (None, false) => OperationState::Processing,
        (None, true) => OperationState::Cancelling,
        (Some(End::Done { .. }), _) => OperationState::Successful,
        (Some(End::Failed(_)), true) => OperationState::Cancelled,
        (Some(End::Failed(_)), false) => OperationState::Failed,
    }
}

fn uri(of: &LongOperation) -> String {
    of.subject
        .first()
        .map_or_else(String::new, |path| files::uri_of(path))
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
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
