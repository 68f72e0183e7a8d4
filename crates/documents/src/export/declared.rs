//! The index definitions in an export file: what was declared, not the entries, which every engine makes anew.
//!
//! ```text
//! indexes  = (composite | override | group | mode | expiry)+
//! composite = 1 · collection (sized) · scope (1 B) · count (4 B) · (field (sized) · order)*
//! override  = 2 · collection? · field? · count (4 B) · (scope (1 B) · order)*
//! group     = 3 · collection (sized)
//! mode      = 4 · (1 auto · 2 warn · 3 enforce)
//! expiry    = 5 · collection (sized) · field (sized)
//! x?        = 0, or 1 · x (sized)
//! scope     = 1 a collection · 2 a group of collections
//! order     = 1 ascending · 2 descending · 3 contains · 4 vector · dimension (4 B)
//! ```
//!
//! The fields of a composite end with `__name__`.

use firekeep_model::{CollectionId, FieldPath, FieldRef};
use firekeep_store::WriteTx;

use super::FileError;
use super::rest::{Rest, put_sized};
use crate::index::catalog::{Catalog, Expiry, Mode, State};
use crate::index::change;
use crate::index::definition::{Definition, FieldOverride, IndexOrder, QueryScope};
use crate::query::Direction;
use crate::{Error, Invalid};

const COMPOSITE: u8 = 1;
const OVERRIDE: u8 = 2;
const GROUP: u8 = 3;
const MODE: u8 = 4;
const EXPIRY: u8 = 5;

/// What stands for each mode.
const MODES: [(u8, Mode); 3] = [(1, Mode::Auto), (2, Mode::Warn), (3, Mode::Enforce)];

/// One thing that was declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Declaration {
    /// A composite index.
    Composite(Definition),
    /// Which single-field indexes a field has.
    Override(FieldOverride),
    /// That a group of collections has single-field indexes.
    Group(CollectionId),
    /// What becomes of queries that want an index.
    Mode(Mode),
    /// When the documents of a group of collections expire.
    Expiry(Expiry),
}

impl Declaration {
    /// Everything that a catalogue has, without what is being removed.
    #[must_use]
    pub fn all(catalog: &Catalog) -> Vec<Self> {
        let stays = |state: State| matches!(state, State::Building | State::Ready);
        let composites = catalog.all_composites().iter();
        let composites = composites
            .filter(|composite| stays(composite.state))
            .map(|composite| Self::Composite(composite.definition.clone()));
        let overrides = catalog.overrides().iter();
        let overrides = overrides.filter_map(|rule| rule.declaration().map(Self::Override));
        let groups = catalog.groups().iter();
        let groups = groups
            .filter(|group| stays(group.state))
            .map(|group| Self::Group(group.collection.clone()));
        let mode = Some(catalog.mode()).filter(|mode| *mode != Mode::default());
        let all = composites.chain(overrides).chain(groups);
        let expiries = catalog.expiries().iter().cloned().map(Self::Expiry);
        all.chain(mode.map(Self::Mode)).chain(expiries).collect()
    }

    /// Declares it in a database. One that has another rule for the same field keeps it, and so with a mode.
    ///
    /// # Errors
    /// Those of [`change`]; among them [`InvalidIndex::Busy`](crate::index::definition::InvalidIndex::Busy) while the
    /// entries of the same collections are being changed.
    pub fn apply(&self, tx: &mut WriteTx<'_>) -> Result<(), Error> {
        match self {
            Self::Composite(definition) => {
                change::add_composite(tx, definition.clone())?;
                Ok(())
            }
            Self::Override(rule) => {
                let catalog = Catalog::load(tx)?;
                let known = catalog.overrides().iter().any(|known| {
                    let same = known.collection == rule.collection && known.field == rule.field;
                    same && known.declared.is_some()
                });
                match known {
                    true => Ok(()),
                    false => change::set_override(tx, rule.clone()),
                }
            }
            Self::Group(collection) => change::enable_group(tx, collection),
            Self::Expiry(expiry) => change::set_expiry(tx, expiry.clone()),
            Self::Mode(mode) => match Catalog::load(tx)?.mode() == Mode::default() {
                true => change::set_mode(tx, *mode),
                false => Ok(()),
            },
        }
    }

