//! How a query is carried out.
//!
//! A filter in disjunctive normal form is a list of conjunctions. For each, the indexes are tried that have all of its
//! documents (`ways.rs`), one way is chosen (`choose.rs`), and what comes out of all of them is merged in the query's
//! order. Every way gives the same answer; they differ in what is read. Firestore specification, section 13; storage
//! design, section 5.

mod available;
mod bounds;
mod branch;
mod choose;
mod cut;
mod names;
mod path;
mod required;
mod tails;
mod ways;

pub use required::{RequiredIndex, missing_index, required_index};

use firekeep_model::{FieldPath, FieldRef};
use firekeep_store::{Direction as Scan, Space};

use crate::Error;
use crate::dnf::Dnf;
use crate::exec::entries::{Entries, Fit};
use crate::exec::reader::{Cx, Reader};
use crate::exec::stream::Trust;
use crate::exec::zigzag::{self, Zigzag};
use crate::exec::{Ask, Sorted, Source, Stream, Tally, Walk};
use crate::filter::Term;
use crate::index::catalog::Catalog;
use crate::index::definition::{IndexOrder, QueryScope, properties};
use crate::limits::{PLAN_ROWS_MAX, SCAN_ROWS};
use crate::plan::available::Indexes;
use crate::plan::branch::Branch;
use crate::plan::choose::{Choice, choose};
use crate::plan::path::Path;
use crate::plan::ways::Way;
use crate::query::{Direction, Query};

/// Rows that the first page of a scan has beside those that the answer needs.
const SLACK_ROWS: usize = 1;

/// How a query is carried out.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// The streams that together have the documents of the answer.
    pub(crate) streams: Vec<Stream>,
    /// The indexes that they use, and how explanations call them.
    pub(crate) used: Vec<(QueryScope, String)>,
    /// What is to be counted instead of the streams, if that is all.
    pub(crate) tally: Option<Tally>,
}

/// Plans a query. Reads a page of some indexes where that is needed to choose one.
pub(crate) fn plan(ask: &Ask, catalog: &Catalog, cx: &mut Cx<'_>) -> Result<Plan, Error> {
    let mut rows = PLAN_ROWS_MAX;
    plan_by(ask, catalog, &mut |choice| choose(choice, &mut rows, cx))
}

