//! Which way is taken to the documents of a conjunction.
//!
//! A way that is exact and in order is taken at once. Otherwise a page of every way that leads to some documents only is
//! read, as far as the plan has rows left for that: one that ends within the page is short, whatever is left to filter and
//! to sort. Where all are long, order is worth more than a filter if there is a limit, and less if there is none.

use std::ops::Bound;

use firekeep_store::limits::PAGE_ROWS_MAX;
use firekeep_store::{Direction, KeyRange, Space};

use crate::Error;
use crate::exec::reader::{Cx, Reader, Step};
use crate::limits::SHORT_ROWS;
use crate::plan::branch::Branch;
use crate::plan::ways::Way;

/// The ways of a conjunction, and what else the choice of one goes by.
pub(crate) struct Choice<'c> {
    pub(crate) branch: &'c Branch<'c>,
    pub(crate) ways: &'c [Way],
    /// If without any of them the documents come in order.
    pub(crate) is_walk_ordered: bool,
    /// Of how many conjunctions the ways are still to be chosen, this one among them.
    pub(crate) branches_left: usize,
}

/// Chooses one of the ways, or none of them: then all documents of the collection are looked at. Takes from `rows` those
/// that it read.
pub(crate) fn choose(
    choice: &Choice<'_>,
    rows: &mut usize,
    cx: &mut Cx<'_>,
) -> Result<Option<usize>, Error> {
    let Choice {
        branch,
        ways,
        is_walk_ordered,
        branches_left,
    } = *choice;
    if branch.names.iter().all(is_point) {
        return Ok(None);
    }
    if let Some(exact) = ways.iter().position(|way| way.is_exact) {
        return Ok(Some(exact));
    }
    let is_any_narrow = ways.iter().any(Way::is_narrow);
    if is_walk_ordered && !is_any_narrow {
        return Ok(None);
    }
    if ways.len() == 1 && !is_walk_ordered {
        return Ok(Some(0));
    }
    // Each conjunction may read as much as those behind it.
    let share = *rows / branches_left.max(1);
    let mut left = share;
    let short = shortest(ways, &mut left, cx)?;
    *rows -= share - left;
    match short {
        Some(short) => Ok(Some(short)),
        None => Ok(among_long(branch, ways, is_walk_ordered)),
    }
}

/// A range of one name.
pub(super) fn is_point(range: &KeyRange) -> bool {
    match (&range.start, &range.end) {
        (Bound::Included(start), Bound::Included(end)) => start == end,
        _ => false,
    }
}

/// The shortest way that is shorter than a page, as far as the rows that are left show it. One that is short enough ends
/// the search.
fn shortest(ways: &[Way], left: &mut usize, cx: &mut Cx<'_>) -> Result<Option<usize>, Error> {
    let mut best = None;
    let mut length = PAGE_ROWS_MAX;
    for (at, way) in ways.iter().enumerate().filter(|(_, way)| way.is_narrow()) {
        for path in &way.paths {
            if length <= SHORT_ROWS || *left == 0 {
                return Ok(best);
            }
            if let Some(rows) = rows(&path.ranges, length, left, cx)? {
                length = rows;
                best = Some(at);
            }
        }
    }
    Ok(best)
}

/// How many rows ranges have, if that is less than `most`, and the rows that are left show it.
fn rows(
    ranges: &[KeyRange],
    most: usize,
    left: &mut usize,
    cx: &mut Cx<'_>,
) -> Result<Option<usize>, Error> {
    let may_read = most.min(*left);
    let ranges = ranges.to_vec();
    let mut reader = Reader::new(Space::Idx, ranges, Direction::Forward, may_read);
    let rows_left = std::mem::replace(&mut cx.rows_left, may_read);
    let mut count = 0;
    let end = loop {
        match reader.next(cx)? {
            Step::Item(_) => count += 1,
            Step::End => break Some(count),
            Step::Pause => break None,
        }
    };
    let read = may_read - cx.rows_left;
    *left -= read;
    cx.rows_left = rows_left.saturating_sub(read);
    Ok(end.filter(|count| *count < most))
}

fn among_long(branch: &Branch<'_>, ways: &[Way], is_walk_ordered: bool) -> Option<usize> {
    // Of equal ones, the first.
    let best = |fits: &dyn Fn(&Way) -> bool, worth: &dyn Fn(&Way) -> (usize, usize)| {
        let fitting = ways.iter().enumerate().filter(|(_, way)| fits(way));
        let best = fitting.rev().max_by_key(|(_, way)| worth(way));
        best.map(|(at, _)| at)
    };
    let by_filter = || best(&Way::is_narrow, &|way| (way.covered, way.matched));
    // Without an order there is nothing to be gained by one.
    if branch.ask.query.find_nearest.is_some() {
        return by_filter();
    }
    let has_limit = branch.ask.query.limit.is_some();
    let whole = best(&Way::is_whole, &|way| (way.covered, way.matched));
    let is_whole_narrow = (whole.and_then(|at| ways.get(at))).is_some_and(Way::is_narrow);
    if is_whole_narrow || (whole.is_some() && !is_walk_ordered) {
        return whole;
    }
    match (is_walk_ordered, has_limit) {
        (true, true) => None,
        (false, true) => best(&|_| true, &|way| (way.matched, way.covered)),
        (_, false) => by_filter(),
    }
}
