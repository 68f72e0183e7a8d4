//! What changes the catalogue of indexes: declaring and removing, and the end of building and dropping.
//!
//! Each is a part of a transaction, from whose commit on writers keep what was asked for; the entries of documents that
//! were there before are `backfill.rs`'s. Every change writes the generation, so that transactions that write documents
//! at the same time run again.

use bytes::Bytes;
use firekeep_model::{CollectionId, FieldPath};
use firekeep_store::{Key, Space, WriteTx};

use crate::Error;
use crate::index::backfill::Task;
use crate::index::catalog::{Catalog, Composite, Expiry, Group, Kinds, Mode, Override, State};
use crate::index::definition::{Definition, FieldOverride, IndexOrder, InvalidIndex, QueryScope};
use crate::index::key::IndexId;
use crate::index::stored::{self, Stored};

/// What came of declaring an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    /// It is there now, and must be built.
    New(IndexId),
    /// It was there.
    Known(IndexId),
}

/// Says what becomes of queries that want an index.
///
/// # Errors
/// [`Error::Corrupt`]; those of storage.
pub fn set_mode(tx: &mut WriteTx<'_>, mode: Mode) -> Result<(), Error> {
    put(tx, Stored::Mode(mode))
}

/// Declares a composite index.
///
/// # Errors
/// [`Error::Corrupt`]; those of storage.
pub fn add_composite(tx: &mut WriteTx<'_>, definition: Definition) -> Result<Declared, Error> {
    let catalog = Catalog::load(tx)?;
    let mut composites = catalog.composites(definition.collection());
    let known = composites
        .find(|composite| composite.definition == definition && composite.state != State::Dropping);
    if let Some(known) = known {
        return Ok(Declared::Known(known.id));
    }
    drop(composites);
    // Ids do not come again: entries of a removed index may be in the history.
    let id = IndexId(catalog.next_id());
    put(tx, Stored::Next(id.0 + 1))?;
    let composite = Composite {
        id,
        parts: definition.parts(),
        definition,
        state: State::Building,
        since: tx.time(),
    };
    put(tx, Stored::Composite(composite))?;
    Ok(Declared::New(id))
}

/// Removes a composite index. Queries do without it at once.
///
/// # Errors
/// [`InvalidIndex::NoSuchIndex`]; [`Error::Corrupt`]; those of storage.
pub fn remove_composite(tx: &mut WriteTx<'_>, id: IndexId) -> Result<(), Error> {
    let catalog = Catalog::load(tx)?;
    let mut composites = catalog.all_composites().iter();
    let found = composites.find(|composite| composite.id == id);
    let composite = found.ok_or(InvalidIndex::NoSuchIndex(id))?.clone();
    set_composite_state(tx, composite, State::Dropping)
}

/// Gives a group of collections single-field entries of its own. Without effect where it has some.
///
/// # Errors
/// [`InvalidIndex::Busy`] while earlier ones are being removed; [`Error::Corrupt`]; those of storage.
pub fn enable_group(tx: &mut WriteTx<'_>, collection: &CollectionId) -> Result<(), Error> {
    match Catalog::load(tx)?.group_state(collection) {
        State::Off => set_group_state(tx, collection, State::Building),
        State::Building | State::Ready => Ok(()),
        State::Dropping => Err(InvalidIndex::Busy.into()),
    }
}

/// Takes a group's entries away. Without effect where it has none.
///
/// # Errors
/// [`Error::Corrupt`]; those of storage.
pub fn disable_group(tx: &mut WriteTx<'_>, collection: &CollectionId) -> Result<(), Error> {
    match Catalog::load(tx)?.group_state(collection) {
        State::Building | State::Ready => set_group_state(tx, collection, State::Dropping),
        State::Off | State::Dropping => Ok(()),
    }
}

