//! What the tests of queries share: short ways to write filters and documents, and generated ones.

use firekeep_model::{
    Array, CollectionId, DatabaseName, Document, DocumentName, DocumentPath, FieldPath, FieldRef,
    Map, Timestamp, Value, Vector,
};
use firekeep_testkit::random::Seeded;
use firekeep_testkit::values;

use super::{CollectionSelector, Cursor, Direction, Order, Query};
use crate::Error;
use crate::filter::{Comparison, Condition, Filter};
use crate::naive;

pub(crate) fn database() -> DatabaseName {
    DatabaseName::parse("projects/p/databases/(default)").unwrap()
}

pub(crate) fn path(text: &str) -> DocumentPath {
    DocumentPath::parse(text).unwrap()
}

pub(crate) fn field(text: &str) -> FieldRef {
    FieldRef::parse(text).unwrap()
}

pub(crate) fn field_path(text: &str) -> FieldPath {
    FieldPath::parse(text).unwrap()
}

/// A reference to a document of [`database`].
pub(crate) fn reference(text: &str) -> Value {
    reference_of(&database(), &path(text))
}

fn reference_of(database: &DatabaseName, path: &DocumentPath) -> Value {
    Value::reference(DocumentName {
        database: database.clone(),
        path: path.clone(),
    })
}

pub(crate) fn array(elements: impl IntoIterator<Item = impl Into<Value>>) -> Value {
    Array::new(elements.into_iter().map(Into::into).collect())
        .unwrap()
        .into()
}

pub(crate) fn vector(elements: &[f64]) -> Value {
    Value::Vector(Vector::new(elements).unwrap())
}

pub(crate) fn map(entries: &[(&str, Value)]) -> Map {
    let entries = entries
        .iter()
        .map(|(name, value)| ((*name).into(), value.clone()));
    Map::from_entries(entries.collect()).unwrap()
}

pub(crate) fn document(at: &str, fields: &[(&str, Value)]) -> Document {
    Document {
        path: path(at),
        fields: map(fields),
        create_time: Timestamp::default(),
        update_time: Timestamp::default(),
    }
}

/// A filter with one operand: `f("v", "<=", 7)`. Of `is-null` and the like the operand does not matter.
pub(crate) fn f(name: &str, operator: &str, operand: impl Into<Value>) -> Filter {
    let operand = operand.into();
    let compare = |comparison, operand| Condition::Compare(comparison, operand);
    let condition = match operator {
        "==" => compare(Comparison::Equal, operand),
        "!=" => compare(Comparison::NotEqual, operand),
        "<" => compare(Comparison::Less, operand),
        "<=" => compare(Comparison::LessOrEqual, operand),
        ">" => compare(Comparison::Greater, operand),
        ">=" => compare(Comparison::GreaterOrEqual, operand),
        "array-contains" => Condition::ArrayContains(operand),
        "is-null" => Condition::IsNull,
        "is-not-null" => Condition::IsNotNull,
        "is-nan" => Condition::IsNan,
        "is-not-nan" => Condition::IsNotNan,
        other => panic!("no operator: {other}"),
    };
    Filter::field(field(name), condition)
}

/// A filter with a list.
pub(crate) fn l<const N: usize>(name: &str, operator: &str, list: [Value; N]) -> Filter {
    let condition = match operator {
        "in" => Condition::In(list.into()),
        "not-in" => Condition::NotIn(list.into()),
        "array-contains-any" => Condition::ArrayContainsAny(list.into()),
        other => panic!("no operator: {other}"),
    };
    Filter::field(field(name), condition)
}

pub(crate) fn and<const N: usize>(filters: [Filter; N]) -> Filter {
    Filter::And(filters.into())
}

pub(crate) fn or<const N: usize>(filters: [Filter; N]) -> Filter {
    Filter::Or(filters.into())
}

/// An order: `["x", "-y"]`.
pub(crate) fn orders(fields: &[&str]) -> Vec<Order> {
    fields
        .iter()
        .map(|name| match name.strip_prefix('-') {
            Some(name) => Order::descending(field(name)),
            None => Order::ascending(field(name)),
        })
        .collect()
}

pub(crate) fn cursor<const N: usize>(before: bool, values: [Value; N]) -> Option<Cursor> {
    Some(Cursor {
        values: values.into(),
        before,
    })
}

/// A query of a collection at the root.
pub(crate) fn query(collection: &str) -> Query {
    Query {
        from: CollectionSelector {
            collection: Some(CollectionId::parse(collection).unwrap()),
            all_descendants: false,
        },
        ..Query::default()
    }
}

