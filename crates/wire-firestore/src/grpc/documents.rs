//! Reading documents by name, and lists of what there is.

use firekeep_api::Error;
use firekeep_api::firestore::{DocumentError, Gets, Got, List};
use firekeep_model::{DatabaseName, DocumentName, ParentName};
use firekeep_wire_proto::google::firestore::v1 as proto;
use proto::BatchGetDocumentsResponse as GotMessage;
use proto::batch_get_documents_response::Result as Outcome;
use tonic::metadata::MetadataMap;

use super::pages::{Messages, Pages, messages};
use super::passed::Passed;
use super::service::Service;
use crate::Refusal;
use crate::convert::document::{read_mask, write_listed, write_name};
use crate::convert::name::{
    read_collection_id, read_database, read_document_name, read_parent, read_paths,
};
use crate::convert::order::read_order_by;
use crate::convert::read_count;
use crate::convert::transaction::read_consistency;
use crate::convert::value::write_timestamp;

/// `GetDocument`
pub(super) async fn get(
    service: &Service,
    metadata: &MetadataMap,
    request: proto::GetDocumentRequest,
) -> Result<Passed<proto::Document>, Refusal> {
    let DocumentName { database, path } = read_document_name(&request.name)?;
    let caller = service.caller(metadata, &database)?;
    let mask = read_mask(request.mask)?;
    let consistency = read_consistency(request.consistency_selector)?;
    let found = (service.firestore)
        .get_given(&caller, &database, path, mask, consistency)
        .await;
    match found {
        Ok(document) => Ok(Passed::of(database, document, proto::Document::default())),
        Err(Error::Documents(DocumentError::NotFound { path })) => {
            Err(Refusal::document_not_found(&database, &path))
        }
        Err(error) => Err(Refusal::of(error, &database)),
    }
}

/// `BatchGetDocuments`
pub(super) async fn batch_get(
    service: &Service,
    metadata: &MetadataMap,
    request: proto::BatchGetDocumentsRequest,
) -> Result<Messages<Passed<GotMessage>>, Refusal> {
    let database = read_database(&request.database)?;
    let caller = service.caller(metadata, &database)?;
    let paths = read_paths(&database, &request.documents)?;
    let mask = read_mask(request.mask)?;
    let consistency = read_consistency(request.consistency_selector)?;
    let gets = (service.firestore)
        .batch_get(&caller, &database, paths, mask, consistency)
        .await;
    let gets = gets.map_err(|error| Refusal::of(error, &database))?;
    let first = gets.transaction.clone().map(|transaction| {
        Passed::without(GotMessage {
            transaction,
            ..GotMessage::default()
        })
    });
    Ok(messages(first, Batch { database, gets }))
}

/// The documents of a batch.
struct Batch {
    database: DatabaseName,
    gets: Gets,
}

impl Pages for Batch {
    type Message = Passed<GotMessage>;

    async fn next(&mut self) -> Result<Option<Vec<Passed<GotMessage>>>, Refusal> {
        let page = self.gets.next_page().await;
        let page = page.map_err(|error| Refusal::of(error, &self.database))?;
        let message = |got| self.message(got);
        Ok(page.map(|page| page.into_iter().map(message).collect()))
    }
}

impl Batch {
    fn message(&self, got: Got) -> Passed<GotMessage> {
        let told = GotMessage {
            read_time: Some(write_timestamp(self.gets.read_time)),
            ..GotMessage::default()
        };
        match got {
            Got::Found(document) => Passed::of(self.database.clone(), document, told),
            Got::Missing(path) => Passed::without(GotMessage {
                result: Some(Outcome::Missing(write_name(&self.database, &path))),
                ..told
            }),
        }
    }
}

/// `ListDocuments`
pub(super) async fn list(
    service: &Service,
    metadata: &MetadataMap,
    request: proto::ListDocumentsRequest,
) -> Result<proto::ListDocumentsResponse, Refusal> {
    let ParentName { database, document } = read_parent(&request.parent)?;
    let caller = service.caller(metadata, &database)?;
    let list = List {
        parent: document,
        collection: read_collection_id(&request.collection_id)?,
        page_size: read_count("page_size", request.page_size)?,
        page_token: request.page_token,
        order_by: read_order_by(&request.order_by)?,
        mask: read_mask(request.mask)?,
        show_missing: request.show_missing,
        consistency: read_consistency(request.consistency_selector)?,
    };
    let page = (service.firestore)
        .list_documents(&caller, &database, list)
        .await;
    let page = page.map_err(|error| Refusal::of(error, &database))?;
    let listed = page.documents.iter();
    Ok(proto::ListDocumentsResponse {
        documents: listed.map(|it| write_listed(&database, it)).collect(),
        next_page_token: page.next_page_token,
    })
}

/// `ListCollectionIds`
pub(super) async fn list_collection_ids(
    service: &Service,
    metadata: &MetadataMap,
    request: proto::ListCollectionIdsRequest,
) -> Result<proto::ListCollectionIdsResponse, Refusal> {
    let ParentName { database, document } = read_parent(&request.parent)?;
    let caller = service.caller(metadata, &database)?;
    let page_size = read_count("page_size", request.page_size)?;
    let token = &request.page_token;
    let consistency = read_consistency(request.consistency_selector)?;
    let found = (service.firestore)
        .list_collection_ids(&caller, &database, document, page_size, token, consistency)
        .await;
    let (ids, next_page_token) = found.map_err(|error| Refusal::of(error, &database))?;
    Ok(proto::ListCollectionIdsResponse {
        collection_ids: ids.iter().map(|id| id.as_str().to_owned()).collect(),
        next_page_token,
    })
}
