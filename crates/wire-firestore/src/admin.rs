//! The services `google.firestore.admin.v1.FirestoreAdmin` and `google.longrunning.Operations`: databases, indexes and
//! single fields, for administrators. REST and gRPC have both.
//!
//! Follows the Firestore specification, section 14. Changes are done when they are answered, but for indexes, which are
//! built meanwhile.

mod databases;

use std::sync::Arc;

use firekeep_api::Core;
use firekeep_api::firestore::Firestore;
use firekeep_model::{Caller, DatabaseId, DatabaseName, ProjectId};
use firekeep_wire_proto::google::firestore::admin::v1 as proto;
use firekeep_wire_proto::google::longrunning as operation;
use operation::operations_server::Operations;
use proto::firestore_admin_server::FirestoreAdmin;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

use crate::Refusal;
use crate::convert::Fault;

/// Answers the calls.
#[derive(Clone)]
pub(crate) struct Admin {
    core: Arc<Core>,
    firestore: Firestore,
}

impl Admin {
    /// The administration of a server.
    pub(crate) fn new(core: &Arc<Core>) -> Self {
        Self {
            core: Arc::clone(core),
            firestore: Firestore::new(Arc::clone(core)),
        }
    }

    /// Who asks for something of a database.
    fn caller(&self, metadata: &MetadataMap, database: &DatabaseName) -> Result<Caller, Refusal> {
        let bearer = metadata
            .get("authorization")
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        let caller = self.core.documents_caller(bearer, database);
        caller.map_err(|error| Refusal::of(error, database))
    }
}

/// Reads `projects/p`.
fn read_project(name: &str) -> Result<ProjectId, Refusal> {
    let id = name.strip_prefix("projects/").unwrap_or_default();
    ProjectId::parse(id).map_err(|error| Fault::from(firekeep_model::NameError::from(error)).into())
}

/// The database that stands for its project, where none is named.
fn default_database(project: ProjectId) -> DatabaseName {
    DatabaseName::new(project, DatabaseId::default())
}

/// Calls the function of a method and wraps what it gives.
macro_rules! answer {
    ($service:expr, $request:expr, $group:ident :: $method:ident) => {{
        let (metadata, _, message) = $request.into_parts();
        let answer = $group::$method($service, &metadata, message).await;
        answer.map(Response::new).map_err(Status::from)
    }};
}

fn absent(what: &str) -> Status {
    Refusal::unimplemented(format!("{what} is not implemented by this server.")).into()
}

#[tonic::async_trait]
impl FirestoreAdmin for Admin {
    async fn create_database(
        &self,
        request: Request<proto::CreateDatabaseRequest>,
    ) -> Result<Response<operation::Operation>, Status> {
        answer!(self, request, databases::create)
    }

    async fn get_database(
        &self,
        request: Request<proto::GetDatabaseRequest>,
    ) -> Result<Response<proto::Database>, Status> {
        answer!(self, request, databases::get)
    }

    async fn list_databases(
        &self,
        request: Request<proto::ListDatabasesRequest>,
    ) -> Result<Response<proto::ListDatabasesResponse>, Status> {
        answer!(self, request, databases::list)
    }

    async fn update_database(
        &self,
        _: Request<proto::UpdateDatabaseRequest>,
    ) -> Result<Response<operation::Operation>, Status> {
        Err(absent("UpdateDatabase"))
    }

    async fn delete_database(
        &self,
        _: Request<proto::DeleteDatabaseRequest>,
    ) -> Result<Response<operation::Operation>, Status> {
        Err(absent("DeleteDatabase"))
    }

    async fn create_index(
        &self,
        _: Request<proto::CreateIndexRequest>,
    ) -> Result<Response<operation::Operation>, Status> {
        Err(absent("CreateIndex"))
    }

    async fn list_indexes(
        &self,
        _: Request<proto::ListIndexesRequest>,
    ) -> Result<Response<proto::ListIndexesResponse>, Status> {
        Err(absent("ListIndexes"))
    }

    async fn get_index(
        &self,
        _: Request<proto::GetIndexRequest>,
    ) -> Result<Response<proto::Index>, Status> {
        Err(absent("GetIndex"))
    }

    async fn delete_index(
        &self,
        _: Request<proto::DeleteIndexRequest>,
    ) -> Result<Response<()>, Status> {
        Err(absent("DeleteIndex"))
    }

    async fn get_field(
        &self,
        _: Request<proto::GetFieldRequest>,
    ) -> Result<Response<proto::Field>, Status> {
        Err(absent("GetField"))
    }

    async fn update_field(
        &self,
        _: Request<proto::UpdateFieldRequest>,
    ) -> Result<Response<operation::Operation>, Status> {
        Err(absent("UpdateField"))
    }

    async fn list_fields(
        &self,
        _: Request<proto::ListFieldsRequest>,
    ) -> Result<Response<proto::ListFieldsResponse>, Status> {
        Err(absent("ListFields"))
    }

    async fn export_documents(
        &self,
        _: Request<proto::ExportDocumentsRequest>,
    ) -> Result<Response<operation::Operation>, Status> {
        Err(absent("ExportDocuments"))
    }

    async fn import_documents(
        &self,
        _: Request<proto::ImportDocumentsRequest>,
    ) -> Result<Response<operation::Operation>, Status> {
        Err(absent("ImportDocuments"))
    }

    async fn bulk_delete_documents(
        &self,
        _: Request<proto::BulkDeleteDocumentsRequest>,
    ) -> Result<Response<operation::Operation>, Status> {
        Err(absent("BulkDeleteDocuments"))
    }
}

#[tonic::async_trait]
impl Operations for Admin {
    async fn list_operations(
        &self,
        _: Request<operation::ListOperationsRequest>,
    ) -> Result<Response<operation::ListOperationsResponse>, Status> {
        Err(absent("ListOperations"))
    }

    async fn get_operation(
        &self,
        _: Request<operation::GetOperationRequest>,
    ) -> Result<Response<operation::Operation>, Status> {
        Err(absent("GetOperation"))
    }

    async fn delete_operation(
        &self,
        _: Request<operation::DeleteOperationRequest>,
    ) -> Result<Response<()>, Status> {
        Err(absent("DeleteOperation"))
    }

    async fn cancel_operation(
        &self,
        _: Request<operation::CancelOperationRequest>,
    ) -> Result<Response<()>, Status> {
        Err(absent("CancelOperation"))
    }

    async fn wait_operation(
        &self,
        _: Request<operation::WaitOperationRequest>,
    ) -> Result<Response<operation::Operation>, Status> {
        Err(absent("WaitOperation"))
    }
}
