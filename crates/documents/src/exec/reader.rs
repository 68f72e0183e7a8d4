//! Rows of several key ranges, one after the other, in pages; the reader keeps where it is, and no transaction.

use std::collections::VecDeque;
use std::ops::Bound;

use firekeep_store::limits::PAGE_ROWS_MAX;
use firekeep_store::{Direction, Key, KeyRange, PageLimit, Read, Row, Space};

use crate::Error;
use crate::ranges::{from_place, is_reached};

/// What a stream gives.
#[derive(Debug)]
pub(crate) enum Step<T> {
    /// The next one.
    Item(T),
    /// Nothing is left.
    End,
    /// There may be more, but this call has read what it may.
    Pause,
}

/// Take the item of a step, or give what else it is.
macro_rules! item {
    ($step:expr) => {
        match $step {
            $crate::exec::reader::Step::Item(item) => item,
            $crate::exec::reader::Step::End => return Ok($crate::exec::reader::Step::End),
            $crate::exec::reader::Step::Pause => return Ok($crate::exec::reader::Step::Pause),
        }
    };
}
pub(crate) use item;

/// What is read through, and how much.
pub(crate) struct Cx<'a> {
    pub(crate) tx: &'a dyn Read,
    /// Rows that this call may still read.
    pub(crate) rows_left: usize,
    pub(crate) counts: Counts,
}

/// What was read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Rows of indexes.
    pub(crate) entries: u64,
    /// Rows of documents.
    pub(crate) documents: u64,
}

impl<'a> Cx<'a> {
    pub(crate) fn new(tx: &'a dyn Read, rows: usize, counts: Counts) -> Self {
        Self {
            tx,
            rows_left: rows.max(1),
            counts,
        }
    }

    /// Rows of documents, in the order of their keys.
    pub(crate) fn documents(&mut self, names: &[&[u8]]) -> Result<Vec<Option<Row>>, Error> {
        self.count(Space::Docs, names.len());
        Ok(self.tx.find_rows(Space::Docs, names)?)
    }

    fn count(&mut self, space: Space, rows: usize) {
        self.rows_left = self.rows_left.saturating_sub(rows);
        let counter = match space {
            Space::Idx => &mut self.counts.entries,
            _ => &mut self.counts.documents,
        };
        *counter += u64::try_from(rows).unwrap_or(u64::MAX);
    }
}

/// A reader of ranges.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    space: Space,
    direction: Direction,
    /// In the order in which they are read.
    ranges: Vec<KeyRange>,
    /// How many of the ranges were begun.
    begun: usize,
    /// What is left of the range that was begun last.
    rest: Option<KeyRange>,
    /// Where to go on, at the earliest.
    place: Bound<Key>,
    rows: VecDeque<(Key, Row)>,
    page_rows: usize,
}

impl Reader {
    /// A reader of ranges that ascend and do not overlap. `page_rows` is how many rows its first page has.
    pub(crate) fn new(
        space: Space,
        mut ranges: Vec<KeyRange>,
        direction: Direction,
        page_rows: usize,
    ) -> Self {
        if direction == Direction::Reverse {
            ranges.reverse();
        }
        Self {
            space,
            direction,
            ranges,
            begun: 0,
            rest: None,
            place: Bound::Unbounded,
            rows: VecDeque::new(),
            page_rows: page_rows.clamp(1, PAGE_ROWS_MAX),
        }
    }

    pub(crate) const fn direction(&self) -> Direction {
        self.direction
    }

    /// The next row, which stays.
    pub(crate) fn peek(&mut self, cx: &mut Cx<'_>) -> Result<Step<&(Key, Row)>, Error> {
        while self.rows.is_empty() {
            let Some(range) = self.take_rest() else {
                return Ok(Step::End);
            };
            if cx.rows_left == 0 {
                self.rest = Some(range);
                return Ok(Step::Pause);
            }
            let limit = PageLimit::rows(self.page_rows.min(cx.rows_left));
            let page = (cx.tx).scan_rows(self.space, &range, self.direction, limit)?;
            // Even to find nothing is work.
            cx.count(self.space, page.rows.len().max(1));
            self.rest = page.next.map(|next| range.rest(self.direction, &next));
            self.rows = page.rows.into();
            self.page_rows = (2 * self.page_rows).min(PAGE_ROWS_MAX);
        }
        match self.rows.front() {
            Some(row) => Ok(Step::Item(row)),
            None => Ok(Step::End),
        }
    }

    /// Takes the row that [`peek`](Self::peek) showed.
    pub(crate) fn pop(&mut self) -> Option<(Key, Row)> {
        self.rows.pop_front()
    }

    /// The next row.
    pub(crate) fn next(&mut self, cx: &mut Cx<'_>) -> Result<Step<(Key, Row)>, Error> {
        item!(self.peek(cx)?);
        Ok(self.pop().map_or(Step::End, Step::Item))
    }

    /// Shows keys and values without making pages of them, until that answers false: then it gives an item, and goes on
    /// behind that row. Not to be mixed with [`next`](Self::next).
    pub(crate) fn visit(
        &mut self,
        cx: &mut Cx<'_>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<Step<()>, Error> {
        while let Some(range) = self.take_rest() {
            let most = cx.rows_left;
            if most == 0 {
                self.rest = Some(range);
                return Ok(Step::Pause);
            }
            let (mut rows, mut is_enough) = (0, false);
            let at = cx
                .tx
                .visit(self.space, &range, self.direction, &mut |key, value| {
                    rows += 1;
                    is_enough = !visit(key, value);
                    !is_enough && rows < most
                })?;
            cx.count(self.space, rows.max(1));
            if let Some(at) = at {
                self.rest = Some(range.rest(self.direction, &at));
            }
            if is_enough {
                return Ok(Step::Item(()));
            }
        }
        Ok(Step::End)
    }

    /// Passes over everything before a place: over rows that were read already, or else by a seek, behind which
    /// `page_rows` rows are read.
    pub(crate) fn skip_to(&mut self, place: Bound<Key>, page_rows: usize) {
        let direction = self.direction;
        while (self.rows.front()).is_some_and(|(key, _)| !is_reached(key, direction, &place)) {
            self.rows.pop_front();
        }
        if self.rows.is_empty() {
            self.rest = (self.rest.take()).and_then(|rest| from_place(&rest, direction, &place));
            self.place = place;
            self.page_rows = page_rows.clamp(1, PAGE_ROWS_MAX);
        }
    }

    /// Begins again at a place.
    pub(crate) fn rewind(&mut self, place: Bound<Key>) {
        self.rows.clear();
        self.rest = None;
        self.begun = 0;
        self.place = place;
    }

    fn take_rest(&mut self) -> Option<KeyRange> {
        if self.rest.is_some() {
            return self.rest.take();
        }
        while let Some(range) = self.ranges.get(self.begun) {
            self.begun += 1;
            if let Some(rest) = from_place(range, self.direction, &self.place) {
                return Some(rest);
            }
        }
        None
    }
}
