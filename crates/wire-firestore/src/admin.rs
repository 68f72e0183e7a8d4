//! The services `google.firestore.admin.v1.FirestoreAdmin` and `google.longrunning.Operations`: databases, indexes and
//! single fields, for administrators. REST and gRPC have both.
//!
//! Follows the Firestore specification, section 14. Changes are done when they are answered, but for indexes, which are
//! built meanwhile.

mod bulk_delete;
mod databases;
mod fields;
mod files;
mod indexes;
mod names;
mod operations;

use std::sync::Arc;

use firekeep_api::Core;
use firekeep_api::firestore::Firestore;
use firekeep_model::{Caller, DatabaseName};
use firekeep_wire_proto::google::firestore::admin::v1 as proto;
use firekeep_wire_proto::google::longrunning as operation;
use operation::operations_server::Operations;
use proto::firestore_admin_server::FirestoreAdmin;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

use crate::Refusal;

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
        let caller = self.core.documents_caller(bearer(metadata), database);
        caller.map_err(|error| Refusal::of(error, database))
    }
}

/// The bearer credential of a call.
fn bearer(metadata: &MetadataMap) -> Option<&str> {
    metadata
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
}

/// Calls the function of a method and wraps what it gives.
macro_rules! answer {
    ($service:expr, $request:expr, $group:ident :: $method:ident) => {{
        let (metadata, _, message) = $request.into_parts();
        let answer = $group::$method($service, &metadata, message).await;
        answer.map(Response::new).map_err(Status::from)
    }};
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
        request: Request<proto::UpdateDatabaseRequest>,
    ) -> Result<Response<operation::Operation>, Status> {
        answer!(self, request, databases::update)
    }

    async fn delete_database(
        &self,
        request: Request<proto::DeleteDatabaseRequest>,
    ) -> Result<Response<operation::Operation>, Status> {
        answer!(self, request, databases::delete)
    }

    async fn create_index(
        &self,
        request: Request<proto::CreateIndexRequest>,
    ) -> Result<Response<operation::Operation>, Status> {
        answer!(self, request, indexes::create)
    }

    async fn list_indexes(
        &self,
        request: Request<proto::ListIndexesRequest>,
    ) -> Result<Response<proto::ListIndexesResponse>, Status> {
        answer!(self, request, indexes::list)
    }

    async fn get_index(
        &self,
        request: Request<proto::GetIndexRequest>,
    ) -> Result<Response<proto::Index>, Status> {
        answer!(self, request, indexes::get)
    }

    async fn delete_index(
        &self,
        request: Request<proto::DeleteIndexRequest>,
    ) -> Result<Response<()>, Status> {
        answer!(self, request, indexes::delete)
    }

    async fn get_field(
        &self,
        request: Request<proto::GetFieldRequest>,
    ) -> Result<Response<proto::Field>, Status> {
        answer!(self, request, fields::get)
    }

    async fn update_field(
        &self,
        request: Request<proto::UpdateFieldRequest>,
    ) -> Result<Response<operation::Operation>, Status> {
        answer!(self, request, fields::update)
    }

    async fn list_fields(
        &self,
        request: Request<proto::ListFieldsRequest>,
    ) -> Result<Response<proto::ListFieldsResponse>, Status> {
        answer!(self, request, fields::list)
    }

    async fn export_documents(
        &self,
        request: Request<proto::ExportDocumentsRequest>,
    ) -> Result<Response<operation::Operation>, Status> {
        answer!(self, request, files::export)
    }

    async fn import_documents(
        &self,
        request: Request<proto::ImportDocumentsRequest>,
    ) -> Result<Response<operation::Operation>, Status> {
        answer!(self, request, files::import)
    }

    async fn bulk_delete_documents(
        &self,
        request: Request<proto::BulkDeleteDocumentsRequest>,
    ) -> Result<Response<operation::Operation>, Status> {
        answer!(self, request, bulk_delete::begin)
    }
}

#[tonic::async_trait]
impl Operations for Admin {
    async fn list_operations(
        &self,
        request: Request<operation::ListOperationsRequest>,
    ) -> Result<Response<operation::ListOperationsResponse>, Status> {
        answer!(self, request, operations::list)
    }

    async fn get_operation(
        &self,
        request: Request<operation::GetOperationRequest>,
    ) -> Result<Response<operation::Operation>, Status> {
        answer!(self, request, operations::get)
    }

    async fn delete_operation(
        &self,
        request: Request<operation::DeleteOperationRequest>,
    ) -> Result<Response<()>, Status> {
        answer!(self, request, operations::delete)
    }

    async fn cancel_operation(
        &self,
        request: Request<operation::CancelOperationRequest>,
    ) -> Result<Response<()>, Status> {
        answer!(self, request, operations::cancel)
    }

    async fn wait_operation(
        &self,
        request: Request<operation::WaitOperationRequest>,
    ) -> Result<Response<operation::Operation>, Status> {
        answer!(self, request, operations::wait)
    }
}
