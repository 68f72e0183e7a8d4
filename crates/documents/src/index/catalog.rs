//! Which indexes a database has, and in what state they are.
//!
//! A value: it is loaded from `meta` once for each time it was changed, and shared. What changes it is `change.rs`. Every
//! transaction asks [`Indexes`] for the one of its own snapshot. Storage design, section 5.

mod current;

use std::collections::HashMap;

use firekeep_model::{CollectionId, FieldPath};
use firekeep_store::{CommitTime, Direction, KeyRange, PageLimit, Read, Space};

use crate::Error;
use crate::index::backfill::Task;
use crate::index::definition::{Definition, FieldOverride, IndexOrder, Part, QueryScope};
use crate::index::key::IndexId;
use crate::index::stored::{self, Stored};

pub use current::Indexes;

/// What becomes of queries that the cloud would refuse for want of an index. Every mode answers the others alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// They are answered.
    #[default]
    Auto,
    /// They are answered, and it is said which index they want.
    Warn,
    /// They are refused.
    Enforce,
}

/// How far an index is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// There is none.
    #[default]
    Off,
    /// Writes keep it; entries of older documents may be missing.
    Building,
    /// It is complete, and queries may use it.
    Ready,
    /// Its entries are being removed.
    Dropping,
}

/// Which entries of a single field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Those of its values.
    Values,
    /// Those of the elements of its arrays.
    Elements,
}

/// The states of both kinds of entries of a single field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds {
    /// Those of its values.
    pub values: State,
    /// Those of the elements of its arrays.
    pub elements: State,
}

impl Kinds {
    /// What fields have that nobody said anything about.
    pub const READY: Self = Self {
        values: State::Ready,
        elements: State::Ready,
    };

    /// The state of one kind.
    #[must_use]
    pub const fn of(self, kind: Kind) -> State {
        match kind {
            Kind::Values => self.values,
            Kind::Elements => self.elements,
        }
    }

    pub(crate) fn map(self, change: impl Fn(State) -> State) -> Self {
        Self {
            values: change(self.values),
            elements: change(self.elements),
        }
    }

    pub(crate) fn is_settled(self) -> bool {
        let settled = |state| matches!(state, State::Off | State::Ready);
        settled(self.values) && settled(self.elements)
    }
}

/// A composite index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composite {
    /// What its entries begin with.
    pub id: IndexId,
    /// What was declared.
    pub definition: Definition,
    /// How far it is.
    pub state: State,
    /// How its entries hold its fields: [`Definition::parts`].
    pub parts: Vec<Part>,
    pub(crate) since: CommitTime,
}

/// The single-field indexes of a field, or of all, where they are not what fields have without being asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The collections' id; `None` for all that have no rule of their own.
    pub collection: Option<CollectionId>,
    /// The field; `None` for all that have no rule of their own.
    pub field: Option<FieldPath>,
    /// What was declared; `None` where the declaration was taken back, and entries are, or were, brought in line.
    pub declared: Option<Vec<(QueryScope, IndexOrder)>>,
    /// How far its entries are.
    pub kinds: Kinds,
    pub(crate) since: CommitTime,
}

/// The single-field indexes of a group of collections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The collections' id.
    pub collection: CollectionId,
    /// How far the entries are.
    pub state: State,
    pub(crate) since: CommitTime,
}

/// After which time the documents of a group of collections are deleted. Source: specification, section 13.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// The collections' id.
    pub collection: CollectionId,
    /// The field that holds the time. Documents in which it is none do not expire.
    pub field: FieldPath,
}

/// What there is to know about the collections of one id.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Of fields that have no rule of their own, and are in none that has.
    pub(crate) base: Kinds,
    /// By the text of the field's path.
    pub(crate) fields: HashMap<Box<str>, Kinds>,
    pub(crate) group: State,
    /// Positions in [`Catalog::composites`].
    composites: Vec<usize>,
}

/// Which indexes a database has.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    mode: Mode,
    next: u32,
    composites: Vec<Composite>,
    overrides: Vec<Override>,
    groups: Vec<Group>,
    expiries: Vec<Expiry>,
    /// When it was changed last; `None` when it never was, or was by the transaction that loaded it.
    time: Option<CommitTime>,
    // INVARIANT: both follow from the lists above; see `arrange`.
    rules: HashMap<Box<str>, Rules>,
    default: Rules,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            base: Kinds::READY,
            fields: HashMap::new(),
            group: State::Off,
            composites: Vec::new(),
        }
    }
}

