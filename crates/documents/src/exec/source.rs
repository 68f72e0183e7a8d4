//! Where documents come from, in the order in which they are stored.

use std::ops::Bound;

use firekeep_model::{FieldRef, Value};
use firekeep_store::tuple::Encoder;
use firekeep_store::{Key, Row};

use crate::Error;
use crate::exec::ask::Ask;
use crate::exec::entries::Entries;
use crate::exec::reader::{Cx, Step, item};
use crate::exec::sort_key::put_key;
use crate::exec::stream::Trust;
use crate::exec::walk::Walk;
use crate::exec::zigzag::Zigzag;

/// A document that a source came to.
#[derive(Debug)]
pub(crate) struct Hit {
    /// Where [`Source::rewind`] goes back to.
    pub(crate) place: Key,
    /// The document's key in `docs`.
    pub(crate) name: Key,
    /// Its row, if the source reads documents.
    pub(crate) row: Option<Row>,
    /// The values of [`Ask::averages`], where the source has them. Whatever is no number is null.
    pub(crate) numbers: Vec<Value>,
    /// Its sort key; `None` if only the document shows it.
    pub(crate) sort: Option<Key>,
    /// Hits of one label stand together, and are not in the query's order; `None` for one that is where it belongs.
    pub(crate) label: Option<Key>,
    /// What is known of it.
    pub(crate) trust: Trust,
}

/// A source of documents.
#[derive(Debug)]
pub(crate) enum Source {
    /// All documents. Where they are read, those that are not in the answer are left out.
    Walk {
        walk: Walk,
        /// If the query's order is that of the names, this way round.
        is_ordered: bool,
    },
    /// The entries of an index.
    Entries(Entries),
    /// What several scans of indexes have in common.
    Zigzag(Zigzag),
    /// One source behind the other, in no order.
    Chain {
        sources: Vec<Source>,
        /// How many of them are over.
        over: usize,
    },
}

impl Source {
    /// The next document.
    pub(crate) fn next(&mut self, cx: &mut Cx<'_>, ask: &Ask) -> Result<Step<Hit>, Error> {
        match self {
            Self::Walk { walk, is_ordered } => loop {
                let (name, row) = item!(walk.next(cx)?);
                let Some(row) = row else {
                    return Ok(Step::Item(named(name, ask, *is_ordered)));
                };
                if let Some((sort, found)) = ask.judge_row(&name, row)? {
                    return Ok(Step::Item(Hit {
                        place: name.clone(),
                        name,
                        row: found.row,
                        numbers: Vec::new(),
                        sort: Some(sort),
                        label: (!*is_ordered).then(Key::new),
                        trust: Trust::Judged,
                    }));
                }
            },
            Self::Entries(entries) => entries.next(cx),
            Self::Zigzag(zigzag) => zigzag.next(cx),
            Self::Chain { sources, over } => {
                while let Some(source) = sources.get_mut(*over) {
                    match source.next(cx, ask)? {
                        Step::End => *over += 1,
                        other => return Ok(other),
                    }
                }
                Ok(Step::End)
            }
        }
    }

    /// If all that it gives has a sort key.
    pub(crate) fn has_sort_keys(&self, ask: &Ask) -> bool {
        match self {
            Self::Walk { walk, is_ordered } => {
                walk.has_rows() || sort_of_name(&[], ask, *is_ordered).is_some()
            }
            _ => false,
        }
    }

    /// Goes back: the hit of this place is the next one again, or the first one if no place is given. A chain always goes
    /// back to its begin.
    pub(crate) fn rewind(&mut self, place: Bound<Key>) {
        match self {
            Self::Walk { walk, .. } => walk.rewind(place),
            Self::Entries(entries) => entries.rewind(place),
            Self::Zigzag(zigzag) => zigzag.rewind(place),
            Self::Chain { sources, over } => {
                *over = 0;
                for source in sources {
                    source.rewind(Bound::Unbounded);
                }
            }
        }
    }

    /// What it is, for counting.
    #[cfg(test)]
    pub(crate) fn kind(&self) -> String {
        match self {
            Self::Walk { .. } => "walk".to_owned(),
            Self::Entries(entries) => entries.kind(),
            Self::Zigzag(zigzag) => zigzag.kind(),
            Self::Chain { sources, .. } => {
                let kinds: std::collections::BTreeSet<_> = sources.iter().map(Self::kind).collect();
                format!("chain of {kinds:?}")
            }
        }
    }
}

/// A document of which there is nothing but its name.
fn named(name: Key, ask: &Ask, is_ordered: bool) -> Hit {
    let sort = sort_of_name(&name, ask, is_ordered);
    Hit {
        place: name.clone(),
        label: match (&sort, is_ordered) {
            (Some(_), _) => None,
            // It is where it belongs, but what its sort key is, only the document shows.
            (None, true) => Some(name.clone()),
            (None, false) => Some(Key::new()),
        },
        name,
        row: None,
        numbers: Vec::new(),
        trust: match ask.is_all() && sort.is_some() {
            true => Trust::Exact,
            false => Trust::None,
        },
        sort,
    }
}

/// The sort key of a document, where that is its name alone.
fn sort_of_name(name: &[u8], ask: &Ask, is_ordered: bool) -> Option<Key> {
    match ask.orders.as_slice() {
        [only] if is_ordered && only.field == FieldRef::DocumentName => {
            let mut encoder = Encoder::new();
            put_key(&mut encoder, name, only.direction);
            Some(encoder.finish())
        }
        _ => None,
    }
}
