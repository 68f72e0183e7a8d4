//! Documents in the query's order, after offset and limit.

use std::collections::VecDeque;

use firekeep_store::Row;
use firekeep_store::limits::PAGE_BYTES_MAX;

use crate::exec::ask::Ask;
use crate::exec::reader::{Cx, Step};
use crate::exec::stream::{Candidate, Merge, Trust};
use crate::exec::{Budget, Page};
use crate::query::Query;
use crate::{Error, Found, Given, keys, read};

/// Small documents that are fetched together, at most.
const FETCH_MAX: usize = 256;

/// Documents that are fetched together before it is known how large they are. They wait in memory as long as a client
/// does not read what it asked for: 8 MiB at the most.
const FETCH_FIRST: usize = 8;

/// A merge of streams, and how much of it was given.
#[derive(Debug)]
pub(crate) struct Ordered {
    merge: Merge,
    /// What the merge gave and no page did.
    pending: VecDeque<Candidate>,
    /// Documents still to leave out.
    offset: u32,
    /// Documents still to give.
    limit: Option<u32>,
    is_over: bool,
    /// How many candidates are taken together, at least: more while most of them are not in the answer.
    take: usize,
    /// Bytes and number of the documents fetched so far.
    fetched: (usize, usize),
}

impl Ordered {
    pub(crate) fn new(query: &Query, merge: Merge) -> Self {
        Self {
            merge,
            pending: VecDeque::new(),
            offset: query.offset,
            limit: query.limit,
            is_over: false,
            take: 1,
            fetched: (0, 0),
        }
    }

    pub(crate) fn next_page(
        &mut self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        budget: Budget,
    ) -> Result<Page<Given>, Error> {
        let mut page = Page::default();
        let mut bytes_left = budget.bytes.max(1);
        loop {
            let documents_left = budget.documents.max(1) - page.documents.len();
            if self.is_done() {
                page.done = true;
                return Ok(page);
            }
            if documents_left == 0 || bytes_left == 0 {
                return Ok(page);
            }
            let room = (documents_left, bytes_left);
            let is_paused = self.collect(cx, ask, room, &mut page.skipped)?;
            if self.pending.is_empty() && is_paused {
                return Ok(page);
            }
            self.fetch(cx, |_| true)?;
            let taken = self.pending.len();
            let before = page.documents.len();
            self.give(ask, budget.documents.max(1), &mut bytes_left, &mut page)?;
            if page.documents.len() - before < taken - self.pending.len() {
                self.take = (2 * taken).min(FETCH_MAX);
            }
        }
    }

    /// The next document of the answer, without looking at it where that is not needed: for counting. Offset and limit
    /// hold.
    pub(crate) fn next_candidate(
        &mut self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        needs_rows: bool,
    ) -> Result<Step<Candidate>, Error> {
        loop {
            if self.is_done() {
                return Ok(Step::End);
            }
            if self.pending.is_empty() {
                let is_paused = self.collect(cx, ask, (FETCH_MAX, PAGE_BYTES_MAX), &mut 0)?;
                if self.pending.is_empty() && is_paused {
                    return Ok(Step::Pause);
                }
                self.fetch(cx, |candidate| {
                    let is_known = candidate.numbers.len() == ask.averages.len();
                    needs_rows || !is_known || candidate.trust == Trust::None
                })?;
                self.take = FETCH_MAX;
            }
            let Some(candidate) = self.pending.pop_front() else {
                continue;
            };
            if candidate.trust == Trust::None
                && verified(ask, &candidate, candidate.row.clone())?.is_none()
            {
                continue;
            }
            if self.offset > 0 {
                self.offset -= 1;
                continue;
            }
            self.limit = self.limit.map(|limit| limit.saturating_sub(1));
            return Ok(Step::Item(candidate));
        }
    }

    fn is_done(&self) -> bool {
        (self.offset == 0 && self.limit == Some(0)) || (self.is_over && self.pending.is_empty())
    }

