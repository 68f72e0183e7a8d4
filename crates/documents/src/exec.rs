//! Queries, carried out page by page.
//!
//! An execution owns its state and holds no transaction: it goes on in any other one that reads at the same time. What
//! it keeps in memory is bounded by a page and by the limits of `limits.rs`, never by the answer. The plan is `plan.rs`;
//! what every plan must give is `naive.rs`. Firestore specification, section 7.1.

mod ask;
mod ordered;
mod reader;
mod sort_key;
mod sorted;
mod source;
mod stream;
mod vicinity;
mod walk;

use firekeep_model::Document;
use firekeep_store::Read;

use crate::query::Query;
use crate::{Error, plan};

pub(crate) use ask::Ask;
use ordered::Ordered;
use reader::{Counts, Cx};
pub(crate) use sorted::Sorted;
pub(crate) use source::Source;
use stream::Merge;
pub(crate) use stream::Stream;
use vicinity::Vicinity;
pub(crate) use walk::{Walk, range_of};

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

/// A part of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The documents, in the query's order, with the fields that it selects.
    pub documents: Vec<Document>,
    /// How many documents the query's offset left out since the page before.
    pub skipped: u32,
    /// If the answer ends here. A page that is not the last one may be empty.
    pub done: bool,
}

/// A query that is being answered.
#[derive(Debug)]
pub struct Execution {
    ask: Ask,
    state: State,
    counts: Counts,
}

#[derive(Debug)]
enum State {
    Ordered(Ordered),
    Nearest(Vicinity),
}

impl Execution {
    /// Plans a query that was [checked](Query::validate).
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a query that was not.
    pub fn new(query: Query) -> Result<Self, Error> {
        let ask = Ask::new(query, Vec::new());
        let merge = Merge::new(plan::streams(&ask)?);
        let state = match &ask.query.find_nearest {
            Some(search) => State::Nearest(Vicinity::new(search.clone(), merge)),
            None => State::Ordered(Ordered::new(&ask.query, merge)),
        };
        Ok(Self {
            ask,
            state,
            counts: Counts::default(),
        })
    }

    /// The next part of the answer. Every page must be read at the same time, through any transaction.
    ///
    /// # Errors
    /// [`Error::Corrupt`]; those of storage.
    pub fn next_page(&mut self, tx: &dyn Read, budget: Budget) -> Result<Page, Error> {
        let mut cx = Cx::new(tx, budget.rows_read, self.counts);
        let page = match &mut self.state {
            State::Ordered(ordered) => ordered.next_page(&mut cx, &self.ask, budget),
            State::Nearest(vicinity) => vicinity.next_page(&mut cx, &self.ask, budget),
        };
        self.counts = cx.counts;
        page
    }
}

#[cfg(test)]
mod tests;
