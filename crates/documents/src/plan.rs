//! How a query is carried out.
//!
//! A filter in disjunctive normal form is a list of conjunctions. Firestore specification, section 13; storage design,
//! section 5.

mod names;

use firekeep_store::Direction as Scan;

use crate::Error;
use crate::dnf::Dnf;
use crate::exec::{Ask, Sorted, Source, Stream, Walk};
use crate::filter::Term;
use crate::query::{Direction, Query};

/// Rows that the first page of a scan has beside those that the answer needs.
const SLACK_ROWS: usize = 1;

/// The streams that together have the documents of the answer.
pub(crate) fn streams(ask: &Ask) -> Result<Vec<Stream>, Error> {
    let dnf = match &ask.query.filter {
        Some(filter) => Dnf::new(filter)?,
        None => Dnf::default(),
    };
    let branches: Vec<_> = dnf.iter().collect();
    Ok(Vec::from_iter(walk(ask, &branches)?))
}

/// The plan that needs no index: the documents themselves. `None` where there can be none.
fn walk(ask: &Ask, branches: &[&[Term<'_>]]) -> Result<Option<Stream>, Error> {
    let ranges = names::ranges(ask, branches);
    if ranges.is_empty() {
        return Ok(None);
    }
    let order = names::order(&ask.orders, branches);
    let direction = match order {
        Some(Direction::Descending) => Scan::Reverse,
        Some(Direction::Ascending) | None => Scan::Forward,
    };
    let rows = first_rows(&ask.query).unwrap_or(crate::limits::SCAN_ROWS);
    let walk = Walk::new(&ask.query, &ranges, direction, rows)?;
    let source = Source::Walk {
        walk,
        is_ordered: order.is_some(),
    };
    Ok(Some(match order {
        Some(_) => Stream::Direct(source),
        None => {
            let sorted = Sorted::new(source, wanted(&ask.query), 1, rows);
            Stream::Sorted(Box::new(sorted))
        }
    }))
}

/// How many documents a query can use at most.
fn wanted(query: &Query) -> Option<usize> {
    let limit = query.limit?.saturating_add(query.offset);
    usize::try_from(limit).ok()
}

/// How many rows the first page of a scan should have.
fn first_rows(query: &Query) -> Option<usize> {
    Some(wanted(query)?.saturating_add(SLACK_ROWS))
}