impl Catalog {
    /// The catalogue that a transaction sees, and that it needs not to change. See [`Indexes::catalog`].
    ///
    /// # Errors
    /// [`Error::Corrupt`]; those of storage.
    pub fn load(tx: &dyn Read) -> Result<Self, Error> {
        let mut catalog = Self::default();
        let Some(generation) = find_generation(tx)? else {
            return Ok(catalog);
        };
        catalog.time = generation.time;
        let mut range = KeyRange::prefix(stored::PREFIX);
        loop {
            let limit = PageLimit::default();
            let page = tx.scan_rows(Space::Meta, &range, Direction::Forward, limit)?;
            for (name, row) in page.rows {
                match stored::decode(&name, &row)? {
                    Some(Stored::Mode(mode)) => catalog.mode = mode,
                    Some(Stored::Next(next)) => catalog.next = next,
                    Some(Stored::Composite(composite)) => catalog.composites.push(composite),
                    Some(Stored::Override(declared)) => catalog.overrides.push(declared),
                    Some(Stored::Group(group)) => catalog.groups.push(group),
                    Some(Stored::Expiry(expiry)) => catalog.expiries.push(expiry),
                    None => {}
                }
            }
            match page.next {
                Some(next) => range = range.after(&next),
                None => return Ok(catalog.arrange()),
            }
        }
    }

    /// This catalogue for reads in the past: an index that became ready later is not ready.
    #[must_use]
    pub fn as_of(&self, time: CommitTime) -> Self {
        let mut catalog = self.clone();
        let then = |state, since| match state {
            State::Ready if since > time => State::Building,
            state => state,
        };
        for composite in &mut catalog.composites {
            composite.state = then(composite.state, composite.since);
        }
        for group in &mut catalog.groups {
            group.state = then(group.state, group.since);
        }
        for declared in &mut catalog.overrides {
            let since = declared.since;
            declared.kinds = declared.kinds.map(|state| then(state, since));
        }
        catalog.arrange()
    }

    /// This catalogue for the one who carries out a task: without the composite indexes that others build. One for which
    /// a document has no room is nobody else's trouble.
    pub(crate) fn of_task(&self, task: &Task) -> Self {
        let mut catalog = self.clone();
        catalog.composites.retain(|composite| {
            composite.state != State::Building || *task == Task::Composite(composite.id)
        });
        catalog.arrange()
    }

    fn arrange(mut self) -> Self {
        let base = |collection: Option<&CollectionId>| {
            let all_fields = |declared: &&Override| {
                declared.field.is_none() && declared.collection.as_ref() == collection
            };
            self.overrides.iter().find(all_fields).map(|all| all.kinds)
        };
        let default = Rules {
            base: base(None).unwrap_or(Kinds::READY),
            ..Rules::default()
        };
        let mut rules: HashMap<Box<str>, Rules> = HashMap::new();
        let mut of = |collection: &CollectionId, change: &mut dyn FnMut(&mut Rules)| {
            let rules = rules.entry(collection.as_str().into());
            change(rules.or_insert_with(|| Rules {
                base: base(Some(collection)).unwrap_or(default.base),
                ..Rules::default()
            }));
        };
        for declared in &self.overrides {
            let Some(collection) = &declared.collection else {
                continue;
            };
            of(collection, &mut |rules| {
                if let Some(field) = &declared.field {
                    rules
                        .fields
                        .insert(field.to_string().into(), declared.kinds);
                }
            });
        }
        for group in &self.groups {
            of(&group.collection, &mut |rules| rules.group = group.state);
        }
        for (at, composite) in self.composites.iter().enumerate() {
            let collection = composite.definition.collection();
            of(collection, &mut |rules| rules.composites.push(at));
        }
        self.rules = rules;
        self.default = default;
        self
    }

    /// What becomes of queries that want an index.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The composite indexes of the collections of an id, in every state and both scopes.
    pub fn composites(&self, collection: &CollectionId) -> impl Iterator<Item = &Composite> {
        self.composites_of(self.rules(collection.as_str()))
    }

    pub(crate) fn composites_of(&self, rules: &Rules) -> impl Iterator<Item = &Composite> {
        let found = rules.composites.iter();
        found.filter_map(|at| self.composites.get(*at))
    }

    /// Every composite index.
    #[must_use]
    pub fn all_composites(&self) -> &[Composite] {
        &self.composites
    }

    /// Every rule for single fields.
    #[must_use]
    pub fn overrides(&self) -> &[Override] {
        &self.overrides
    }

    /// Every group of collections that has, or had, entries of its own.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Which documents expire; at most one field for each group of collections.
    #[must_use]
    pub fn expiries(&self) -> &[Expiry] {
        &self.expiries
    }

