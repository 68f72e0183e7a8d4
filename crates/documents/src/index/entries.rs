//! Which entries a document has, and how they differ from those that it had.
//!
//! The fields of both are walked through side by side, and what is the same is passed over without being encoded: a
//! write costs the entries of what it changes. Storage design, section 5.

use std::cell::OnceCell;

use bytes::Bytes;
use firekeep_model::limits::FIELD_PATH_BYTES_MAX;
use firekeep_model::{Array, DocumentPath, FieldPath, Map, Value};
use firekeep_store::Key;

use crate::Error;
use crate::index::catalog::{Catalog, Composite, Kind, Kinds, Rules, State};
use crate::index::definition::{Holds, QueryScope};
use crate::index::key::{self, Component, Cut, IndexId, Place};

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// An entry that was not there.
    Add(Key, Bytes),
    /// One that is not there any more.
    Remove(Key),
}

/// What is done about the entries of an index in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Upkeep {
    pub(crate) adds: bool,
    pub(crate) removes: bool,
}

/// Which upkeep belongs to a state.
pub(crate) type Policy = fn(State) -> Upkeep;

/// What writers do. Where entries are being dropped, those that are left are always entries of the documents as they
/// are, so that whoever drops them finds them.
pub(crate) const fn maintain(state: State) -> Upkeep {
    Upkeep {
        adds: matches!(state, State::Building | State::Ready),
        removes: !matches!(state, State::Off),
    }
}

/// Only what is in one state.
pub(crate) const fn building(state: State) -> Upkeep {
    only(matches!(state, State::Building))
}

/// Only what is being dropped.
pub(crate) const fn dropping(state: State) -> Upkeep {
    only(matches!(state, State::Dropping))
}

/// Only what must be complete.
pub(crate) const fn ready(state: State) -> Upkeep {
    only(matches!(state, State::Ready))
}

/// Everything that may be there.
pub(crate) const fn possible(state: State) -> Upkeep {
    only(!matches!(state, State::Off))
}

const fn only(yes: bool) -> Upkeep {
    Upkeep {
        adds: yes,
        removes: yes,
    }
}

/// Gives every difference between the entries of a document before and after a change; `None` is a document that is not
/// there. Every difference comes once.
///
/// # Errors
/// Those of `sink`.
pub(crate) fn differences(
    catalog: &Catalog,
    policy: Policy,
    document: &DocumentPath,
    before: Option<&Map>,
    after: Option<&Map>,
    sink: &mut dyn FnMut(Change) -> Result<(), Error>,
) -> Result<(), Error> {
    name(policy, document, (before.is_some(), after.is_some()), sink)?;
    let rules = catalog.rules(document.collection_id());
    let target = |index, scope, state| Target {
        index,
        scope,
        state,
        document,
        place: OnceCell::new(),
    };
    let own = target(IndexId::FIELDS, QueryScope::Collection, State::Ready);
    let mut targets = vec![own];
    if rules.group != State::Off {
        let scope = QueryScope::CollectionGroup;
        targets.push(target(IndexId::GROUP_FIELDS, scope, rules.group));
    }
    let mut walk = Walk {
        rules,
        policy,
        targets: &targets,
        text: String::new(),
        name_bytes: 0,
        buffers: Default::default(),
        sink,
    };
    walk.fields(rules.base, before, after)?;
    for composite in catalog.composites_of(rules) {
        walk.composite(composite, document, before, after)?;
    }
    Ok(())
}

/// The entry of the document's name, which is always kept: it comes and goes with the document.
fn name(
    policy: Policy,
    document: &DocumentPath,
    (was_there, is_there): (bool, bool),
    sink: &mut dyn FnMut(Change) -> Result<(), Error>,
) -> Result<(), Error> {
    let upkeep = policy(State::Ready);
    if was_there == is_there || !(upkeep.adds || upkeep.removes) {
        return Ok(());
    }
    let place = Place::new(IndexId::NAMES, QueryScope::CollectionGroup, document);
    let nothing = (Vec::new(), Cut::Whole);
    change(&place, &nothing, is_there, upkeep, sink)
}

/// The entries of a document in the indexes of a policy.
///
/// # Errors
/// None in fact.
pub(crate) fn of_document(
    catalog: &Catalog,
    policy: Policy,
    document: &DocumentPath,
    fields: &Map,
) -> Result<Vec<(Key, Bytes)>, Error> {
    let mut entries = Vec::new();
    let mut take = |change| {
        if let Change::Add(key, row) = change {
            entries.push((key, row));
        }
        Ok(())
    };
    differences(catalog, policy, document, None, Some(fields), &mut take)?;
    Ok(entries)
}

