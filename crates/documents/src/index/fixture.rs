//! What the tests of indexes share: which entries there should be, said in the plainest way, and random writes.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use firekeep_model::{
    Array, CollectionId, DocumentPath, FieldPath, FieldRef, Map, TypeGroup, Value,
};
use firekeep_store::{Direction, Key, KeyRange, PageLimit, Read, Space};
use firekeep_testkit::random::Seeded;
use firekeep_testkit::values;

use crate::fixture::{World, delete, document};
use crate::index::definition::{Holds, Part};
use crate::index::key::{self, Component, Cut, Scope};
use crate::index::{Definition, IndexId, IndexOrder, Kind, QueryScope};
use crate::{Operation, Precondition, Write, codec, keys};

pub(crate) fn id(text: &str) -> CollectionId {
    CollectionId::parse(text).unwrap()
}

/// `a ASC, b CONTAINS, v VECTOR`, in the collections of an id.
pub(crate) fn define(collection: &str, scope: QueryScope, fields: &str) -> Definition {
    let fields = fields.split(", ").map(|field| {
        let (field, order) = field.split_once(' ').unwrap();
        let order = match order {
            "ASC" => IndexOrder::Ascending,
            "DESC" => IndexOrder::Descending,
            "CONTAINS" => IndexOrder::Contains,
            _ => IndexOrder::Vector(2),
        };
        (FieldRef::parse(field).unwrap(), order)
    });
    Definition::new(id(collection), scope, fields.collect()).unwrap()
}

/// Which indexes there should be.
#[derive(Clone, Default)]
pub(crate) struct Plan {
    pub(crate) groups: Vec<&'static str>,
    /// A collection, a field and those in it, and what of them has no entries.
    pub(crate) exempt: Vec<(&'static str, &'static str, Kind)>,
    pub(crate) composites: Vec<(IndexId, Definition)>,
}

pub(crate) type Entries = BTreeMap<Key, Bytes>;

impl Plan {
    /// The entries of these documents.
    pub(crate) fn entries(&self, documents: &[(DocumentPath, Map)]) -> Entries {
        let mut all = Entries::new();
        for (path, fields) in documents {
            let collection = path.parent();
            let group = id(path.collection_id());
            let (key, row) =
                key::entry(&Scope::Group(&group), key::names(&group), Cut::Whole, path);
            all.insert(key, row);
            let mut scopes = vec![Scope::Collection(&collection)];
            if self.groups.contains(&path.collection_id()) {
                scopes.push(Scope::Group(&group));
            }
            let mut paths = Vec::new();
            field_paths(&mut Vec::new(), fields, &mut paths);
            for field in paths {
                let value = fields.get_path(&field).unwrap();
                for scope in &scopes {
                    self.single(&mut all, scope, path, &field, value);
                }
            }
            for (index, definition) in &self.composites {
                if definition.collection() == &group {
                    let scope = match definition.scope() {
                        QueryScope::Collection => Scope::Collection(&collection),
                        QueryScope::CollectionGroup => Scope::Group(&group),
                    };
                    let front = key::composite(*index, &scope);
                    let parts = definition.parts();
                    composite(&mut all, &scope, path, fields, &parts, front, Cut::Whole);
                }
            }
        }
        all
    }

    fn is_exempt(&self, path: &DocumentPath, field: &FieldPath, kind: Kind) -> bool {
        self.exempt.iter().any(|(collection, outer, exempt)| {
            let covers = *outer == "*" || FieldPath::parse(outer).unwrap().covers(field);
            *collection == path.collection_id() && covers && *exempt == kind
        })
    }

    fn single(
        &self,
        all: &mut Entries,
        scope: &Scope<'_>,
        path: &DocumentPath,
        field: &FieldPath,
        value: &Value,
    ) {
        let mut put = |prefix: Key, value: &Value| {
            let (front, cut) = key::append(prefix, value, Component::SINGLE);
            let (key, row) = key::entry(scope, front, cut, path);
            all.insert(key, row);
        };
        if !self.is_exempt(path, field, Kind::Values) {
            put(key::values(scope, field), value);
        }
        if let Value::Array(array) = value
            && !self.is_exempt(path, field, Kind::Elements)
        {
            for element in array.iter() {
                put(key::elements(scope, field), element);
            }
        }
    }
}

fn field_paths(above: &mut Vec<String>, fields: &Map, paths: &mut Vec<FieldPath>) {
    for (name, value) in fields.iter() {
        above.push(name.to_owned());
        if let Ok(path) = FieldPath::new(above.iter().map(String::as_str)) {
            paths.push(path);
        }
        if let Value::Map(map) = value {
            field_paths(above, map, paths);
        }
        above.pop();
    }
}

