//! `ListDocuments`: the documents of a collection, or of all directly below a document, in pages.

use std::sync::Arc;

use firekeep_documents::query::{InvalidQuery, Strictness};
use firekeep_documents::{Error as DocumentError, Execution, Missing, read};
use firekeep_model::{
    Caller, CollectionId, CollectionPath, DatabaseName, Document, DocumentId, DocumentName,
    DocumentPath, FieldMask, FieldRef, Map, Timestamp, Value,
};
use firekeep_store::Read;

use super::get_document::masked;
use super::page_token::PageToken;
use super::reading::Reading;
use super::{CollectionSelector, Consistency, Cursor, Firestore, Listed, Order, Query};
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
        let mask = list.mask.clone();
        let (listed, more, time, after) = if list.order_by.is_empty() {
            let after = token.as_ref().map(last_named).transpose()?;
            let walk = Walk::new(list, after, size);
            let consistency = walk.list.consistency.clone();
            let read = |reading| by_name(reading, walk.clone());
            let page = self.go_on(caller, database, consistency, time, read);
            let (listed, more, time) = page.await?;
            let after = listed.last().map(|last| name_of(&last.path));
            (listed, more, time, after)
        } else {
            let query = list.query(token.map(|token| token.after))?;
            query.validate(database, Strictness::Lenient)?;
            let orders = query.normal_order();
            let read = |reading| self.in_order(reading, query.clone(), size);
            let page = self.go_on(caller, database, list.consistency, time, read);
            let (documents, more, time) = page.await?;
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

    /// Documents of a query, whether there may be more, and of which time they are.
    async fn in_order(
        &self,
        mut reading: Reading,
        query: Query,
        size: usize,
    ) -> Result<(Vec<Document>, bool, Timestamp), Error> {
        // A list is of one collection: no group is indexed for it.
        self.look_for_index(&reading.database, &query, &[], false)
            .await?;
        let catalog = reading.catalog();
        // One more tells if there is another page.
        let limit = u32::try_from(size + 1).ok();
        let query = Query { limit, ..query };
        let begin = move |tx: &dyn Read| {
            let mut execution = Execution::new(query, catalog(tx)?)?;
            Ok((execution.next_page(tx, QUERY_PAGE)?, execution))
        };
        let (mut page, mut execution) = reading.off(begin).await?;
        let mut documents = Vec::new();
        let mut bytes = 0;
        let more = loop {
            bytes += page.documents.iter().map(Document::size).sum::<usize>();
            documents.append(&mut page.documents);
            if documents.len() > size {
                documents.truncate(size);
                break true;
            }
            if page.done {
                break false;
            }
            if bytes >= LIST_BYTES && !documents.is_empty() {
                break true;
            }
            // Between two pages, who dropped the request has it stopped.
            let next = move |tx: &dyn Read| Ok((execution.next_page(tx, QUERY_PAGE)?, execution));
            (page, execution) = reading.off(next).await?;
        };
        Ok((documents, more, reading.time()))
    }
}

/// Documents by their names, whether there may be more, and of which time they are.
async fn by_name(
    mut reading: Reading,
    mut walk: Walk,
) -> Result<(Vec<Listed>, bool, Timestamp), Error> {
    loop {
        // Between two steps, who dropped the request has it stopped.
        let step = move |tx: &dyn Read| Ok((walk.step(tx)?, walk));
        let more;
        (more, walk) = reading.off(step).await?;
        if let Some(more) = more {
            return Ok((walk.listed, more, reading.time()));
        }
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

/// A way through documents by their names.
#[derive(Clone)]
struct Walk {
    list: Arc<List>,
    size: usize,
    /// The collection that is being read; `None` before the first one.
    current: Option<CollectionId>,
    /// The document of it that was read last.
    after: Option<DocumentId>,
    listed: Vec<Listed>,
    bytes: usize,
}

impl Walk {
    fn new(list: List, after: After, size: usize) -> Self {
        let (current, after) = match (&list.collection, after) {
            (Some(id), after) => (Some(id.clone()), after.map(|(_, document)| document)),
            (None, Some((id, document))) => (Some(id), Some(document)),
            (None, None) => (None, None),
        };
        Self {
            list: Arc::new(list),
            size,
            current,
            after,
            listed: Vec::new(),
            bytes: 0,
        }
    }

    /// Reads some documents of one collection. At the end, says whether there may be more for another page.
    fn step(&mut self, tx: &dyn Read) -> Result<Option<bool>, DocumentError> {
        let list = &self.list;
        let current = match self.current.take() {
            None => next_collection(tx, list, None)?,
            current => current,
        };
        let Some(id) = current else {
            return Ok(Some(false));
        };
        let path = CollectionPath::below(list.parent.as_ref(), &id).map_err(InvalidQuery::from)?;
        // One more tells if there is another page.
        let limit = (self.size + 1 - self.listed.len()).min(LIST_DOCUMENTS_AT_ONCE);
        let missing = match list.show_missing {
            true => Missing::Shown,
            false => Missing::Hidden,
        };
        let some = read::list_documents(tx, &path, self.after.as_ref(), limit, missing)?;
        let whole = some.len() == limit;
        let sizes = some.iter().filter_map(|listed| listed.document.as_ref());
        self.bytes += sizes.map(Document::size).sum::<usize>();
        self.listed.extend(some);
        if self.listed.len() > self.size {
            self.listed.truncate(self.size);
            return Ok(Some(true));
        }
        if whole {
            let last = self.listed.last();
            self.after = last.and_then(|last| DocumentId::parse(last.path.id()).ok());
            self.current = Some(id);
            return Ok((self.bytes >= LIST_BYTES).then_some(true));
        }
        self.after = None;
        self.current = match list.collection {
            Some(_) => None,
            None => next_collection(tx, list, Some(&id))?,
        };
        Ok(self.current.is_none().then_some(false))
    }
}

fn next_collection(
    tx: &dyn Read,
    list: &List,
    after: Option<&CollectionId>,
) -> Result<Option<CollectionId>, DocumentError> {
    let ids = read::list_collection_ids(tx, list.parent.as_ref(), after, 1)?;
    Ok(ids.into_iter().next())
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
