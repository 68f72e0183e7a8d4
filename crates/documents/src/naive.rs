//! Queries answered the plain way: look at every document, sort, cut.
//!
//! The reference that every plan must agree with. Memory grows with the result; the executor's does not. Firestore
//! specification, section 7.1.

use firekeep_model::{Document, Value};
use firekeep_store::{Direction, KeyRange, PageLimit, Read, RowPage, Space};

use crate::aggregate::AggregationQuery;
use crate::nearest::Nearest;
use crate::order::{compare, has_all};
use crate::query::{FindNearest, Query};
use crate::{Error, keys, read};

/// What a query gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The documents in the query's order, with the fields that it selects.
    pub documents: Vec<Document>,
    /// How many documents the offset left out.
    pub skipped: usize,
}

/// Every document below the parent of a query: what [`answer`] takes. Reads page by page.
pub fn scan<'a>(
    tx: &'a dyn Read,
    query: &Query,
) -> impl Iterator<Item = Result<Document, Error>> + 'a {
    let prefix = match query.collection_path() {
        Ok(Some(collection)) => keys::collection(&collection),
        Ok(None) | Err(_) => keys::parent(query.parent.as_ref()),
    };
    let mut rest = Some(KeyRange::prefix(&prefix));
    let pages = std::iter::from_fn(move || {
        let range = rest.take()?;
        let page = tx.scan_rows(
            Space::Docs,
            &range,
            Direction::Forward,
            PageLimit::default(),
        );
        if let Ok(RowPage {
            next: Some(next), ..
        }) = &page
        {
            rest = Some(range.after(next));
        }
        Some(page)
    });
    pages.flat_map(|page| match page {
        Ok(page) => page
            .rows
            .into_iter()
            .map(|(key, row)| read::decode(keys::path(&key)?, &row))
            .collect(),
        Err(error) => vec![Err(error.into())],
    })
}

/// Answers a query from documents that come in any order, and may be more than the query reads.
///
/// # Errors
/// Those that `documents` has.
pub fn answer(
    query: &Query,
    documents: impl IntoIterator<Item = Result<Document, Error>>,
) -> Result<Answer, Error> {
    let (found, skipped) = find(query, documents, |_| Ok(true))?;
    let documents = found.into_iter().map(|document| select(query, document));
    Ok(Answer {
        documents: documents.collect(),
        skipped,
    })
}

/// Answers an aggregation query: the results in the order of its aggregations.
///
/// # Errors
/// Those that `documents` has.
pub fn aggregate(
    query: &AggregationQuery,
    documents: impl IntoIterator<Item = Result<Document, Error>>,
) -> Result<Vec<(Box<str>, Value)>, Error> {
    let (found, _) = find(&query.ordered(), documents, |document| {
        query.has_fields(document)
    })?;
    let mut accumulators = query.accumulators();
    for document in &found {
        for accumulator in &mut accumulators {
            accumulator.add(document)?;
        }
    }
    let results = accumulators.iter().map(|accumulator| accumulator.result());
    Ok(query.aliases().into_iter().zip(results).collect())
}

/// The documents of a query with all their fields, and how many the offset left out.
fn find(
    query: &Query,
    documents: impl IntoIterator<Item = Result<Document, Error>>,
    is_wanted: impl Fn(&Document) -> Result<bool, Error>,
) -> Result<(Vec<Document>, usize), Error> {
    let orders = query.normal_order();
    let mut found = Vec::new();
    for document in documents {
        let document = document?;
        let fulfils = || match &query.filter {
            Some(filter) => filter.matches(&document),
            None => Ok(true),
        };
        if query.reads(&document.path)
            && fulfils()?
            && has_all(&orders, &document)?
            && query.is_between_cursors(&orders, &document)?
            && is_wanted(&document)?
        {
            found.push(document);
        }
    }
    if let Some(search) = &query.find_nearest {
        return Ok((nearest(search, found)?, 0));
    }
    sort(&mut found, |a, b| compare(&orders, a, b))?;
    let skipped = to_usize(query.offset).min(found.len());
    found.drain(..skipped);
    found.truncate(query.limit.map_or(usize::MAX, to_usize));
    Ok((found, skipped))
}

fn nearest(search: &FindNearest, documents: Vec<Document>) -> Result<Vec<Document>, Error> {
    let mut nearest = Nearest::new(search);
    for document in documents {
        nearest.add(&document, || Ok(document.clone()))?;
    }
    let found = nearest.finish().into_iter();
    found
        .map(|neighbour| with_distance(search, neighbour.item, neighbour.distance))
        .collect()
}

/// The document with its distance among its fields, if that is asked for.
///
/// # Errors
/// [`Error::InvalidArgument`] for a search whose name for the distance was not checked.
pub fn with_distance(
    search: &FindNearest,
    mut document: Document,
    distance: f64,
) -> Result<Document, Error> {
    if let Some(name) = &search.distance_result_field {
        document.fields.insert(name, distance.into())?;
    }
    Ok(document)
}

/// The document with the fields that a query selects.
#[must_use]
pub fn select(query: &Query, document: Document) -> Document {
    match &query.select {
        Some(mask) => Document {
            fields: mask.project(document.fields),
            ..document
        },
        None => document,
    }
}

/// Sorts by a comparison that can fail; gives its first failure.
fn sort<T>(
    items: &mut [T],
    compare: impl Fn(&T, &T) -> Result<std::cmp::Ordering, Error>,
) -> Result<(), Error> {
    let mut failure = None;
    items.sort_by(|a, b| {
        compare(a, b).unwrap_or_else(|error| {
            failure.get_or_insert(error);
            std::cmp::Ordering::Equal
        })
    });
    failure.map_or(Ok(()), Err)
}

fn to_usize(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