/// The ids of the answer, or the paths where the query reads several collections.
pub(crate) fn run(query: &Query, documents: &[Document]) -> String {
    let documents = documents.iter().cloned().map(Ok::<_, Error>);
    let answer = naive::answer(query, documents).unwrap();
    let is_single = query.collection_path().unwrap().is_some();
    let names = answer.documents.iter().map(|document| match is_single {
        true => document.path.id(),
        false => document.path.as_str(),
    });
    names.collect::<Vec<_>>().join(" ")
}

/// The fields of generated documents and queries.
const FIELDS: [&str; 4] = ["a", "b", "m.x", "m"];

/// Documents and queries about the same few values, so that filters find something.
pub(crate) struct World {
    pub(crate) random: Seeded,
    pool: Vec<Value>,
    paths: Vec<DocumentPath>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Seeded::new(seed);
        let mut pool: Vec<_> = (0..8).map(|_| values::value(&mut random, 2)).collect();
        pool.extend([Value::Null, f64::NAN.into(), 1.into(), 2.0.into()]);
        let elements = pool
            .iter()
            .filter(|value| !matches!(value, Value::Array(_) | Value::Vector(_)));
        pool.push(array(elements.take(3).cloned().collect::<Vec<_>>()));
        let paths = (0..20).map(|at| {
            path(&match random.below(4) {
                0 => format!("c/{at}/c/{at}"),
                1 => format!("d/{at}/c/x"),
                2 => format!("c/__id{at}__"),
                _ => format!("c/{at}"),
            })
        });
        let mut paths: Vec<_> = paths.collect();
        paths.sort();
        Self {
            random,
            pool,
            paths,
        }
    }

    /// As [`new`](Self::new), with values and names of which index entries cannot hold all.
    pub(crate) fn long(seed: u64) -> Self {
        let mut world = Self::new(seed);
        let text = |end: &str| format!("{}{end}", "x".repeat(1_600));
        for end in ["", "a", "b"] {
            world.pool.push(text(end).as_str().into());
        }
        world.pool.push("x".repeat(1_497).as_str().into());
        world.pool.push(array([text("a").as_str(), "z"]));
        world
            .pool
            .push(map(&[("x", text("b").as_str().into())]).into());
        for at in 0..6 {
            let id = format!("{}{at}", "y".repeat(1_400));
            world.paths.push(path(&format!("c/{id}")));
            world.paths.push(path(&format!("d/{id}/c/{at}")));
        }
        world.paths.sort();
        world
    }

    /// A conjunction that some document fulfils, or nearly, as applications ask for it.
    pub(crate) fn likely_filter(&mut self, documents: &[Document]) -> Filter {
        let at = self.random.below(documents.len());
        let document = &documents[at];
        let mut filters = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            let name = self.random.pick(&FIELDS);
            let Some(value) = document.fields.get_path(&field_path(name)) else {
                continue;
            };
            let condition = match value {
                Value::Array(elements) if !elements.is_empty() && self.random.once_in(2) => {
                    let at = self.random.below(elements.len());
                    Condition::ArrayContains(elements[at].clone())
                }
                value => match self.random.below(4) {
                    0 => Condition::Compare(self.comparison(), value.clone()),
                    1 => Condition::In(vec![value.clone(), self.value()]),
                    _ => Condition::Compare(Comparison::Equal, value.clone()),
                },
            };
            filters.push(Filter::field(field(name), condition));
        }
        if filters.is_empty() {
            return self.filter(1);
        }
        Filter::And(filters)
    }

    pub(crate) fn documents(&mut self) -> Vec<Document> {
        let paths = self.paths.clone();
        let document = |path| {
            let mut fields = Map::new();
            for name in FIELDS {
                let one_in = if name == "m" { 2 } else { 4 };
                if !self.random.once_in(one_in) {
                    fields.set_path(&field_path(name), self.value());
                }
            }
            Document {
                path,
                fields,
                create_time: Timestamp::default(),
                update_time: Timestamp::default(),
            }
        };
        paths.into_iter().map(document).collect()
    }

    fn value(&mut self) -> Value {
        let at = self.random.below(self.pool.len());
        self.pool[at].clone()
    }

    /// A reference to a document that is there, mostly.
    fn name(&mut self) -> Value {
        let at = self.random.below(self.paths.len());
        match self.random.below(4) {
            0 => reference("c/5/zz/y"),
            _ => reference_of(&database(), &self.paths[at]),
        }
    }

    fn field(&mut self) -> FieldRef {
        field(self.random.pick(&FIELDS))
    }

    fn list(&mut self) -> Vec<Value> {
        (0..=self.random.below(3)).map(|_| self.value()).collect()
    }

    fn comparison(&mut self) -> Comparison {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        self.random.pick(&[
            Equal,
            Equal,
            NotEqual,
            Less,
            LessOrEqual,
            Greater,
            GreaterOrEqual,
        ])
    }

    pub(crate) fn filter(&mut self, depth: usize) -> Filter {
        let kind = self.random.below(if depth == 0 { 7 } else { 12 });
        let children = |world: &mut Self| {
            (0..=world.random.below(3))
                .map(|_| world.filter(depth - 1))
                .collect()
        };
        let condition = match kind {
            0 => {
                let names = Condition::Compare(self.comparison(), self.name());
                return Filter::field(FieldRef::DocumentName, names);
            }
            1 => Condition::In(self.list()),
            2 => Condition::NotIn(self.list()),
            3 => Condition::ArrayContains(self.value()),
            4 => Condition::ArrayContainsAny(self.list()),
            5 => {
                use Condition::{IsNan, IsNotNan, IsNotNull, IsNull};
                let at = self.random.below(4);
                [IsNull, IsNotNull, IsNan, IsNotNan][at].clone()
            }
            6 | 7 => Condition::Compare(self.comparison(), self.value()),
            8 | 9 => return Filter::And(children(self)),
            _ => return Filter::Or(children(self)),
        };
        Filter::field(self.field(), condition)
    }

    /// A filter on the name only.
    pub(crate) fn name_filter(&mut self) -> Filter {
        let filter = |world: &mut Self| {
            let condition = Condition::Compare(world.comparison(), world.name());
            Filter::field(FieldRef::DocumentName, condition)
        };
        match self.random.below(3) {
            0 => and([filter(self), filter(self)]),
            1 => or([filter(self), filter(self)]),
            _ => filter(self),
        }
    }

    pub(crate) fn orders(&mut self) -> Vec<Order> {
        let mut orders = Vec::<Order>::new();
        for _ in 0..self.random.below(3) {
            let field = self.field();
            let direction = self.direction();
            if orders.iter().all(|order| order.field != field) {
                orders.push(Order { field, direction });
            }
        }
        if self.random.once_in(4) {
            let direction = self.direction();
            orders.push(Order {
                field: FieldRef::DocumentName,
                direction,
            });
        }
        orders
    }

    fn direction(&mut self) -> Direction {
        self.random
            .pick(&[Direction::Ascending, Direction::Descending])
    }

    /// A query that keeps the lenient rules.
    pub(crate) fn query(&mut self) -> Query {
        self.query_of(|world| world.random.once_in(2).then(|| world.filter(2)))
    }

    /// As [`query`](Self::query), with a filter of this making.
    pub(crate) fn query_of(&mut self, filter: impl Fn(&mut Self) -> Option<Filter>) -> Query {
        loop {
            let query = Query {
                parent: self.random.once_in(5).then(|| self.paths[0].clone()),
                from: CollectionSelector {
                    collection: Some(CollectionId::parse("c").unwrap()),
                    all_descendants: self.random.once_in(2),
                },
                filter: filter(self),
                order_by: self.orders(),
                ..Query::default()
            };
            let orders = query.normal_order();
            let query = Query {
                start_at: self.random.once_in(3).then(|| self.cursor(&orders)),
                end_at: self.random.once_in(3).then(|| self.cursor(&orders)),
                offset: self.random.pick(&[0, 0, 1, 3]),
                limit: self.random.pick(&[None, None, Some(0), Some(1), Some(5)]),
                ..query
            };
            if query
                .validate(&database(), super::Strictness::Lenient)
                .is_ok()
            {
                return query;
            }
        }
    }

    pub(crate) fn cursor(&mut self, orders: &[Order]) -> Cursor {
        let taken = self.random.below(orders.len() + 1);
        let values = orders.iter().take(taken);
        Cursor {
            values: values
                .map(|order| match order.field {
                    FieldRef::DocumentName => self.name(),
                    FieldRef::Field(_) => self.value(),
                })
                .collect(),
            before: self.random.once_in(2),
        }
    }
}

/// The nine documents of the specification, section 7.2: a field `v` of every kind, and one without it.
pub(crate) fn nine() -> Vec<Document> {
    let v = |id: &str, value: Value| document(&format!("nine/{id}"), &[("v", value)]);
    vec![
        v("a", f64::NAN.into()),
        v("b", 5.into()),
        v("c", 7.into()),
        v("d", "7".into()),
        v("e", array([7])),
        v("f", array([7, 8])),
        v("g", map(&[("k", 1.into())]).into()),
        document("nine/h", &[("w", 1.into())]),
        v("i", Value::Null),
    ]
}
