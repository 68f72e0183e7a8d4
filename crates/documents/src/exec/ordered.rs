//! Documents in the query's order, after offset and limit.

use std::collections::VecDeque;

use firekeep_store::limits::PAGE_BYTES_MAX;

use crate::exec::ask::Ask;
use crate::exec::reader::{Cx, Step};
use crate::exec::stream::{Candidate, Merge, Trust};
use crate::exec::{Budget, Page};
use crate::limits::READ_DOCUMENTS;
use crate::query::Query;
use crate::{Error, Found, keys, read};

/// Small documents that are fetched together, at most.
const FETCH_MAX: usize = 256;

/// A merge of streams, and how much of it was given.
#[derive(Debug)]
pub(crate) struct Ordered {
    merge: Merge,
    /// What the merge gave and no page did.
    pending: VecDeque<Candidate>,
    /// How many of those, from the first on, have the documents they need.
    ready: usize,
    /// Documents still to leave out.
    offset: u32,
    /// Documents still to give.
    limit: Option<u32>,
    is_over: bool,
    /// How many candidates are taken together, at least: more while most of them are not in the answer.
    take: usize,
    /// Bytes and number of the documents fetched last.
    fetched: (usize, usize),
}

impl Ordered {
    pub(crate) fn new(query: &Query, merge: Merge) -> Self {
        Self {
            merge,
            pending: VecDeque::new(),
            ready: 0,
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
    ) -> Result<Page, Error> {
        let page = self.fill_page(cx, ask, budget)?;
        // Nobody knows when the next one is asked for: until then, names are kept only.
        for candidate in &mut self.pending {
            candidate.row = None;
        }
        self.ready = 0;
        Ok(page)
    }

    fn fill_page(&mut self, cx: &mut Cx<'_>, ask: &Ask, budget: Budget) -> Result<Page, Error> {
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
            let is_paused = self.collect(cx, ask, documents_left, &mut page.skipped)?;
            if self.pending.is_empty() && is_paused {
                return Ok(page);
            }
            self.fetch(cx, bytes_left, |_| true)?;
            let taken = self.ready;
            let pending = self.pending.len();
            let before = page.documents.len();
            self.give(ask, budget.documents.max(1), &mut bytes_left, &mut page)?;
            if page.documents.len() - before < pending - self.pending.len() {
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
            if self.ready == 0 {
                if self.pending.is_empty() {
                    let is_paused = self.collect(cx, ask, FETCH_MAX, &mut 0)?;
                    if self.pending.is_empty() && is_paused {
                        return Ok(Step::Pause);
                    }
                }
                self.fetch(cx, PAGE_BYTES_MAX, |candidate| {
                    let is_known = candidate.numbers.len() == ask.averages.len();
                    needs_rows || !is_known || candidate.trust == Trust::None
                })?;
                self.take = FETCH_MAX;
            }
            let Some(candidate) = self.take_ready() else {
                continue;
            };
            if candidate.trust == Trust::None && verified(ask, &candidate)?.is_none() {
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

    #[cfg(test)]
    pub(crate) fn bytes_kept(&self) -> usize {
        let rows = self.pending.iter().filter_map(|one| one.row.as_ref());
        rows.map(|row| row.value.len()).sum()
    }

    fn is_done(&self) -> bool {
        (self.offset == 0 && self.limit == Some(0)) || (self.is_over && self.pending.is_empty())
    }

    /// Takes candidates, as many as the page can use; true when this call may not read more.
    fn collect(
        &mut self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        documents_left: usize,
        skipped: &mut u32,
    ) -> Result<bool, Error> {
        let mut wanted = 0;
        while !self.is_over {
            if wanted == 0 || self.pending.is_empty() {
                wanted = self.wanted(documents_left);
            }
            if self.pending.len() >= wanted {
                break;
            }
            match self.merge.next(cx, ask)? {
                Step::Item(candidate) => {
                    if self.offset > 0 && self.pending.is_empty() && candidate.trust != Trust::None
                    {
                        self.offset -= 1;
                        *skipped += 1;
                    } else {
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
            Some(average) => (PAGE_BYTES_MAX / average.max(1)).clamp(READ_DOCUMENTS, FETCH_MAX),
            None => READ_DOCUMENTS,
        };
        usable.max(self.take).clamp(1, most)
    }

    /// Reads the documents of some pending candidates, by few look-ups: of the first ones, until that are many bytes.
    fn fetch(
        &mut self,
        cx: &mut Cx<'_>,
        bytes_max: usize,
        is_wanted: impl Fn(&Candidate) -> bool,
    ) -> Result<(), Error> {
        let mut bytes_left = bytes_max.min(PAGE_BYTES_MAX);
        while self.ready < self.pending.len() && bytes_left > 0 {
            // By the sizes of the last ones, which say little of the next: at worst, it is a MiB for each.
            let (bytes, count) = self.fetched;
            let number = match bytes.checked_div(count) {
                Some(average) => (bytes_left / average.max(1)).clamp(1, READ_DOCUMENTS),
                None => READ_DOCUMENTS,
            };
            let mut names = Vec::with_capacity(number);
            let mut seen = 0;
            for candidate in self.pending.iter().skip(self.ready) {
                let is_missing = candidate.row.is_none() && is_wanted(candidate);
                if is_missing && names.len() == number {
                    break;
                }
                if is_missing {
                    names.push(candidate.name.as_slice());
                }
                seen += 1;
            }
            let count = names.len();
            let rows = match names.is_empty() {
                true => Vec::new(),
                false => cx.documents(&names)?,
            };
            let some = self.pending.iter_mut().skip(self.ready).take(seen);
            let missing = some.filter(|one| one.row.is_none() && is_wanted(one));
            let mut bytes = 0;
            for (candidate, row) in missing.zip(rows) {
                bytes += row.as_ref().map_or(0, |row| row.value.len());
                candidate.row = row;
            }
            if count > 0 {
                self.fetched = (bytes, count);
            }
            bytes_left = bytes_left.saturating_sub(bytes);
            self.ready += seen;
        }
        Ok(())
    }

    fn take_ready(&mut self) -> Option<Candidate> {
        self.ready = self.ready.checked_sub(1)?;
        self.pending.pop_front()
    }

    /// Puts pending documents into a page.
    fn give(
        &mut self,
        ask: &Ask,
        documents_max: usize,
        bytes_left: &mut usize,
        page: &mut Page,
    ) -> Result<(), Error> {
        while page.documents.len() < documents_max
            && *bytes_left > 0
            && !self.is_done()
            && let Some(candidate) = self.take_ready()
        {
            let Some(found) = verified(ask, &candidate)? else {
                continue;
            };
            if self.offset > 0 {
                self.offset -= 1;
                page.skipped += 1;
                continue;
            }
            self.limit = self.limit.map(|limit| limit.saturating_sub(1));
            if let Some(row) = &found.row {
                *bytes_left = bytes_left.saturating_sub(row.value.len());
                let document = read::decode_selected(ask.query.select.as_ref(), found.path, row)?;
                page.documents.push(document);
            }
        }
        Ok(())
    }
}

/// The document of a fetched candidate, if it is in the answer at this place.
fn verified(ask: &Ask, candidate: &Candidate) -> Result<Option<Found>, Error> {
    // Without a row: an index entry of a document that is not there.
    let Some(row) = candidate.row.clone() else {
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
