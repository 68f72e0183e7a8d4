//! The lenient JSON of the wire, on any bytes: it takes what a strict reader takes, and its readers agree.

#![no_main]

use firekeep_fuzz::depth;
use firekeep_wire_http::{Envelope, Fields, limits};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

const NAMES: [&str; 3] = ["NONE", "EMAIL", "DISPLAY_NAME"];

fuzz_target!(|data: &[u8]| {
    let read = Fields::from_json(data, &[]);
    let strict = serde_json::from_slice::<Value>(data);
    let blank = data.iter().all(u8::is_ascii_whitespace);
    match (&read, &strict) {
        (Err(error), Ok(value)) => {
            // Only what is too deep or no object is refused beyond the syntax.
            assert!(!value.is_object() || depth(value) > limits::JSON_DEPTH_MAX);
            check_error(error, "");
        }
        (Err(error), Err(_)) => check_error(error, ""),
        (Ok(fields), Ok(Value::Object(members))) => {
            assert!(depth(&Value::Object(members.clone())) <= limits::JSON_DEPTH_MAX);
            check_against(fields, members);
        }
        (Ok(fields), Err(_)) => assert!(blank && *fields == Fields::default()),
        (Ok(_), Ok(other)) => panic!("{other} is no object"),
    }
});

/// The text says what is wrong with which member, and never quotes what was sent: it stands in answers and logs.
fn check_error(error: &Envelope, key: &str) {
    let message = error.message();
    assert!(message.starts_with("Invalid JSON payload received."));
    assert!(message.len() < 200 + key.len(), "{message}");
}

fn check_against(fields: &Fields, members: &Map<String, Value>) {
    let plain = normal(members);
    if plain.len() < members.len() {
        // Of two spellings of one name the later counts, and `members` has lost the order.
        return;
    }
    let again = serde_json::to_vec(&plain).expect("a value is JSON");
    assert_eq!(
        &Fields::from_json(&again, &[]).expect("it is an object"),
        fields
    );
    assert!(!fields.has("absent_name"));
    for (key, value) in &plain {
        assert!(fields.has(key));
        check_readers(fields, key, value);
    }
    let texts = plain
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.into())));
    let pairs: Vec<(String, String)> = texts.collect();
    let form = Fields::from_pairs(&pairs);
    for (key, text) in &pairs {
        assert_eq!(form.string(key).ok().flatten().as_ref(), Some(text));
    }
}

/// Each reader gives the member, or an error; readers of two types take the same member only where both may.
fn check_readers(fields: &Fields, key: &str, value: &Value) {
    let check = |error: &Envelope| check_error(error, key);
    let string = fields.string(key).inspect_err(check).ok().flatten();
    let int = fields.int(key).inspect_err(check).ok().flatten();
    let bool = fields.bool(key).inspect_err(check).ok().flatten();
    let strings = fields.strings(key).inspect_err(check).ok();
    let object = fields.object(key).inspect_err(check).ok().flatten();
    let objects = fields.objects(key).inspect_err(check).ok();
    let enums = fields.enums(key, &NAMES).inspect_err(check).ok();

    assert_eq!(string.is_some(), value.is_string() || value.is_number());
    let text = fields.text(key).ok().flatten();
    assert_eq!(text, string.clone().filter(|text| !text.is_empty()));
    if let Some(int) = int {
        assert_eq!(
            string.as_ref().and_then(|text| text.parse().ok()),
            Some(int)
        );
    }
    if let Some(bool) = bool {
        assert!(*value == Value::Bool(bool) || *value == Value::from(bool.to_string()));
        assert_eq!(int, None);
    }
    if let Some(string) = &string {
        assert_eq!(strings.as_deref(), Some(std::slice::from_ref(string)));
    }
    assert!(enums.is_none_or(|found| Some(found.len()) == strings.as_ref().map(Vec::len)));
    assert_eq!(object.is_some(), value.is_object());
    if let (Some(object), Value::Object(members)) = (&object, value) {
        for key in members.keys() {
            assert!(object.has(key));
        }
    }
    let items = value
        .as_array()
        .filter(|items| items.iter().all(Value::is_object));
    assert_eq!(objects.map(|objects| objects.len()), items.map(Vec::len));
}

/// The members as the wire's own writers would send them: camel case, without nulls.
fn normal(members: &Map<String, Value>) -> Map<String, Value> {
    let mut plain = Map::new();
    for (key, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        plain.insert(camel(key), normal_value(value));
    }
    plain
}

fn normal_value(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(normal(members)),
        Value::Array(values) => values.iter().map(normal_value).collect(),
        other => other.clone(),
    }
}

fn camel(key: &str) -> String {
    let mut words = key.split('_').filter(|word| !word.is_empty());
    let mut text = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut rest = word.chars();
        text.extend(rest.next().into_iter().flat_map(char::to_uppercase));
        text.push_str(rest.as_str());
    }
    text
}
