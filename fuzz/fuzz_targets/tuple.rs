//! Order-preserving encodings: any two values sort as their bytes do, and none is a prefix of the other.
//!
//! The order is written down here a second time, without any encoding. Keys of documents come back as paths.

#![no_main]

use std::cmp::Ordering;

use firekeep_model::{DocumentName, DocumentPath, Timestamp};
use firekeep_store::KeyRange;
use firekeep_store::tuple::{Encoder, document_path, split_segment};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

/// The kinds of values, in their order. Arrays and maps are last.
const KINDS: u8 = 11;
const KINDS_PLAIN: u8 = 9;

#[derive(Clone, Debug)]
enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Double(f64),
    Timestamp(i64),
    Text(String),
    Bytes(Vec<u8>),
    Reference(DocumentName),
    GeoPoint(f64, f64),
    Vector(Vec<f64>),
    Array(Vec<Value>),
    Map(Vec<(String, Value)>),
}

fuzz_target!(|data: &[u8]| {
    segments_come_back(data);
    paths_come_back(data);
    let mut input = Unstructured::new(data);
    let _ = pair(&mut input).map(|(a, b)| check(&a, &b));
    let _ = ranges_hold_their_prefix(&mut input);
});

fn segments_come_back(key: &[u8]) {
    let mut rest = key;
    let mut encoder = Encoder::new();
    while let Some((segment, behind)) = split_segment(rest) {
        encoder.segment(&segment);
        rest = behind;
    }
    encoder.raw(rest);
    assert_eq!(encoder.finish(), key);
    if let Ok(text) = std::str::from_utf8(key) {
        let mut encoder = Encoder::new();
        encoder.segment(text).raw(b"rest");
        let key = encoder.finish();
        assert_eq!(split_segment(&key), Some((text.to_owned(), &b"rest"[..])));
    }
}

fn paths_come_back(key: &[u8]) {
    let encode = |path: &DocumentPath| {
        let mut encoder = Encoder::new();
        encoder.document(path);
        encoder.finish()
    };
    if let Some(path) = document_path(key) {
        assert_eq!(encode(&path), key);
    }
    if let Some(path) = std::str::from_utf8(key)
        .ok()
        .and_then(|text| DocumentPath::parse(text).ok())
    {
        assert_eq!(document_path(&encode(&path)), Some(path));
    }
}

fn ranges_hold_their_prefix(input: &mut Unstructured<'_>) -> Result<()> {
    let prefix: Vec<u8> = input.arbitrary()?;
    let mut key: Vec<u8> = input.arbitrary()?;
    for _ in 0..2 {
        let range = KeyRange::prefix(&prefix);
        assert_eq!(range.contains(&key), key.starts_with(&prefix));
        key.splice(0..0, prefix.iter().copied());
    }
    Ok(())
}

fn check(a: &Value, b: &Value) {
    let (left, right) = (encode(a), encode(b));
    let expected = compare(a, b);
    assert_eq!(left.cmp(&right), expected, "{a:?} {b:?}");
    if expected != Ordering::Equal {
        assert!(
            !right.starts_with(&left) && !left.starts_with(&right),
            "{a:?} {b:?}"
        );
    }
    let turned = |value: &Value| {
        let mut encoder = Encoder::new();
        encoder.descending(|encoder| put(encoder, value));
        encoder.finish()
    };
    assert_eq!(turned(a).cmp(&turned(b)), expected.reverse(), "{a:?} {b:?}");
}

fn encode(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new();
    put(&mut encoder, value);
    encoder.finish()
}

fn put(encoder: &mut Encoder, value: &Value) {
    match value {
        Value::Null => encoder.null(),
        Value::Boolean(value) => encoder.boolean(*value),
        Value::Integer(value) => encoder.integer(*value),
        Value::Double(value) => encoder.double(*value),
        Value::Timestamp(micros) => encoder.timestamp(Timestamp::from_micros(*micros)),
        Value::Text(text) => encoder.string(text),
        Value::Bytes(bytes) => encoder.bytes(bytes),
        Value::Reference(name) => encoder.reference(name),
        Value::GeoPoint(latitude, longitude) => encoder.geo_point(*latitude, *longitude),
        Value::Vector(elements) => encoder.vector(elements),
        Value::Array(elements) => encoder.array(|encoder| {
            for element in elements {
                put(encoder, element);
            }
        }),
        Value::Map(entries) => encoder.map(|encoder| {
            for (key, value) in entries {
                put(encoder.string(key), value);
            }
        }),
    };
}

/// Source: Firestore specification, the order of values.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
        (Value::Integer(a), Value::Integer(b)) | (Value::Timestamp(a), Value::Timestamp(b)) => {
            a.cmp(b)
        }
        (Value::Double(a), Value::Double(b)) => doubles(a, b),
        (Value::Integer(a), Value::Double(b)) => mixed(*a, *b),
        (Value::Double(a), Value::Integer(b)) => mixed(*b, *a).reverse(),
        (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Reference(a), Value::Reference(b)) => a.cmp(b),
        (Value::GeoPoint(a, c), Value::GeoPoint(b, d)) => doubles(a, b).then(doubles(c, d)),
        (Value::Vector(a), Value::Vector(b)) => {
            a.len().cmp(&b.len()).then_with(|| lists(a, b, doubles))
        }
        (Value::Array(a), Value::Array(b)) => lists(a, b, compare),
        (Value::Map(a), Value::Map(b)) => lists(a, b, |(key, value), (other, than)| {
            key.cmp(other).then_with(|| compare(value, than))
        }),
        _ => rank(a).cmp(&rank(b)),
    }
}

