//! Where documents are stored: the keys of `docs`.
//!
//! A key is the ids of the path, one behind the other: the key of a collection begins those of its documents, and the
//! key of a document those below it. Storage design, section 4.

use std::ops::Bound;

use firekeep_model::{
    CollectionId, CollectionPath, DocumentId, DocumentPath, OpContext, PathError,
};
use firekeep_store::{Key, KeyRange, tuple};

use crate::Error;
use crate::limits::GENERATED_ID_CHARS;

/// The key of a document.
#[must_use]
pub fn document(path: &DocumentPath) -> Key {
    let mut encoder = tuple::Encoder::new();
    encoder.document(path);
    encoder.finish()
}

/// What the keys of a collection's documents, and of those below them, begin with.
#[must_use]
pub fn collection(path: &CollectionPath) -> Key {
    let mut encoder = tuple::Encoder::new();
    encoder.collection(path);
    encoder.finish()
}

/// What the keys of everything below a document, or below the root, begin with. That of the document itself, too.
#[must_use]
pub fn parent(path: Option<&DocumentPath>) -> Key {
    path.map(document).unwrap_or_default()
}

/// A key with one more id behind it.
#[must_use]
pub fn child(key: Key, id: &str) -> Key {
    let mut encoder = tuple::Encoder::after(key);
    encoder.segment(id);
    encoder.finish()
}

/// The path of a stored document.
///
/// # Errors
/// [`Error::Corrupt`].
pub fn path(key: &[u8]) -> Result<DocumentPath, Error> {
    tuple::document_path(key).ok_or(Error::Corrupt("its key"))
}

/// Where a range begins that is behind a key and all that it begins.
pub(crate) fn behind(key: &[u8]) -> Bound<Key> {
    match KeyRange::prefix(key).end {
        Bound::Excluded(end) => Bound::Included(end),
        // A key ends in an id, which is never all `FF`.
        other => other,
    }
}

/// The id of a collection, from its part of a key.
pub(crate) fn collection_id(id: &[u8]) -> Result<CollectionId, Error> {
    let (id, _) = tuple::split_segment(id).ok_or(Error::Corrupt("its key"))?;
    CollectionId::parse(&id).map_err(|_| Error::Corrupt("its key"))
}

/// Takes the key of the first id off, and gives what follows it. `None` when there is no whole id.
pub(crate) fn split_first(key: &[u8]) -> Option<(&[u8], &[u8])> {
    /// `00 02`, which is no escape, and the number.
    const NUMERIC: usize = 2 + size_of::<i64>();
    if let [0, 2, ..] = key {
        return key.split_at_checked(NUMERIC);
    }
    let pair = |at: usize| Some((*key.get(at)?, *key.get(at + 1)?));
    let mut at = 0;
    loop {
        at += key.get(at..)?.iter().position(|byte| *byte == 0)?;
        let (_, end) = pair(at)?;
        at += 2;
        if end == 1 {
            return key.split_at_checked(at);
        }
    }
}

/// An id for a document that the client gave none. Source: specification, section 1.2.
///
/// # Errors
/// None in fact: letters and digits are an id.
pub fn generate_id(cx: &mut OpContext<'_>) -> Result<DocumentId, PathError> {
    DocumentId::parse(&cx.alphanumeric(GENERATED_ID_CHARS))
}

#[cfg(test)]
mod tests {
    use firekeep_model::limits::{COLLECTION_DEPTH_MAX, ID_BYTES_MAX, PATH_BYTES_MAX};
    use firekeep_store::limits::KEY_BYTES_MAX;
    use firekeep_testkit::random::Seeded;
    use firekeep_testkit::values;

    use super::*;

    #[test]
    fn keys_come_back_and_split_at_their_ids() {
        let mut random = Seeded::new(1);
        for _ in 0..2_000 {
            let path_of = values::document_path(&mut random);
            let key = document(&path_of);
            assert_eq!(path(&key).unwrap(), path_of);
            let mut rest: &[u8] = &key;
            let mut ids = Vec::new();
            while !rest.is_empty() {
                let (id, behind) = split_first(rest).unwrap();
                ids.push(tuple::split_segment(id).unwrap().0);
                rest = behind;
            }
            assert_eq!(ids.join("/"), path_of.as_str());
            assert_eq!(
                child(collection(&path_of.parent()), path_of.id()),
                key,
                "{path_of}"
            );
        }
    }

    #[test]
    fn half_keys_do_not_split() {
        for key in [&b""[..], b"a", b"a\0", b"a\0\xFF", b"\0\x02\x80"] {
            assert_eq!(split_first(key), None, "{key:?}");
        }
        assert!(path(b"a\0\x01").is_err());
    }

    #[test]
    fn the_longest_names_have_keys_that_are_stored() {
        let check = |count: usize, id: &str, id_bytes: usize| {
            let ids = vec![id.repeat(id_bytes / id.len()); count];
            let path = DocumentPath::parse(&ids.join("/")).unwrap();
            let bytes = document(&path).len();
            assert!(bytes > PATH_BYTES_MAX - 200, "{bytes}");
            assert!(bytes <= KEY_BYTES_MAX / 2, "{bytes}");
        };
        for id in ["x", "\0", "\u{10FFFF}"] {
            check(4, id, ID_BYTES_MAX);
            let deep = COLLECTION_DEPTH_MAX * 2;
            check(deep, id, PATH_BYTES_MAX / deep - 1);
        }
    }
}