/// Declares which single-field indexes a field has. One for a group of collections enables the group.
///
/// Both orders of a field are the same entries. A field has entries in all scopes or none: an index in either scope is
/// one in both.
///
/// # Errors
/// [`InvalidIndex::FieldOfAllCollections`], [`InvalidIndex::SingleVector`]; [`InvalidIndex::Busy`] while another rule
/// of the same collections is being carried out; [`Error::Corrupt`]; those of storage.
pub fn set_override(tx: &mut WriteTx<'_>, declared: FieldOverride) -> Result<(), Error> {
    let indexes = declared.indexes;
    let orders = || indexes.iter().map(|(_, order)| *order);
    if declared.collection.is_none() && declared.field.is_some() {
        return Err(InvalidIndex::FieldOfAllCollections.into());
    }
    if orders().any(|order| matches!(order, IndexOrder::Vector(_))) {
        return Err(InvalidIndex::SingleVector.into());
    }
    let wanted = Kinds {
        values: on(orders().any(|order| order.direction().is_some())),
        elements: on(orders().any(|order| order == IndexOrder::Contains)),
    };
    let in_group = indexes
        .iter()
        .any(|(scope, _)| *scope == QueryScope::CollectionGroup);
    if let Some(collection) = declared.collection.as_ref().filter(|_| in_group) {
        enable_group(tx, collection)?;
    }
    let catalog = Catalog::load(tx)?;
    change_override(
        tx,
        &catalog,
        Override {
            collection: declared.collection,
            field: declared.field,
            declared: Some(indexes),
            kinds: wanted,
            since: tx.time(),
        },
    )
}

/// Takes a rule back. Without effect where there is none.
///
/// # Errors
/// [`InvalidIndex::Busy`]; [`Error::Corrupt`]; those of storage.
pub fn remove_override(
    tx: &mut WriteTx<'_>,
    collection: Option<&CollectionId>,
    field: Option<&FieldPath>,
) -> Result<(), Error> {
    let catalog = Catalog::load(tx)?;
    let Some(known) = find_override(&catalog, collection, field) else {
        return Ok(());
    };
    if known.declared.is_none() {
        return Ok(());
    }
    let wanted = catalog.without(known).map(|state| match state {
        State::Building | State::Ready => State::Ready,
        State::Off | State::Dropping => State::Off,
    });
    let taken_back = Override {
        declared: None,
        kinds: wanted,
        ..known.clone()
    };
    change_override(tx, &catalog, taken_back)
}

/// Declares that the documents of a group of collections are deleted after the time that a field of them holds. Gives the
/// group single-field entries, by which those are found.
///
/// # Errors
/// [`InvalidIndex::OtherExpiry`]; those of [`enable_group`].
pub fn set_expiry(tx: &mut WriteTx<'_>, expiry: Expiry) -> Result<(), Error> {
    let catalog = Catalog::load(tx)?;
    let mut all = catalog.expiries().iter();
    match all.find(|other| other.collection == expiry.collection) {
        Some(known) if *known == expiry => return Ok(()),
        Some(other) => {
            let collection = expiry.collection.as_str().to_owned();
            return Err(InvalidIndex::OtherExpiry(collection, other.field.clone()).into());
        }
        None => {}
    }
    enable_group(tx, &expiry.collection)?;
    put(tx, Stored::Expiry(expiry))
}

/// Takes that back. Without effect where it was not declared of this field.
///
/// # Errors
/// [`Error::Corrupt`]; those of storage.
pub fn remove_expiry(tx: &mut WriteTx<'_>, expiry: &Expiry) -> Result<(), Error> {
    match Catalog::load(tx)?.expiries().contains(expiry) {
        true => remove(tx, stored::expiry_name(&expiry.collection)),
        false => Ok(()),
    }
}

const fn on(on: bool) -> State {
    if on { State::Ready } else { State::Off }
}

fn find_override<'a>(
    catalog: &'a Catalog,
    collection: Option<&CollectionId>,
    field: Option<&FieldPath>,
) -> Option<&'a Override> {
    catalog.overrides().iter().find(|declared| {
        declared.collection.as_ref() == collection && declared.field.as_ref() == field
    })
}