fn lists<T>(a: &[T], b: &[T], compare: impl Fn(&T, &T) -> Ordering) -> Ordering {
    let differs = a
        .iter()
        .zip(b)
        .map(|(a, b)| compare(a, b))
        .find(|order| order.is_ne());
    differs.unwrap_or_else(|| a.len().cmp(&b.len()))
}

/// NaN comes first, and −0 is 0.
fn doubles(a: &f64, b: &f64) -> Ordering {
    a.partial_cmp(b)
        .unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// An integer and a double, exactly.
fn mixed(a: i64, b: f64) -> Ordering {
    if b.is_nan() {
        return Ordering::Greater;
    }
    // A saturating cast is on the right side of every integer; whole parts are exact, then the fraction decides.
    let whole = b.floor();
    let fraction = if b > whole {
        Ordering::Less
    } else {
        Ordering::Equal
    };
    i128::from(a).cmp(&(whole as i128)).then(fraction)
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Boolean(_) => 1,
        Value::Integer(_) | Value::Double(_) => 2,
        Value::Timestamp(_) => 3,
        Value::Text(_) => 4,
        Value::Bytes(_) => 5,
        Value::Reference(_) => 6,
        Value::GeoPoint(..) => 7,
        Value::Array(_) => 8,
        Value::Vector(_) => 9,
        Value::Map(_) => 10,
    }
}

/// Two values, mostly of one kind.
fn pair(input: &mut Unstructured<'_>) -> Result<(Value, Value)> {
    let kind = input.int_in_range(0..=KINDS)?;
    let other = if input.ratio(7, 8)? {
        kind
    } else {
        input.int_in_range(0..=KINDS)?
    };
    Ok((value(input, kind, 2)?, value(input, other, 2)?))
}

fn value(input: &mut Unstructured<'_>, kind: u8, depth: u8) -> Result<Value> {
    let many = 0..=3;
    Ok(match kind {
        0 => Value::Null,
        1 => Value::Boolean(input.arbitrary()?),
        2 => Value::Integer(integer(input)?),
        3 => Value::Double(double(input)?),
        4 => Value::Timestamp(integer(input)?),
        5 => Value::Text(text(input)?),
        6 => Value::Bytes(input.arbitrary()?),
        7 => {
            let path = format!("{}/{}", text(input)?, text(input)?);
            let name = format!("projects/p/databases/(default)/documents/{path}");
            DocumentName::parse(&name).map_or(Value::Null, Value::Reference)
        }
        8 => Value::GeoPoint(double(input)?, double(input)?),
        9 => {
            let elements = (0..input.int_in_range(many)?).map(|_| double(input));
            Value::Vector(elements.collect::<Result<_>>()?)
        }
        10 => {
            let elements = (0..input.int_in_range(many)?).map(|_| inner(input, depth));
            Value::Array(elements.collect::<Result<_>>()?)
        }
        _ => {
            let entries = (0..input.int_in_range(many)?).map(|_| {
                let key = text(input)?;
                Ok((key, inner(input, depth)?))
            });
            let mut entries = entries.collect::<Result<Vec<_>>>()?;
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            entries.dedup_by(|a, b| a.0 == b.0);
            Value::Map(entries)
        }
    })
}

fn inner(input: &mut Unstructured<'_>, depth: u8) -> Result<Value> {
    let last = if depth == 0 { KINDS_PLAIN } else { KINDS };
    let kind = input.int_in_range(0..=last)?;
    value(input, kind, depth.saturating_sub(1))
}

/// Near where doubles begin to skip integers, or anywhere.
fn integer(input: &mut Unstructured<'_>) -> Result<i64> {
    let bases = [0, 1 << 53, 1 << 54, 1 << 60, i64::MAX, i64::MIN, -(1 << 53)];
    Ok(match input.arbitrary()? {
        true => input
            .choose(&bases)?
            .saturating_add(i64::from(input.arbitrary::<i16>()?)),
        false => input.arbitrary()?,
    })
}

fn double(input: &mut Unstructured<'_>) -> Result<f64> {
    Ok(match input.int_in_range(0..=2)? {
        0 => input.arbitrary()?,
        1 => integer(input)? as f64,
        _ => integer(input)? as f64 + 0.5,
    })
}

/// Of few characters, so that texts are often equal or close.
fn text(input: &mut Unstructured<'_>) -> Result<String> {
    let characters = ['\0', '\u{1}', 'a', 'b', 'é', '\u{FFFF}', '😀', '\u{7F}'];
    (0..input.int_in_range(0..=4)?)
        .map(|_| input.choose(&characters).copied())
        .collect()
}
