//! Databases. Source: Firestore specification, section 14.

use firekeep_api::firestore::{DatabaseChange, DatabaseSummary};
use firekeep_model::DatabaseId;
use firekeep_wire_proto::google::firestore::admin::v1 as proto;
use firekeep_wire_proto::google::longrunning::Operation;
use proto::database::{
    AppEngineIntegrationMode, ConcurrencyMode, DatabaseEdition, DatabaseType,
    DeleteProtectionState, PointInTimeRecoveryEnablement,
};
use tonic::metadata::MetadataMap;

use super::names::{database_of, read_database, read_project};
use super::{Admin, operations};
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

/// `UpdateDatabase`: the protection against deletion; what else a mask names must be what it is.
pub(super) async fn update(
    service: &Admin,
    metadata: &MetadataMap,
    request: proto::UpdateDatabaseRequest,
) -> Result<Operation, Refusal> {
    let wanted = request.database.ok_or(Fault::Missing("database"))?;
    let database = read_database(&wanted.name)?;
    let caller = service.caller(metadata, &database)?;
    let mask = request.update_mask.map(|mask| mask.paths);
    let change = read_change(&wanted, &mask.unwrap_or_default())?;
    let updated = service
        .firestore
        .update_database(&caller, &database, change)
        .await;
    let updated = updated.map_err(|error| Refusal::of(error, &database))?;
    Ok(operations::done(
        &database,
        "google.firestore.admin.v1.UpdateDatabaseMetadata",
        "google.firestore.admin.v1.Database",
        &write(&updated),
    ))
}

/// What a message asks for in the fields that a mask names; without a mask, in those that it has.
fn read_change(wanted: &proto::Database, mask: &[String]) -> Result<DatabaseChange, Refusal> {
    let is_meant = |name: &str, is_set: bool| match mask {
        [] => is_set,
        mask => mask.iter().any(|path| path == name || path == "*"),
    };
    let fixed = |name: &str, is: i32, only: i32, why: &str| match is_meant(name, is != 0) {
        true if is != only && is != 0 => Err(Refusal::unimplemented(why)),
        _ => Ok(()),
    };
    fixed(
        "concurrency_mode",
        wanted.concurrency_mode,
        ConcurrencyMode::Optimistic.into(),
        "Transactions are optimistic here: clients run those again that others came before, and need no other mode.",
    )?;
    fixed(
        "point_in_time_recovery_enablement",
        wanted.point_in_time_recovery_enablement,
        PointInTimeRecoveryEnablement::PointInTimeRecoveryDisabled.into(),
        "What there was is kept for an hour. Keep `firekeep export --at` files for longer.",
    )?;
    fixed(
        "app_engine_integration_mode",
        wanted.app_engine_integration_mode,
        AppEngineIntegrationMode::Disabled.into(),
        "There is no App Engine here.",
    )?;
    fixed(
        "type",
        wanted.r#type,
        DatabaseType::FirestoreNative.into(),
        "Every database is one of Firestore in native mode.",
    )?;
    let named = "delete_protection_state";
    let state = wanted.delete_protection_state;
    let protected = match DeleteProtectionState::try_from(state) {
        _ if !is_meant(named, state != 0) => None,
        Ok(DeleteProtectionState::DeleteProtectionEnabled) => Some(true),
        Ok(
            DeleteProtectionState::DeleteProtectionDisabled | DeleteProtectionState::Unspecified,
        ) => Some(false),
        Err(_) => return Err(Fault::Enum(named).into()),
    };
    Ok(DatabaseChange { protected })
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
        point_in_time_recovery_enablement:
            PointInTimeRecoveryEnablement::PointInTimeRecoveryDisabled.into(),
        delete_protection_state: match database.protected {
            true => DeleteProtectionState::DeleteProtectionEnabled,
            false => DeleteProtectionState::DeleteProtectionDisabled,
        }
        .into(),
        database_edition: DatabaseEdition::Standard.into(),
        ..proto::Database::default()
    }
}