/// Where the entries of a single field go.
struct Target<'a> {
    index: IndexId,
    scope: QueryScope,
    state: State,
    document: &'a DocumentPath,
    place: OnceCell<Place<'a>>,
}

impl<'a> Target<'a> {
    fn place(&self) -> &Place<'a> {
        self.place
            .get_or_init(|| Place::new(self.index, self.scope, self.document))
    }

    /// The state of entries of a field in this scope.
    const fn state_of(&self, field: State) -> State {
        match (self.state, field) {
            (State::Off, _) | (_, State::Off) => State::Off,
            (State::Dropping, _) | (_, State::Dropping) => State::Dropping,
            (State::Building, _) | (_, State::Building) => State::Building,
            (State::Ready, State::Ready) => State::Ready,
        }
    }
}

/// A walk through the fields of a document.
struct Walk<'a> {
    rules: &'a Rules,
    policy: Policy,
    targets: &'a [Target<'a>],
    /// The path of the field that it is at.
    text: String,
    /// The bytes of the names on that path, and a dot for each.
    name_bytes: usize,
    buffers: [Vec<u8>; 2],
    sink: &'a mut dyn FnMut(Change) -> Result<(), Error>,
}

/// Everything of an entry but its place.
type Middle = (Vec<u8>, Cut);

impl Walk<'_> {
    fn fields(
        &mut self,
        outer: Kinds,
        before: Option<&Map>,
        after: Option<&Map>,
    ) -> Result<(), Error> {
        let mut before = before.into_iter().flat_map(Map::iter).peekable();
        let mut after = after.into_iter().flat_map(Map::iter).peekable();
        loop {
            let name = match (before.peek(), after.peek()) {
                (None, None) => return Ok(()),
                (Some((name, _)), None) | (None, Some((name, _))) => *name,
                (Some((old, _)), Some((new, _))) => *old.min(new),
            };
            let old = before.next_if(|(other, _)| *other == name);
            let new = after.next_if(|(other, _)| *other == name);
            let value = |entry: Option<(_, _)>| entry.map(|(_, value)| value);
            self.field(name, outer, value(old), value(new))?;
        }
    }

    fn field(
        &mut self,
        name: &str,
        outer: Kinds,
        before: Option<&Value>,
        after: Option<&Value>,
    ) -> Result<(), Error> {
        if before == after {
            return Ok(());
        }
        let (text, name_bytes) = (self.text.len(), self.name_bytes);
        self.name_bytes += name.len() + 1;
        // No query can name a field whose path is longer.
        if self.name_bytes <= FIELD_PATH_BYTES_MAX + 1 {
            FieldPath::append_name(&mut self.text, name);
            let kinds = self.rules.inside(outer, &self.text);
            self.values(kinds.values, before, after)?;
            self.elements(kinds.elements, before, after)?;
            let maps = [before, after].map(|value| value.and_then(Value::as_map));
            if let [before, after] = maps
                && (before.is_some() || after.is_some())
            {
                self.fields(kinds, before, after)?;
            }
        }
        self.text.truncate(text);
        self.name_bytes = name_bytes;
        Ok(())
    }

    /// If entries in a state are of no concern.
    fn leaves(&self, field: State) -> bool {
        let mut targets = self.targets.iter();
        targets.all(|target| {
            let upkeep = (self.policy)(target.state_of(field));
            !upkeep.adds && !upkeep.removes
        })
    }

    fn values(
        &mut self,
        state: State,
        before: Option<&Value>,
        after: Option<&Value>,
    ) -> Result<(), Error> {
        if self.leaves(state) {
            return Ok(());
        }
        // By far the most entries are these: the buffers serve for all of them.
        let mut buffers = std::mem::take(&mut self.buffers);
        let [old, new] = &mut buffers;
        old.clear();
        key::put_field_middle(old, &self.text, Kind::Values);
        new.clone_from(old);
        let middle = |buffer: &mut Vec<u8>, value: Option<&Value>| {
            let value = value?;
            let (middle, cut) = key::append(std::mem::take(buffer), value, Component::SINGLE);
            Some((middle, cut))
        };
        let (before, after) = (middle(old, before), middle(new, after));
        let same = |(old, new): (&Middle, &Middle)| old.0 == new.0;
        if !before.as_ref().zip(after.as_ref()).is_some_and(same) {
            if let Some(old) = &before {
                self.single(state, old, false)?;
            }
            if let Some(new) = &after {
                self.single(state, new, true)?;
            }
        }
        self.buffers =
            [before, after].map(|middle| middle.map(|(bytes, _)| bytes).unwrap_or_default());
        Ok(())
    }

    fn elements(
        &mut self,
        state: State,
        before: Option<&Value>,
        after: Option<&Value>,
    ) -> Result<(), Error> {
        let arrays = [before, after].map(as_array);
        if arrays.iter().all(Option::is_none) || self.leaves(state) {
            return Ok(());
        }
        let mut front = Vec::new();
        key::put_field_middle(&mut front, &self.text, Kind::Elements);
        let [before, after] = arrays.map(|array| {
            let elements = array.into_iter().flat_map(|array| array.iter());
            let middle = |element| key::append(front.clone(), element, Component::SINGLE);
            sorted(elements.map(middle).collect())
        });
        compare(before, after, |middle, is_new| {
            self.single(state, middle, is_new)
        })
    }

    /// One difference of a single field, in each scope.
    fn single(&mut self, field: State, middle: &Middle, is_new: bool) -> Result<(), Error> {
        for target in self.targets {
            let upkeep = (self.policy)(target.state_of(field));
            change(target.place(), middle, is_new, upkeep, self.sink)?;
        }
        Ok(())
    }

    fn composite(
        &mut self,
        composite: &Composite,
        document: &DocumentPath,
        before: Option<&Map>,
        after: Option<&Map>,
    ) -> Result<(), Error> {
        let upkeep = (self.policy)(composite.state);
        if !upkeep.adds && !upkeep.removes {
            return Ok(());
        }
        if let (Some(before), Some(after)) = (before, after) {
            let mut fields = composite.parts.iter().map(|part| &part.field);
            if fields.all(|field| before.get_path(field) == after.get_path(field)) {
                return Ok(());
            }
        }
        let middles = |fields: Option<&Map>| {
            let middles = fields.and_then(|fields| middles(composite, fields));
            sorted(middles.unwrap_or_default())
        };
        let place = Place::new(composite.id, composite.definition.scope(), document);
        compare(middles(before), middles(after), |middle, is_new| {
            change(&place, middle, is_new, upkeep, self.sink)
        })
    }
}

