//! Documents as they are stored: by name, without those that a query does not read.
//!
//! A collection's documents are followed by what is below them, which may be millions of rows: those are passed over by
//! a seek where a page does not show their end. A collection group has its documents among all others below the parent;
//! they are all looked at.

use std::ops::Bound;

use firekeep_model::CollectionId;
use firekeep_store::{Direction, Key, KeyRange, Row, Space};

use crate::exec::reader::{Cx, Reader, Step, item};
use crate::query::{InvalidQuery, Query};
use crate::ranges::intersect_all;
use crate::{Error, keys};

/// Rows that are read together behind a seek: a document and, if there is one, the first below it.
const ROWS_BEHIND_SEEK: usize = 2;

/// Rows below a document after which a count seeks.
const ROWS_BELOW: usize = 16;

/// Which documents below a key are read.
#[derive(Clone, Debug)]
enum Which {
    /// Those so many ids below it: 1 for a collection, 2 for all collections of a document.
    Depth(usize),
    /// Those of a collection group, at any depth: the id as keys hold it.
    Group(Key),
    /// All.
    All,
}

/// A scan of `docs`.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    /// What every key begins with; no document of the query has just this key.
    prefix: Key,
    which: Which,
    reader: Reader,
}

/// What a row of `docs` is to a scan.
enum Met {
    Wanted,
    Other,
    /// Below the document with this key, or below what would be one.
    Below(Key),
}

/// The keys of the documents that a query may read.
pub(crate) fn range_of(query: &Query) -> Result<KeyRange, InvalidQuery> {
    Ok(match query.collection_path()? {
        Some(collection) => KeyRange::prefix(&keys::collection(&collection)),
        None => {
            let parent = keys::parent(query.parent.as_ref());
            // The parent itself is not below itself.
            KeyRange::prefix(&parent).after(&parent)
        }
    })
}

impl Walk {
    /// A scan of the documents whose keys are in `ranges`.
    pub(crate) fn new(
        query: &Query,
        ranges: &[KeyRange],
        direction: Direction,
        page_rows: usize,
    ) -> Result<Self, InvalidQuery> {
        let ranges = intersect_all(&[range_of(query)?], ranges);
        let (prefix, which) = match (query.collection_path()?, &query.from.collection) {
            (Some(collection), _) => (keys::collection(&collection), Which::Depth(1)),
            (None, collection) => {
                let which = match (query.from.all_descendants, collection) {
                    (true, Some(id)) => Which::Group(group_key(id)),
                    (true, None) => Which::All,
                    (false, _) => Which::Depth(2),
                };
                (keys::parent(query.parent.as_ref()), which)
            }
        };
        Ok(Self {
            prefix,
            which,
            reader: Reader::new(Space::Docs, ranges, direction, page_rows),
        })
    }

    /// The next document: its key and its row.
    pub(crate) fn next(&mut self, cx: &mut Cx<'_>) -> Result<Step<(Key, Row)>, Error> {
        loop {
            let (key, _) = item!(self.reader.peek(cx)?);
            match self.which.meet(&self.prefix, key)? {
                Met::Wanted => return Ok(self.reader.pop().map_or(Step::End, Step::Item)),
                Met::Other => {
                    self.reader.pop();
                }
                Met::Below(document) => {
                    let place = match self.reader.direction() {
                        Direction::Forward => keys::behind(&document),
                        Direction::Reverse => Bound::Included(document),
                    };
                    self.reader.skip_to(place, ROWS_BEHIND_SEEK);
                }
            }
        }
    }

    /// Shows that there is a further document, until that answers false.
    pub(crate) fn tally(
        &mut self,
        cx: &mut Cx<'_>,
        see: &mut dyn FnMut() -> bool,
    ) -> Result<Step<()>, Error> {
        loop {
            let mut below: Option<(Key, usize)> = None;
            let mut failure = None;
            let (which, prefix) = (&self.which, &self.prefix);
            let step = self.reader.visit(cx, &mut |key, _| {
                if let Some((document, rows)) = &mut below
                    && key.starts_with(document)
                {
                    *rows += 1;
                    return *rows < ROWS_BELOW;
                }
                below = None;
                match which.meet(prefix, key) {
                    Ok(Met::Wanted) => see(),
                    Ok(Met::Other) => true,
                    Ok(Met::Below(document)) => {
                        below = Some((document, 1));
                        true
                    }
                    Err(error) => {
                        failure = Some(error);
                        false
                    }
                }
            })?;
            if let Some(error) = failure {
                return Err(error);
            }
            match (step, below) {
                (Step::Item(()), Some((document, _))) => {
                    self.reader
                        .skip_to(keys::behind(&document), ROWS_BEHIND_SEEK);
                }
                (step, _) => return Ok(step),
            }
        }
    }

    /// If the document of a key is one of the scan.
    pub(crate) fn wants(&self, key: &[u8]) -> Result<bool, Error> {
        Ok(matches!(self.which.meet(&self.prefix, key)?, Met::Wanted))
    }

    /// Begins again at a document that it gave, or where it began.
    pub(crate) fn rewind(&mut self, place: Bound<Key>) {
        self.reader.rewind(place);
    }
}

fn group_key(id: &CollectionId) -> Key {
    keys::child(Key::new(), id.as_str())
}

impl Which {
    fn meet(&self, prefix: &[u8], key: &[u8]) -> Result<Met, Error> {
        let below = key.get(prefix.len()..).unwrap_or_default();
        match self {
            Self::All => Ok(Met::Wanted),
            Self::Group(id) => Ok(if is_in_group(below, id)? {
                Met::Wanted
            } else {
                Met::Other
            }),
            Self::Depth(depth) => {
                let mut rest = below;
                for _ in 0..*depth {
                    rest = split(rest)?.1;
                }
                if rest.is_empty() {
                    return Ok(Met::Wanted);
                }
                let document = key.get(..key.len() - rest.len()).unwrap_or_default();
                Ok(Met::Below(document.to_vec()))
            }
        }
    }
}

/// If the last collection of a path is the group's; `below` begins with a collection.
fn is_in_group(below: &[u8], id: &[u8]) -> Result<bool, Error> {
    let mut rest = below;
    loop {
        let (collection, behind) = split(rest)?;
        (_, rest) = split(behind)?;
        if rest.is_empty() {
            return Ok(collection == id);
        }
    }
}

fn split(key: &[u8]) -> Result<(&[u8], &[u8]), Error> {
    keys::split_first(key).ok_or(Error::Corrupt("its key"))
}