/// Puts a rule, of which the kinds are those that are wanted in the end.
fn change_override(
    tx: &mut WriteTx<'_>,
    catalog: &Catalog,
    mut rule: Override,
) -> Result<(), Error> {
    let known = find_override(catalog, rule.collection.as_ref(), rule.field.as_ref());
    let now = match known {
        Some(known) => known.kinds,
        None => catalog.without(&rule),
    };
    for other in catalog.overrides() {
        let apart = other.collection.is_some()
            && rule.collection.is_some()
            && other.collection != rule.collection;
        if other.is_same(&rule) || apart {
            continue;
        }
        if !other.kinds.is_settled() {
            return Err(InvalidIndex::Busy.into());
        }
        // What a rule left behind that was taken back follows the one around it again, if that is this one. Another one
        // between them says since when entries are complete that are not its own: it does not know of a later time.
        let is_between =
            |one: &Override| one.declared.is_some() && other.is_within(one) && one.is_within(&rule);
        if other.declared.is_none()
            && other.is_within(&rule)
            && !catalog.overrides().iter().any(is_between)
        {
            let name = stored::override_name(other.collection.as_ref(), other.field.as_ref());
            tx.delete(Space::Meta, name)?;
        }
    }
    // An index that is to be there is, or is built; and so with one that is not.
    let step = |wanted, now| match (wanted, now) {
        (State::Ready, State::Ready) => State::Ready,
        (State::Ready, _) => State::Building,
        (_, State::Off) => State::Off,
        (_, _) => State::Dropping,
    };
    rule.kinds = Kinds {
        values: step(rule.kinds.values, now.values),
        elements: step(rule.kinds.elements, now.elements),
    };
    let task = Task::Fields {
        collection: rule.collection.clone(),
        field: rule.field.clone(),
    };
    forget_progress(tx, &task)?;
    put(tx, Stored::Override(rule))
}

/// Marks what a task was about as done.
pub(crate) fn finish(tx: &mut WriteTx<'_>, catalog: &Catalog, task: &Task) -> Result<(), Error> {
    let done = |state| match state {
        State::Building => State::Ready,
        State::Dropping => State::Off,
        state => state,
    };
    match task {
        Task::Composite(id) => {
            let mut composites = catalog.all_composites().iter();
            if let Some(composite) = composites.find(|composite| composite.id == *id) {
                set_composite_state(tx, composite.clone(), done(composite.state))?;
            }
        }
        Task::Group(collection) => {
            set_group_state(tx, collection, done(catalog.group_state(collection)))?;
        }
        Task::Fields { collection, field } => {
            if let Some(rule) = find_override(catalog, collection.as_ref(), field.as_ref()) {
                let kinds = rule.kinds.map(done);
                let rule = rule.clone();
                put(tx, Stored::Override(Override { kinds, ..rule }))?;
            }
        }
    }
    forget_progress(tx, task)
}

fn set_composite_state(
    tx: &mut WriteTx<'_>,
    composite: Composite,
    state: State,
) -> Result<(), Error> {
    forget_progress(tx, &Task::Composite(composite.id))?;
    match state {
        State::Off => remove(tx, stored::composite_name(composite.id)),
        state => put(tx, Stored::Composite(Composite { state, ..composite })),
    }
}

fn set_group_state(
    tx: &mut WriteTx<'_>,
    collection: &CollectionId,
    state: State,
) -> Result<(), Error> {
    forget_progress(tx, &Task::Group(collection.clone()))?;
    let group = Group {
        collection: collection.clone(),
        state,
        since: tx.time(),
    };
    match state {
        State::Off => remove(tx, stored::group_name(collection)),
        _ => put(tx, Stored::Group(group)),
    }
}

fn forget_progress(tx: &mut WriteTx<'_>, task: &Task) -> Result<(), Error> {
    Ok(tx.delete(Space::Meta, task.progress_name())?)
}

fn put(tx: &mut WriteTx<'_>, row: Stored) -> Result<(), Error> {
    let (name, value) = stored::encode(&row)?;
    tx.put(Space::Meta, name, value)?;
    touch(tx)
}

fn remove(tx: &mut WriteTx<'_>, name: Key) -> Result<(), Error> {
    tx.delete(Space::Meta, name)?;
    touch(tx)
}

fn touch(tx: &mut WriteTx<'_>) -> Result<(), Error> {
    // Its time is what it says.
    Ok(tx.put(Space::Meta, stored::GENERATION.to_vec(), Bytes::new())?)
}
