//! `ListDocuments`: the documents of a collection, or of all directly below a document, in pages.

use std::sync::Arc;

use firekeep_documents::query::{InvalidQuery, Strictness};
use firekeep_documents::{Error as DocumentError, Execution, Missing, read};
use firekeep_model::{
    Caller, CollectionId, CollectionPath, DatabaseName, Document, DocumentId, DocumentName,
    DocumentPath, FieldMask, FieldRef, Map, Value,
};
use firekeep_store::Read;

use super::get_document::masked;
use super::page_token::PageToken;
use super::{Catalog, CollectionSelector, Consistency, Cursor, Firestore, Listed, Order, Query};
use crate::Error;
use crate::limits::{
    LIST_BYTES, LIST_DOCUMENTS_AT_ONCE, LIST_PAGE, LIST_PAGE_MAX, QUERY_PAGE, page_size,
};

/// The names in page tokens of what was given last.
const COLLECTION: &str = "collection";
const DOCUMENT: &str = "document";

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// The document that the collections are below; `None` is the root.
    pub parent: Option<DocumentPath>,
    /// The collection; `None` for all directly below the parent.
    pub collection: Option<CollectionId>,
    /// The most documents of the page; 0 leaves it to the server.
    pub page_size: u32,
    /// The token that the page before ended with; empty for the first one.
    pub page_token: String,
    /// The order; without one it is that of the documents' names.
    pub order_by: Vec<Order>,
    /// The fields to give.
    pub mask: Option<FieldMask>,
    /// Also documents that are missing and have others below them. Not with an order.
    pub show_missing: bool,
    /// Which state of the database.
    pub consistency: Consistency,
}

/// A page of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListPage {
    /// The documents.
    pub documents: Vec<Listed>,
    /// Begins the next page; empty behind the last one.
    pub next_page_token: String,
}

/// What was given last.
type After = Option<(CollectionId, DocumentId)>;

impl Firestore {
    /// A page of documents.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a token of another request, and for missing documents in an order.
    pub async fn list_documents(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        list: List,
    ) -> Result<ListPage, Error> {
        if list.show_missing && !list.order_by.is_empty() {
            return Err(Error::Invalid(
                "show_missing cannot be used with order_by".to_owned(),
            ));
        }
        let request = list.text(database);
        let token = PageToken::decode(&list.page_token, &request)?;
        let time = token.as_ref().map(|token| token.time);
        let size = page_size(list.page_size, LIST_PAGE, LIST_PAGE_MAX);
        let (reading_of, mask) = (list.consistency.clone(), list.mask.clone());
        let (listed, more, time, after) = if list.order_by.is_empty() {
            let after = token.as_ref().map(last_named).transpose()?;
            let reading = self.reading(caller, database, reading_of).await?;
            let page = reading.go_on(time, move |tx| by_name(tx, &list, after.as_ref(), size));
            let ((listed, more), time) = page.await?;
            let after = listed.last().map(|last| name_of(&last.path));
            (listed, more, time, after)
        } else {
            let query = list.query(token.map(|token| token.after))?;
            query.validate(database, Strictness::Lenient)?;
            let reading = self.reading(caller, database, reading_of).await?;
            let orders = query.normal_order();
            let catalog = reading.catalog();
            let page = reading.go_on(time, move |tx| in_order(tx, &query, catalog(tx)?, size));
            let ((documents, more), time) = page.await?;
            let after = documents
                .last()
                .map(|last| position(database, &orders, last));
            (
                documents.into_iter().map(found).collect(),
                more,
                time,
                after,
            )
        };
        let next_page_token = match after.filter(|_| more) {
            Some(after) => {
                let after = after.map_err(DocumentError::from)?;
                PageToken { time, after }.encode(&request)
            }
            None => String::new(),
        };
        let documents = listed.into_iter().map(|listed| Listed {
            document: listed
                .document
                .map(|document| masked(document, mask.as_ref())),
            ..listed
        });
        Ok(ListPage {
            documents: documents.collect(),
            next_page_token,
        })
    }
}

impl List {
    /// What a token is bound to: all but the page itself.
    fn text(&self, database: &DatabaseName) -> String {
        let Self {
            parent,
            collection,
            order_by,
            mask,
            show_missing,
            ..
        } = self;
        format!(
            "documents {database} {parent:?} {collection:?} {order_by:?} {mask:?} {show_missing}"
        )
    }

    /// The same as a query, behind the document of these values.
    fn query(&self, after: Option<Map>) -> Result<Query, Error> {
        let values = after.map(|after| -> Result<Vec<Value>, Error> {
            let damaged = || Error::Invalid("the page token is damaged".to_owned());
            let at = |at: usize| after.get(&at.to_string()).cloned().ok_or_else(damaged);
            (0..after.iter().len()).map(at).collect()
        });
        Ok(Query {
            parent: self.parent.clone(),
            from: CollectionSelector {
                collection: self.collection.clone(),
                all_descendants: false,
            },
            order_by: self.order_by.clone(),
            start_at: values.transpose()?.map(|values| Cursor {
                values,
                before: false,
            }),
            ..Query::default()
        })
    }
}

