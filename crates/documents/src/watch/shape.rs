//! When two queries are one to their listeners.
//!
//! A query's shape is bytes that say everything about it that decides which documents are in its answer, each thing in
//! one way only: equal shapes have equal answers. Queries that are written differently and mean the same may still have
//! different shapes, and then are evaluated twice.

use firekeep_model::Value;
use firekeep_store::Key;
use firekeep_store::tuple::Encoder;

use crate::filter::{Comparison, Condition, FieldFilter, Filter};
use crate::query::{Cursor, Direction, Order, Query};

/// The shape of a query without a search for near vectors. `orders` is its normal order.
pub(super) fn shape(query: &Query, orders: &[Order]) -> Key {
    let mut encoder = Encoder::new();
    put_text(
        &mut encoder,
        query.parent.as_ref().map(|path| path.as_str()),
    );
    let collection = query.from.collection.as_ref();
    put_text(&mut encoder, collection.map(|id| id.as_str()));
    encoder.boolean(query.from.all_descendants);
    match &query.filter {
        Some(filter) => encoder.bytes(&filter_shape(filter)),
        None => encoder.null(),
    };
    encoder.array(|encoder| {
        for order in orders {
            encoder.string(&order.field.to_string());
            encoder.boolean(order.direction == Direction::Descending);
        }
    });
    put_cursor(&mut encoder, query.start_at.as_ref());
    put_cursor(&mut encoder, query.end_at.as_ref());
    encoder.integer(query.offset.into());
    match query.limit {
        Some(limit) => encoder.integer(limit.into()),
        None => encoder.null(),
    };
    encoder.finish()
}

fn put_text(encoder: &mut Encoder, text: Option<&str>) {
    match text {
        Some(text) => encoder.string(text),
        None => encoder.null(),
    };
}

fn put_cursor(encoder: &mut Encoder, cursor: Option<&Cursor>) {
    match cursor {
        Some(cursor) => encoder
            .array(|encoder| {
                for value in &cursor.values {
                    encoder.value(value);
                }
            })
            .boolean(cursor.before),
        None => encoder.null(),
    };
}

fn filter_shape(filter: &Filter) -> Key {
    const AND: i64 = 0;
    const OR: i64 = 1;
    const FIELD: i64 = 2;
    let mut encoder = Encoder::new();
    match filter {
        Filter::And(children) | Filter::Or(children) => {
            if let [only] = children.as_slice() {
                return filter_shape(only);
            }
            let is_and = matches!(filter, Filter::And(_));
            encoder.integer(if is_and { AND } else { OR });
            put_set(&mut encoder, children.iter().map(filter_shape));
        }
        Filter::Field(filter) => {
            encoder.integer(FIELD);
            put_condition(&mut encoder, filter);
        }
    }
    encoder.finish()
}

fn put_condition(encoder: &mut Encoder, filter: &FieldFilter) {
    let (tag, operands) = match &filter.condition {
        Condition::Compare(comparison, operand) => {
            let tag = match comparison {
                Comparison::Equal => 0,
                Comparison::NotEqual => 1,
                Comparison::Less => 2,
                Comparison::LessOrEqual => 3,
                Comparison::Greater => 4,
                Comparison::GreaterOrEqual => 5,
            };
            (tag, std::slice::from_ref(operand))
        }
        Condition::In(list) => (6, list.as_slice()),
        Condition::NotIn(list) => (7, list.as_slice()),
        Condition::ArrayContains(element) => (8, std::slice::from_ref(element)),
        Condition::ArrayContainsAny(list) => (9, list.as_slice()),
        Condition::IsNull => (10, &[][..]),
        Condition::IsNotNull => (11, &[][..]),
        Condition::IsNan => (12, &[][..]),
        Condition::IsNotNan => (13, &[][..]),
    };
    encoder.integer(tag).string(&filter.field.to_string());
    put_set(encoder, operands.iter().map(value_shape));
}

fn value_shape(value: &Value) -> Key {
    let mut encoder = Encoder::new();
    encoder.value(value);
    encoder.finish()
}

/// Things of which order and number do not matter.
fn put_set(encoder: &mut Encoder, shapes: impl Iterator<Item = Key>) {
    let mut shapes: Vec<_> = shapes.collect();
    shapes.sort_unstable();
    shapes.dedup();
    encoder.array(|encoder| {
        for shape in &shapes {
            encoder.bytes(shape);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::fixture::{World, and, cursor, f, l, or, orders, query};
    use crate::{Error, naive};

    fn shape_of(query: &Query) -> Key {
        shape(query, &query.normal_order())
    }

    #[test]
    fn the_same_written_differently() {
        let filtered = |filter| Query {
            filter: Some(filter),
            ..query("c")
        };
        let check = |a: &Query, b: &Query, same: bool| {
            assert_eq!(shape_of(a) == shape_of(b), same, "{a:?} {b:?}");
        };
        let (a, b) = (f("a", "==", 1), f("b", ">", 2));
        let both = filtered(and([a.clone(), b.clone()]));
        check(&both, &filtered(and([b.clone(), a.clone()])), true);
        check(&both, &filtered(or([b.clone(), a.clone()])), false);
        check(&filtered(a.clone()), &filtered(and([a.clone()])), true);
        check(&filtered(a.clone()), &filtered(f("a", "==", 1.0)), true);
        check(&filtered(a.clone()), &filtered(f("a", "==", "1")), false);
        check(&filtered(a.clone()), &filtered(f("`a`", "==", 1)), true);
        let list = |values| filtered(l("a", "in", values));
        check(
            &list([1.into(), 2.into()]),
            &list([2.into(), 1.into()]),
            true,
        );
        check(
            &list([1.into(), 2.into()]),
            &list([3.into(), 1.into()]),
            false,
        );
        let ordered = |order: &[&str]| Query {
            order_by: orders(order),
            ..query("c")
        };
        check(&query("c"), &ordered(&["__name__"]), true);
        check(&query("c"), &ordered(&["-__name__"]), false);
        check(&query("c"), &query("d"), false);
        let cut = |offset, limit| Query {
            offset,
            limit,
            ..query("c")
        };
        check(&cut(1, None), &cut(0, Some(1)), false);
        check(&cut(0, None), &cut(0, Some(0)), false);
        let selected = Query {
            select: Some(firekeep_model::FieldMask::default()),
            ..query("c")
        };
        check(&query("c"), &selected, true);
        let from = |before| Query {
            start_at: cursor(before, [1.into()]),
            ..ordered(&["a"])
        };
        check(&from(true), &from(false), false);
    }

    #[test]
    fn equal_shapes_have_equal_answers() {
        let mut found = std::collections::HashMap::new();
        let mut shared = 0;
        let mut world = World::new(5);
        let documents = world.documents();
        for at in 0..4_000 {
            let plain = Query {
                filter: Some(world.filter(at % 2)),
                ..query("c")
            };
            let answer = naive::answer(&plain, documents.iter().cloned().map(Ok::<_, Error>));
            let answer = answer.unwrap().documents;
            let names: Vec<_> = answer.into_iter().map(|document| document.path).collect();
            if let Some(before) = found.insert(shape_of(&plain), names.clone()) {
                assert_eq!(before, names, "{plain:?}");
                shared += 1;
            }
        }
        assert!(shared > 100, "{shared}");
    }
}
