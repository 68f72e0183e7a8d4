//! The answer to a query at a time, as a list of names in its order: no more of the documents than that.

use std::collections::VecDeque;
use std::sync::Arc;

use firekeep_model::{DocumentPath, FieldMask, FieldRef, Timestamp};
use firekeep_store::{CommitTime, Key, Read, ReadTx, Row, Space, Store};

use crate::exec::sort_key::sort_key;
use crate::index::{Catalog, Indexes};
use crate::query::{Order, Query};
use crate::{Budget, Error, Execution};

/// Documents of a page, and bytes of the fields that they are ordered by.
const PAGE: (usize, usize) = (256, 1_024 * 1_024);

/// Where answers come from.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) store: &'a Store,
    pub(super) indexes: &'a Indexes,
}

impl Sources<'_> {
    /// The catalogue of indexes for reads at a time.
    pub(super) fn catalog(self, tx: &dyn Read, time: CommitTime) -> Result<Arc<Catalog>, Error> {
        let now = self.indexes.catalog(tx)?;
        let is_plain = now.groups().is_empty()
            && now.all_composites().is_empty()
            && now.overrides().is_empty();
        Ok(match is_plain {
            true => now,
            false => Arc::new(now.as_of(time)),
        })
    }
}

/// A document of a list.
#[derive(Debug)]
pub(super) struct Listed {
    /// Where it stands.
    pub(super) sort: Key,
    pub(super) path: DocumentPath,
    /// The commit that changed it last.
    pub(super) changed: CommitTime,
}

/// A list that is being read. Holds a page.
#[derive(Debug)]
pub(super) struct Listing {
    query: Query,
    orders: Vec<Order>,
    time: CommitTime,
    execution: Option<Execution>,
    page: VecDeque<Listed>,
    is_read: bool,
    /// How many documents were read so far.
    pub(super) count: u32,
}

impl Listing {
    pub(super) fn new(query: &Query, time: CommitTime) -> Self {
        let orders = query.normal_order();
        let fields = orders.iter().filter_map(|order| match &order.field {
            FieldRef::DocumentName => None,
            FieldRef::Field(path) => Some(path.clone()),
        });
        Self {
            query: Query {
                select: Some(FieldMask::new(fields)),
                ..query.clone()
            },
            orders,
            time,
            execution: None,
            page: VecDeque::new(),
            is_read: false,
            count: 0,
        }
    }

    /// Reads a page if the one before was taken; it may be empty without being the last one.
    pub(super) fn fill(&mut self, sources: Sources<'_>, rows_read: usize) -> Result<(), Error> {
        if self.is_read || !self.page.is_empty() {
            return Ok(());
        }
        let tx = sources.store.read_at(self.time)?;
        if self.execution.is_none() {
            let catalog = sources.catalog(&tx, self.time)?;
            self.execution = Some(Execution::new(self.query.clone(), catalog)?);
        }
        let Some(execution) = &mut self.execution else {
            return Ok(());
        };
        let (documents, bytes) = PAGE;
        let page = execution.next_page(
            &tx,
            Budget {
                documents,
                bytes,
                rows_read,
            },
        )?;
        for document in page.documents {
            // The executor gives no document without the fields that it is ordered by.
            let sort = sort_key(&self.orders, &document)?.ok_or(Error::Corrupt("its order"))?;
            self.count = self.count.saturating_add(1);
            self.page.push_back(Listed {
                sort,
                path: document.path,
                changed: commit_time(document.update_time),
            });
        }
        self.is_read = page.done;
        Ok(())
    }

    /// The next one of the page.
    pub(super) fn peek(&self) -> Option<&Listed> {
        self.page.front()
    }

    pub(super) fn pop(&mut self) -> Option<Listed> {
        self.page.pop_front()
    }

    /// If everything was taken.
    pub(super) fn is_over(&self) -> bool {
        self.is_read && self.page.is_empty()
    }

    /// The next one, however much has to be read.
    pub(super) fn next(&mut self, sources: Sources<'_>) -> Result<Option<Listed>, Error> {
        while self.page.is_empty() && !self.is_read {
            self.fill(sources, usize::MAX)?;
        }
        Ok(self.pop())
    }
}

const fn commit_time(time: Timestamp) -> CommitTime {
    CommitTime(time.micros())
}

/// The rows of documents.
pub(super) fn rows(tx: &ReadTx<'_>, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
    let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    Ok(tx.find_rows(Space::Docs, &keys)?)
}
