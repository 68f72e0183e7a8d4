//! Strict JSON objects, for what is signed: no duplicate names, no deep nesting, valid UTF-8 only.
//!
//! Two readers that take different ones of two equal names would see two different tokens; so there is one, or none.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::Error;

/// The deepest nesting of objects and arrays; the outermost object is 1. Source: auth specification, section 22.1.
pub const JSON_DEPTH_MAX: usize = 16;

/// Reads a JSON object.
///
/// # Errors
/// [`Error::Malformed`] with the reason.
pub fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, Error> {
    let text =
        std::str::from_utf8(bytes).map_err(|_| Error::Malformed("a part is not UTF-8 text"))?;
    let reason = Cell::new("a part is not valid JSON");
    let mut reader = serde_json::Deserializer::from_str(text);
    let strict = Strict {
        depth: 0,
        reason: &reason,
    };
    let value = strict
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value));
    match value {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Error::Malformed("a part is not a JSON object")),
        Err(_) => Err(Error::Malformed(reason.get())),
    }
}

/// Builds a value inside `depth` levels. What is wrong, if it is not the syntax, goes into `reason`: serde's own error
/// could carry it only as a text that quotes the input.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    reason: &'a Cell<&'static str>,
}

impl Strict<'_> {
    fn fail<E: serde::de::Error>(self, reason: &'static str) -> E {
        self.reason.set(reason);
        E::custom(reason)
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= JSON_DEPTH_MAX {
            return Err(self.fail("its JSON is nested more than 16 levels deep"));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value);
        Ok(Value::Number(
            number.ok_or_else(|| E::custom("a number is out of range"))?,
        ))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(value) = items.next_element_seed(inner)? {
            array.push(value);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom(self.fail::<serde_json::Error>(
                    "its JSON has a name twice in one object",
                )));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Value) {
        let parsed = parse_object(text.as_bytes()).map(Value::Object);
        assert_eq!(parsed, Ok(expected), "{text}");
    }

    #[track_caller]
    fn refuse(bytes: &[u8], word: &str) {
        match parse_object(bytes) {
            Err(Error::Malformed(reason)) => assert!(reason.contains(word), "{reason}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn values_are_read_as_serde_json_reads_them() {
        let text =
            r#"{"a":[1,-2,1.5,null,true,"\u00fc"],"b":{"__proto__":{"a":18446744073709551615}}}"#;
        check(text, serde_json::from_str(text).unwrap());
        check(" {} ", json!({}));
    }

    #[test]
    fn a_number_that_is_written_and_read_again_is_the_same() {
        for text in [
            r#"{"a":0.1234567890123456789}"#,
            r#"{"a":-92233720358764875088}"#,
        ] {
            let read = parse_object(text.as_bytes()).unwrap();
            let written = serde_json::to_vec(&read).unwrap();
            assert_eq!(parse_object(&written), Ok(read));
        }
    }

    #[test]
    fn the_same_name_at_another_depth_is_normal() {
        check(
            r#"{"email":1,"x":{"email":2}}"#,
            json!({"email": 1, "x": {"email": 2}}),
        );
    }

    #[test]
    fn duplicate_names_are_refused_at_every_depth() {
        refuse(br#"{"a":1,"a":1}"#, "twice");
        refuse(br#"{"a":1,"\u0061":2}"#, "twice");
        refuse(br#"{"x":[{"a":1,"b":1,"a":2}]}"#, "twice");
    }

    #[test]
    fn sixteen_levels_are_the_limit() {
        let nested = |arrays: usize| {
            format!(r#"{{"a":{}{}}}"#, "[".repeat(arrays), "]".repeat(arrays)).into_bytes()
        };
        assert!(parse_object(&nested(15)).is_ok());
        refuse(&nested(16), "16 levels");
        refuse(&nested(8_000), "16 levels");
        refuse("{\"a\":".repeat(17).as_bytes(), "16 levels");
    }

    #[test]
    fn what_is_no_json_object_is_refused() {
        refuse(b"", "JSON");
        refuse(b"[]", "object");
        refuse(b"\"a\"", "object");
        refuse(b"{} {}", "JSON");
        refuse(b"{\"a\":1,}", "JSON");
        refuse(b"{\"a\":NaN}", "JSON");
        refuse(b"{\"a\":1e999}", "JSON");
        refuse(b"\xef\xbb\xbf{}", "JSON");
        refuse(br#"{"a":"\ud800"}"#, "JSON");
        refuse(b"{\"a\":\"\xff\"}", "UTF-8");
    }
}
