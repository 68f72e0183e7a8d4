//! Fields of a stored document as they stand there: whoever only passes them on makes no values of them.

use firekeep_model::{Depth, GeoPoint, Timestamp};

use super::{
    ARRAY, BYTES, CORRUPT, DOUBLE, FALSE, GEO_POINT, INTEGER, MAP, NULL, REFERENCE, Reader, STRING,
    TIMESTAMP, TRUE, VECTOR,
};
use crate::Error;

/// A value, borrowed from its row.
#[derive(Clone, Debug)]
pub enum StoredValue<'a> {
    /// Nothing.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Double(f64),
    /// A time.
    Timestamp(Timestamp),
    /// A text.
    String(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// The name of a document.
    Reference {
        /// Its project.
        project: &'a str,
        /// The database in that.
        database: &'a str,
        /// The document's path.
        path: &'a str,
    },
    /// A place on the earth.
    GeoPoint(GeoPoint),
    /// Elements.
    Array(StoredElements<'a>),
    /// Numbers.
    Vector(StoredNumbers<'a>),
    /// Fields.
    Map(StoredFields<'a>),
}

/// Names and values, in the order of the names. Ends behind an error.
#[derive(Clone, Debug)]
pub struct StoredFields<'a> {
    rest: Reader<'a>,
    last: Option<&'a str>,
    depth: Depth,
}

/// The elements of an array. Ends behind an error.
#[derive(Clone, Debug)]
pub struct StoredElements<'a> {
    rest: Reader<'a>,
    depth: Depth,
}

/// The elements of a vector. Ends behind an error.
#[derive(Clone, Debug)]
pub struct StoredNumbers<'a>(Reader<'a>);

impl<'a> StoredFields<'a> {
    /// The fields of a document's bytes.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for bytes that [`encode`](super::encode) does not make. What is wrong behind the first ones is
    /// seen where it is read.
    pub fn of(row: &'a [u8]) -> Result<Self, Error> {
        let mut rest = Reader(row);
        rest.created()?;
        Ok(Self::new(rest, Depth::TOP))
    }

    const fn new(rest: Reader<'a>, depth: Depth) -> Self {
        Self {
            rest,
            last: None,
            depth,
        }
    }

    fn read(&mut self) -> Result<(&'a str, StoredValue<'a>), Error> {
        let name = self.rest.text()?;
        if self.last.is_some_and(|last| last >= name) {
            return Err(CORRUPT);
        }
        self.last = Some(name);
        Ok((name, self.rest.stored_value(self.depth)?))
    }
}

impl<'a> Iterator for StoredFields<'a> {
    type Item = Result<(&'a str, StoredValue<'a>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.0.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.rest = Reader(&[]);
        }
        Some(read)
    }
}

impl<'a> Iterator for StoredElements<'a> {
    type Item = Result<StoredValue<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.0.is_empty() {
            return None;
        }
        let read = self.rest.stored_value(self.depth);
        if read.is_err() {
            self.rest = Reader(&[]);
        }
        Some(read)
    }
}

impl Iterator for StoredNumbers<'_> {
    type Item = Result<f64, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.0.is_empty() {
            return None;
        }
        let read = self.0.double();
        if read.is_err() {
            self.0 = Reader(&[]);
        }
        Some(read)
    }
}

impl<'a> Reader<'a> {
    fn stored_value(&mut self, depth: Depth) -> Result<StoredValue<'a>, Error> {
        let inside = || depth.inside().map_err(|_| CORRUPT);
        Ok(match self.byte()? {
            NULL => StoredValue::Null,
            FALSE => StoredValue::Boolean(false),
            TRUE => StoredValue::Boolean(true),
            INTEGER => StoredValue::Integer(self.integer()?),
            DOUBLE => StoredValue::Double(self.double()?),
            TIMESTAMP => StoredValue::Timestamp(self.timestamp()?),
            STRING => StoredValue::String(self.text()?),
            BYTES => StoredValue::Bytes(self.sized()?),
            REFERENCE => StoredValue::Reference {
                project: self.text()?,
                database: self.text()?,
                path: self.text()?,
            },
            GEO_POINT => StoredValue::GeoPoint(self.geo_point()?),
            ARRAY => StoredValue::Array(StoredElements {
                rest: Reader(self.sized()?),
                depth: inside()?,
            }),
            VECTOR => StoredValue::Vector(StoredNumbers(Reader(self.sized()?))),
            MAP => StoredValue::Map(StoredFields::new(Reader(self.sized()?), inside()?)),
            _ => return Err(CORRUPT),
        })
    }
}
