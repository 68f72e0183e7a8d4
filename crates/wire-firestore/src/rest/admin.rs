//! Operations of administrators: each is the gRPC method of its name. Source: Firestore specification, section 14.

use axum::body::Body;
use axum::http::Response;
use firekeep_wire_proto::google::firestore::admin::v1 as proto;
use firekeep_wire_proto::google::longrunning as operations;
use operations::operations_server::Operations;
use proto::firestore_admin_server::FirestoreAdmin;

use super::call::Call;
use super::documents::one;
use super::route::AdminOperation;
use crate::Refusal;

/// Answers an operation on what the path names.
///
/// # Errors
/// What is wrong with the request, or the method's own refusal.
pub(super) async fn answer(
    service: &(impl FirestoreAdmin + Operations),
    operation: AdminOperation,
    name: String,
    mut call: Call<'_>,
) -> Result<Response<Body>, Refusal> {
    match operation {
        AdminOperation::ListDatabases => {
            let mut message: proto::ListDatabasesRequest = call.query()?;
            message.parent = name;
            one(service.list_databases(call.with(message)?).await)
        }
        AdminOperation::CreateDatabase => {
            let mut message: proto::CreateDatabaseRequest = call.query()?;
            message.parent = name;
            message.database = Some(call.body()?);
            one(service.create_database(call.with(message)?).await)
        }
        AdminOperation::GetDatabase => {
            let mut message: proto::GetDatabaseRequest = call.query()?;
            message.name = name;
            one(service.get_database(call.with(message)?).await)
        }
        AdminOperation::UpdateDatabase => {
            let mut message: proto::UpdateDatabaseRequest = call.query()?;
            let database: proto::Database = call.body()?;
            message.database = Some(proto::Database { name, ..database });
            one(service.update_database(call.with(message)?).await)
        }
        AdminOperation::DeleteDatabase => {
            let mut message: proto::DeleteDatabaseRequest = call.query()?;
            message.name = name;
            one(service.delete_database(call.with(message)?).await)
        }
        AdminOperation::ListIndexes => {
            let mut message: proto::ListIndexesRequest = call.query()?;
            message.parent = name;
            one(service.list_indexes(call.with(message)?).await)
        }
        AdminOperation::CreateIndex => {
            let mut message: proto::CreateIndexRequest = call.query()?;
            message.parent = name;
            message.index = Some(call.body()?);
            one(service.create_index(call.with(message)?).await)
        }
        AdminOperation::GetIndex => {
            let mut message: proto::GetIndexRequest = call.query()?;
            message.name = name;
            one(service.get_index(call.with(message)?).await)
        }
        AdminOperation::DeleteIndex => {
            let mut message: proto::DeleteIndexRequest = call.query()?;
            message.name = name;
            one(service.delete_index(call.with(message)?).await)
        }
        AdminOperation::ListFields => {
            let mut message: proto::ListFieldsRequest = call.query()?;
            message.parent = name;
            one(service.list_fields(call.with(message)?).await)
        }
        AdminOperation::GetField => {
            let mut message: proto::GetFieldRequest = call.query()?;
            message.name = name;
            one(service.get_field(call.with(message)?).await)
        }
        AdminOperation::UpdateField => {
            let mut message: proto::UpdateFieldRequest = call.query()?;
            let field: proto::Field = call.body()?;
            message.field = Some(proto::Field { name, ..field });
            one(service.update_field(call.with(message)?).await)
        }
        AdminOperation::ExportDocuments => {
            let mut message: proto::ExportDocumentsRequest = call.body()?;
            message.name = name;
            one(service.export_documents(call.with(message)?).await)
        }
        AdminOperation::ImportDocuments => {
            let mut message: proto::ImportDocumentsRequest = call.body()?;
            message.name = name;
            one(service.import_documents(call.with(message)?).await)
        }
        AdminOperation::BulkDeleteDocuments => {
            let mut message: proto::BulkDeleteDocumentsRequest = call.body()?;
            message.name = name;
            one(service.bulk_delete_documents(call.with(message)?).await)
        }
        AdminOperation::ListOperations => {
            let mut message: operations::ListOperationsRequest = call.query()?;
            message.name = name;
            one(service.list_operations(call.with(message)?).await)
        }
        AdminOperation::GetOperation => {
            let mut message: operations::GetOperationRequest = call.query()?;
            message.name = name;
            one(service.get_operation(call.with(message)?).await)
        }
        AdminOperation::DeleteOperation => {
            let mut message: operations::DeleteOperationRequest = call.query()?;
            message.name = name;
            one(service.delete_operation(call.with(message)?).await)
        }
        AdminOperation::CancelOperation => {
            let mut message: operations::CancelOperationRequest = call.body()?;
            message.name = name;
            one(service.cancel_operation(call.with(message)?).await)
        }
    }
}