/// Documents by their names, and whether there may be more.
fn by_name(
    tx: &dyn Read,
    list: &List,
    after: Option<&(CollectionId, DocumentId)>,
    size: usize,
) -> Result<(Vec<Listed>, bool), DocumentError> {
    let missing = match list.show_missing {
        true => Missing::Shown,
        false => Missing::Hidden,
    };
    let mut after: After = after.cloned();
    let mut current = match (&list.collection, &after) {
        (Some(id), _) | (None, Some((id, _))) => Some(id.clone()),
        (None, None) => next_collection(tx, list, None)?,
    };
    let mut listed: Vec<Listed> = Vec::new();
    let mut bytes = 0;
    while let Some(id) = current {
        let path = CollectionPath::below(list.parent.as_ref(), &id).map_err(InvalidQuery::from)?;
        loop {
            // One more tells if there is another page.
            let limit = (size + 1 - listed.len()).min(LIST_DOCUMENTS_AT_ONCE);
            let behind = after.as_ref().map(|(_, id)| id);
            let some = read::list_documents(tx, &path, behind, limit, missing)?;
            let whole = some.len() == limit;
            bytes += some
                .iter()
                .filter_map(|listed| listed.document.as_ref())
                .map(Document::size)
                .sum::<usize>();
            listed.extend(some);
            if listed.len() > size {
                listed.truncate(size);
                return Ok((listed, true));
            }
            if whole && bytes >= LIST_BYTES {
                return Ok((listed, true));
            }
            if !whole {
                break;
            }
            after = listed.last().and_then(|last| {
                let document = DocumentId::parse(last.path.id()).ok()?;
                Some((id.clone(), document))
            });
        }
        after = None;
        current = match list.collection {
            Some(_) => None,
            None => next_collection(tx, list, Some(&id))?,
        };
    }
    Ok((listed, false))
}

fn next_collection(
    tx: &dyn Read,
    list: &List,
    after: Option<&CollectionId>,
) -> Result<Option<CollectionId>, DocumentError> {
    let ids = read::list_collection_ids(tx, list.parent.as_ref(), after, 1)?;
    Ok(ids.into_iter().next())
}

/// Documents of a query, and whether there may be more.
fn in_order(
    tx: &dyn Read,
    query: &Query,
    catalog: Arc<Catalog>,
    size: usize,
) -> Result<(Vec<Document>, bool), DocumentError> {
    let limit = u32::try_from(size + 1).ok();
    let query = Query {
        limit,
        ..query.clone()
    };
    let mut execution = Execution::new(query, catalog)?;
    let mut documents = Vec::new();
    let mut bytes = 0;
    loop {
        let page = execution.next_page(tx, QUERY_PAGE)?;
        bytes += page.documents.iter().map(Document::size).sum::<usize>();
        documents.extend(page.documents);
        if documents.len() > size {
            documents.truncate(size);
            return Ok((documents, true));
        }
        if page.done {
            return Ok((documents, false));
        }
        if bytes >= LIST_BYTES && !documents.is_empty() {
            return Ok((documents, true));
        }
    }
}

fn found(document: Document) -> Listed {
    Listed {
        path: document.path.clone(),
        document: Some(document),
    }
}

fn name_of(path: &DocumentPath) -> Result<Map, firekeep_model::ValueError> {
    let mut after = Map::new();
    after.insert(COLLECTION, path.collection_id().into())?;
    after.insert(DOCUMENT, path.id().into())?;
    Ok(after)
}

fn last_named(token: &PageToken) -> Result<(CollectionId, DocumentId), Error> {
    let damaged = |_| Error::Invalid("the page token is damaged".to_owned());
    let collection = CollectionId::parse(token.text(COLLECTION)?).map_err(damaged)?;
    let document = DocumentId::parse(token.text(DOCUMENT)?).map_err(damaged)?;
    Ok((collection, document))
}

/// The values of a document in an order, by their numbers.
fn position(
    database: &DatabaseName,
    orders: &[Order],
    document: &Document,
) -> Result<Map, firekeep_model::ValueError> {
    let mut values = Map::new();
    for (at, order) in orders.iter().enumerate() {
        let value = match &order.field {
            FieldRef::DocumentName => Value::reference(DocumentName {
                database: database.clone(),
                path: document.path.clone(),
            }),
            FieldRef::Field(path) => document
                .fields
                .get_path(path)
                .cloned()
                .unwrap_or(Value::Null),
        };
        values.insert(&at.to_string(), value)?;
    }
    Ok(values)
}
