//! Queries, carried out page by page.
//!
//! An execution owns its state and holds no transaction: it goes on in any other one that reads at the same time. What
//! it keeps in memory is bounded by a page and by the limits of `limits.rs`, never by the answer. The plan is `plan.rs`;
//! what every plan must give is `naive.rs`. Firestore specification, section 7.1.

mod aggregation;
mod ask;
pub(crate) mod entries;
mod ordered;
pub(crate) mod reader;
pub(crate) mod sort_key;
mod sorted;
mod source;
pub(crate) mod stream;
mod tally;
mod vicinity;
mod walk;
pub(crate) mod zigzag;

use std::sync::Arc;

use firekeep_model::Document;
use firekeep_store::Read;

use crate::dnf::Dnf;
use crate::explain::Explained;
use crate::index::catalog::Catalog;
use crate::index::definition::QueryScope;
use crate::plan::{self, Plan};
use crate::query::{InvalidQuery, Query};
use crate::{Error, Given};

pub use aggregation::{Aggregation, Results};
pub(crate) use ask::Ask;
use ordered::Ordered;
use reader::{Counts, Cx};
pub(crate) use sorted::Sorted;
pub(crate) use source::Source;
use stream::Merge;
pub(crate) use stream::Stream;
pub(crate) use tally::Tally;
use vicinity::Vicinity;
pub(crate) use walk::{Names, Walk, range_of};

/// How much one page may take. Every bound counts as at least 1, so that a page always gets on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The most documents of a page.
    pub documents: usize,
    /// The bytes of stored documents after which a page takes no further one.
    pub bytes: usize,
    /// Rows of indexes and documents after which a page ends, even without a document. It may be a few more.
    pub rows_read: usize,
}

/// A part of an answer, of decoded documents, or of such as they are [given](Given).
#[derive(Clone, Debug, PartialEq)]
pub struct Page<D = Document> {
    /// The documents, in the query's order, with the fields that it selects.
    pub documents: Vec<D>,
    /// How many documents the query's offset left out since the page before.
    pub skipped: u32,
    /// If the answer ends here. A page that is not the last one may be empty.
    pub done: bool,
}

impl<D> Default for Page<D> {
    fn default() -> Self {
        Self {
            documents: Vec::new(),
            skipped: 0,
            done: false,
        }
    }
}

/// A query that is being answered.
#[derive(Debug)]
pub struct Execution {
    ask: Ask,
    catalog: Arc<Catalog>,
    /// `None` before the first page.
    state: Option<State>,
    used: Vec<(QueryScope, String)>,
    counts: Counts,
    results: u64,
}

#[derive(Debug)]
enum State {
    Ordered(Ordered),
    Nearest(Vicinity),
}

impl Execution {
    /// An answer to a query that was [checked](Query::validate), by the indexes of the catalogue that its first
    /// transaction sees.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a query that was not checked.
    pub fn new(query: Query, catalog: Arc<Catalog>) -> Result<Self, Error> {
        check(&query)?;
        Ok(Self {
            ask: Ask::new(query),
            catalog,
            state: None,
            used: Vec::new(),
            counts: Counts::default(),
            results: 0,
        })
    }

    /// The next part of the answer. Every page must be read at the same time, through any transaction.
    ///
    /// # Errors
    /// [`Error::Corrupt`]; those of storage.
    pub fn next_page(&mut self, tx: &dyn Read, budget: Budget) -> Result<Page, Error> {
        let page = self.next_given(tx, budget)?;
        let documents = page.documents.into_iter().map(Given::decode);
        Ok(Page {
            documents: documents.collect::<Result<_, _>>()?,
            skipped: page.skipped,
            done: page.done,
        })
    }

    /// As [`next_page`](Self::next_page), for those who only pass the documents on.
    ///
    /// # Errors
    /// As [`next_page`](Self::next_page).
    pub fn next_given(&mut self, tx: &dyn Read, budget: Budget) -> Result<Page<Given>, Error> {
        let mut cx = Cx::new(tx, budget.rows_read, self.counts);
        let page = self.read_page(&mut cx, budget);
        self.counts = cx.counts;
        if let Ok(page) = &page {
            let given = u64::try_from(page.documents.len());
            self.results = self.results.saturating_add(given.unwrap_or(u64::MAX));
        }
        page
    }

    /// Chooses the plan, if there was no page yet: for explaining it without carrying it out.
    ///
    /// # Errors
    /// As [`next_page`](Self::next_page).
    pub fn prepare(&mut self, tx: &dyn Read) -> Result<(), Error> {
        let mut cx = Cx::new(tx, usize::MAX, self.counts);
        if self.state.is_none() {
            let plan = plan::plan(&self.ask, &self.catalog, &mut cx)?;
            self.begin(plan);
        }
        self.counts = cx.counts;
        Ok(())
    }

    /// What was done so far.
    #[must_use]
    pub fn explain(&self) -> Explained {
        let wanted = plan::missing_index(&self.ask.query, &[], &self.catalog);
        Explained::new(&self.used, self.counts, self.results, wanted)
    }

    fn begin(&mut self, plan: Plan) {
        self.used = plan.used;
        let merge = Merge::new(plan.streams);
        self.state = Some(match &self.ask.query.find_nearest {
            Some(search) => State::Nearest(Vicinity::new(search.clone(), merge)),
            None => State::Ordered(Ordered::new(&self.ask.query, merge)),
        })
    }

    fn read_page(&mut self, cx: &mut Cx<'_>, budget: Budget) -> Result<Page<Given>, Error> {
        if self.state.is_none() {
            let plan = plan::plan(&self.ask, &self.catalog, cx)?;
            self.begin(plan);
        }
        match &mut self.state {
            Some(State::Ordered(ordered)) => ordered.next_page(cx, &self.ask, budget),
            Some(State::Nearest(vicinity)) => vicinity.next_page(cx, &self.ask, budget),
            None => Ok(Page::default()),
        }
    }
}

/// Refuses what cannot be planned: less than [`Query::validate`] does.
fn check(query: &Query) -> Result<(), InvalidQuery> {
    query.collection_path()?;
    match &query.filter {
        Some(filter) => Dnf::new(filter).map(drop),
        None => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod tests;
