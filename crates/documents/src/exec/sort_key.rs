//! Where a document stands in the order of a query, as bytes that sort so.
//!
//! A sort key is the values of the normalised order, each as index entries have it, and behind them the document's
//! name. Streams of one query are merged by it, and cursors are places among it. Firestore specification, sections 7.4
//! and 7.5.

use firekeep_model::{DocumentPath, FieldRef, Value};
use firekeep_store::tuple::Encoder;
use firekeep_store::{Key, KeyRange};

use crate::query::{Cursor, Direction, Order};
use crate::{Error, Fields};

/// The sort key of a document; `None` where it lacks a field that it is ordered by.
///
/// # Errors
/// As [`Fields::field`].
pub(crate) fn sort_key(orders: &[Order], document: &impl Fields) -> Result<Option<Key>, Error> {
    let mut encoder = Encoder::new();
    for order in orders {
        match &order.field {
            FieldRef::DocumentName => put_name(&mut encoder, document.path(), order.direction),
            FieldRef::Field(path) => match document.field(path)? {
                Some(value) => put_value(&mut encoder, &value, order.direction),
                None => return Ok(None),
            },
        }
    }
    Ok(Some(encoder.finish()))
}

/// The key range of the sort keys that a cursor starts with: nothing stands among them but the documents with the
/// cursor's values.
pub(crate) fn at_cursor(orders: &[Order], cursor: &Cursor) -> KeyRange {
    let mut encoder = Encoder::new();
    for (order, value) in orders.iter().zip(&cursor.values) {
        match (&order.field, value) {
            (FieldRef::DocumentName, Value::Reference(name)) => {
                put_name(&mut encoder, &name.path, order.direction);
            }
            (FieldRef::DocumentName | FieldRef::Field(_), value) => {
                put_value(&mut encoder, value, order.direction);
            }
        }
    }
    KeyRange::prefix(&encoder.finish())
}

/// A value of an order.
pub(crate) fn put_value(encoder: &mut Encoder, value: &Value, direction: Direction) {
    put_directed(encoder, direction, |encoder| {
        encoder.value(value);
    });
}

fn put_name(encoder: &mut Encoder, path: &DocumentPath, direction: Direction) {
    put_directed(encoder, direction, |encoder| {
        // An empty id ends the path: where a longer one goes on, this is lower.
        encoder.document(path).segment("");
    });
}

/// A document's name by its key in `docs`.
pub(crate) fn put_key(encoder: &mut Encoder, key: &[u8], direction: Direction) {
    put_directed(encoder, direction, |encoder| {
        encoder.raw(key).segment("");
    });
}

fn put_directed(encoder: &mut Encoder, direction: Direction, put: impl FnOnce(&mut Encoder)) {
    match direction {
        Direction::Ascending => put(encoder),
        Direction::Descending => {
            encoder.descending(put);
        }
    }
}
