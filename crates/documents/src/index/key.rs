//! The keys of index entries, which sort as the values in them do, and then by the documents' names.
//!
//! ```text
//! single field   1 or 2 · scope · 00 00 · field · 01 value or 02 element of an array · component · tail
//! names          3      · scope · 00 00                                                          · tail
//! composite      id     · scope · 00 00 · components                                             · tail
//! ```
//!
//! Names have the scope of a group only: every document has one such entry, whatever its fields are.
//!
//! The scope is a collection's path, or the id of a group of collections; the tail is the document's id in its
//! collection, or its whole path in a group. Tails always ascend. A component is the encoding of a value, or the first
//! bytes of a longer one ([`Component::bytes_max`]). Scopes and fields that are long stand in the key as a digest, and a
//! key that is too long all the same ends in a digest of its whole.
//!
//! The row of an entry is empty, unless something is not whole: then it has a byte that says so, and behind it the
//! document's path where that cannot be read from the key. Storage design, sections 4 and 5.

mod place;

use bytes::Bytes;
use firekeep_crypto::digest::sha256;
use firekeep_model::{CollectionId, CollectionPath, DocumentId, DocumentPath, FieldPath, Value};
use firekeep_store::limits::KEY_BYTES_MAX;
use firekeep_store::{Key, tuple};

use crate::Error;
use crate::index::catalog::Kind;
use crate::query::Direction;

pub(crate) use place::{Place, document_of};

/// Which index an entry belongs to: the first four bytes of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IndexId(pub u32);

impl IndexId {
    /// Single fields, in the scope of their collection.
    pub const FIELDS: Self = Self(1);
    /// Single fields, in the scope of a group of collections.
    pub const GROUP_FIELDS: Self = Self(2);
    /// Every document, in the scope of its group of collections: the order of a group's names.
    pub const NAMES: Self = Self(3);
    /// The first one of a composite index. The ids between are free for what there is not yet.
    pub const FIRST_COMPOSITE: Self = Self(16);
}

/// Which documents stand together in an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// Those of one collection.
    Collection(&'a CollectionPath),
    /// Those of all collections with this id.
    Group(&'a CollectionId),
}

/// How one value of an entry is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component {
    /// Which values come first.
    pub direction: Direction,
    /// The most bytes it takes: the encodings of longer values are cut there.
    pub bytes_max: usize,
}

/// Whether a component holds all of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It does.
    Whole,
    /// It holds the first bytes only: other values have the same.
    Cut,
}

/// The bytes of all components of an entry together. A single string of 1,497 bytes without zeros is whole.
const COMPONENTS_BYTES_MAX: usize = 1_500;
/// Longer scopes are digests.
const SCOPE_BYTES_MAX: usize = 300;
/// Longer fields are digests.
const FIELD_BYTES_MAX: usize = 300;
/// Keys that would be longer than [`KEY_BYTES_MAX`] are cut here, and their digest put behind.
pub const KEY_FRONT_BYTES: usize = KEY_BYTES_MAX - DIGEST_BYTES;
const DIGEST_BYTES: usize = 32;
const ID_BYTES: usize = 4;

// Only tails are cut by the length of the key, so that every scan and every seek by values works on whole bytes.
const _: () = assert!(
    ID_BYTES + SCOPE_BYTES_MAX + 2 + FIELD_BYTES_MAX + 1 + COMPONENTS_BYTES_MAX <= KEY_FRONT_BYTES
);

/// Behind a scope: below the begin of every id.
const SCOPE_END: [u8; 2] = [0, 0];
/// In front of a digest: no id and no field begins with it.
const DIGEST: [u8; 2] = [0, 3];
/// The entries of a field's own values.
const VALUES: u8 = 1;
/// The entries of the elements of a field's arrays.
const ELEMENTS: u8 = 2;

/// The flag of a row: a component is cut.
const VALUE_CUT: u8 = 1;
/// The flag of a row: the document's path is behind the flags.
const PATH_HERE: u8 = 2;

impl Component {
    /// That of a single field's entry.
    pub const SINGLE: Self = Self {
        direction: Direction::Ascending,
        bytes_max: COMPONENTS_BYTES_MAX,
    };

    /// One of the components of an entry that has `count` of them.
    #[must_use]
    pub const fn of(count: usize, direction: Direction) -> Self {
        let bytes_max = match COMPONENTS_BYTES_MAX.checked_div(count) {
            Some(bytes_max) => bytes_max,
            None => COMPONENTS_BYTES_MAX,
        };
        Self {
            direction,
            bytes_max,
        }
    }

    /// That of a field which has vectors: the tag and the dimension, and nothing of the numbers.
    pub const VECTOR: Self = Self {
        direction: Direction::Ascending,
        bytes_max: 5,
    };

