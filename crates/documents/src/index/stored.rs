//! The rows of the catalogue in `meta`.
//!
//! Each is named by what it is about, and is a map as documents are: what a later version adds, it adds as a field.

use bytes::Bytes;
use firekeep_crypto::digest::sha256;
use firekeep_model::{Array, CollectionId, FieldPath, FieldRef, Map, Value};
use firekeep_store::{CommitTime, Key, Row};

use crate::Error;
use crate::codec::{self, Created};
use crate::index::catalog::{Composite, Expiry, Group, Kinds, Mode, Override, State};
use crate::index::definition::{Definition, IndexOrder, QueryScope};
use crate::index::key::IndexId;
use crate::query::Direction;

/// What the names of the catalogue's rows begin with.
pub(crate) const PREFIX: &[u8] = b"index/";
/// The row that every change of the catalogue writes. Its time is what tells catalogues apart.
pub(crate) const GENERATION: &[u8] = b"index/generation";
const MODE: &[u8] = b"index/mode";
const NEXT: &[u8] = b"index/next";
const COMPOSITES: &[u8] = b"index/composite/";
const FIELDS: &[u8] = b"index/field/";
const GROUPS: &[u8] = b"index/group/";
const EXPIRIES: &[u8] = b"index/expiry/";

/// Names that are longer stand as their digest: the row says what it is about.
const NAME_BYTES_MAX: usize = 1_000;

const CORRUPT: Error = Error::Corrupt("the catalogue of indexes");

/// One row.
pub(crate) enum Stored {
    Mode(Mode),
    Next(u32),
    Composite(Composite),
    Override(Override),
    Group(Group),
    Expiry(Expiry),
}

/// The name and the value of a row.
pub(crate) fn encode(stored: &Stored) -> Result<(Key, Bytes), Error> {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name, value).map(drop);
    let name = match stored {
        Stored::Mode(mode) => {
            put("mode", mode_text(*mode).into())?;
            MODE.to_vec()
        }
        Stored::Next(next) => {
            put("next", i64::from(*next).into())?;
            NEXT.to_vec()
        }
        Stored::Composite(composite) => {
            let definition = &composite.definition;
            put("id", i64::from(composite.id.0).into())?;
            put("collection", definition.collection().as_str().into())?;
            put("scope", scope_text(definition.scope()).into())?;
            let parts = definition.fields().iter();
            let mut parts = parts
                .map(|field| part(&field.field.to_string(), field.order))
                .collect::<Result<Vec<_>, Error>>()?;
            let name = match definition.name() {
                Direction::Ascending => IndexOrder::Ascending,
                Direction::Descending => IndexOrder::Descending,
            };
            parts.push(part(FieldRef::DOCUMENT_NAME, name)?);
            put("fields", Array::new(parts)?.into())?;
            put("state", state_text(composite.state).into())?;
            composite_name(composite.id)
        }
        Stored::Override(declared) => {
            if let Some(collection) = &declared.collection {
                put("collection", collection.as_str().into())?;
            }
            if let Some(field) = &declared.field {
                put("field", field.to_string().as_str().into())?;
            }
            if let Some(indexes) = &declared.declared {
                let indexes = indexes.iter();
                let indexes = indexes
                    .map(|(scope, order)| part(scope_text(*scope), *order))
                    .collect::<Result<Vec<_>, Error>>()?;
                put("indexes", Array::new(indexes)?.into())?;
            }
            put("values", state_text(declared.kinds.values).into())?;
            put("elements", state_text(declared.kinds.elements).into())?;
            override_name(declared.collection.as_ref(), declared.field.as_ref())
        }
        Stored::Group(group) => {
            put("collection", group.collection.as_str().into())?;
            put("state", state_text(group.state).into())?;
            group_name(&group.collection)
        }
        Stored::Expiry(expiry) => {
            put("collection", expiry.collection.as_str().into())?;
            put("field", expiry.field.to_string().as_str().into())?;
            expiry_name(&expiry.collection)
        }
    };
    Ok((name, codec::encode(&fields, Created::ByThisRow)))
}

