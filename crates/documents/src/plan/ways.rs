//! All ways to the documents of a conjunction.

use firekeep_model::FieldRef;

use crate::exec::entries::{OwnScope, Part};
use crate::plan::available::{Available, Indexes};
use crate::plan::branch::Branch;
use crate::plan::path::Path;

/// Scans that are followed together, at most.
const SCANS_MAX: usize = 6;

/// A way to the documents of a conjunction, by indexes.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    /// One, or several that are scanned for what they have in common.
    pub(crate) paths: Vec<Path>,
    /// The sort key, if the documents come in the query's order.
    pub(crate) parts: Option<Vec<Part>>,
    /// How many of the query's orders the documents come in.
    pub(crate) matched: usize,
    /// If nothing has to be looked up in the documents.
    pub(crate) is_exact: bool,
    /// How many of the terms the scans fulfil.
    pub(crate) covered: usize,
}

impl Way {
    /// If the documents come in the query's order.
    pub(crate) const fn is_whole(&self) -> bool {
        self.parts.is_some()
    }

    /// If it leads to some of the documents only.
    pub(crate) fn is_narrow(&self) -> bool {
        self.covered > 0
    }

    /// If the scans have no documents but those below the query's parent.
    pub(crate) fn has_no_others(&self) -> bool {
        let has_none = |path: &Path| match path.layout.scope {
            OwnScope::Collection(_) => true,
            OwnScope::Group(_) => path.layout.above.is_empty(),
        };
        self.paths.iter().all(has_none)
    }

    /// If there is nothing at its end.
    pub(crate) fn is_empty(&self) -> bool {
        self.paths.iter().any(|path| path.ranges.is_empty())
    }
}

/// All ways, the most promising ones first.
pub(crate) fn all(branch: &Branch<'_>, indexes: &Indexes<'_>) -> Vec<Way> {
    let mut ways: Vec<_> = indexes
        .composites()
        .filter_map(|index| by(branch, indexes, &index))
        .collect();
    ways.extend(common(branch, indexes));
    let fields = branch.terms.iter().map(|term| term.field);
    let fields = fields.chain(branch.open.iter().map(|order| &order.field));
    let fields = fields.filter_map(|field| match field {
        FieldRef::Field(field) => Some(field),
        FieldRef::DocumentName => None,
    });
    let wanted = branch.ask.fields.iter().filter(|_| branch.is_any);
    let mut seen = Vec::new();
    for field in fields.chain(wanted) {
        if !seen.contains(&field) && !branch.fixed.contains_key(field) {
            seen.push(field);
            let index = indexes.values(field);
            ways.extend(index.and_then(|index| by(branch, indexes, &index)));
        }
    }
    // Stable: a composite index before others that do the same.
    ways.sort_by_key(|way| {
        let unsorted = branch.open.len() - way.matched.min(branch.open.len());
        (
            !way.is_exact,
            !way.is_whole(),
            std::cmp::Reverse(way.covered),
            unsorted,
        )
    });
    ways
}

fn by(branch: &Branch<'_>, indexes: &Indexes<'_>, index: &Available) -> Option<Way> {
    let path = Path::new(branch, index, &indexes.above)?;
    Some(Way {
        is_exact: (path.parts.is_some() || branch.is_any)
            && path.is_exact
            && is_all(branch, &path.covered, &[&path]),
        parts: path.parts.clone(),
        matched: path.matched,
        covered: path.covered.iter().filter(|covered| **covered).count(),
        paths: vec![path],
    })
}

/// What the indexes of all fixed values and elements have in common. With one of them, that index.
fn common(branch: &Branch<'_>, indexes: &Indexes<'_>) -> Option<Way> {
    let values = branch
        .fixed
        .keys()
        .filter_map(|field| indexes.values(field));
    let mut elements: Vec<_> = branch.elements().map(|(field, _)| field).collect();
    elements.dedup();
    let elements = elements
        .into_iter()
        .filter_map(|field| indexes.elements(field));
    let found = values.chain(elements).take(SCANS_MAX);
    let paths: Vec<_> = found
        .filter_map(|index| Path::new(branch, &index, &indexes.above))
        .collect();
    let first = paths.first()?;
    let mut covered = vec![false; branch.terms.len()];
    for path in &paths {
        for (all, own) in covered.iter_mut().zip(&path.covered) {
            *all |= own;
        }
    }
    // All of them have the names in order, or none has.
    let parts = first.parts.clone();
    let is_exact = paths.iter().all(|path| path.is_exact);
    Some(Way {
        is_exact: parts.is_some()
            && is_exact
            && is_all(branch, &covered, &paths.iter().collect::<Vec<_>>()),
        parts,
        matched: first.matched,
        covered: covered.iter().filter(|covered| **covered).count(),
        paths,
    })
}

/// If all terms are fulfilled, and every field that must be there is.
fn is_all(branch: &Branch<'_>, covered: &[bool], paths: &[&Path]) -> bool {
    let is_there = |field: &firekeep_model::FieldPath| {
        let is_filtered = branch
            .terms
            .iter()
            .any(|term| matches!(term.field, FieldRef::Field(own) if own == field));
        is_filtered || paths.iter().any(|path| path.fields.contains(field))
    };
    let is_ordered = branch.ask.orders.iter().all(|order| match &order.field {
        FieldRef::Field(field) => is_there(field),
        FieldRef::DocumentName => true,
    });
    covered.iter().all(|covered| *covered) && is_ordered && branch.ask.fields.iter().all(is_there)
}
