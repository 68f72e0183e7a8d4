//! Databases. Source: Firestore specification, section 14.

use firekeep_api::firestore::DatabaseSummary;
use firekeep_model::DatabaseId;
use firekeep_wire_proto::google::firestore::admin::v1 as proto;
use firekeep_wire_proto::google::longrunning::Operation;
use proto::database::{ConcurrencyMode, DatabaseEdition, DatabaseType, DeleteProtectionState};
use tonic::metadata::MetadataMap;

use super::names::{database_of, read_database, read_project};
use super::{Admin, operations};
use crate::Refusal;
use crate::convert::value::write_timestamp;

/// `CreateDatabase`
pub(super) async fn create(
    service: &Admin,
    metadata: &MetadataMap,
    request: proto::CreateDatabaseRequest,
) -> Result<Operation, Refusal> {
    let project = read_project(&request.parent)?;
    let database = database_of(project, &request.database_id)?;
    let caller = service.caller(metadata, &database)?;
    let created = service.firestore.create_database(&caller, &database).await;
    let created = created.map_err(|error| Refusal::of(error, &database))?;
    Ok(operations::done(
        &database,
        "google.firestore.admin.v1.CreateDatabaseMetadata",
        "google.firestore.admin.v1.Database",
        &write(&created),
    ))
}

/// `GetDatabase`
pub(super) async fn get(
    service: &Admin,
    metadata: &MetadataMap,
    request: proto::GetDatabaseRequest,
) -> Result<proto::Database, Refusal> {
    let database = read_database(&request.name)?;
    let caller = service.caller(metadata, &database)?;
    let found = service.firestore.database(&caller, &database).await;
    let found = found.map_err(|error| Refusal::of(error, &database))?;
    Ok(write(&found))
}

/// `ListDatabases`
pub(super) async fn list(
    service: &Admin,
    metadata: &MetadataMap,
    request: proto::ListDatabasesRequest,
) -> Result<proto::ListDatabasesResponse, Refusal> {
    let project = read_project(&request.parent)?;
    // Stands for its project, where none is named.
    let any = database_of(project.clone(), DatabaseId::DEFAULT)?;
    let caller = service.caller(metadata, &any)?;
    let found = service.firestore.list_databases(&caller, &project).await;
    let found = found.map_err(|error| Refusal::of(error, &any))?;
    Ok(proto::ListDatabasesResponse {
        databases: found.iter().map(write).collect(),
        unreachable: Vec::new(),
    })
}

/// `DeleteDatabase`
pub(super) async fn delete(
    service: &Admin,
    metadata: &MetadataMap,
    request: proto::DeleteDatabaseRequest,
) -> Result<Operation, Refusal> {
    let database = read_database(&request.name)?;
    let caller = service.caller(metadata, &database)?;
    let refused = |error| Refusal::of(error, &database);
    let found = service.firestore.database(&caller, &database).await;
    let found = found.map_err(refused)?;
    let deleted = service.firestore.delete_database(&caller, &database).await;
    deleted.map_err(refused)?;
    Ok(operations::done(
        &database,
        "google.firestore.admin.v1.DeleteDatabaseMetadata",
        "google.firestore.admin.v1.Database",
        &write(&found),
    ))
}

/// A database as tools read it.
fn write(database: &DatabaseSummary) -> proto::Database {
    let created = write_timestamp(database.create_time);
    proto::Database {
        name: database.name.to_string(),
        uid: database.uid.clone(),
        create_time: Some(created),
        update_time: Some(created),
        // COMPAT: tools ask for a region and refuse a database without one.
        location_id: "nam5".to_owned(),
        r#type: DatabaseType::FirestoreNative.into(),
        concurrency_mode: ConcurrencyMode::Optimistic.into(),
        delete_protection_state: DeleteProtectionState::DeleteProtectionDisabled.into(),
        database_edition: DatabaseEdition::Standard.into(),
        ..proto::Database::default()
    }
}
