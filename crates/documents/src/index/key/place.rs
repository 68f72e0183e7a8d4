//! From a document to its entries, and from an entry to its document, without a [`Scope`](super::Scope).

use bytes::Bytes;
use firekeep_model::DocumentPath;
use firekeep_store::{Key, tuple};

use super::{
    CORRUPT, Component, Cut, DIGEST, DIGEST_BYTES, ID_BYTES, IndexId, SCOPE_END, finish, front,
    path_in_row,
};
use crate::index::definition::{Part, QueryScope};
use crate::{Error, keys};

/// Where the entries of one document in one index are: for whoever makes many of them.
pub(crate) struct Place<'a> {
    prefix: Key,
    tail: Vec<u8>,
    document: &'a DocumentPath,
}

impl<'a> Place<'a> {
    pub(crate) fn new(index: IndexId, scope: QueryScope, document: &'a DocumentPath) -> Self {
        let mut above = tuple::Encoder::new();
        let mut tail = tuple::Encoder::new();
        match scope {
            QueryScope::Collection => {
                let mut ids = document.segments();
                let own = ids.next_back().unwrap_or_default();
                for id in ids {
                    above.segment(id);
                }
                tail.segment(own);
            }
            QueryScope::CollectionGroup => {
                above.segment(document.collection_id());
                tail.document(document);
            }
        }
        Self {
            prefix: front(index, &above.finish()).finish(),
            tail: tail.finish(),
            document,
        }
    }

    /// The entry of `middle`, which is everything between the scope and the tail.
    pub(crate) fn entry(&self, middle: &[u8], cut: Cut) -> (Key, Bytes) {
        let length = self.prefix.len() + middle.len() + self.tail.len();
        let mut key = Vec::with_capacity(length);
        key.extend_from_slice(&self.prefix);
        key.extend_from_slice(middle);
        finish(key, &self.tail, cut, self.document)
    }
}

/// The document of an entry, when nothing is known but the entry. `None` when it is in no index of these.
///
/// # Errors
/// [`Error::Corrupt`].
pub(crate) fn document_of<'c>(
    key: &[u8],
    row: &[u8],
    composite: impl FnOnce(IndexId) -> Option<(QueryScope, &'c [Part])>,
) -> Result<Option<DocumentPath>, Error> {
    if let Some(path) = path_in_row(row)? {
        return tuple::document_path(path).ok_or(CORRUPT).map(Some);
    }
    let (index, behind) = key.split_first_chunk::<ID_BYTES>().ok_or(CORRUPT)?;
    let index = IndexId(u32::from_be_bytes(*index));
    let (above, mut rest) = split_scope(behind).ok_or(CORRUPT)?;
    let scope = match index {
        IndexId::FIELDS | IndexId::GROUP_FIELDS => {
            rest = skip_field(rest).ok_or(CORRUPT)?;
            rest = skip_component(rest, Component::SINGLE)?;
            match index {
                IndexId::FIELDS => QueryScope::Collection,
                _ => QueryScope::CollectionGroup,
            }
        }
        IndexId::NAMES => QueryScope::CollectionGroup,
        index => {
            let Some((scope, parts)) = composite(index) else {
                return Ok(None);
            };
            for part in parts {
                rest = skip_component(rest, part.component)?;
            }
            scope
        }
    };
    let path = match scope {
        QueryScope::Collection => tuple::document_path(&[above, rest].concat()),
        QueryScope::CollectionGroup => tuple::document_path(rest),
    };
    path.ok_or(CORRUPT).map(Some)
}

/// Takes a scope of ids, not one that is a digest, off the front.
fn split_scope(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0;
    loop {
        let rest = key.get(length..)?;
        if let Some(behind) = rest.strip_prefix(&SCOPE_END) {
            return Some((key.get(..length)?, behind));
        }
        length += keys::split_first(rest)?.0.len();
    }
}

/// Goes behind a field and the kind of its entries.
fn skip_field(key: &[u8]) -> Option<&[u8]> {
    let length = match key.strip_prefix(&DIGEST) {
        Some(_) => DIGEST.len() + DIGEST_BYTES,
        None => tuple::text_length(key)?,
    };
    key.get(length + 1..)
}

fn skip_component(key: &[u8], component: Component) -> Result<&[u8], Error> {
    let (length, _) = component.length(key).ok_or(CORRUPT)?;
    key.get(length..).ok_or(CORRUPT)
}