    /// The length of the component at the front of a key.
    fn length(self, key: &[u8]) -> Option<(usize, Cut)> {
        let whole = match self.direction {
            Direction::Ascending => tuple::value_length(key),
            Direction::Descending => tuple::descending_value_length(key),
        };
        match whole {
            Some(length) if length <= self.bytes_max => Some((length, Cut::Whole)),
            _ => (key.len() >= self.bytes_max).then_some((self.bytes_max, Cut::Cut)),
        }
    }
}

impl Scope<'_> {
    fn encode(&self, index: IndexId) -> tuple::Encoder {
        let mut scope = tuple::Encoder::new();
        match self {
            Self::Collection(path) => scope.collection(path),
            Self::Group(id) => scope.segment(id.as_str()),
        };
        front(index, &scope.finish())
    }

    /// The tail of a document's entries, unless it is cut.
    #[must_use]
    pub fn tail(&self, document: &DocumentPath) -> Vec<u8> {
        let mut encoder = tuple::Encoder::new();
        match self {
            Self::Collection(_) => encoder.segment(document.id()),
            Self::Group(_) => encoder.document(document),
        };
        encoder.finish()
    }

    /// The document of a [tail](Entry::tail).
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn document(&self, tail: &[u8]) -> Result<DocumentPath, Error> {
        let path = match self {
            Self::Collection(collection) => tuple::split_segment(tail)
                .filter(|(_, rest)| rest.is_empty())
                .and_then(|(id, _)| collection.document(&DocumentId::parse(&id).ok()?).ok()),
            Self::Group(_) => tuple::document_path(tail),
        };
        path.ok_or(CORRUPT)
    }

    const fn fields(&self) -> IndexId {
        match self {
            Self::Collection(_) => IndexId::FIELDS,
            Self::Group(_) => IndexId::GROUP_FIELDS,
        }
    }
}

fn front(index: IndexId, scope: &[u8]) -> tuple::Encoder {
    let mut encoder = tuple::Encoder::after(Vec::with_capacity(64));
    encoder.raw(&index.0.to_be_bytes());
    put_bounded(&mut encoder, scope, SCOPE_BYTES_MAX);
    encoder.raw(&SCOPE_END);
    encoder
}

const CORRUPT: Error = Error::Corrupt("an index entry of it");

/// What the entries of a field's values begin with.
#[must_use]
pub fn values(scope: &Scope<'_>, field: &FieldPath) -> Key {
    single(scope, field, Kind::Values)
}

/// What the entries of the elements of a field's arrays begin with.
#[must_use]
pub fn elements(scope: &Scope<'_>, field: &FieldPath) -> Key {
    single(scope, field, Kind::Elements)
}

/// What the entries of a composite index begin with.
#[must_use]
pub fn composite(index: IndexId, scope: &Scope<'_>) -> Key {
    scope.encode(index).finish()
}

/// What the entries of the names of a group's documents begin with. Behind it is the document's key in `docs`: that
/// of no legal name is cut.
#[must_use]
pub fn names(collection: &CollectionId) -> Key {
    group_prefix(IndexId::NAMES, collection)
}

fn single(scope: &Scope<'_>, field: &FieldPath, kind: Kind) -> Key {
    let mut key = scope.encode(scope.fields()).finish();
    put_field_middle(&mut key, &field.to_string(), kind);
    key
}

/// Bytes, or in place of many their digest.
fn put_bounded(encoder: &mut tuple::Encoder, bytes: &[u8], bytes_max: usize) {
    if bytes.len() <= bytes_max {
        encoder.raw(bytes);
    } else {
        encoder.raw(&DIGEST).raw(&sha256(bytes));
    }
}

/// One component behind what is there. Bounds of scans are made with it, and entries.
#[must_use]
pub fn append(key: Key, value: &Value, component: Component) -> (Key, Cut) {
    let mut encoder = tuple::Encoder::after(key);
    let mut cut = false;
    match component.direction {
        Direction::Ascending => cut = encoder.value_front(value, component.bytes_max),
        Direction::Descending => {
            encoder.descending(|encoder| cut = encoder.value_front(value, component.bytes_max));
        }
    }
    let cut = if cut { Cut::Cut } else { Cut::Whole };
    (encoder.finish(), cut)
}

/// The entry of a document, of which `key` has everything but the tail: its key and its row.
#[must_use]
pub fn entry(scope: &Scope<'_>, key: Key, cut: Cut, document: &DocumentPath) -> (Key, Bytes) {
    finish(key, &scope.tail(document), cut, document)
}

