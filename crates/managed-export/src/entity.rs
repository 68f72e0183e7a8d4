//! Entities: a document as a message of Datastore's first protocol.
//!
//! ```text
//! EntityProto   = 13 key · 14 property* · 15 raw_property*
//! key           = 13 app, `partition~project` · 14 path · 20 name_space · 23 database_id
//! path          = group 1 { 2 collection id · 3 numeric document id, or 4 document id }*
//! property      = 1 meaning · 2 meaning_uri · 3 name · 4 multiple · 5 value
//! value         = nothing, or one of 1 integer · 2 boolean · 3 string · 4 double · group 5 { 6 x · 7 y } ·
//!                 group 8 user · group 12 { 13 app · group 14 { 15 collection id · 16, or 17 document id }* ·
//!                 20 name_space · 23 database_id }
//! ```
//!
//! What a value is in Firestore is said by its type and its meaning: nothing is null; an integer of meaning 7 is a time in
//! microseconds; a string of meaning 14 or 16 is bytes, of 19 an entity that holds a map's fields; a point needs meaning 9.
//! An array is several properties of one name that are *multiple*, in their order, and a vector is one of doubles of meaning
//! 31; an empty array is a property of meaning 24 without a value.

use std::collections::HashMap;

use firekeep_model::{
    Array, DatabaseId, DatabaseName, Depth, DocumentName, DocumentPath, GeoPoint, Map, ProjectId,
    Timestamp, Value, Vector,
};

use crate::EntityError;
use crate::error::FieldError;
use crate::wire::{Content, fields};

pub(crate) const MEANING_WHEN: u64 = 7;
pub(crate) const MEANING_POINT: u64 = 9;
pub(crate) const MEANING_BLOB: u64 = 14;
/// A string that Datastore does not index.
const MEANING_TEXT: u64 = 15;
const MEANING_BYTESTRING: u64 = 16;
pub(crate) const MEANING_ENTITY: u64 = 19;
pub(crate) const MEANING_EMPTY_LIST: u64 = 24;
pub(crate) const MEANING_VECTOR: u64 = 31;

/// A document of a managed export. The export does not say when it was created or changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    /// The document's name, in the database that was exported.
    pub name: DocumentName,
    /// Its fields.
    pub fields: Map,
}

/// Reads an entity.
///
/// # Errors
/// [`EntityError`].
pub fn decode_entity(message: &[u8]) -> Result<Entity, EntityError> {
    let mut name = None;
    for field in fields(message) {
        if let (13, content) = field? {
            name = Some(read_key(content.bytes()?)?);
        }
    }
    Ok(Entity {
        name: name.ok_or(EntityError::Malformed("it has no key"))?,
        fields: read_properties(message, Depth::TOP)?,
    })
}

/// The parts of a key or a reference.
#[derive(Default)]
struct Key<'a> {
    app: Option<&'a str>,
    namespace: &'a str,
    database: &'a str,
    path: Vec<String>,
}

fn read_key(message: &[u8]) -> Result<DocumentName, EntityError> {
    let mut key = Key::default();
    for field in fields(message) {
        match field? {
            (13, content) => key.app = Some(content.text()?),
            (14, content) => {
                for element in fields(content.bytes()?) {
                    if let (1, element) = element? {
                        key.element(element.group()?, [2, 3, 4])?;
                    }
                }
            }
            (20, content) => key.namespace = content.text()?,
            (23, content) => key.database = content.text()?,
            _ => {}
        }
    }
    key.name()
}

fn read_reference(group: &[u8]) -> Result<DocumentName, EntityError> {
    let mut key = Key::default();
    for field in fields(group) {
        match field? {
            (13, content) => key.app = Some(content.text()?),
            (14, content) => key.element(content.group()?, [15, 16, 17])?,
            (20, content) => key.namespace = content.text()?,
            (23, content) => key.database = content.text()?,
            _ => {}
        }
    }
    key.name()
}

impl Key<'_> {
    /// Reads a collection id and a document id, whose fields have these numbers.
    fn element(&mut self, group: &[u8], [kind, id, name]: [u64; 3]) -> Result<(), EntityError> {
        let (mut collection, mut document) = (None, None);
        for field in fields(group) {
            match field? {
                (number, content) if number == kind => collection = Some(content.text()?),
                (number, content) if number == id => {
                    document = Some(format!("__id{}__", content.number()?.cast_signed()));
                }
                (number, content) if number == name => document = Some(content.text()?.to_owned()),
                _ => {}
            }
        }
        let (Some(collection), Some(document)) = (collection, document) else {
            return Err(EntityError::Malformed("its key lacks an id"));
        };
        // An id with a slash would become two.
        if collection.contains('/') || document.contains('/') {
            return Err(firekeep_model::PathError::Slash.into());
        }
        self.path.extend([collection.to_owned(), document]);
        Ok(())
    }

    fn name(self) -> Result<DocumentName, EntityError> {
        let app = self
            .app
            .ok_or(EntityError::Malformed("its key has no app"))?;
        if !self.namespace.is_empty() {
            return Err(EntityError::Namespace(self.namespace.to_owned()));
        }
        let project = app.split_once('~').map_or(app, |(_, project)| project);
        let database = match self.database {
            "" => DatabaseId::default(),
            id => DatabaseId::parse(id)?,
        };
        Ok(DocumentName {
            database: DatabaseName::new(ProjectId::parse(project)?, database),
            path: DocumentPath::parse(&self.path.join("/"))?,
        })
    }
}

