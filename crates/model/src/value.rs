//! What a field of a document can hold.
//!
//! How values sort is `order.rs`; maps are `map.rs`. Values have two equalities: `==` is the strict one, which asks if
//! a write changed anything; filters and array transforms use [`Value::equals`]. Firestore specification, section 2.

use std::fmt;

use crate::limits::{STRING_BYTES_MAX, VALUE_DEPTH_MAX, VECTOR_DIMENSION_MAX};
use crate::{DocumentName, FieldPathError, Map, Timestamp};

/// Why something is not a value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ValueError {
    /// An array, or a vector, directly in an array.
    #[error("an array cannot hold an array or a vector")]
    NestedArray,
    /// A vector without elements.
    #[error("a vector cannot be empty")]
    VectorEmpty,
    /// More than [`VECTOR_DIMENSION_MAX`] elements.
    #[error("a vector has at most {VECTOR_DIMENSION_MAX} dimensions")]
    VectorTooLong,
    /// NaN in a vector.
    #[error("a vector cannot hold NaN")]
    VectorNan,
    /// Not in -90..=90.
    #[error("the latitude `{0}` is not within -90 and 90")]
    Latitude(f64),
    /// Not in -180..=180.
    #[error("the longitude `{0}` is not within -180 and 180")]
    Longitude(f64),
    /// More than [`VALUE_DEPTH_MAX`] maps and arrays inside each other.
    #[error("maps and arrays are nested more than {VALUE_DEPTH_MAX} deep")]
    TooDeep,
    /// A string or bytes of more than [`STRING_BYTES_MAX`].
    #[error("a string or bytes value is longer than {STRING_BYTES_MAX} bytes")]
    TooLong,
    /// A key of a map that cannot be a field name.
    #[error(transparent)]
    Field(#[from] FieldPathError),
}

/// A field's value.
///
/// `==` is strict: `3` differs from `3.0` and `0.0` from `-0.0`, but NaN is NaN. See [`Value::equals`] for filters.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// Null.
    #[default]
    Null,
    /// A boolean.
    Boolean(bool),
    /// A 64-bit integer.
    Integer(i64),
    /// A double. All NaNs are the same one; see [`Value::double`].
    Double(f64),
    /// A time within [`Timestamp::MIN`] and [`Timestamp::MAX`].
    Timestamp(Timestamp),
    /// Text.
    String(Box<str>),
    /// Bytes.
    Bytes(Box<[u8]>),
    /// A document's name. The document need not be there.
    Reference(Box<DocumentName>),
    /// A point on the earth.
    GeoPoint(GeoPoint),
    /// Values in a row.
    Array(Array),
    /// A point in a space of many dimensions. On the wire it is a map.
    Vector(Vector),
    /// Fields.
    Map(Map),
}

impl Value {
    /// A double, with NaN in its one canonical form.
    #[must_use]
    pub const fn double(value: f64) -> Self {
        Self::Double(if value.is_nan() { f64::NAN } else { value })
    }

    /// A reference to a document.
    #[must_use]
    pub fn reference(name: DocumentName) -> Self {
        Self::Reference(Box::new(name))
    }

    /// The double of a number of either type: as near as doubles come. `None` for everything else.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "the nearest double is asked for"
    )]
    pub const fn as_number(&self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(*value as f64),
            Self::Double(value) => Some(*value),
            _ => None,
        }
    }

    /// The map, if it is one.
    #[must_use]
    pub const fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// How many maps and arrays are inside each other here: 0 for a plain value, 1 for a map of plain values.
    #[must_use]
    pub fn depth(&self) -> usize {
        match self {
            Self::Array(elements) => 1 + elements.iter().map(Self::depth).max().unwrap_or(0),
            Self::Map(map) => {
                1 + map
                    .iter()
                    .map(|(_, value)| value.depth())
                    .max()
                    .unwrap_or(0)
            }
            _ => 0,
        }
    }
}