    /// If an error means that this cannot be declared here, or not now; not that storage failed.
    #[must_use]
    pub const fn is_refusal(error: &Error) -> bool {
        matches!(error, Error::InvalidArgument(Invalid::Index(_)))
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, FileError> {
        let mut row = Vec::new();
        match self {
            Self::Composite(definition) => {
                row.push(COMPOSITE);
                put_sized(&mut row, definition.collection().as_str().as_bytes())?;
                row.push(scope_code(definition.scope()));
                put_count(&mut row, definition.fields().len() + 1)?;
                for field in definition.fields() {
                    put_sized(&mut row, field.field.to_string().as_bytes())?;
                    put_order(&mut row, field.order);
                }
                put_sized(&mut row, FieldRef::DOCUMENT_NAME.as_bytes())?;
                put_order(
                    &mut row,
                    match definition.name() {
                        Direction::Ascending => IndexOrder::Ascending,
                        Direction::Descending => IndexOrder::Descending,
                    },
                );
            }
            Self::Override(rule) => {
                row.push(OVERRIDE);
                let collection = rule.collection.as_ref().map(CollectionId::as_str);
                put_optional(&mut row, collection)?;
                let field = rule.field.as_ref().map(ToString::to_string);
                put_optional(&mut row, field.as_deref())?;
                put_count(&mut row, rule.indexes.len())?;
                for (scope, order) in &rule.indexes {
                    row.push(scope_code(*scope));
                    put_order(&mut row, *order);
                }
            }
            Self::Group(collection) => {
                row.push(GROUP);
                put_sized(&mut row, collection.as_str().as_bytes())?;
            }
            Self::Expiry(expiry) => {
                row.push(EXPIRY);
                put_sized(&mut row, expiry.collection.as_str().as_bytes())?;
                put_sized(&mut row, expiry.field.to_string().as_bytes())?;
            }
            Self::Mode(mode) => {
                let known = MODES.iter().find(|(_, known)| known == mode);
                row.push(MODE);
                row.extend(known.map(|(code, _)| code));
            }
        }
        Ok(row)
    }

    /// Reads declarations to the end.
    pub(super) fn decode_all(raw: &[u8]) -> Option<Vec<Self>> {
        let mut rest = Rest(raw);
        let mut all = Vec::new();
        while !rest.0.is_empty() {
            all.push(Self::decode(&mut rest)?);
        }
        Some(all)
    }

    fn decode(rest: &mut Rest<'_>) -> Option<Self> {
        Some(match rest.array()? {
            [COMPOSITE] => {
                let collection = CollectionId::parse(rest.text()?).ok()?;
                let scope = scope_of(rest)?;
                let mut fields = Vec::new();
                for _ in 0..rest.count()? {
                    let field = FieldRef::parse(rest.text()?).ok()?;
                    fields.push((field, order_of(rest)?));
                }
                Self::Composite(Definition::new(collection, scope, fields).ok()?)
            }
            [OVERRIDE] => {
                let collection = rest.optional()?.map(CollectionId::parse);
                let field = rest.optional()?.map(FieldPath::parse);
                let mut indexes = Vec::new();
                for _ in 0..rest.count()? {
                    indexes.push((scope_of(rest)?, order_of(rest)?));
                }
                Self::Override(FieldOverride {
                    collection: collection.transpose().ok()?,
                    field: field.transpose().ok()?,
                    indexes,
                })
            }
            [GROUP] => Self::Group(CollectionId::parse(rest.text()?).ok()?),
            [EXPIRY] => Self::Expiry(Expiry {
                collection: CollectionId::parse(rest.text()?).ok()?,
                field: FieldPath::parse(rest.text()?).ok()?,
            }),
            [MODE] => {
                let [code] = rest.array()?;
                let known = MODES.iter().find(|(known, _)| *known == code)?;
                Self::Mode(known.1)
            }
            _ => return None,
        })
    }
}

fn put_count(row: &mut Vec<u8>, count: usize) -> Result<(), FileError> {
    let count = u32::try_from(count).map_err(|_| FileError::TooLarge)?;
    row.extend_from_slice(&count.to_le_bytes());
    Ok(())
}

fn put_optional(row: &mut Vec<u8>, text: Option<&str>) -> Result<(), FileError> {
    row.push(u8::from(text.is_some()));
    text.map_or(Ok(()), |text| put_sized(row, text.as_bytes()))
}

const fn scope_code(scope: QueryScope) -> u8 {
    match scope {
        QueryScope::Collection => 1,
        QueryScope::CollectionGroup => 2,
    }
}

fn scope_of(rest: &mut Rest<'_>) -> Option<QueryScope> {
    match rest.array()? {
        [1] => Some(QueryScope::Collection),
        [2] => Some(QueryScope::CollectionGroup),
        _ => None,
    }
}

fn put_order(row: &mut Vec<u8>, order: IndexOrder) {
    match order {
        IndexOrder::Ascending => row.push(1),
        IndexOrder::Descending => row.push(2),
        IndexOrder::Contains => row.push(3),
        IndexOrder::Vector(dimension) => {
            row.push(4);
            row.extend_from_slice(&dimension.to_le_bytes());
        }
    }
}

fn order_of(rest: &mut Rest<'_>) -> Option<IndexOrder> {
    match rest.array()? {
        [1] => Some(IndexOrder::Ascending),
        [2] => Some(IndexOrder::Descending),
        [3] => Some(IndexOrder::Contains),
        [4] => Some(IndexOrder::Vector(u32::from_le_bytes(rest.array()?))),
        _ => None,
    }
}