/// One component after the other.
fn composite(
    all: &mut Entries,
    scope: &Scope<'_>,
    path: &DocumentPath,
    fields: &Map,
    parts: &[Part],
    front: Key,
    cut: Cut,
) {
    let Some((part, rest)) = parts.split_first() else {
        let (key, row) = key::entry(scope, front, cut, path);
        all.insert(key, row);
        return;
    };
    let values: Vec<&Value> = match (part.holds, fields.get_path(&part.field)) {
        (Holds::Value, Some(value)) => vec![value],
        (Holds::Element, Some(Value::Array(array))) => array.iter().collect(),
        (Holds::Vector(2), Some(value @ Value::Vector(vector))) if vector.len() == 2 => vec![value],
        _ => vec![],
    };
    for value in values {
        let (front, cut_here) = key::append(front.clone(), value, part.component);
        let cut = if cut_here == Cut::Cut { Cut::Cut } else { cut };
        composite(all, scope, path, fields, rest, front, cut);
    }
}

/// Every row of a space, in its order.
pub(crate) fn rows(tx: &dyn Read, space: Space, range: &KeyRange) -> Vec<(Key, Bytes)> {
    let mut all = Vec::new();
    let mut rest = range.clone();
    loop {
        let page = tx
            .scan(space, &rest, Direction::Forward, PageLimit::default())
            .unwrap();
        all.extend(page.rows);
        match page.next {
            Some(next) => rest = rest.after(&next),
            None => return all,
        }
    }
}

pub(crate) fn entries(tx: &dyn Read) -> Entries {
    rows(tx, Space::Idx, &KeyRange::all()).into_iter().collect()
}

pub(crate) fn documents(tx: &dyn Read) -> Vec<(DocumentPath, Map)> {
    let rows = rows(tx, Space::Docs, &KeyRange::all()).into_iter();
    rows.map(|(key, row)| {
        (
            keys::path(&key).unwrap(),
            codec::decode(&row).unwrap().fields,
        )
    })
    .collect()
}

/// The entries are those of the documents.
pub(crate) fn check(tx: &dyn Read, plan: &Plan) {
    let (found, expected) = (entries(tx), plan.entries(&documents(tx)));
    let missing: Vec<_> = expected
        .iter()
        .filter(|(key, _)| !found.contains_key(*key))
        .collect();
    let excess: Vec<_> = found
        .iter()
        .filter(|(key, _)| !expected.contains_key(*key))
        .collect();
    assert!(missing.is_empty(), "missing: {missing:?}");
    assert!(excess.is_empty(), "too many: {excess:?}");
    assert_eq!(found, expected);
}

const FIELDS: [&str; 6] = ["a", "b", "m", "n", "v", "x-y"];

fn some_path(random: &mut Seeded) -> String {
    let long = "p".repeat(400);
    let collections = [
        "c".to_owned(),
        "d".to_owned(),
        "c/x/d".to_owned(),
        format!("d/{long}/c"),
    ];
    let collection = &collections[random.below(collections.len())];
    match random.below(8) {
        0 => format!("{collection}/{}{}", "q".repeat(700), random.below(2)),
        at => format!("{collection}/{at}"),
    }
}

fn some_value(random: &mut Seeded) -> Value {
    match random.below(12) {
        0 => format!("{}{}", "x".repeat(1_600), random.below(3))
            .as_str()
            .into(),
        1 => {
            let elements = (0..random.below(6)).map(|_| values::number(random));
            Array::new(elements.collect()).unwrap().into()
        }
        2 => values::value_of(random, TypeGroup::Vector, 1),
        3 => some_fields(random).into(),
        4..=6 => i64::try_from(random.below(3)).unwrap().into(),
        _ => values::value(random, 3),
    }
}

fn some_fields(random: &mut Seeded) -> Map {
    let mut fields = Map::new();
    for field in FIELDS {
        if random.once_in(3) {
            let value = match random.below(9) {
                0 => Map::new().into(),
                1 => values::map(random, 3).into(),
                2 => values::array(random, 3).into(),
                _ => values::value(random, 1),
            };
            fields.insert(field, value).unwrap();
        }
    }
    fields
}

/// A few writes, of different documents.
pub(crate) fn some_writes(random: &mut Seeded) -> Vec<Write> {
    let paths: BTreeSet<_> = (0..=random.below(3)).map(|_| some_path(random)).collect();
    let writes = paths.iter().map(|path| match random.below(5) {
        0 => delete(path),
        1 | 2 => {
            let mut fields = Map::new();
            let field = FieldPath::parse(["a", "b", "m.a", "m.b.c", "v"][random.below(5)]).unwrap();
            if !random.once_in(4) {
                fields.set_path(&field, some_value(random));
            }
            let mask = Some(firekeep_model::FieldMask::new([field]));
            update(path, fields, mask)
        }
        _ => {
            let mut fields = some_fields(random);
            fields.insert("a", some_value(random)).unwrap();
            update(path, fields, None)
        }
    });
    writes.collect()
}

fn update(path: &str, fields: Map, mask: Option<firekeep_model::FieldMask>) -> Write {
    Write {
        path: document(path),
        operation: Operation::Update { fields, mask },
        transforms: Vec::new(),
        precondition: Precondition::None,
    }
}

/// Random documents, written with these indexes.
pub(crate) fn fill(
    world: &World,
    indexes: &crate::index::Indexes,
    random: &mut Seeded,
    commits: usize,
) {
    for _ in 0..commits {
        world.commit_with(&some_writes(random), indexes).unwrap();
    }
}