/// How deep a decoder is: it goes [`inside`](Self::inside) before it reads what a map or array holds, so that it
/// cannot recurse further than a document may be nested.
#[derive(Clone, Copy, Debug, Default)]
pub struct Depth(usize);

impl Depth {
    /// Among the fields of a document.
    pub const TOP: Self = Self(0);

    /// Inside a map or array that stands here.
    ///
    /// # Errors
    /// [`ValueError::TooDeep`].
    pub const fn inside(self) -> Result<Self, ValueError> {
        if self.0 == VALUE_DEPTH_MAX {
            return Err(ValueError::TooDeep);
        }
        Ok(Self(self.0 + 1))
    }
}

/// A point on the earth: finite, and within the ranges of latitude and longitude.
#[derive(Clone, Copy)]
pub struct GeoPoint {
    latitude: f64,
    longitude: f64,
}

impl GeoPoint {
    /// A point.
    ///
    /// # Errors
    /// [`ValueError::Latitude`] and [`ValueError::Longitude`].
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, ValueError> {
        // NaN is in no range.
        if !(-90.0..=90.0).contains(&latitude) {
            return Err(ValueError::Latitude(latitude));
        }
        if !(-180.0..=180.0).contains(&longitude) {
            return Err(ValueError::Longitude(longitude));
        }
        Ok(Self {
            latitude,
            longitude,
        })
    }

    /// Degrees north, -90 to 90.
    #[must_use]
    pub const fn latitude(self) -> f64 {
        self.latitude
    }

    /// Degrees east, -180 to 180.
    #[must_use]
    pub const fn longitude(self) -> f64 {
        self.longitude
    }
}

/// The elements of an array value: any but arrays and vectors.
///
/// COMPAT: the official emulator refuses vectors in arrays as it refuses arrays.
#[derive(Clone, Default)]
pub struct Array(Box<[Value]>); // INVARIANT: see `new`, the only constructor.

impl Array {
    /// An array of these elements.
    ///
    /// # Errors
    /// [`ValueError::NestedArray`].
    pub fn new(elements: Vec<Value>) -> Result<Self, ValueError> {
        let nested = |element: &Value| matches!(element, Value::Array(_) | Value::Vector(_));
        if elements.iter().any(nested) {
            return Err(ValueError::NestedArray);
        }
        Ok(Self(elements.into()))
    }

    /// The elements, in a form that can grow.
    #[must_use]
    pub fn into_vec(self) -> Vec<Value> {
        self.0.into_vec()
    }
}

impl std::ops::Deref for Array {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.0
    }
}

/// A vector: 1 to [`VECTOR_DIMENSION_MAX`] doubles, infinities among them, but not NaN.
#[derive(Clone)]
pub struct Vector(Box<[f64]>); // INVARIANT: see `new`, the only constructor.

impl Vector {
    /// A vector of these elements.
    ///
    /// # Errors
    /// [`ValueError::VectorEmpty`], [`ValueError::VectorTooLong`] and [`ValueError::VectorNan`].
    pub fn new(elements: impl Into<Box<[f64]>>) -> Result<Self, ValueError> {
        let elements = elements.into();
        match elements.len() {
            0 => Err(ValueError::VectorEmpty),
            1..=VECTOR_DIMENSION_MAX if elements.iter().any(|element| element.is_nan()) => {
                Err(ValueError::VectorNan)
            }
            1..=VECTOR_DIMENSION_MAX => Ok(Self(elements)),
            _ => Err(ValueError::VectorTooLong),
        }
    }
}

impl std::ops::Deref for Vector {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        &self.0
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::double(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.into())
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Timestamp(value)
    }
}

impl From<Map> for Value {
    fn from(value: Map) -> Self {
        Self::Map(value)
    }
}

impl From<Array> for Value {
    fn from(value: Array) -> Self {
        Self::Array(value)
    }
}

impl fmt::Debug for GeoPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({:?}, {:?})", self.latitude, self.longitude)
    }
}

impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
