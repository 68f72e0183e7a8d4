//! `RunQuery`: the documents of a query, page by page, all as of one time.
//!
//! Between two pages nothing is held but the place in the answer. Whoever drops the answer stops the reading.

use bytes::Bytes;
use firekeep_documents::query::Strictness;
use firekeep_documents::{Error as DocumentError, Execution, Given, Page};
use firekeep_model::{Caller, DatabaseName, Timestamp};
use firekeep_store::Read;

use super::reading::Reading;
use super::{Consistency, Explained, Firestore, Query};
use crate::Error;
use crate::limits::{QUERY_PAGE, QUERY_PAGE_FIRST};

/// That the answer is to say how it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explain {
    /// Also carry the query out; else it is only planned.
    pub analyze: bool,
}

/// The answer to a query: what is the same for all documents, and the pages.
pub struct Answers {
    /// The id of the transaction that the request began.
    pub transaction: Option<Bytes>,
    /// The time of which all documents are.
    pub read_time: Timestamp,
    reading: Reading,
    explains: bool,
    first: Option<AnswerPage>,
    /// `None` when there is nothing left to read.
    rest: Option<Execution>,
}

/// Some documents of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnswerPage {
    /// The documents, in the query's order, with the fields that it selects.
    pub documents: Vec<Given>,
    /// How many the query's offset left out since the page before.
    pub skipped: u32,
    /// How the answer was found: on the last page, where that was asked for.
    pub explained: Option<Explained>,
}

impl Firestore {
    /// The documents of a query.
    ///
    /// # Errors
    /// Every [`InvalidQuery`](super::InvalidQuery); [`Error::IndexRequired`].
    pub async fn run_query(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        query: Query,
        consistency: Consistency,
        explain: Option<Explain>,
    ) -> Result<Answers, Error> {
        query.validate(database, Strictness::Lenient)?;
        let mut reading = self.reading(caller, database, consistency).await?;
        let only_plan = explain.is_some_and(|explain| !explain.analyze);
        let may_index = !only_plan && self.may_index(caller, database);
        self.look_for_index(&reading.database, &query, &[], may_index)
            .await?;
        let catalog = reading.catalog();
        // Short, and enough for most queries of apps.
        let first = reading.here(move |tx| {
            let mut execution = Execution::new(query, catalog(tx)?)?;
            if only_plan {
                execution.prepare(tx)?;
                let done = true;
                return Ok((
                    Page {
                        done,
                        ..Page::default()
                    },
                    execution,
                ));
            }
            Ok((execution.next_given(tx, QUERY_PAGE_FIRST)?, execution))
        });
        let (page, execution) = first.await?;
        let mut answers = Answers {
            transaction: reading.tell_begun(),
            read_time: reading.time(),
            reading,
            explains: explain.is_some(),
            first: None,
            rest: None,
        };
        answers.first = answers.take(page, execution);
        Ok(answers)
    }
}

impl Answers {
    /// Some more documents; `None` when there are none left.
    ///
    /// # Errors
    /// Storage errors.
    pub async fn next_page(&mut self) -> Result<Option<AnswerPage>, Error> {
        if let Some(page) = self.first.take() {
            return Ok(Some(page));
        }
        while let Some(execution) = self.rest.take() {
            let (page, execution) = self.reading.off(next_page(execution)).await?;
            if let Some(page) = self.take(page, execution) {
                return Ok(Some(page));
            }
        }
        Ok(None)
    }

    /// Keeps what is left to read; gives the page if it says anything.
    fn take(&mut self, page: Page<Given>, execution: Execution) -> Option<AnswerPage> {
        let explains = page.done && self.explains;
        let taken = AnswerPage {
            documents: page.documents,
            skipped: page.skipped,
            explained: explains.then(|| execution.explain()),
        };
        self.rest = (!page.done).then_some(execution);
        let says = !taken.documents.is_empty() || taken.skipped > 0 || taken.explained.is_some();
        says.then_some(taken)
    }
}

fn next_page(
    mut execution: Execution,
) -> impl FnOnce(&dyn Read) -> Result<(Page<Given>, Execution), DocumentError> + Send + 'static {
    move |tx| Ok((execution.next_given(tx, QUERY_PAGE)?, execution))
}