    /// Takes candidates, as many as the page can use, whose rows have together not many more bytes than it has room for;
    /// true when this call may not read more.
    fn collect(
        &mut self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        (documents_left, bytes_left): (usize, usize),
        skipped: &mut u32,
    ) -> Result<bool, Error> {
        let mut wanted = 0;
        let mut bytes: usize = self.pending.iter().map(Candidate::row_bytes).sum();
        while !self.is_over {
            if wanted == 0 || self.pending.is_empty() {
                wanted = self.wanted(documents_left);
            }
            if self.pending.len() >= wanted || bytes >= bytes_left.max(1) {
                break;
            }
            match self.merge.next(cx, ask)? {
                Step::Item(candidate) => {
                    if self.offset > 0 && self.pending.is_empty() && candidate.trust != Trust::None
                    {
                        self.offset -= 1;
                        *skipped += 1;
                    } else {
                        bytes += candidate.row_bytes();
                        self.pending.push_back(candidate);
                    }
                }
                Step::End => self.is_over = true,
                Step::Pause => return Ok(true),
            }
            if self.is_done() {
                break;
            }
        }
        Ok(false)
    }

    fn wanted(&self, documents_left: usize) -> usize {
        let usable = match self.limit {
            Some(limit) => documents_left.min(to_usize(limit)),
            None => documents_left,
        };
        let usable = usable.saturating_add(to_usize(self.offset));
        let (bytes, count) = self.fetched;
        let most = match bytes.checked_div(count) {
            Some(average) => (PAGE_BYTES_MAX / average.max(1)).clamp(1, FETCH_MAX),
            None => FETCH_FIRST,
        };
        usable.max(self.take).clamp(1, most)
    }

    /// Reads the documents of some pending candidates, by one look-up.
    fn fetch(
        &mut self,
        cx: &mut Cx<'_>,
        is_wanted: impl Fn(&Candidate) -> bool,
    ) -> Result<(), Error> {
        let is_missing = |candidate: &Candidate| candidate.row.is_none() && is_wanted(candidate);
        let missing = self
            .pending
            .iter()
            .filter(|candidate| is_missing(candidate));
        let names: Vec<_> = missing.map(|candidate| candidate.name.as_slice()).collect();
        if names.is_empty() {
            return Ok(());
        }
        let rows = cx.documents(&names)?;
        let missing = self
            .pending
            .iter_mut()
            .filter(|candidate| is_missing(candidate));
        for (candidate, row) in missing.zip(rows) {
            let bytes = row.as_ref().map_or(0, |row| row.value.len());
            self.fetched.0 = self.fetched.0.saturating_add(bytes);
            self.fetched.1 += 1;
            candidate.row = row;
        }
        Ok(())
    }

    /// Puts pending documents into a page.
    fn give(
        &mut self,
        ask: &Ask,
        documents_max: usize,
        bytes_left: &mut usize,
        page: &mut Page<Given>,
    ) -> Result<(), Error> {
        while page.documents.len() < documents_max
            && *bytes_left > 0
            && !self.is_done()
            && let Some(mut candidate) = self.pending.pop_front()
        {
            let row = candidate.row.take();
            let Some(found) = verified(ask, &candidate, row)? else {
                continue;
            };
            if self.offset > 0 {
                self.offset -= 1;
                page.skipped += 1;
                continue;
            }
            self.limit = self.limit.map(|limit| limit.saturating_sub(1));
            if let Some(row) = found.row {
                *bytes_left = bytes_left.saturating_sub(row.value.len());
                let document = read::select(ask.query.select.as_ref(), found.path, row)?;
                page.documents.push(document);
            }
        }
        Ok(())
    }
}

/// The document of a fetched candidate and its row, if it is in the answer at this place.
fn verified(ask: &Ask, candidate: &Candidate, row: Option<Row>) -> Result<Option<Found>, Error> {
    // Without a row: an index entry of a document that is not there.
    let Some(row) = row else {
        return Ok(None);
    };
    let found = Found {
        path: keys::path(&candidate.name)?,
        row: Some(row),
    };
    let is_in = match candidate.trust {
        Trust::Judged | Trust::Exact => true,
        // Where the order does not matter, candidates need no sort key.
        Trust::None => (ask.judge(&found)?)
            .is_some_and(|sort| sort == candidate.sort || candidate.sort.is_empty()),
    };
    Ok(Some(found).filter(|_| is_in))
}

fn to_usize(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
