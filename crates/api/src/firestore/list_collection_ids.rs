//! `ListCollectionIds`: the collections directly below a document, or below the root.

use firekeep_documents::read;
use firekeep_model::{Caller, CollectionId, DatabaseName, DocumentPath, Map};

use super::page_token::PageToken;
use super::reading::Reading;
use super::{Consistency, Firestore};
use crate::Error;
use crate::limits::{COLLECTION_IDS_PAGE, COLLECTION_IDS_PAGE_MAX, page_size};

/// The name in page tokens of the id that was given last.
const AFTER: &str = "id";

impl Firestore {
    /// The ids of the collections that have a document at any depth, sorted, and the token of the next page; empty
    /// behind the last one.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a token of another request.
    pub async fn list_collection_ids(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        parent: Option<DocumentPath>,
        page_size_wanted: u32,
        page_token: &str,
        consistency: Consistency,
    ) -> Result<(Vec<CollectionId>, String), Error> {
        let request = format!("collection ids {database} {parent:?}");
        let token = PageToken::decode(page_token, &request)?;
        let after = token.as_ref().map(|token| token.text(AFTER)).transpose()?;
        let after = after.map(CollectionId::parse).transpose();
        let after = after.map_err(|_| Error::Invalid("the page token is damaged".to_owned()))?;
        let size = page_size(
            page_size_wanted,
            COLLECTION_IDS_PAGE,
            COLLECTION_IDS_PAGE_MAX,
        );
        let read = |mut reading: Reading| {
            let (parent, after) = (parent.clone(), after.clone());
            async move {
                // One more tells if there is another page.
                let ids = reading.off(move |tx| {
                    read::list_collection_ids(tx, parent.as_ref(), after.as_ref(), size + 1)
                });
                Ok((ids.await?, reading.time()))
            }
        };
        let first_page = token.map(|token| token.time);
        let page = self.go_on(caller, database, consistency, first_page, read);
        let (mut ids, time) = page.await?;
        let more = ids.len() > size;
        ids.truncate(size);
        let next = match ids.last().filter(|_| more) {
            Some(last) => {
                let mut after = Map::new();
                after
                    .insert(AFTER, last.as_str().into())
                    .map_err(firekeep_documents::Error::from)?;
                PageToken { time, after }.encode(&request)
            }
            None => String::new(),
        };
        Ok((ids, next))
    }
}
