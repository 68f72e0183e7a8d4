//! All documents of a query, by name.
//!
//! A collection's documents are read as they are stored. They are followed by what is below them, which may be millions
//! of rows: those are passed over by a seek where a page does not show their end. The documents of a collection group
//! are among all others there; they are found by the entries of their names, which have no rows of documents. Whoever
//! only counts a collection's documents is better off with those entries, too: they are short.

use std::ops::Bound;

use firekeep_store::{Direction, Key, KeyRange, Page, PageLimit, Read, Row, Space};

use crate::exec::reader::{Cx, Reader, Step, item};
use crate::index::key;
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
    /// All.
    All,
}

/// Where names stand: the keys of `docs`, or those behind what the entries of a group's names begin with.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    space: Space,
    front: Key,
}

/// A scan of names.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    /// What every name begins with; no document of the query has just this key.
    prefix: Key,
    which: Which,
    names: Names,
    reader: Reader,
}

/// What a name is to a scan.
enum Met {
    Wanted,
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

impl Names {
    /// Those of a query's documents, where nothing of them is wanted but that they are there.
    pub(crate) fn alone(query: &Query) -> Self {
        match &query.from.collection {
            Some(id) => Self {
                space: Space::Idx,
                front: key::names(id),
            },
            None => Self {
                space: Space::Docs,
                front: Key::new(),
            },
        }
    }

    /// Those of a query's documents, with their rows if that costs nothing.
    fn with_rows(query: &Query) -> Self {
        match query.from.all_descendants {
            true => Self::alone(query),
            false => Self {
                space: Space::Docs,
                front: Key::new(),
            },
        }
    }

    /// If the rows are those of the documents.
    const fn have_rows(&self) -> bool {
        matches!(self.space, Space::Docs)
    }

    /// A page of names in a range of them.
    pub(crate) fn scan(
        &self,
        tx: &dyn Read,
        range: &KeyRange,
        direction: Direction,
        limit: PageLimit,
    ) -> Result<Page, Error> {
        let mut page = tx.scan(self.space, &self.range(range), direction, limit)?;
        for (key, _) in &mut page.rows {
            key.drain(..self.front.len().min(key.len()));
        }
        Ok(page)
    }

    fn range(&self, names: &KeyRange) -> KeyRange {
        let all = KeyRange::prefix(&self.front);
        let place = |bound: &Bound<Key>, open: Bound<Key>| match bound {
            Bound::Unbounded => open,
            bound => self.place(bound.clone()),
        };
        KeyRange {
            start: place(&names.start, all.start),
            end: place(&names.end, all.end),
        }
    }

    fn place(&self, name: Bound<Key>) -> Bound<Key> {
        name.map(|name| [self.front.as_slice(), &name].concat())
    }

    fn of<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        key.get(self.front.len()..).unwrap_or_default()
    }
}

impl Walk {
    /// A scan of the documents whose keys are in `ranges`.
    pub(crate) fn new(
        query: &Query,
        ranges: &[KeyRange],
        direction: Direction,
        page_rows: usize,
    ) -> Result<Self, InvalidQuery> {
        Self::over(Names::with_rows(query), query, ranges, direction, page_rows)
    }

    /// A scan for which it is enough that documents are there.
    pub(crate) fn of_names(
        query: &Query,
        ranges: &[KeyRange],
        direction: Direction,
        page_rows: usize,
    ) -> Result<Self, InvalidQuery> {
        Self::over(Names::alone(query), query, ranges, direction, page_rows)
    }

    fn over(
        names: Names,
        query: &Query,
        ranges: &[KeyRange],
        direction: Direction,
        page_rows: usize,
    ) -> Result<Self, InvalidQuery> {
        let ranges = intersect_all(&[range_of(query)?], ranges);
        let ranges = ranges.iter().map(|range| names.range(range)).collect();
        let (prefix, which) = match query.collection_path()? {
            Some(collection) => (keys::collection(&collection), Which::Depth(1)),
            None => {
                let which = match query.from.all_descendants {
                    // The names of a group are of no other documents.
                    true => Which::All,
                    false => Which::Depth(2),
                };
                (keys::parent(query.parent.as_ref()), which)
            }
        };
        Ok(Self {
            prefix,
            which,
            reader: Reader::new(names.space, ranges, direction, page_rows),
            names,
        })
    }

    /// If it reads the documents themselves.
    pub(crate) const fn has_rows(&self) -> bool {
        self.names.have_rows()
    }

    /// The next document: its key, and its row if it is the documents that are read.
    pub(crate) fn next(&mut self, cx: &mut Cx<'_>) -> Result<Step<(Key, Option<Row>)>, Error> {
        loop {
            let (key, _) = item!(self.reader.peek(cx)?);
            match self.which.meet(&self.prefix, self.names.of(key))? {
                Met::Wanted => {
                    let Some((key, row)) = self.reader.pop() else {
                        return Ok(Step::End);
                    };
                    return Ok(Step::Item(match self.has_rows() {
                        true => (key, Some(row)),
                        false => (self.names.of(&key).to_vec(), None),
                    }));
                }
                Met::Below(document) => {
                    let place = match self.reader.direction() {
                        Direction::Forward => keys::behind(&document),
                        Direction::Reverse => Bound::Included(document),
                    };
                    let place = self.names.place(place);
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
            let (which, prefix, names) = (&self.which, &self.prefix, &self.names);
            let step = self.reader.visit(cx, &mut |key, _| {
                let key = names.of(key);
                if let Some((document, rows)) = &mut below
                    && key.starts_with(document)
                {
                    *rows += 1;
                    return *rows < ROWS_BELOW;
                }
                below = None;
                match which.meet(prefix, key) {
                    Ok(Met::Wanted) => see(),
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
                    let place = self.names.place(keys::behind(&document));
                    self.reader.skip_to(place, ROWS_BEHIND_SEEK);
                }
                (step, _) => return Ok(step),
            }
        }
    }

    /// If the document of a name is one of the scan.
    pub(crate) fn wants(&self, name: &[u8]) -> Result<bool, Error> {
        Ok(matches!(self.which.meet(&self.prefix, name)?, Met::Wanted))
    }

    /// Where its names stand.
    pub(crate) const fn names(&self) -> &Names {
        &self.names
    }

    /// Begins again at a document that it gave, or where it began.
    pub(crate) fn rewind(&mut self, place: Bound<Key>) {
        self.reader.rewind(self.names.place(place));
    }
}

impl Which {
    fn meet(&self, prefix: &[u8], key: &[u8]) -> Result<Met, Error> {
        let below = key.get(prefix.len()..).unwrap_or_default();
        match self {
            Self::All => Ok(Met::Wanted),
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

fn split(key: &[u8]) -> Result<(&[u8], &[u8]), Error> {
    keys::split_first(key).ok_or(Error::Corrupt("its key"))
}