/// Reads a row. `None` for those that say nothing but their time, and those of later versions.
pub(crate) fn decode(name: &[u8], row: &Row) -> Result<Option<Stored>, Error> {
    if name == GENERATION {
        return Ok(None);
    }
    let fields = codec::decode(&row.value)?.fields;
    // What the transaction wrote that reads it is later than all there is.
    let since = row.time.unwrap_or(CommitTime(i64::MAX));
    Ok(Some(if name == MODE {
        Stored::Mode(mode_of(text(&fields, "mode")?)?)
    } else if name == NEXT {
        Stored::Next(number(fields.get("next"))?)
    } else if name.starts_with(COMPOSITES) {
        Stored::Composite(decode_composite(&fields, since)?)
    } else if name.starts_with(FIELDS) {
        Stored::Override(decode_override(&fields, since)?)
    } else if name.starts_with(GROUPS) {
        Stored::Group(Group {
            collection: collection(text(&fields, "collection")?)?,
            state: state_of(text(&fields, "state")?)?,
            since,
        })
    } else if name.starts_with(EXPIRIES) {
        Stored::Expiry(Expiry {
            collection: collection(text(&fields, "collection")?)?,
            field: FieldPath::parse(text(&fields, "field")?).map_err(|_| CORRUPT)?,
        })
    } else {
        return Ok(None);
    }))
}

fn decode_composite(fields: &Map, since: CommitTime) -> Result<Composite, Error> {
    let parts = parts(fields.get("fields"))?.into_iter();
    let parts = parts.map(|(field, order)| {
        let field = FieldRef::parse(field).map_err(|_| CORRUPT)?;
        Ok((field, order))
    });
    let parts = parts.collect::<Result<Vec<_>, Error>>()?;
    let collection = collection(text(fields, "collection")?)?;
    let scope = scope_of(text(fields, "scope")?)?;
    let definition = Definition::new(collection, scope, parts).map_err(|_| CORRUPT)?;
    Ok(Composite {
        id: IndexId(number(fields.get("id"))?),
        parts: definition.parts(),
        definition,
        state: state_of(text(fields, "state")?)?,
        since,
    })
}

fn decode_override(fields: &Map, since: CommitTime) -> Result<Override, Error> {
    let known = |name| fields.get(name).map(|_| text(fields, name)).transpose();
    let field = known("field")?.map(|field| FieldPath::parse(field).map_err(|_| CORRUPT));
    let declared = match fields.get("indexes") {
        Some(indexes) => {
            let indexes = parts(Some(indexes))?.into_iter();
            let indexes = indexes.map(|(scope, order)| Ok((scope_of(scope)?, order)));
            Some(indexes.collect::<Result<_, Error>>()?)
        }
        None => None,
    };
    Ok(Override {
        collection: known("collection")?.map(collection).transpose()?,
        field: field.transpose()?,
        declared,
        kinds: Kinds {
            values: state_of(text(fields, "values")?)?,
            elements: state_of(text(fields, "elements")?)?,
        },
        since,
    })
}

/// The name of a composite index's row.
pub(crate) fn composite_name(id: IndexId) -> Key {
    [COMPOSITES, &id.0.to_be_bytes()].concat()
}

/// The name of a rule's row.
pub(crate) fn override_name(collection: Option<&CollectionId>, field: Option<&FieldPath>) -> Key {
    // No id of a collection holds a slash.
    let collection = collection.map_or("", CollectionId::as_str);
    let field = field.map_or_else(String::new, FieldPath::to_string);
    bounded(FIELDS, &format!("{collection}/{field}"))
}

/// The name of a group's row.
pub(crate) fn group_name(collection: &CollectionId) -> Key {
    bounded(GROUPS, collection.as_str())
}