/// A property before it is known what it is.
#[derive(Default)]
struct Property<'a> {
    name: Option<&'a str>,
    meaning: u64,
    has_uri: bool,
    multiple: bool,
    value: &'a [u8],
    /// If it stands in the list of those that Datastore does not index.
    raw: bool,
}

/// What the properties of one name have become so far.
enum Slot {
    Single(Value),
    Array { elements: Vec<Value>, raw: bool },
    Vector(Vec<f64>),
}

fn read_properties(message: &[u8], depth: Depth) -> Result<Map, EntityError> {
    let mut slots: Vec<(&str, Slot)> = Vec::new();
    let mut known = HashMap::new();
    for field in fields(message) {
        let (raw, content) = match field? {
            (14, content) => (false, content),
            (15, content) => (true, content),
            _ => continue,
        };
        let property = read_property(content.bytes()?, raw)?;
        let name = property
            .name
            .ok_or(EntityError::Malformed("a field of it has no name"))?;
        let place = *known.entry(name).or_insert(slots.len());
        let added = match slots.get_mut(place) {
            Some((_, slot)) => slot.add(&property, depth),
            None => Slot::new(&property, depth).map(|slot| slots.push((name, slot))),
        };
        added.map_err(|cause| at_field(name, cause))?;
    }
    let entries = slots.into_iter().map(|(name, slot)| {
        let value = slot.value().map_err(|cause| at_field(name, cause))?;
        Ok((name.into(), value))
    });
    let entries = entries.collect::<Result<_, EntityError>>()?;
    Map::from_entries(entries).map_err(|cause| at_field("", cause.into()))
}

/// Names the field that something is wrong with, with the fields that it is in.
fn at_field(name: &str, cause: FieldError) -> EntityError {
    let field = name.to_owned();
    match cause {
        FieldError::Map(cause) => match *cause {
            EntityError::Field { field, cause } => EntityError::Field {
                field: format!("{name} > {field}"),
                cause,
            },
            other => EntityError::Field {
                field,
                cause: FieldError::Map(Box::new(other)),
            },
        },
        cause => EntityError::Field { field, cause },
    }
}

fn read_property(message: &[u8], raw: bool) -> Result<Property<'_>, EntityError> {
    let mut property = Property {
        raw,
        ..Property::default()
    };
    for field in fields(message) {
        match field? {
            (1, content) => property.meaning = content.number()?,
            (2, content) => property.has_uri = !content.bytes()?.is_empty(),
            (3, content) => property.name = Some(content.text()?),
            (4, content) => property.multiple = content.number()? != 0,
            (5, content) => property.value = content.bytes()?,
            _ => {}
        }
    }
    Ok(property)
}

impl Slot {
    fn new(property: &Property<'_>, depth: Depth) -> Result<Self, FieldError> {
        if !property.multiple {
            return Ok(Self::Single(property.single(depth)?));
        }
        let mut slot = match property.meaning {
            MEANING_VECTOR => Self::Vector(Vec::new()),
            _ => Self::Array {
                elements: Vec::new(),
                raw: property.raw,
            },
        };
        slot.add(property, depth)?;
        Ok(slot)
    }

    fn add(&mut self, property: &Property<'_>, depth: Depth) -> Result<(), FieldError> {
        let vector = property.meaning == MEANING_VECTOR;
        match self {
            _ if !property.multiple => {
                return Err(FieldError::Contradiction("it is there twice"));
            }
            Self::Vector(elements) if vector => elements.push(property.double()?),
            Self::Array { raw, .. } if *raw != property.raw => {
                return Err(FieldError::Contradiction(
                    "some elements of the array are indexed and others are not, so nobody knows their order",
                ));
            }
            Self::Array { elements, .. } if !vector => {
                elements.push(property.single(depth.inside()?)?);
            }
            _ => return Err(FieldError::Contradiction("it is of two kinds")),
        }
        Ok(())
    }

