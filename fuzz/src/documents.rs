//! Documents of any shape, made of the input: names, fields and values as the server may have to store them.

use firekeep_model::{
    Array, DocumentName, DocumentPath, FieldPath, GeoPoint, Map, Timestamp, Value, Vector,
};
use libfuzzer_sys::arbitrary::{Result, Unstructured};

/// Values that hold others come last.
const KINDS: u8 = 11;
const KINDS_PLAIN: u8 = 9;

/// Fields with at most `depth` maps and arrays inside each other.
///
/// # Errors
/// The input's end.
pub fn fields(input: &mut Unstructured<'_>, depth: u8) -> Result<Map> {
    let entry = |input: &mut Unstructured<'_>| Ok((name(input)?.into(), value(input, depth)?));
    let entries = (0..input.int_in_range(0..=4)?).map(|_| entry(input));
    let mut entries: Vec<(Box<str>, Value)> = entries.collect::<Result<_>>()?;
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    entries.dedup_by(|a, b| a.0 == b.0);
    Ok(Map::from_entries(entries).unwrap_or_default())
}

/// A value with at most `depth` maps and arrays inside each other.
///
/// # Errors
/// The input's end.
pub fn value(input: &mut Unstructured<'_>, depth: u8) -> Result<Value> {
    let last = if depth == 0 { KINDS_PLAIN } else { KINDS };
    Ok(match input.int_in_range(0..=last)? {
        0 => Value::Null,
        1 => Value::Boolean(input.arbitrary()?),
        2 => Value::Integer(input.arbitrary()?),
        3 => Value::double(input.arbitrary()?),
        4 => {
            let time = Timestamp::from_micros(input.arbitrary()?);
            Value::Timestamp(time.clamp(Timestamp::MIN, Timestamp::MAX))
        }
        5 => Value::String(text(input)?.into()),
        6 => {
            let length = input.int_in_range(0..=2_000)?;
            Value::Bytes(input.bytes(length.min(input.len()))?.into())
        }
        7 => {
            let name = format!("projects/p/databases/(default)/documents/{}", path(input)?);
            DocumentName::parse(&name).map_or(Value::Null, Value::reference)
        }
        8 => GeoPoint::new(input.arbitrary()?, input.arbitrary()?)
            .map_or(Value::Null, Value::GeoPoint),
        9 => {
            let elements: Vec<f64> = (0..input.int_in_range(1..=3)?)
                .map(|_| input.arbitrary())
                .collect::<Result<_>>()?;
            Vector::new(elements).map_or(Value::Null, Value::Vector)
        }
        10 => {
            let elements = (0..input.int_in_range(0..=3)?).map(|_| value(input, depth - 1));
            let elements = elements.collect::<Result<_>>()?;
            Array::new(elements).map_or(Value::Null, Value::Array)
        }
        _ => Value::Map(fields(input, depth - 1)?),
    })
}

/// The path of a document.
///
/// # Errors
/// The input's end.
pub fn path(input: &mut Unstructured<'_>) -> Result<DocumentPath> {
    let ids = (0..2 * input.int_in_range(1..=3)?).map(|_| name(input));
    let ids: Vec<String> = ids.collect::<Result<_>>()?;
    let plain = || DocumentPath::parse("c/d").expect("it is a path");
    Ok(DocumentPath::parse(&ids.join("/")).unwrap_or_else(|_| plain()))
}

/// A field of one name.
///
/// # Errors
/// The input's end.
pub fn field(input: &mut Unstructured<'_>) -> Result<FieldPath> {
    let plain = || FieldPath::parse("f").expect("it is a path");
    Ok(FieldPath::new([name(input)?]).unwrap_or_else(|_| plain()))
}

/// An id or a name, mostly short; a digit makes it a numeric id.
fn name(input: &mut Unstructured<'_>) -> Result<String> {
    Ok(match input.int_in_range(0..=9)? {
        0 => format!("__id{}__", input.arbitrary::<i64>()?),
        1 => text(input)?,
        _ => short(input)?,
    })
}

fn short(input: &mut Unstructured<'_>) -> Result<String> {
    const CHARACTERS: [char; 8] = ['\0', '\u{1}', 'a', 'b', '.', 'é', '\u{FFFF}', '😀'];
    (0..input.int_in_range(1..=3)?)
        .map(|_| input.choose(&CHARACTERS).copied())
        .collect()
}

/// Some characters, now and then so many of them that keys have no room for all.
fn text(input: &mut Unstructured<'_>) -> Result<String> {
    let times = *input.choose(&[1, 1, 1, 50, 150, 370, 1_500])?;
    Ok(short(input)?.repeat(times))
}
