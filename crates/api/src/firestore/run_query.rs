//! `RunQuery`: the documents of a query, page by page, all as of one time.
//!
//! Between two pages nothing is held but the place in the answer. Whoever drops the answer stops the reading.

use bytes::Bytes;
use firekeep_documents::query::Strictness;
use firekeep_documents::{Budget, Execution, Page};
use firekeep_model::{Caller, DatabaseName, Document, Timestamp};

use super::reading::Reading;
use super::{Consistency, Firestore, Query};
use crate::Error;
use crate::limits::{QUERY_PAGE, QUERY_PAGE_FIRST};

/// The answer to a query: what is the same for all documents, and the pages.
pub struct Answers {
    /// The id of the transaction that the request began.
    pub transaction: Option<Bytes>,
    /// The time of which all documents are.
    pub read_time: Timestamp,
    reading: Reading,
    first: Option<Page>,
    /// `None` when there is nothing left to read.
    rest: Option<Execution>,
}

/// Some documents of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnswerPage {
    /// The documents, in the query's order, with the fields that it selects.
    pub documents: Vec<Document>,
    /// How many the query's offset left out since the page before.
    pub skipped: u32,
}

impl Firestore {
    /// The documents of a query.
    ///
    /// # Errors
    /// Every [`InvalidQuery`](super::InvalidQuery).
    pub async fn run_query(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        query: Query,
        consistency: Consistency,
    ) -> Result<Answers, Error> {
        query.validate(database, Strictness::Lenient)?;
        let mut reading = self.reading(caller, database, consistency).await?;
        self.index_group(&reading.database, &query).await;
        let execution = Execution::new(query)?;
        // Short, and enough for most queries of apps.
        let first = reading.here(next_page(execution, QUERY_PAGE_FIRST));
        let (page, rest) = first.await?;
        Ok(Answers {
            transaction: reading.begun.clone(),
            read_time: reading.time(),
            reading,
            first: Some(page),
            rest,
        })
    }
}

impl Answers {
    /// Some more documents, perhaps none yet; `None` when there are none left.
    ///
    /// # Errors
    /// Storage errors.
    pub async fn next_page(&mut self) -> Result<Option<AnswerPage>, Error> {
        if let Some(page) = self.first.take().filter(|page| !is_empty(page)) {
            return Ok(Some(page.into()));
        }
        while let Some(execution) = self.rest.take() {
            let read = self.reading.off(next_page(execution, QUERY_PAGE));
            let (page, rest) = read.await?;
            self.rest = rest;
            if !is_empty(&page) {
                return Ok(Some(page.into()));
            }
        }
        Ok(None)
    }
}

/// Reads the next page, and gives the execution back if it is not at its end.
fn next_page(
    mut execution: Execution,
    budget: Budget,
) -> impl FnOnce(
    &dyn firekeep_store::Read,
) -> Result<(Page, Option<Execution>), firekeep_documents::Error>
+ Send
+ 'static {
    move |tx| {
        let page = execution.next_page(tx, budget)?;
        let rest = (!page.done).then_some(execution);
        Ok((page, rest))
    }
}

fn is_empty(page: &Page) -> bool {
    page.documents.is_empty() && page.skipped == 0
}

impl From<Page> for AnswerPage {
    fn from(page: Page) -> Self {
        Self {
            documents: page.documents,
            skipped: page.skipped,
        }
    }
}