    fn value(self) -> Result<Value, FieldError> {
        Ok(match self {
            Self::Single(value) => value,
            Self::Array { elements, .. } => Array::new(elements)?.into(),
            Self::Vector(elements) => Value::Vector(Vector::new(elements)?),
        })
    }
}

impl<'a> Property<'a> {
    fn single(&self, depth: Depth) -> Result<Value, FieldError> {
        let unknown = |what| {
            Err(FieldError::Unknown {
                what,
                meaning: self.meaning,
            })
        };
        if self.has_uri {
            return Err(FieldError::Contradiction(
                "it is compressed, or means something else that Firestore does not know",
            ));
        }
        let content = self.content()?;
        let value = match (content, self.meaning) {
            (None, 0) => Value::Null,
            (None, MEANING_EMPTY_LIST) => Array::default().into(),
            (None, _) => return unknown("no value"),
            (Some((1, content)), meaning) => {
                let number = number(content)?.cast_signed();
                match meaning {
                    0 => number.into(),
                    MEANING_WHEN => time(number)?.into(),
                    _ => return unknown("an integer"),
                }
            }
            (Some((2, content)), 0) => (number(content)? != 0).into(),
            (Some((2, _)), _) => return unknown("a boolean"),
            (Some((3, content)), meaning) => {
                let bytes = content.bytes().map_err(|_| WRONG_TYPE)?;
                match meaning {
                    0 | MEANING_TEXT => text(bytes)?,
                    MEANING_BLOB | MEANING_BYTESTRING => Value::Bytes(bytes.into()),
                    MEANING_ENTITY => {
                        let inner = read_properties(bytes, depth.inside()?);
                        inner.map_err(|cause| FieldError::Map(cause.into()))?.into()
                    }
                    _ => return unknown("a string"),
                }
            }
            (Some((4, content)), 0) => content.double().map_err(|_| WRONG_TYPE)?.into(),
            (Some((4, _)), _) => return unknown("a double"),
            (Some((5, content)), MEANING_POINT) => point(content)?,
            (Some((5, _)), _) => return unknown("a point"),
            (Some((12, content)), 0) => reference(content)?,
            (Some((12, _)), _) => return unknown("a reference"),
            (Some(_), _) => return unknown("a user"),
        };
        Ok(value)
    }

    /// An element of a vector.
    fn double(&self) -> Result<f64, FieldError> {
        match self.content()? {
            Some((4, content)) => content.double().map_err(|_| WRONG_TYPE),
            _ => Err(FieldError::Contradiction(
                "the vector holds other values than doubles",
            )),
        }
    }

    /// The one thing that the value has.
    fn content(&self) -> Result<Option<(u64, Content<'a>)>, FieldError> {
        let mut found = None;
        for field in fields(self.value) {
            let field = field.map_err(|_| FieldError::Contradiction("its value is no message"))?;
            if matches!(field.0, 1..=5 | 8 | 12) && found.replace(field).is_some() {
                return Err(FieldError::Contradiction("it has several values"));
            }
            if !matches!(field.0, 1..=5 | 8 | 12) {
                return Err(FieldError::Contradiction("its value has an unknown type"));
            }
        }
        Ok(found)
    }
}

const WRONG_TYPE: FieldError = FieldError::Contradiction("its value has another type");

fn number(content: Content<'_>) -> Result<u64, FieldError> {
    content.number().map_err(|_| WRONG_TYPE)
}

fn text(bytes: &[u8]) -> Result<Value, FieldError> {
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|_| FieldError::Contradiction("the string is no UTF-8"))?;
    Ok(text.into())
}

fn time(micros: i64) -> Result<Timestamp, FieldError> {
    let time = Timestamp::from_micros(micros);
    // Checks the years.
    Ok(Timestamp::from_parts(time.secs(), time.subsec_nanos())?)
}

fn point(content: Content<'_>) -> Result<Value, FieldError> {
    let wrong = |_| WRONG_TYPE;
    let (mut x, mut y) = (None, None);
    for field in fields(content.group().map_err(wrong)?) {
        match field.map_err(wrong)? {
            (6, content) => x = Some(content.double().map_err(wrong)?),
            (7, content) => y = Some(content.double().map_err(wrong)?),
            _ => {}
        }
    }
    match (x, y) {
        (Some(latitude), Some(longitude)) => {
            Ok(Value::GeoPoint(GeoPoint::new(latitude, longitude)?))
        }
        _ => Err(FieldError::Contradiction("half of the point is missing")),
    }
}

fn reference(content: Content<'_>) -> Result<Value, FieldError> {
    let group = content.group().map_err(|_| WRONG_TYPE)?;
    match read_reference(group) {
        Ok(name) => Ok(Value::reference(name)),
        Err(cause) => Err(FieldError::Reference(Box::new(cause))),
    }
}

#[cfg(test)]
mod tests;
