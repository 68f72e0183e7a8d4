//! The lenient JSON of the protocol: what protobuf's JSON mapping accepts. Source: auth specification, section 4.4.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::{Envelope, limits};

/// The members of a JSON object, keys in camel case, `null` members gone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {
    members: Map<String, Value>,
    /// The names of the members that were read; all of them when there are none.
    names: &'static [&'static str],
}

impl Fields {
    /// Reads the members of these names, or all when there are none. The others are not kept: a body of many small values
    /// is a hundred times its size in memory. An empty body is an empty object.
    ///
    /// # Errors
    /// The envelope of a malformed request.
    pub fn from_json(bytes: &[u8], names: &'static [&'static str]) -> Result<Self, Envelope> {
        match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => return Ok(Self::default()),
            Some(b'{') => {}
            // The parser's own text would quote what was sent.
            Some(_) => return Err(Envelope::parse_error("Expected an object.")),
        }
        // `serde_json` itself stops at 128 levels, so a deep body cannot exhaust the stack.
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let members = Named(names)
            .deserialize(&mut json)
            .and_then(|members| json.end().map(|()| members))
            .map_err(|error| Envelope::parse_error(&format!("{error}.")))?;
        if members.values().map(depth).max().unwrap_or(0) >= limits::JSON_DEPTH_MAX {
            return Err(Envelope::parse_error("Nested too deeply."));
        }
        Ok(Self { members, names })
    }

    /// Reads what a form or a query holds.
    #[must_use]
    pub fn from_pairs(pairs: &[(String, String)]) -> Self {
        let members = pairs
            .iter()
            .map(|(key, value)| (camel_key(key), Value::from(value.as_str())));
        Self::any(members.collect())
    }

    fn any(members: Map<String, Value>) -> Self {
        let names = &[];
        Self { members, names }
    }

    fn get(&self, key: &str) -> Option<&Value> {
        debug_assert!(
            self.names.is_empty() || self.names.contains(&key),
            "`{key}` was not read"
        );
        self.members.get(key)
    }

    /// Whether the member is there.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// A string; a number is taken as its text.
    ///
    /// # Errors
    /// The envelope of a wrong type, as of every reader here.
    pub fn string(&self, key: &str) -> Result<Option<String>, Envelope> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(wrong(key, "a string")),
        }
    }

    /// A string that is not empty.
    ///
    /// # Errors
    /// As [`Fields::string`].
    pub fn text(&self, key: &str) -> Result<Option<String>, Envelope> {
        Ok(self.string(key)?.filter(|text| !text.is_empty()))
    }

    /// A boolean, or its text.
    ///
    /// # Errors
    /// As [`Fields::string`].
    pub fn bool(&self, key: &str) -> Result<Option<bool>, Envelope> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(Value::String(text)) if text == "true" => Ok(Some(true)),
            Some(Value::String(text)) if text == "false" => Ok(Some(false)),
            Some(_) => Err(wrong(key, "a boolean")),
        }
    }

    /// A whole number, or its text.
    ///
    /// # Errors
    /// As [`Fields::string`].
    pub fn int(&self, key: &str) -> Result<Option<i64>, Envelope> {
        let parsed = match self.get(key) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_i64(),
            Some(Value::String(text)) => text.parse().ok(),
            Some(_) => None,
        };
        parsed.map(Some).ok_or_else(|| wrong(key, "a whole number"))
    }

    /// An array of strings; one string alone is an array of one.
    ///
    /// # Errors
    /// As [`Fields::string`].
    pub fn strings(&self, key: &str) -> Result<Vec<String>, Envelope> {
        let one = |value: &Value| match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(wrong(key, "an array of strings")),
        };
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(values)) => values.iter().map(one).collect(),
            Some(value) => Ok(vec![one(value)?]),
        }
    }

    /// An enum: a name of `names`, or its index there.
    ///
    /// # Errors
    /// As [`Fields::string`].
    pub fn enums(&self, key: &str, names: &[&'static str]) -> Result<Vec<&'static str>, Envelope> {
        let texts = self.strings(key)?;
        let read = |text: &String| {
            let by_name = names.iter().find(|name| *name == text);
            let by_index = || names.get(text.parse::<usize>().ok()?);
            by_name
                .or_else(by_index)
                .copied()
                .ok_or_else(|| wrong(key, "one of its enum's values"))
        };
        texts.iter().map(read).collect()
    }

    /// A nested object.
    ///
    /// # Errors
    /// As [`Fields::string`].
    pub fn object(&self, key: &str) -> Result<Option<Self>, Envelope> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Self::any(members.clone()))),
            Some(_) => Err(wrong(key, "an object")),
        }
    }

    /// An array of objects.
    ///
    /// # Errors
    /// As [`Fields::string`].
    pub fn objects(&self, key: &str) -> Result<Vec<Self>, Envelope> {
        let one = |value: &Value| match value {
            Value::Object(members) => Ok(Self::any(members.clone())),
            _ => Err(wrong(key, "an array of objects")),
        };
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(values)) => values.iter().map(one).collect(),
            Some(_) => Err(wrong(key, "an array of objects")),
        }
    }
}

