//! What a write computes from a field's value: increments, server times, sets in arrays.
//!
//! Firestore specification, section 4.4.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use firekeep_model::{Array, FieldPath, Map, Timestamp, Value, ValueError};

use crate::{Error, Invalid};

/// What happens to a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Transform {
    /// It becomes the time of the request, in whole milliseconds.
    ServerTime,
    /// A number is added. Integers stop at their limits.
    Increment(Value),
    /// It becomes the larger one of itself and a number.
    Maximum(Value),
    /// It becomes the smaller one of itself and a number.
    Minimum(Value),
    /// Elements that an array does not hold are put behind its own.
    AppendMissing(Vec<Value>),
    /// Elements are taken out of an array, wherever they stand.
    RemoveAll(Vec<Value>),
}

impl Transform {
    /// Checks the operand.
    pub(crate) fn check(&self, field: &FieldPath) -> Result<(), Invalid> {
        match self {
            Self::Increment(operand) | Self::Maximum(operand) | Self::Minimum(operand) => {
                match operand {
                    Value::Integer(_) | Value::Double(_) => Ok(()),
                    _ => Err(Invalid::OperandNotNumber(field.clone())),
                }
            }
            Self::AppendMissing(elements) => {
                let nested =
                    |element: &Value| matches!(element, Value::Array(_) | Value::Vector(_));
                match elements.iter().any(nested) {
                    true => Err(ValueError::NestedArray.into()),
                    false => Ok(()),
                }
            }
            // What no array can hold is not found in one.
            Self::RemoveAll(_) | Self::ServerTime => Ok(()),
        }
    }

    /// Changes a field, and gives what the write reports for it: the new value, or null for arrays.
    pub(crate) fn apply(
        &self,
        fields: &mut Map,
        field: &FieldPath,
        request_time: Timestamp,
    ) -> Result<Value, Error> {
        // The old value moves out and the new one in: arrays can be long.
        let old = fields.set_path(field, Value::Null);
        let new = match self {
            Self::ServerTime => request_time.into(),
            Self::Increment(operand) => sum(old, operand),
            Self::Maximum(operand) => select(old, operand, Ordering::Greater),
            Self::Minimum(operand) => select(old, operand, Ordering::Less),
            Self::AppendMissing(operand) => append_missing(elements(old), operand)?.into(),
            Self::RemoveAll(operand) => remove_all(elements(old), operand)?.into(),
        };
        let result = match self {
            Self::AppendMissing(_) | Self::RemoveAll(_) => Value::Null,
            _ => new.clone(),
        };
        fields.set_path(field, new);
        Ok(result)
    }
}

/// The elements of an array; of anything else, none.
fn elements(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(array)) => array.into_vec(),
        _ => Vec::new(),
    }
}

fn sum(old: Option<Value>, operand: &Value) -> Value {
    match (old, operand) {
        (Some(Value::Integer(a)), Value::Integer(b)) => a.saturating_add(*b).into(),
        (Some(old), operand) => match (old.as_number(), operand.as_number()) {
            (Some(a), Some(b)) => (a + b).into(),
            _ => operand.clone(),
        },
        (None, operand) => operand.clone(),
    }
}

/// The operand if it stands to the old number as `wanted`, else the old one, with its type: of equal numbers too.
fn select(old: Option<Value>, operand: &Value, wanted: Ordering) -> Value {
    let is_nan = |value: &Value| value.as_number().is_some_and(f64::is_nan);
    match old.filter(|old| old.as_number().is_some()) {
        Some(old) if is_nan(&old) || is_nan(operand) => f64::NAN.into(),
        Some(old) if operand.compare(&old) != wanted => old,
        _ => operand.clone(),
    }
}

fn append_missing(mut elements: Vec<Value>, operand: &[Value]) -> Result<Array, Error> {
    // A set of the operand: both can have hundreds of thousands of elements.
    let mut missing: BTreeSet<_> = operand.iter().map(Ordered).collect();
    for element in &elements {
        missing.remove(&Ordered(element));
    }
    // The first of equal ones finds itself in the set, the later ones do not.
    let fresh = operand.iter();
    let fresh = fresh.filter(|element| missing.remove(&Ordered(element)));
    let fresh: Vec<_> = fresh.cloned().collect();
    elements.extend(fresh);
    Ok(Array::new(elements)?)
}

fn remove_all(mut elements: Vec<Value>, operand: &[Value]) -> Result<Array, Error> {
    let removed: BTreeSet<_> = operand.iter().map(Ordered).collect();
    elements.retain(|element| !removed.contains(&Ordered(element)));
    Ok(Array::new(elements)?)
}

/// A value whose equality is that of filters.
struct Ordered<'a>(&'a Value);

impl Ord for Ordered<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.compare(other.0)
    }
}

impl PartialOrd for Ordered<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ordered<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ordered<'_> {}

#[cfg(test)]
mod tests;
