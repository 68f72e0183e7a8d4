//! Which way is taken to the documents of a conjunction.
//!
//! A way that is exact and in order is taken at once. Otherwise a page of every way that leads to some documents only is
//! read: one that ends within the page is short, whatever is left to filter and to sort. Where all are long, order is
//! worth more than a filter if there is a limit, and less if there is none.

use std::ops::Bound;

use firekeep_store::limits::PAGE_ROWS_MAX;
use firekeep_store::{KeyRange, Space};

use crate::Error;
use crate::exec::reader::{Cx, Reader, Step};
use crate::plan::branch::Branch;
use crate::plan::ways::Way;

/// Chooses one of the ways, or none of them: then all documents of the collection are looked at.
pub(crate) fn choose(
    branch: &Branch<'_>,
    ways: &[Way],
    is_walk_ordered: bool,
    cx: &mut Cx<'_>,
) -> Result<Option<usize>, Error> {
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
    match shortest(ways, cx)? {
        Some(short) => Ok(Some(short)),
        None => Ok(among_long(branch, ways, is_walk_ordered)),
    }
}

/// A range of one name.
fn is_point(range: &KeyRange) -> bool {
    match (&range.start, &range.end) {
        (Bound::Included(start), Bound::Included(end)) => start == end,
        _ => false,
    }
}

/// The shortest way that is shorter than a page.
fn shortest(ways: &[Way], cx: &mut Cx<'_>) -> Result<Option<usize>, Error> {
    let mut best: Option<(usize, usize)> = None;
    for (at, way) in ways.iter().enumerate().filter(|(_, way)| way.is_narrow()) {
        let mut length = PAGE_ROWS_MAX;
        for path in &way.paths {
            length = length.min(rows(&path.ranges, cx)?);
        }
        if length < best.map_or(PAGE_ROWS_MAX, |(length, _)| length) {
            best = Some((length, at));
        }
    }
    Ok(best.map(|(_, at)| at))
}

/// How many rows ranges have, up to a page of them.
fn rows(ranges: &[KeyRange], cx: &mut Cx<'_>) -> Result<usize, Error> {
    let mut reader = Reader::new(
        Space::Idx,
        ranges.to_vec(),
        firekeep_store::Direction::Forward,
        PAGE_ROWS_MAX,
    );
    let mut count = 0;
    // A page that is cut short would make the way look short.
    let rows_left = std::mem::replace(&mut cx.rows_left, usize::MAX);
    while count < PAGE_ROWS_MAX
        && let Step::Item(_) = reader.next(cx)?
    {
        count += 1;
    }
    cx.rows_left = rows_left.saturating_sub(count);
    Ok(count)
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