/// Reads an object's members of these names, or all when there are none.
struct Named(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Named {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Named {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut json: A) -> Result<Self::Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = json.next_key::<Cow<'_, str>>()? {
            let key = camel_key(&key);
            if !self.0.is_empty() && !self.0.contains(&key.as_str()) {
                json.next_value::<Dropped>()?;
                continue;
            }
            match json.next_value()? {
                Value::Null => members.remove(&key),
                value => members.insert(key, camel(value)),
            };
        }
        Ok(members)
    }
}

/// A value that is read as strictly as any other, where `IgnoredAny` lets broken texts and endless nesting pass, and not
/// kept.
struct Dropped;

impl<'de> Deserialize<'de> for Dropped {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Dropped {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut json: A) -> Result<Self, A::Error> {
        while json.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut json: A) -> Result<Self, A::Error> {
        while json.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

fn wrong(key: &str, expected: &str) -> Envelope {
    Envelope::invalid_argument(format!(
        "Invalid JSON payload received. `{key}` must be {expected}."
    ))
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn camel(value: Value) -> Value {
    match value {
        Value::Array(values) => Value::Array(values.into_iter().map(camel).collect()),
        Value::Object(members) => {
            let present = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                present
                    .map(|(key, value)| (camel_key(&key), camel(value)))
                    .collect(),
            )
        }
        other => other,
    }
}

fn camel_key(key: &str) -> String {
    let mut text = String::with_capacity(key.len());
    let mut upper = false;
    for c in key.chars() {
        match c {
            '_' => upper = !text.is_empty(),
            c if upper => {
                text.extend(c.to_uppercase());
                upper = false;
            }
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &["a", "b", "c", "d", "refreshToken", "phoneInfo"];

    fn fields(json: &str) -> Fields {
        Fields::from_json(json.as_bytes(), NAMES).unwrap()
    }

    #[test]
    fn snake_case_is_camel_case_also_nested() {
        let fields = fields(r#"{"refresh_token":"a","phone_info":{"phone_number":"+1"}}"#);
        assert_eq!(fields.string("refreshToken").unwrap().as_deref(), Some("a"));
        let nested = fields.object("phoneInfo").unwrap().unwrap();
        assert_eq!(nested.string("phoneNumber").unwrap().as_deref(), Some("+1"));
    }

    #[test]
    fn only_what_is_named_is_kept_and_the_last_of_two_counts() {
        let found = fields(r#"{"a":1,"x":[{"y":{}}],"a":2,"b":1,"b":null}"#);
        assert_eq!(found, fields(r#"{"a":2}"#));
    }

    #[test]
    fn numbers_and_strings_stand_for_each_other() {
        let fields = fields(r#"{"a":1611780718,"b":"12","c":"true","d":null}"#);
        assert_eq!(fields.string("a").unwrap().as_deref(), Some("1611780718"));
        assert_eq!(fields.int("b").unwrap(), Some(12));
        assert_eq!(fields.bool("c").unwrap(), Some(true));
        assert!(!fields.has("d"));
    }

    #[test]
    fn enums_come_by_name_or_index() {
        let names = ["NONE", "EMAIL", "DISPLAY_NAME"];
        let fields = fields(r#"{"a":["EMAIL",2],"b":["OTHER"]}"#);
        assert_eq!(
            fields.enums("a", &names).unwrap(),
            ["EMAIL", "DISPLAY_NAME"]
        );
        assert!(fields.enums("b", &names).is_err());
    }

    #[test]
    fn a_wrong_type_is_an_invalid_argument() {
        let error = fields(r#"{"a":{}}"#).string("a").unwrap_err();
        assert!(
            error
                .message()
                .starts_with("Invalid JSON payload received.")
        );
    }

    #[test]
    fn malformed_bodies_are_refused() {
        for body in [
            "{",
            "[]",
            "\"a\"",
            "\u{0}",
            r#"{"x":"\ud800"}"#,
            r#"{"x":{"\ud800":1}}"#,
            &format!("{{\"a\":{}", "[".repeat(200_000)),
        ] {
            assert!(Fields::from_json(body.as_bytes(), NAMES).is_err());
        }
        assert_eq!(Fields::from_json(b" ", NAMES).unwrap(), Fields::default());
    }
}
