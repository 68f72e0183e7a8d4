//! Where documents come from, in the order in which they are stored.

use std::ops::Bound;

use firekeep_model::Value;
use firekeep_store::{Key, Row};

use crate::Error;
use crate::exec::ask::Ask;
use crate::exec::entries::Entries;
use crate::exec::reader::{Cx, Step, item};
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
    /// The documents themselves, those that are not in the answer left out.
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