fn as_array(value: Option<&Value>) -> Option<&Array> {
    match value {
        Some(Value::Array(array)) => Some(array),
        _ => None,
    }
}

/// The entries of a composite index for fields; `None` when one is missing.
fn middles(composite: &Composite, fields: &Map) -> Option<Vec<Middle>> {
    let mut middles = vec![(Vec::new(), Cut::Whole)];
    for part in &composite.parts {
        let value = fields.get_path(&part.field)?;
        let put = |(middle, cut): Middle, value: &Value| {
            let (middle, cut_here) = key::append(middle, value, part.component);
            let cut = if cut_here == Cut::Cut { cut_here } else { cut };
            (middle, cut)
        };
        match (part.holds, value) {
            (Holds::Value, value) => {
                middles = middles
                    .into_iter()
                    .map(|middle| put(middle, value))
                    .collect();
            }
            (Holds::Vector(dimension), Value::Vector(vector)) => {
                // A usize of today is no wider.
                if u64::try_from(vector.len()).ok()? != u64::from(dimension) {
                    return None;
                }
                middles = middles
                    .into_iter()
                    .map(|middle| put(middle, value))
                    .collect();
            }
            // An index has one array at most, so that this happens once.
            (Holds::Element, Value::Array(array)) => {
                let all = |middle: &Middle| {
                    let elements = array.iter();
                    let each = elements.map(|element| put(middle.clone(), element));
                    each.collect::<Vec<_>>()
                };
                middles = sorted(middles.iter().flat_map(all).collect());
            }
            (Holds::Vector(_) | Holds::Element, _) => return None,
        }
    }
    Some(middles)
}

fn sorted(mut middles: Vec<Middle>) -> Vec<Middle> {
    middles.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    middles.dedup_by(|a, b| a.0 == b.0);
    middles
}

/// Gives what is in one of two sorted lists only: what is new, and what is old.
fn compare(
    before: Vec<Middle>,
    after: Vec<Middle>,
    mut differs: impl FnMut(&Middle, bool) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut before = before.iter().peekable();
    let mut after = after.iter().peekable();
    loop {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return Ok(()),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(old), Some(new)) => old.0.cmp(&new.0),
        };
        let old = if order.is_le() { before.next() } else { None };
        let new = if order.is_ge() { after.next() } else { None };
        match (old, new) {
            (Some(old), None) => differs(old, false)?,
            (None, Some(new)) => differs(new, true)?,
            _ => {}
        }
    }
}

fn change(
    place: &Place<'_>,
    (middle, cut): &Middle,
    is_new: bool,
    upkeep: Upkeep,
    sink: &mut dyn FnMut(Change) -> Result<(), Error>,
) -> Result<(), Error> {
    let (key, row) = place.entry(middle, *cut);
    match is_new {
        true if upkeep.adds => sink(Change::Add(key, row)),
        false if upkeep.removes => sink(Change::Remove(key)),
        _ => Ok(()),
    }
}
