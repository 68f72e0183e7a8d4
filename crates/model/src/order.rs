//! The total order of values, and the two equalities.
//!
//! Encodings that sort alike are `store::tuple`; a test holds both together. Firestore specification, sections 2.2 and
//! 2.3.

use std::cmp::Ordering;

use crate::value::{Array, GeoPoint, Vector};
use crate::{Map, Value};

/// The groups of values, in their order. A range filter finds only values of its operand's own group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TypeGroup {
    /// Null.
    Null,
    /// `false` and `true`.
    Boolean,
    /// The double that is not a number: before the numbers, and in no range of them.
    Nan,
    /// Integers and doubles.
    Number,
    /// Times.
    Timestamp,
    /// Texts.
    String,
    /// Bytes.
    Bytes,
    /// Names of documents.
    Reference,
    /// Points on the earth.
    GeoPoint,
    /// Arrays.
    Array,
    /// Vectors.
    Vector,
    /// Maps.
    Map,
}

impl Value {
    /// The group of values that this one is in.
    #[must_use]
    pub const fn group(&self) -> TypeGroup {
        match self {
            Self::Null => TypeGroup::Null,
            Self::Boolean(_) => TypeGroup::Boolean,
            Self::Double(value) if value.is_nan() => TypeGroup::Nan,
            Self::Integer(_) | Self::Double(_) => TypeGroup::Number,
            Self::Timestamp(_) => TypeGroup::Timestamp,
            Self::String(_) => TypeGroup::String,
            Self::Bytes(_) => TypeGroup::Bytes,
            Self::Reference(_) => TypeGroup::Reference,
            Self::GeoPoint(_) => TypeGroup::GeoPoint,
            Self::Array(_) => TypeGroup::Array,
            Self::Vector(_) => TypeGroup::Vector,
            Self::Map(_) => TypeGroup::Map,
        }
    }

    /// The total order of all values. Deliberately not [`Ord`], whose equality would have to be `==`.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Boolean(a), Self::Boolean(b)) => a.cmp(b),
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Double(a), Self::Double(b)) => compare_doubles(*a, *b),
            (Self::Integer(a), Self::Double(b)) => compare_mixed(*a, *b),
            (Self::Double(a), Self::Integer(b)) => compare_mixed(*b, *a).reverse(),
            (Self::Timestamp(a), Self::Timestamp(b)) => a.cmp(b),
            (Self::String(a), Self::String(b)) => a.cmp(b),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            (Self::Reference(a), Self::Reference(b)) => a.cmp(b),
            (Self::GeoPoint(a), Self::GeoPoint(b)) => compare_points(*a, *b),
            (Self::Array(a), Self::Array(b)) => compare_arrays(a, b),
            (Self::Vector(a), Self::Vector(b)) => compare_vectors(a, b),
            (Self::Map(a), Self::Map(b)) => a.compare(b),
            _ => self.group().cmp(&other.group()),
        }
    }

    /// The equality of filters and array transforms: `3` equals `3.0`, `0.0` equals `-0.0`, NaN equals NaN, null
    /// equals null, also inside arrays and maps.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        self.compare(other).is_eq()
    }

    /// The strict equality, which asks if a write changed anything: types and bits count, but all NaNs are one. The
    /// same as `==`.
    #[must_use]
    pub fn is_identical(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Double(a), Self::Double(b)) => same_bits(*a, *b),
            (Self::Timestamp(a), Self::Timestamp(b)) => a == b,
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Reference(a), Self::Reference(b)) => a == b,
            (Self::GeoPoint(a), Self::GeoPoint(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a == b,
            (Self::Vector(a), Self::Vector(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            _ => false,
        }
    }
}

impl Map {
    /// The order of maps: key, value, key, value…, by ascending keys; a map comes before those that it begins.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        let pairs = self.iter().zip(other.iter());
        first_difference(
            pairs.map(|((a, left), (b, right))| a.cmp(b).then_with(|| left.compare(right))),
        )
        .then(self.len().cmp(&other.len()))
    }
}

fn first_difference(mut orders: impl Iterator<Item = Ordering>) -> Ordering {
    orders
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn compare_arrays(a: &Array, b: &Array) -> Ordering {
    let pairs = a.iter().zip(b.iter());
    first_difference(pairs.map(|(a, b)| a.compare(b))).then(a.len().cmp(&b.len()))
}

/// The dimension first.
fn compare_vectors(a: &Vector, b: &Vector) -> Ordering {
    let elements =
        || first_difference(a.iter().zip(b.iter()).map(|(a, b)| compare_doubles(*a, *b)));
    a.len().cmp(&b.len()).then_with(elements)
}

fn compare_points(a: GeoPoint, b: GeoPoint) -> Ordering {
    compare_doubles(a.latitude(), b.latitude()).then(compare_doubles(a.longitude(), b.longitude()))
}

/// NaN is before everything and equals itself; -0.0 equals 0.0.
fn compare_doubles(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// An integer and a double, without rounding the integer to a double.
fn compare_mixed(a: i64, b: f64) -> Ordering {
    /// 2^63, the first double above all integers.
    const ABOVE: f64 = 9_223_372_036_854_775_808.0;
    if b >= ABOVE {
        return Ordering::Less;
    }
    if b.is_nan() || b < -ABOVE {
        return Ordering::Greater;
    }
    let whole = b.trunc();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a whole number of 64 bits, as checked above"
    )]
    let order = a.cmp(&(whole as i64));
    order.then_with(|| compare_doubles(whole, b))
}

fn same_bits(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.is_identical(other)
    }
}

impl Eq for Value {}

impl PartialEq for Array {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl PartialEq for GeoPoint {
    fn eq(&self, other: &Self) -> bool {
        same_bits(self.latitude(), other.latitude())
            && same_bits(self.longitude(), other.longitude())
    }
}

impl PartialEq for Vector {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .zip(other.iter())
                .all(|(a, b)| same_bits(*a, *b))
    }
}

#[cfg(test)]
mod tests;