/// The name of the row that says when a group's documents expire.
pub(crate) fn expiry_name(collection: &CollectionId) -> Key {
    bounded(EXPIRIES, collection.as_str())
}

fn bounded(prefix: &[u8], name: &str) -> Key {
    match name.len() {
        0..=NAME_BYTES_MAX => [prefix, b"=", name.as_bytes()].concat(),
        _ => [prefix, b"#", &sha256(name.as_bytes())[..]].concat(),
    }
}

/// A field with its order, or a scope with one.
fn part(of: &str, order: IndexOrder) -> Result<Value, Error> {
    let mut part = Map::new();
    part.insert("of", of.into())?;
    let (name, dimension) = match order {
        IndexOrder::Ascending => ("ascending", None),
        IndexOrder::Descending => ("descending", None),
        IndexOrder::Contains => ("contains", None),
        IndexOrder::Vector(dimension) => ("vector", Some(dimension)),
    };
    part.insert("order", name.into())?;
    if let Some(dimension) = dimension {
        part.insert("dimension", i64::from(dimension).into())?;
    }
    Ok(part.into())
}

fn parts(value: Option<&Value>) -> Result<Vec<(&str, IndexOrder)>, Error> {
    let Some(Value::Array(parts)) = value else {
        return Err(CORRUPT);
    };
    let read = |part: &'_ Value| {
        let part = part.as_map().ok_or(CORRUPT)?;
        match text(part, "order")? {
            "ascending" => Ok(IndexOrder::Ascending),
            "descending" => Ok(IndexOrder::Descending),
            "contains" => Ok(IndexOrder::Contains),
            "vector" => Ok(IndexOrder::Vector(number(part.get("dimension"))?)),
            _ => Err(CORRUPT),
        }
    };
    let parts = parts.iter();
    let parts = parts.map(|part| {
        let order = read(part)?;
        Ok((text(part.as_map().ok_or(CORRUPT)?, "of")?, order))
    });
    parts.collect()
}

fn text<'a>(fields: &'a Map, name: &str) -> Result<&'a str, Error> {
    match fields.get(name) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(CORRUPT),
    }
}

fn number(value: Option<&Value>) -> Result<u32, Error> {
    match value {
        Some(Value::Integer(number)) => u32::try_from(*number).map_err(|_| CORRUPT),
        _ => Err(CORRUPT),
    }
}

fn collection(id: &str) -> Result<CollectionId, Error> {
    CollectionId::parse(id).map_err(|_| CORRUPT)
}

const fn scope_text(scope: QueryScope) -> &'static str {
    match scope {
        QueryScope::Collection => "collection",
        QueryScope::CollectionGroup => "group",
    }
}

fn scope_of(text: &str) -> Result<QueryScope, Error> {
    let all = [QueryScope::Collection, QueryScope::CollectionGroup];
    find(all, |scope| scope_text(scope) == text)
}

const fn state_text(state: State) -> &'static str {
    match state {
        State::Off => "off",
        State::Building => "building",
        State::Ready => "ready",
        State::Dropping => "dropping",
    }
}

fn state_of(text: &str) -> Result<State, Error> {
    let all = [State::Off, State::Building, State::Ready, State::Dropping];
    find(all, |state| state_text(state) == text)
}

const fn mode_text(mode: Mode) -> &'static str {
    match mode {
        Mode::Auto => "auto",
        Mode::Warn => "warn",
        Mode::Enforce => "enforce",
    }
}

fn mode_of(text: &str) -> Result<Mode, Error> {
    let all = [Mode::Auto, Mode::Warn, Mode::Enforce];
    find(all, |mode| mode_text(mode) == text)
}

fn find<T: Copy, const N: usize>(all: [T; N], is: impl Fn(T) -> bool) -> Result<T, Error> {
    all.into_iter().find(|one| is(*one)).ok_or(CORRUPT)
}
