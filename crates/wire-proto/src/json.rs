//! JSON for the messages of [`crate::google`]: proto3 JSON as clients of Firestore write and expect it.
//!
//! Each message implements [`Json`] (generated): a table of its field names, a [`Slot`] to read each field into, and a
//! way to print them. The rules are here, once: `read` holds what is accepted, `print` what is written, `time` the text
//! of timestamps and durations. serde_json splits bytes into tokens; no tree is built on the way.
//!
//! Source: Firestore specification, section 8.2; the published mapping of proto3 to JSON.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use bytes::Bytes;
use prost_types::{Any, Duration, FieldMask, Struct, Timestamp, Value as StructValue};

mod error;
mod print;
mod query;
mod read;
mod time;

pub use error::Error;
pub use print::{Fields, Print, encode, encode_into};
pub use query::set_parameter;
pub use read::{decode, decode_into};

/// A field's names: in JSON and in the `.proto` file. Both are accepted, the first is written.
pub type Field = (&'static str, &'static str);

/// A message with a JSON form. Implemented by generated code.
pub trait Json {
    /// All fields; a position in here names the field in the other methods. At most 64.
    fn fields(&self) -> &'static [Field];

    /// Where the field's value goes. Makes the field present.
    fn slot(&mut self, index: usize) -> Slot<'_>;

    /// Whether `null` is a value of the field; elsewhere it means that the field is absent.
    fn takes_null(&self, _index: usize) -> bool {
        false
    }

    /// Prints the fields that are not empty.
    fn print(&self, out: &mut Fields<'_>);
}

/// `google.protobuf.Empty`.
impl Json for () {
    fn fields(&self) -> &'static [Field] {
        &[]
    }

    fn slot(&mut self, _index: usize) -> Slot<'_> {
        Slot::Absent
    }

    fn print(&self, _out: &mut Fields<'_>) {}
}

/// A message inside `Any`: one that has a JSON form and can become bytes.
pub trait AnyMessage: Json {
    /// Reads protobuf bytes.
    ///
    /// # Errors
    /// When they are no such message.
    fn merge_bytes(&mut self, bytes: &[u8]) -> Result<(), prost::DecodeError>;

    /// The protobuf bytes.
    fn to_bytes(&self) -> Vec<u8>;
}

impl<M: Json + prost::Message> AnyMessage for M {
    fn merge_bytes(&mut self, bytes: &[u8]) -> Result<(), prost::DecodeError> {
        self.merge(bytes)
    }

    fn to_bytes(&self) -> Vec<u8> {
        self.encode_to_vec()
    }
}

/// A place for one value, and with it the rule for reading it.
#[expect(
    missing_docs,
    reason = "most variants are named as the type in the `.proto` file"
)]
pub enum Slot<'a> {
    /// No such field.
    Absent,
    /// Another member of the named oneof has been set.
    Taken(&'static str),
    Bool(&'a mut bool),
    Int32(&'a mut i32),
    Int64(&'a mut i64),
    Double(&'a mut f64),
    String(&'a mut String),
    Bytes(&'a mut Bytes),
    /// `google.protobuf.NullValue`
    Null(&'a mut i32),
    /// An enum, and the numbers of its names.
    Enum(&'a mut i32, fn(&str) -> Option<i32>),
    Timestamp(&'a mut Timestamp),
    Duration(&'a mut Duration),
    FieldMask(&'a mut FieldMask),
    Struct(&'a mut Struct),
    /// Any JSON: a value inside a `Struct`.
    StructValue(&'a mut StructValue),
    Any(&'a mut Any),
    Int32Value(&'a mut i32),
    Int64Value(&'a mut i64),
    DoubleValue(&'a mut f64),
    Message(&'a mut dyn Json),
    List(&'a mut dyn List),
    Map(&'a mut dyn Map),
}

/// A repeated field.
pub trait List {
    /// Appends an empty element.
    fn push(&mut self) -> Slot<'_>;
}

/// A map field.
pub trait Map {
    /// Adds an empty value; none when the key is there already.
    fn add(&mut self, key: String) -> Option<Slot<'_>>;
}

/// What lists and maps hold.
pub trait Element: Default {
    /// The place of the element itself.
    fn as_slot(&mut self) -> Slot<'_>;
}

impl<M: Json + Default> Element for M {
    fn as_slot(&mut self) -> Slot<'_> {
        Slot::Message(self)
    }
}

impl Element for String {
    fn as_slot(&mut self) -> Slot<'_> {
        Slot::String(self)
    }
}

impl Element for i32 {
    fn as_slot(&mut self) -> Slot<'_> {
        Slot::Int32(self)
    }
}

impl Element for Any {
    fn as_slot(&mut self) -> Slot<'_> {
        Slot::Any(self)
    }
}

impl Element for Struct {
    fn as_slot(&mut self) -> Slot<'_> {
        Slot::Struct(self)
    }
}

impl Element for StructValue {
    fn as_slot(&mut self) -> Slot<'_> {
        Slot::StructValue(self)
    }
}

impl<E: Element> List for Vec<E> {
    fn push(&mut self) -> Slot<'_> {
        self.push(E::default());
        match self.last_mut() {
            Some(element) => element.as_slot(),
            None => Slot::Absent,
        }
    }
}

impl<E: Element> Map for BTreeMap<String, E> {
    fn add(&mut self, key: String) -> Option<Slot<'_>> {
        match self.entry(key) {
            Entry::Vacant(place) => Some(place.insert(E::default()).as_slot()),
            Entry::Occupied(_) => None,
        }
    }
}

/// A slot for one member of a oneof: refused when another member is set.
macro_rules! member {
    ($place:expr, $oneof:literal, $variant:path, $value:ident => $slot:expr) => {{
        if $place.is_some() {
            return Slot::Taken($oneof);
        }
        match $place.insert($variant(Default::default())) {
            $variant($value) => $slot,
            #[allow(unreachable_patterns, reason = "some oneofs have one member")]
            _ => Slot::Taken($oneof),
        }
    }};
}
pub(crate) use member;

#[cfg(test)]
mod tests;
