//! Ids and paths below the root of a database: `rooms/r1/messages/m42`.
//!
//! Paths are kept as the text they came in, since nothing inside a name is escaped. What stands before them in a
//! resource name is `database.rs`. Firestore specification, sections 1.1 and 1.2.

use std::cmp::Ordering;
use std::fmt;

use crate::limits::{COLLECTION_DEPTH_MAX, ID_BYTES_MAX, PATH_BYTES_MAX};

/// Why a text is not an id or a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing between two slashes, or nothing at all.
    #[error("an id in the path is empty")]
    EmptyId,
    /// Longer than [`ID_BYTES_MAX`].
    #[error("an id in the path is longer than {ID_BYTES_MAX} bytes")]
    IdTooLong,
    /// `.` or `..`.
    #[error("`{0}` cannot be an id")]
    Dots(Box<str>),
    /// `__…__`, and not the numeric id of a document.
    #[error("the id `{0}` is reserved")]
    Reserved(Box<str>),
    /// An id with a slash in it.
    #[error("an id cannot hold a `/`")]
    Slash,
    /// An odd number of segments where a document is wanted.
    #[error("the path names a collection, not a document")]
    NamesACollection,
    /// An even number of segments where a collection is wanted.
    #[error("the path names a document, not a collection")]
    NamesADocument,
    /// More than [`COLLECTION_DEPTH_MAX`] collections.
    #[error("the path is deeper than {COLLECTION_DEPTH_MAX} collections")]
    TooDeep,
    /// Longer than [`PATH_BYTES_MAX`].
    #[error("the path is longer than {PATH_BYTES_MAX} bytes")]
    TooLong,
}

/// The number of a numeric id `__id<int64>__`, `None` for any other id. Only the shortest way to write the number
/// counts, so that two different ids are never the same.
#[must_use]
pub fn numeric_id(id: &str) -> Option<i64> {
    let digits = id.strip_prefix("__id")?.strip_suffix("__")?;
    let magnitude = digits.strip_prefix('-').unwrap_or(digits);
    let shortest = digits == "0" || magnitude.starts_with(|first| matches!(first, '1'..='9'));
    shortest.then(|| digits.parse().ok()).flatten()
}