fn finish(mut key: Key, tail: &[u8], cut: Cut, document: &DocumentPath) -> (Key, Bytes) {
    key.extend_from_slice(tail);
    let long = key.len() > KEY_BYTES_MAX;
    if long {
        let digest = sha256(&key);
        key.truncate(KEY_FRONT_BYTES);
        key.extend_from_slice(&digest);
    }
    let hidden =
        matches!(key.get(ID_BYTES..), Some([first, second, ..]) if [*first, *second] == DIGEST);
    let row = match (long || hidden, cut) {
        (false, Cut::Whole) => Bytes::new(),
        (false, Cut::Cut) => Bytes::from_static(&[VALUE_CUT]),
        (true, cut) => {
            let cut = if cut == Cut::Cut { VALUE_CUT } else { 0 };
            let mut row = tuple::Encoder::after(vec![PATH_HERE | cut]);
            row.document(document);
            row.finish().into()
        }
    };
    (key, row)
}

/// Puts what stands between the scope and the component of a single field's entries.
pub(crate) fn put_field_middle(into: &mut Vec<u8>, field: &str, kind: Kind) {
    let from = into.len();
    let mut encoder = tuple::Encoder::after(std::mem::take(into));
    encoder.text(field.as_bytes());
    *into = encoder.finish();
    if into.len() - from > FIELD_BYTES_MAX {
        let digest = into.get(from..).map(sha256).unwrap_or_default();
        into.truncate(from);
        into.extend_from_slice(&DIGEST);
        into.extend_from_slice(&digest);
    }
    into.push(kind_byte(kind));
}

const fn kind_byte(kind: Kind) -> u8 {
    match kind {
        Kind::Values => VALUES,
        Kind::Elements => ELEMENTS,
    }
}

/// The most bytes that an entry of a document takes, its key and its row.
pub(crate) fn entry_bytes_max(document: &DocumentPath) -> usize {
    // Every byte may be escaped, and every id has an end. Where a scope is a digest, the row has the path as well.
    let path = 2 * (document.as_str().len() + 1);
    let scope = SCOPE_BYTES_MAX + SCOPE_END.len();
    ID_BYTES + scope + FIELD_BYTES_MAX + 1 + COMPONENTS_BYTES_MAX + 2 * path + 1
}

/// What every entry of an index begins with.
pub(crate) fn index_prefix(index: IndexId) -> Key {
    index.0.to_be_bytes().to_vec()
}

/// What every entry of a group in an index begins with.
pub(crate) fn group_prefix(index: IndexId, collection: &CollectionId) -> Key {
    Scope::Group(collection).encode(index).finish()
}

/// An entry, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The components, one behind the other.
    pub values: &'a [u8],
    /// The document in its scope, for [`Scope::document`]. Tails of one scope sort as the names of the documents.
    pub tail: &'a [u8],
    /// If a component does not hold the whole of its value: then only the document says what the value is.
    pub cut: Cut,
    /// How many bytes of the key are in order, if not all: entries that share these come in any order.
    pub ordered: Option<usize>,
}

/// Takes an entry apart, of which `prefix` bytes are in front of the components.
///
/// # Errors
/// [`Error::Corrupt`].
pub fn split<'a>(
    scope: &Scope<'_>,
    prefix: usize,
    components: &[Component],
    key: &'a [u8],
    row: &'a [u8],
) -> Result<Entry<'a>, Error> {
    let behind = key.get(prefix..).ok_or(CORRUPT)?;
    let mut length = 0;
    let mut cut_at = None;
    for component in components {
        let rest = behind.get(length..).ok_or(CORRUPT)?;
        let (bytes, cut) = component.length(rest).ok_or(CORRUPT)?;
        length += bytes;
        if cut == Cut::Cut {
            cut_at.get_or_insert(prefix + length);
        }
    }
    let (values, tail) = behind.split_at_checked(length).ok_or(CORRUPT)?;
    let flags = row.first().copied().unwrap_or_default();
    let cut = match cut_at {
        Some(_) => Cut::Cut,
        None => Cut::Whole,
    };
    if (flags & VALUE_CUT != 0) != (cut == Cut::Cut) {
        return Err(CORRUPT);
    }
    let tail = match path_in_row(row)? {
        Some(path) => tail_in_path(scope, path)?,
        None => tail,
    };
    let long = (key.len() >= KEY_FRONT_BYTES).then_some(KEY_FRONT_BYTES);
    Ok(Entry {
        values,
        tail,
        cut,
        ordered: cut_at.or(long),
    })
}

/// The encoded path of the document, if the row of an entry has it.
fn path_in_row(row: &[u8]) -> Result<Option<&[u8]>, Error> {
    match row {
        [] | [VALUE_CUT] => Ok(None),
        [flags, path @ ..] if flags & !VALUE_CUT == PATH_HERE => Ok(Some(path)),
        _ => Err(CORRUPT),
    }
}

fn tail_in_path<'a>(scope: &Scope<'_>, path: &'a [u8]) -> Result<&'a [u8], Error> {
    match scope {
        Scope::Collection(collection) => {
            let mut above = tuple::Encoder::new();
            above.collection(collection);
            path.strip_prefix(above.finish().as_slice()).ok_or(CORRUPT)
        }
        Scope::Group(_) => Ok(path),
    }
}

#[cfg(test)]
mod tests;
