//! Where documents come from, in the order in which they are stored.

use firekeep_store::{Key, Row};

use crate::Error;
use crate::exec::ask::Ask;
use crate::exec::reader::{Cx, Step, item};
use crate::exec::stream::Trust;
use crate::exec::walk::Walk;

/// A document that a source came to.
#[derive(Debug)]
pub(crate) struct Hit {
    /// Where [`Source::rewind`] goes back to.
    pub(crate) place: Key,
    /// The document's key in `docs`.
    pub(crate) name: Key,
    /// Its row, if the source reads documents.
    pub(crate) row: Option<Row>,
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
                        sort: Some(sort),
                        label: (!*is_ordered).then(Key::new),
                        trust: Trust::Judged,
                    }));
                }
            },
        }
    }

    /// Goes back: the hit of this place is the next one again.
    pub(crate) fn rewind(&mut self, place: &[u8]) {
        match self {
            Self::Walk { walk, .. } => walk.rewind(place),
        }
    }

    /// If no hit ever has a label.
    pub(crate) const fn is_ordered(&self) -> bool {
        match self {
            Self::Walk { is_ordered, .. } => *is_ordered,
        }
    }
}
