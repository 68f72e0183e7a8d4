//! The lenient JSON of the protocol: what protobuf's JSON mapping accepts. Source: auth specification, section 4.4.

use serde_json::{Map, Value};

use crate::{Envelope, limits};

/// The members of a JSON object, keys in camel case, `null` members gone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a body. An empty one is an empty object.
    ///
    /// # Errors
    /// The envelope of a malformed request.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Envelope> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        // `serde_json` itself stops at 128 levels, so a deep body cannot exhaust the stack.
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|error| Envelope::parse_error(&format!("{error}.")))?;
        if depth(&value) > limits::JSON_DEPTH_MAX {
            return Err(Envelope::parse_error("Nested too deeply."));
        }
        match camel(value) {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(Envelope::parse_error("Expected an object.")),
        }
    }

    /// Reads a form-encoded body.
    #[must_use]
    pub fn from_form(pairs: &[(String, String)]) -> Self {
        let members = pairs
            .iter()
            .map(|(key, value)| (camel_key(key), Value::from(value.as_str())));
        Self(members.collect())
    }

    /// Whether the member is there.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// A string; a number is taken as its text.
    ///
    /// # Errors
    /// The envelope of a wrong type, as of every reader here.
    pub fn string(&self, key: &str) -> Result<Option<String>, Envelope> {
        match self.0.get(key) {
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
        match self.0.get(key) {
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
        let parsed = match self.0.get(key) {
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
        match self.0.get(key) {
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
        match self.0.get(key) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Self(members.clone()))),
            Some(_) => Err(wrong(key, "an object")),
        }
    }

    /// An array of objects.
    ///
    /// # Errors
    /// As [`Fields::string`].
    pub fn objects(&self, key: &str) -> Result<Vec<Self>, Envelope> {
        let one = |value: &Value| match value {
            Value::Object(members) => Ok(Self(members.clone())),
            _ => Err(wrong(key, "an array of objects")),
        };
        match self.0.get(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(values)) => values.iter().map(one).collect(),
            Some(_) => Err(wrong(key, "an array of objects")),
        }
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

    fn fields(json: &str) -> Fields {
        Fields::from_json(json.as_bytes()).unwrap()
    }

    #[test]
    fn snake_case_is_camel_case_also_nested() {
        let fields = fields(r#"{"refresh_token":"a","phone_info":{"phone_number":"+1"}}"#);
        assert_eq!(fields.string("refreshToken").unwrap().as_deref(), Some("a"));
        let nested = fields.object("phoneInfo").unwrap().unwrap();
        assert_eq!(nested.string("phoneNumber").unwrap().as_deref(), Some("+1"));
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
            &format!("{{\"a\":{}", "[".repeat(200_000)),
        ] {
            assert!(Fields::from_json(body.as_bytes()).is_err());
        }
        assert_eq!(Fields::from_json(b" ").unwrap(), Fields::default());
    }
}
