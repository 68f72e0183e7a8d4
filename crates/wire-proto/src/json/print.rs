//! What is written. Outside oneofs an empty value is left out; a member of a oneof is written always.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use prost_types::value::Kind;
use prost_types::{Any, Duration, FieldMask, NullValue, Struct, Timestamp, Value as StructValue};

use super::{Json, time};

/// The JSON text of a message.
pub fn encode(message: &dyn Json) -> Vec<u8> {
    let mut out = Vec::new();
    encode_into(message, &mut out);
    out
}

/// Appends the JSON text of a message.
pub fn encode_into(message: &dyn Json, out: &mut Vec<u8>) {
    out.push(b'{');
    message.print(&mut Fields { out, first: true });
    out.push(b'}');
}

/// An object being written.
pub struct Fields<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl Fields<'_> {
    /// A field outside oneofs.
    pub(crate) fn put(&mut self, name: &str, value: &impl Print) {
        if !value.is_empty() {
            self.always(name, value);
        }
    }

    /// A member of a oneof.
    pub(crate) fn always(&mut self, name: &str, value: &impl Print) {
        self.name(name);
        value.print(self.out);
    }

    /// An enum outside oneofs.
    pub(crate) fn put_enum(
        &mut self,
        name: &str,
        number: i32,
        name_of: fn(i32) -> Option<&'static str>,
    ) {
        if number != 0 {
            self.always_enum(name, number, name_of);
        }
    }

    /// An enum in a oneof: its name, or its number when we have no name for it.
    pub(crate) fn always_enum(
        &mut self,
        name: &str,
        number: i32,
        name_of: fn(i32) -> Option<&'static str>,
    ) {
        self.name(name);
        match name_of(number) {
            Some(text) => string(text, self.out),
            None => number.print(self.out),
        }
    }

    /// The value `null` in a oneof.
    pub(crate) fn always_null(&mut self, name: &str, _number: i32) {
        self.name(name);
        self.out.extend_from_slice(b"null");
    }

    /// Names of fields are plain, and the schema's.
    fn name(&mut self, name: &str) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// A key of the client's.
    fn key(&mut self, key: &str) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        string(key, self.out);
        self.out.push(b':');
    }
}

/// A value with a JSON text.
pub trait Print {
    /// Whether a field outside oneofs is left out with this value.
    fn is_empty(&self) -> bool {
        false
    }

    /// Appends the text.
    fn print(&self, out: &mut Vec<u8>);
}

impl<M: Json> Print for M {
    fn print(&self, out: &mut Vec<u8>) {
        encode_into(self, out);
    }
}

impl Print for bool {
    fn is_empty(&self) -> bool {
        !self
    }

    fn print(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl Print for i32 {
    fn is_empty(&self) -> bool {
        *self == 0
    }

    fn print(&self, out: &mut Vec<u8>) {
        plain(self, out);
    }
}

impl Print for i64 {
    fn is_empty(&self) -> bool {
        *self == 0
    }

    fn print(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        plain(self, out);
        out.push(b'"');
    }
}

impl Print for f64 {
    /// -0 is a value.
    fn is_empty(&self) -> bool {
        self.to_bits() == 0
    }

    fn print(&self, out: &mut Vec<u8>) {
        if self.is_nan() {
            out.extend_from_slice(b"\"NaN\"");
        } else if self.is_infinite() {
            out.extend_from_slice(if *self > 0.0 {
                b"\"Infinity\""
            } else {
                b"\"-Infinity\""
            });
        } else {
            plain(self, out);
        }
    }
}

impl Print for String {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }

    fn print(&self, out: &mut Vec<u8>) {
        string(self, out);
    }
}

impl Print for Bytes {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }

    fn print(&self, out: &mut Vec<u8>) {
        base64(self, out);
    }
}

impl Print for Timestamp {
    fn print(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        time::print_timestamp(self, out);
        out.push(b'"');
    }
}

impl Print for Duration {
    fn print(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        time::print_duration(self, out);
        out.push(b'"');
    }
}

/// `"indexConfig,ttlConfig.state"`
impl Print for FieldMask {
    fn print(&self, out: &mut Vec<u8>) {
        let mut text = String::new();
        for path in &self.paths {
            if !text.is_empty() {
                text.push(',');
            }
            let mut after_line = false;
            for char in path.chars() {
                match char {
                    '_' => after_line = true,
                    _ if after_line => {
                        text.push(char.to_ascii_uppercase());
                        after_line = false;
                    }
                    _ => text.push(char),
                }
            }
        }
        string(&text, out);
    }
}

impl Print for Struct {
    fn print(&self, out: &mut Vec<u8>) {
        self.fields.print(out);
    }
}

impl Print for StructValue {
    fn print(&self, out: &mut Vec<u8>) {
        match &self.kind {
            None | Some(Kind::NullValue(_)) => out.extend_from_slice(b"null"),
            Some(Kind::BoolValue(value)) => value.print(out),
            // JSON has no other numbers.
            Some(Kind::NumberValue(value)) => value.print(out),
            Some(Kind::StringValue(value)) => value.print(out),
            Some(Kind::ListValue(value)) => value.values.print(out),
            Some(Kind::StructValue(value)) => value.print(out),
        }
    }
}

/// `{"@type":"type.googleapis.com/…", …}`: the fields of the message inside as far as it can be read; of a type that we
/// do not know, its bytes.
impl Print for Any {
    fn print(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        let mut fields = Fields { out, first: true };
        fields.always("@type", &self.type_url);
        let name = self.type_url.rsplit('/').next().unwrap_or_default();
        match crate::generated::json::in_any(name) {
            Some(mut message) => {
                if message.merge_bytes(&self.value).is_ok() {
                    message.print(&mut fields);
                }
            }
            None => {
                fields.name("value");
                base64(&self.value, fields.out);
            }
        }
        out.push(b'}');
    }
}

impl<T: Print> Print for Option<T> {
    fn is_empty(&self) -> bool {
        self.is_none()
    }

    fn print(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.print(out),
            None => out.extend_from_slice(b"null"),
        }
    }
}

impl<T: Print> Print for Vec<T> {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }

    fn print(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (index, value) in self.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            value.print(out);
        }
        out.push(b']');
    }
}

impl<T: Print> Print for BTreeMap<String, T> {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }

    fn print(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        let mut fields = Fields { out, first: true };
        for (key, value) in self {
            fields.key(key);
            value.print(fields.out);
        }
        out.push(b'}');
    }
}

/// A number or string as serde_json writes it.
fn plain<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    // Writing into memory does not fail, and numbers and strings always have a text.
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok());
}

fn string(text: &str, out: &mut Vec<u8>) {
    plain(text, out);
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    if let Some(place) = out.get_mut(start..) {
        // INVARIANT: the place has exactly the length of the text.
        let written = STANDARD.encode_slice(bytes, place);
        debug_assert!(written.is_ok());
    }
    out.push(b'"');
}

/// The kind that JSON's `null` has inside a `Struct`.
pub(crate) fn null_kind() -> Kind {
    Kind::NullValue(NullValue::NullValue.into())
}
