//! Databases. Source: Firestore specification, section 14.

use firekeep_api::firestore::DatabaseSummary;
use firekeep_model::{DatabaseId, DatabaseName, NameError};
use firekeep_wire_proto::google::firestore::admin::v1 as proto;
use firekeep_wire_proto::google::longrunning::{Operation, operation};
use firekeep_wire_proto::json::AnyMessage;
use proto::database::{ConcurrencyMode, DatabaseEdition, DatabaseType, DeleteProtectionState};
use tonic::metadata::MetadataMap;

use super::{Admin, default_database, read_project};
use crate::Refusal;
use crate::convert::Fault;
use crate::convert::value::write_timestamp;

/// `CreateDatabase`
pub(super) async fn create(
    service: &Admin,
    metadata: &MetadataMap,
    request: proto::CreateDatabaseRequest,
) -> Result<Operation, Refusal> {
    let project = read_project(&request.parent)?;
    let id = DatabaseId::parse(&request.database_id).map_err(invalid_name)?;
    let database = DatabaseName::new(project, id);
    let caller = service.caller(metadata, &database)?;
    let created = service.firestore.create_database(&caller, &database).await;
    let created = created.map_err(|error| Refusal::of(error, &database))?;
    Ok(done(
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
    let database = DatabaseName::parse(&request.name).map_err(invalid_name)?;
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
    let any = default_database(project.clone());
    let caller = service.caller(metadata, &any)?;
    let found = service.firestore.list_databases(&caller, &project).await;
    let found = found.map_err(|error| Refusal::of(error, &any))?;
    Ok(proto::ListDatabasesResponse {
        databases: found.iter().map(write).collect(),
        unreachable: Vec::new(),
    })
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

/// An operation that is done when it is answered.
fn done(
    database: &DatabaseName,
    metadata: &str,
    kind: &str,
    response: &impl AnyMessage,
) -> Operation {
    let any = |kind: &str, value: Vec<u8>| prost_types::Any {
        type_url: format!("type.googleapis.com/{kind}"),
        value,
    };
    Operation {
        name: format!("{database}/operations/done"),
        metadata: Some(any(metadata, Vec::new())),
        done: true,
        result: Some(operation::Result::Response(any(kind, response.to_bytes()))),
    }
}

fn invalid_name(error: impl Into<NameError>) -> Refusal {
    Fault::from(error.into()).into()
}