    /// If the documents that have expired are found without looking at all of the group.
    #[must_use]
    pub fn finds_expired(&self, expiry: &Expiry) -> bool {
        self.group_state(&expiry.collection) == State::Ready
            && !self.is_exempt(&expiry.collection, &expiry.field, Kind::Values)
    }

    /// How far the single-field entries of a group of collections are. Those of a single field also have a state of
    /// their own: [`field_state`](Self::field_state).
    #[must_use]
    pub fn group_state(&self, collection: &CollectionId) -> State {
        self.rules(collection.as_str()).group
    }

    /// How far a field's entries are.
    #[must_use]
    pub fn field_state(&self, collection: &CollectionId, field: &FieldPath, kind: Kind) -> State {
        self.rules(collection.as_str()).kinds(field).of(kind)
    }

    /// If queries must do without a field's entries.
    #[must_use]
    pub fn is_exempt(&self, collection: &CollectionId, field: &FieldPath, kind: Kind) -> bool {
        self.field_state(collection, field, kind) != State::Ready
    }

    /// If nothing is being built or removed.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.tasks().is_empty()
    }

    /// The states that the fields of a rule have without it.
    pub(crate) fn without(&self, rule: &Override) -> Kinds {
        let others = || self.overrides.iter().filter(|other| !other.is_same(rule));
        let all_fields = |collection: Option<&CollectionId>| {
            let mut others = others();
            others.find(|other| other.field.is_none() && other.collection.as_ref() == collection)
        };
        let around = |other: &&Override| {
            let covers = |outer: &FieldPath| {
                let inner = rule.field.as_ref();
                inner.is_some_and(|inner| outer.covers(inner))
            };
            other.collection == rule.collection && other.field.as_ref().is_some_and(covers)
        };
        let nearest = others()
            .filter(around)
            .max_by_key(|other| other.field.as_ref().map(|field| field.names().len()));
        let found = nearest
            .or_else(|| all_fields(rule.collection.as_ref()))
            .or_else(|| all_fields(None));
        found.map_or(Kinds::READY, |rule| rule.kinds)
    }

    /// What is left to build and to remove.
    #[must_use]
    pub fn tasks(&self) -> Vec<Task> {
        let open = |state| matches!(state, State::Building | State::Dropping);
        let composites = self.composites.iter();
        let composites = composites
            .filter(|composite| open(composite.state))
            .map(|composite| Task::Composite(composite.id));
        let groups = self.groups.iter().filter(|group| open(group.state));
        let groups = groups.map(|group| Task::Group(group.collection.clone()));
        let rules = self.overrides.iter();
        let rules = rules
            .filter(|rule| !rule.kinds.is_settled())
            .map(|rule| Task::Fields {
                collection: rule.collection.clone(),
                field: rule.field.clone(),
            });
        composites.chain(groups).chain(rules).collect()
    }

    pub(crate) fn rules(&self, collection: &str) -> &Rules {
        self.rules.get(collection).unwrap_or(&self.default)
    }

    pub(crate) fn next_id(&self) -> u32 {
        self.next.max(IndexId::FIRST_COMPOSITE.0)
    }
}

impl Rules {
    /// The states of a field: its own, or those of the nearest field that it is in, or those of all fields.
    fn kinds(&self, field: &FieldPath) -> Kinds {
        let mut kinds = self.base;
        if self.fields.is_empty() {
            return kinds;
        }
        let mut text = String::new();
        for name in field.names() {
            FieldPath::append_name(&mut text, name);
            kinds = self.inside(kinds, &text);
        }
        kinds
    }

    /// The states of a field in one of these.
    pub(crate) fn inside(&self, outer: Kinds, text: &str) -> Kinds {
        match self.fields.is_empty() {
            true => outer,
            false => self.fields.get(text).copied().unwrap_or(outer),
        }
    }
}

impl Override {
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.collection == other.collection && self.field == other.field
    }

    /// If this is a narrower rule than another one.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        let fields = match (&other.field, &self.field) {
            (None, _) => true,
            (Some(outer), Some(inner)) => outer.covers(inner),
            (Some(_), None) => false,
        };
        let collections = other.collection.is_none() || other.collection == self.collection;
        fields && collections && !self.is_same(other)
    }

    /// As it was declared, if it still is.
    #[must_use]
    pub fn declaration(&self) -> Option<FieldOverride> {
        Some(FieldOverride {
            collection: self.collection.clone(),
            field: self.field.clone(),
            indexes: self.declared.clone()?,
        })
    }
}

fn find_generation(tx: &dyn Read) -> Result<Option<firekeep_store::Row>, Error> {
    let rows = tx.find_rows(Space::Meta, &[stored::GENERATION])?;
    Ok(rows.into_iter().next().flatten())
}

#[cfg(test)]
mod tests;