/// The order of ids: numeric ones first, by their number, then the others by their UTF-8 bytes.
/// Source: specification, section 2.2.
#[must_use]
pub fn compare_ids(a: &str, b: &str) -> Ordering {
    match (numeric_id(a), numeric_id(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

/// If a name is `__.*__` with something in the middle: ids and field names that the protocol keeps for itself.
pub(crate) fn is_reserved(name: &str) -> bool {
    name.len() > 4 && name.starts_with("__") && name.ends_with("__")
}

fn check_collection_id(id: &str) -> Result<(), PathError> {
    match id {
        "" => Err(PathError::EmptyId),
        "." | ".." => Err(PathError::Dots(id.into())),
        _ if id.len() > ID_BYTES_MAX => Err(PathError::IdTooLong),
        _ if is_reserved(id) => Err(PathError::Reserved(id.into())),
        _ => Ok(()),
    }
}

fn check_document_id(id: &str) -> Result<(), PathError> {
    match check_collection_id(id) {
        Err(PathError::Reserved(_)) if numeric_id(id).is_some() => Ok(()),
        checked => checked,
    }
}

/// Checks every segment of a path and its limits; gives the number of segments.
fn check_path(text: &str) -> Result<usize, PathError> {
    if text.len() > PATH_BYTES_MAX {
        return Err(PathError::TooLong);
    }
    let mut count = 0usize;
    for segment in text.split('/') {
        if count.is_multiple_of(2) {
            check_collection_id(segment)?;
        } else {
            check_document_id(segment)?;
        }
        count += 1;
    }
    if count.div_ceil(2) > COLLECTION_DEPTH_MAX {
        return Err(PathError::TooDeep);
    }
    Ok(count)
}

/// Segment by segment; a path comes before those below it.
fn compare_paths(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('/'), b.split('/'));
    loop {
        match (a.next(), b.next()) {
            (Some(a), Some(b)) => match compare_ids(a, b) {
                Ordering::Equal => {}
                different => return different,
            },
            (a, b) => return a.is_some().cmp(&b.is_some()),
        }
    }
}

/// What stands before and behind the last slash.
fn split_last(path: &str) -> (Option<&str>, &str) {
    match path.rsplit_once('/') {
        Some((before, last)) => (Some(before), last),
        None => (None, path),
    }
}

fn is_below(path: &str, ancestor: &str) -> bool {
    path.strip_prefix(ancestor)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// The id of a collection, which is also the name of its collection group.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CollectionId(Box<str>); // INVARIANT: see `parse`, the only constructor.

impl CollectionId {
    /// Reads a collection id.
    ///
    /// # Errors
    /// Every [`PathError`] about an id.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.contains('/') {
            return Err(PathError::Slash);
        }
        check_collection_id(text)?;
        Ok(Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of a document in its collection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DocumentId(Box<str>); // INVARIANT: see `parse`, the only constructor.

impl DocumentId {
    /// Reads a document id. The numeric ids `__id<int64>__` are ids.
    ///
    /// # Errors
    /// Every [`PathError`] about an id.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.contains('/') {
            return Err(PathError::Slash);
        }
        check_document_id(text)?;
        Ok(Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Ord for DocumentId {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_ids(&self.0, &other.0)
    }
}

/// A document's path below the database root: an even number of ids, such as `rooms/r1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DocumentPath(Box<str>); // INVARIANT: see `parse`; every other constructor keeps its rules.

impl DocumentPath {
    /// Reads a path.
    ///
    /// # Errors
    /// Every [`PathError`] but those of single ids and collections.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if !check_path(text)?.is_multiple_of(2) {
            return Err(PathError::NamesACollection);
        }
        Ok(Self(text.into()))
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ids on the path, a collection's first.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.0.split('/')
    }

    /// The document's own id.
    #[must_use]
    pub fn id(&self) -> &str {
        split_last(&self.0).1
    }

    /// The id of the collection that the document is in.
    #[must_use]
    pub fn collection_id(&self) -> &str {
        split_last(split_last(&self.0).0.unwrap_or_default()).1
    }

    /// The collection that the document is in.
    #[must_use]
    pub fn parent(&self) -> CollectionPath {
        CollectionPath(split_last(&self.0).0.unwrap_or_default().into())
    }

    /// A collection below this document.
    ///
    /// # Errors
    /// [`PathError::TooDeep`] and [`PathError::TooLong`].
    pub fn collection(&self, id: &CollectionId) -> Result<CollectionPath, PathError> {
        CollectionPath::parse(&format!("{}/{}", self.0, id.0))
    }

    /// If this document is below another one, at any depth.
    #[must_use]
    pub fn is_below(&self, ancestor: &Self) -> bool {
        is_below(&self.0, &ancestor.0)
    }
}

impl Ord for DocumentPath {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_paths(&self.0, &other.0)
    }
}

/// A collection's path below the database root: an odd number of ids, such as `rooms/r1/messages`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CollectionPath(Box<str>); // INVARIANT: see `parse`; every other constructor keeps its rules.

impl CollectionPath {
    /// Reads a path.
    ///
    /// # Errors
    /// Every [`PathError`] but those of single ids and documents.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if check_path(text)?.is_multiple_of(2) {
            return Err(PathError::NamesADocument);
        }
        Ok(Self(text.into()))
    }

    /// The collection below a document, or below the root.
    ///
    /// # Errors
    /// [`PathError::TooDeep`] and [`PathError::TooLong`].
    pub fn below(parent: Option<&DocumentPath>, id: &CollectionId) -> Result<Self, PathError> {
        match parent {
            Some(parent) => parent.collection(id),
            None => Ok(Self(id.0.clone())),
        }
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ids on the path, a collection's first and last.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.0.split('/')
    }

    /// The collection's own id.
    #[must_use]
    pub fn id(&self) -> &str {
        split_last(&self.0).1
    }

    /// The document that the collection is below; `None` at the root.
    #[must_use]
    pub fn parent(&self) -> Option<DocumentPath> {
        split_last(&self.0).0.map(|path| DocumentPath(path.into()))
    }

    /// A document in this collection.
    ///
    /// # Errors
    /// [`PathError::TooLong`].
    pub fn document(&self, id: &DocumentId) -> Result<DocumentPath, PathError> {
        DocumentPath::parse(&format!("{}/{}", self.0, id.0))
    }

    /// If a document is in this collection itself, not deeper.
    #[must_use]
    pub fn contains(&self, document: &DocumentPath) -> bool {
        split_last(&document.0).0 == Some(&*self.0)
    }
}

impl Ord for CollectionPath {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_paths(&self.0, &other.0)
    }
}

impl PartialOrd for DocumentId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialOrd for DocumentPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialOrd for CollectionPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for CollectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for DocumentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for CollectionPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