/// Chooses one of the ways of a conjunction, or none.
type Chooser<'c> = &'c mut dyn FnMut(&Choice<'_>) -> Result<Option<usize>, Error>;

fn plan_by(ask: &Ask, catalog: &Catalog, choose: Chooser<'_>) -> Result<Plan, Error> {
    let dnf = match &ask.query.filter {
        Some(filter) => Dnf::new(filter)?,
        None => Dnf::default(),
    };
    let indexes = Indexes::of(&ask.query, catalog)?;
    let mut branches: Vec<_> = dnf
        .iter()
        .filter_map(|terms| Branch::new(ask, terms))
        .collect();
    // Of several, those that lead to the same document must meet there.
    let is_any = !ask.is_ordered && branches.len() == 1;
    for branch in &mut branches {
        branch.is_any = is_any;
    }
    let only = match branches.as_slice() {
        [only] => Some(only.terms),
        _ => None,
    };
    let name_order = names::order(&ask.orders, only);
    let mut walked = Vec::new();
    // Single names are looked up, and nothing else is looked at for their sake.
    let mut is_wide = false;
    let mut found = Vec::new();
    for (at, branch) in branches.iter().enumerate() {
        let mut ways = indexes
            .as_ref()
            .map_or_else(Vec::new, |indexes| ways::all(branch, indexes));
        if ways.iter().any(Way::is_empty) {
            continue;
        }
        let choice = Choice {
            branch,
            ways: &ways,
            is_walk_ordered: name_order.is_some(),
            branches_left: branches.len() - at,
        };
        match choose(&choice)?.filter(|at| *at < ways.len()) {
            Some(at) => found.push(ways.swap_remove(at)),
            None => {
                is_wide |= !branch.names.iter().all(choose::is_point);
                walked.push(branch.terms);
            }
        }
    }
    if is_wide && name_order.is_none() {
        // Whoever looks at all documents needs no index beside.
        walked = branches.iter().map(|branch| branch.terms).collect();
        found.clear();
    }
    let mut plan = Plan::default();
    if !walked.is_empty() {
        plan.walk(ask, &walked, name_order)?;
    }
    plan.follow(ask, found, is_any);
    Ok(plan)
}

impl Plan {
    /// Adds the stream of all documents, by their names: the one that needs no index of a field.
    fn walk(
        &mut self,
        ask: &Ask,
        branches: &[&[Term<'_>]],
        order: Option<Direction>,
    ) -> Result<(), Error> {
        let ranges = names::ranges(ask, branches);
        let (direction, name) = match order {
            Some(Direction::Descending) => (Scan::Reverse, IndexOrder::Descending),
            Some(Direction::Ascending) | None => (Scan::Forward, IndexOrder::Ascending),
        };
        self.used.push((
            match ask.query.from.all_descendants {
                true => QueryScope::CollectionGroup,
                false => QueryScope::Collection,
            },
            properties([(FieldRef::DocumentName, name)]),
        ));
        if ranges.is_empty() {
            return Ok(());
        }
        let rows = first_rows(&ask.query);
        if ask.is_tally && ask.is_all() {
            let walk = Walk::of_names(&ask.query, &ranges, direction, rows)?;
            self.tally = Some(Tally::Walk(walk));
            return Ok(());
        }
        let source = Source::Walk {
            walk: Walk::new(&ask.query, &ranges, direction, rows)?,
            is_ordered: order.is_some(),
        };
        let is_direct = order.is_some() && source.has_sort_keys(ask);
        self.streams.push(match is_direct {
            true => Stream::Direct(Box::new(source)),
            false => sorted(ask, source, 1),
        });
        Ok(())
    }

    /// Adds the streams of indexes.
    fn follow(&mut self, ask: &Ask, ways: Vec<Way>, is_any: bool) {
        let rows = first_rows(&ask.query);
        let is_unordered = |way: &Way| !way.is_whole() && way.matched == 0 && !is_any;
        // Those without order are one stream together.
        let is_sorted = |way: &&Way| !way.is_whole() && !is_unordered(way);
        let share =
            ways.iter().filter(is_sorted).count() + usize::from(ways.iter().any(is_unordered));
        let mut unordered = Vec::new();
        for way in ways {
            for path in &way.paths {
                let used = (path.layout.scope.query_scope(), path.name.clone());
                if !self.used.contains(&used) {
                    self.used.push(used);
                }
            }
            let is_unordered = is_unordered(&way);
            let numbers = numbers(ask, &way);
            let is_tally =
                ask.is_tally && is_any && way.is_exact && numbers.is_some() && way.has_no_others();
            let source = source(way, rows, is_any, numbers.unwrap_or_default());
            match source {
                Source::Entries(entries) if is_tally => self.tally = Some(Tally::Entries(entries)),
                source if is_unordered => unordered.push(source),
                source => self.streams.push(sorted(ask, source, share)),
            }
        }
        let all = match unordered.len() {
            0 => return,
            1 => unordered.pop(),
            _ => Some(Source::Chain {
                sources: unordered,
                over: 0,
            }),
        };
        self.streams
            .extend(all.map(|source| sorted(ask, source, share)));
    }
}

fn sorted(ask: &Ask, source: Source, share: usize) -> Stream {
    let sorted = Sorted::new(
        source,
        ask,
        wanted(&ask.query),
        share,
        first_rows(&ask.query),
    );
    Stream::Sorted(Box::new(sorted))
}

/// Where in the entries of a way the numbers are that are wanted.
fn numbers(ask: &Ask, way: &Way) -> Option<Vec<usize>> {
    let position = |path: &Path, field: &FieldPath| {
        let at = path.fields.iter().position(|own| own == field)?;
        at.checked_sub(path.layout.fixed.0)
    };
    match way.paths.as_slice() {
        _ if ask.averages.is_empty() => Some(Vec::new()),
        [path] => ask
            .averages
            .iter()
            .map(|field| position(path, field))
            .collect(),
        _ => None,
    }
}

fn source(way: Way, rows: usize, is_any: bool, numbers: Vec<usize>) -> Source {
    let trust = match way.is_exact {
        true => Trust::Exact,
        false => Trust::None,
    };
    let reader = |ranges, direction| Reader::new(Space::Idx, ranges, direction, rows);
    let mut paths = way.paths;
    match (paths.len(), paths.pop()) {
        (1, Some(path)) => {
            let fit = match (is_any, path.parts, path.matched) {
                (true, _, _) => Fit::Any,
                (false, Some(parts), _) => Fit::Whole(parts),
                (false, None, _) => Fit::Partly(path.matched_components),
            };
            let reader = reader(path.ranges, path.direction);
            Source::Entries(Entries::new(path.layout, fit, trust, numbers, reader))
        }
        (_, last) => {
            paths.extend(last);
            let scans = paths.into_iter().map(|path| zigzag::Scan {
                reader: reader(path.ranges, path.direction),
                front: path.front,
                layout: path.layout,
            });
            Source::Zigzag(Zigzag::new(scans.collect(), way.parts, trust))
        }
    }
}

/// How many documents a query can use at most.
fn wanted(query: &Query) -> Option<usize> {
    let limit = query.limit?.saturating_add(query.offset);
    usize::try_from(limit).ok()
}

/// How many rows the first page of a scan should have.
fn first_rows(query: &Query) -> usize {
    wanted(query).map_or(SCAN_ROWS, |wanted| wanted.saturating_add(SLACK_ROWS))
}

/// A plan that takes whatever way `choose` names.
#[cfg(test)]
pub(crate) fn plan_any(
    ask: &Ask,
    catalog: &Catalog,
    mut choose: impl FnMut(usize) -> usize,
) -> Result<Plan, Error> {
    plan_by(ask, catalog, &mut |choice| {
        Ok(Some(choose(choice.ways.len())))
    })
}

#[cfg(test)]
mod tests;
