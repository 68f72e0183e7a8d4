//! What is accepted: more than is written. Both spellings of a name, numbers as text and text as numbers, unknown
//! fields. Refused: a field or key twice, two members of a oneof, and whatever is of another type.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use prost_types::value::Kind;
use prost_types::{Any, ListValue, Struct};
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::error::{Error, Step, path, shortened};
use super::print::null_kind;
use super::{Json, List, Map, Slot, time};
use crate::limits::{JSON_DEPTH_MAX, JSON_ELEMENTS_MAX};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Reads a message.
///
/// # Errors
/// [`Error`] with the place of the fault.
pub fn decode<M: Json + Default>(body: &[u8]) -> Result<M, Error> {
    let mut message = M::default();
    decode_into(&mut message, body)?;
    Ok(message)
}

/// Reads fields into a message, which is of no use after an error.
///
/// # Errors
/// As [`decode`].
pub fn decode_into(message: &mut dyn Json, body: &[u8]) -> Result<(), Error> {
    read(Slot::Message(message), body)
}

fn read(slot: Slot<'_>, body: &[u8]) -> Result<(), Error> {
    let mut progress = Progress::default();
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let seed = Seed {
        place: Place::Slot(slot),
        progress: &mut progress,
    };
    seed.deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| Error {
            path: path(&progress.steps),
            message: progress.fault.unwrap_or_else(|| error.to_string()),
        })
}

/// What one reading shares.
#[derive(Default)]
struct Progress {
    depth: usize,
    elements: usize,
    /// The way to the fault, from the inside out.
    steps: Vec<Step>,
    /// Our own fault; serde_json's carry their position in the text.
    fault: Option<String>,
}

impl Progress {
    fn fail<E: serde::de::Error>(&mut self, fault: impl Into<String>) -> E {
        self.fault = Some(fault.into());
        E::custom("")
    }

    fn enter<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.depth += 1;
        if self.depth > JSON_DEPTH_MAX {
            return Err(self.fail(format!("nested deeper than {JSON_DEPTH_MAX} levels")));
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    fn count<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.elements += 1;
        if self.elements > JSON_ELEMENTS_MAX {
            return Err(self.fail(format!("more than {JSON_ELEMENTS_MAX} elements")));
        }
        Ok(())
    }
}

/// Where a value goes. A field's slot is opened when its value is seen: `null` leaves the field absent.
enum Place<'a> {
    Slot(Slot<'a>),
    Field(&'a mut dyn Json, usize),
}

/// Reads one value into a place.
struct Seed<'a, 'p> {
    place: Place<'a>,
    progress: &'p mut Progress,
}

impl<'a, 'p> Seed<'a, 'p> {
    fn open<E: serde::de::Error>(self) -> Result<(Slot<'a>, &'p mut Progress), E> {
        let slot = match self.place {
            Place::Slot(slot) => slot,
            Place::Field(message, index) => message.slot(index),
        };
        if let Slot::Taken(oneof) = slot {
            let fault = format!("another member of the oneof `{oneof}` is set");
            return Err(self.progress.fail(fault));
        }
        Ok((slot, self.progress))
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        if let Place::Field(message, index) = &self.place
            && !message.takes_null(*index)
        {
            return Ok(());
        }
        let (slot, progress) = self.open()?;
        match slot {
            Slot::Null(_) => {}
            Slot::StructValue(value) => value.kind = Some(null_kind()),
            other => return Err(progress.fail(mismatch(&other, "null"))),
        }
        Ok(())
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        let (slot, progress) = self.open()?;
        match slot {
            Slot::Bool(place) => *place = value,
            Slot::StructValue(place) => place.kind = Some(Kind::BoolValue(value)),
            other => return Err(progress.fail(mismatch(&other, "a boolean"))),
        }
        Ok(())
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        let (slot, progress) = self.open()?;
        set_integer(slot, value).map_err(|fault| progress.fail(fault))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        let (slot, progress) = self.open()?;
        let done = match i64::try_from(value) {
            Ok(value) => set_integer(slot, value),
            #[expect(
                clippy::cast_precision_loss,
                reason = "the nearest double is what was meant"
            )]
            Err(_) => set_double(slot, value as f64),
        };
        done.map_err(|fault| progress.fail(fault))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        let (slot, progress) = self.open()?;
        set_double(slot, value).map_err(|fault| progress.fail(fault))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        let (slot, progress) = self.open()?;
        set_text(slot, Cow::Borrowed(text)).map_err(|fault| progress.fail(fault))
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<(), E> {
        let (slot, progress) = self.open()?;
        set_text(slot, Cow::Owned(text)).map_err(|fault| progress.fail(fault))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<(), A::Error> {
        let (slot, progress) = self.open()?;
        progress.enter()?;
        match slot {
            Slot::List(list) => read_list(list, sequence, progress)?,
            Slot::StructValue(value) => {
                let mut list = ListValue::default();
                read_list(&mut list.values, sequence, progress)?;
                value.kind = Some(Kind::ListValue(list));
            }
            other => return Err(progress.fail(mismatch(&other, "a list"))),
        }
        progress.leave();
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<(), A::Error> {
        let (slot, progress) = self.open()?;
        progress.enter()?;
        match slot {
            Slot::Message(message) => read_message(message, object, progress)?,
            Slot::Map(map) => read_map(map, object, progress)?,
            Slot::Struct(value) => read_map(&mut value.fields, object, progress)?,
            Slot::StructValue(value) => {
                let mut inner = Struct::default();
                read_map(&mut inner.fields, object, progress)?;
                value.kind = Some(Kind::StructValue(inner));
            }
            Slot::Any(any) => read_any(any, object, progress)?,
            // COMPAT: old SDKs write wrappers as the messages that they are.
            Slot::Int32Value(place) => read_message(&mut Wrapper::Int32(place), object, progress)?,
            Slot::Int64Value(place) => read_message(&mut Wrapper::Int64(place), object, progress)?,
            Slot::DoubleValue(place) => {
                read_message(&mut Wrapper::Double(place), object, progress)?
            }
            other => return Err(progress.fail(mismatch(&other, "an object"))),
        }
        progress.leave();
        Ok(())
    }
}

fn read_message<'de, A: MapAccess<'de>>(
    message: &mut dyn Json,
    mut object: A,
    progress: &mut Progress,
) -> Result<(), A::Error> {
    let fields = message.fields();
    let mut seen = 0_u64;
    while let Some(index) = object.next_key_seed(Name(fields))? {
        let Some((index, (name, _))) = index.and_then(|index| Some((index, fields.get(index)?)))
        else {
            object.next_value::<IgnoredAny>()?;
            continue;
        };
        if seen & (1 << index) != 0 {
            progress.steps.push(Step::Field(name));
            return Err(progress.fail("the field is set twice"));
        }
        seen |= 1 << index;
        let seed = Seed {
            place: Place::Field(message, index),
            progress: &mut *progress,
        };
        if let Err(error) = object.next_value_seed(seed) {
            progress.steps.push(Step::Field(name));
            return Err(error);
        }
    }
    Ok(())
}

fn read_map<'de, A: MapAccess<'de>>(
    map: &mut dyn Map,
    mut object: A,
    progress: &mut Progress,
) -> Result<(), A::Error> {
    while let Some(key) = object.next_key::<String>()? {
        progress.count()?;
        // The key moves into the map, and is told only in errors: so it is kept beside, in a form that costs little.
        let kept = shortened(&key).to_owned();
        let Some(slot) = map.add(key) else {
            progress.steps.push(Step::Key(kept));
            return Err(progress.fail("the key is there twice"));
        };
        let seed = Seed {
            place: Place::Slot(slot),
            progress: &mut *progress,
        };
        if let Err(error) = object.next_value_seed(seed) {
            progress.steps.push(Step::Key(kept));
            return Err(error);
        }
    }
    Ok(())
}

fn read_list<'de, A: SeqAccess<'de>>(
    list: &mut dyn List,
    mut sequence: A,
    progress: &mut Progress,
) -> Result<(), A::Error> {
    for index in 0.. {
        // The element is made when there is one to read.
        let seed = ElementSeed {
            list: &mut *list,
            progress: &mut *progress,
        };
        match sequence.next_element_seed(seed) {
            Ok(Some(())) => {}
            Ok(None) => break,
            Err(error) => {
                progress.steps.push(Step::Index(index));
                return Err(error);
            }
        }
    }
    Ok(())
}

struct ElementSeed<'a, 'p> {
    list: &'a mut dyn List,
    progress: &'p mut Progress,
}

impl<'de> DeserializeSeed<'de> for ElementSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.progress.count()?;
        let seed = Seed {
            place: Place::Slot(self.list.push()),
            progress: self.progress,
        };
        deserializer.deserialize_any(seed)
    }
}

/// The message inside, which `@type` names wherever it stands; so the object is kept whole first. Requests have no
/// such field.
fn read_any<'de, A: MapAccess<'de>>(
    any: &mut Any,
    mut object: A,
    progress: &mut Progress,
) -> Result<(), A::Error> {
    let mut fields = serde_json::Map::new();
    while let Some((name, value)) = object.next_entry::<String, serde_json::Value>()? {
        progress.count()?;
        fields.insert(name, value);
    }
    let Some(serde_json::Value::String(url)) = fields.remove("@type") else {
        return Err(progress.fail("`@type` is missing"));
    };
    let name = url.rsplit('/').next().unwrap_or_default();
    let Some(mut message) = crate::generated::json::in_any(name) else {
        return Err(progress.fail("unknown type"));
    };
    let text = serde_json::to_vec(&fields).map_err(A::Error::custom)?;
    let mut inner = serde_json::Deserializer::from_slice(&text);
    let seed = Seed {
        place: Place::Slot(Slot::Message(&mut *message)),
        progress: &mut *progress,
    };
    seed.deserialize(&mut inner).map_err(A::Error::custom)?;
    any.value = message.to_bytes();
    any.type_url = url;
    Ok(())
}

/// A wrapper in the form `{"value": n}`.
enum Wrapper<'a> {
    Int32(&'a mut i32),
    Int64(&'a mut i64),
    Double(&'a mut f64),
}

impl Json for Wrapper<'_> {
    fn fields(&self) -> &'static [super::Field] {
        &[("value", "value")]
    }

    fn slot(&mut self, _index: usize) -> Slot<'_> {
        match self {
            Self::Int32(place) => Slot::Int32(place),
            Self::Int64(place) => Slot::Int64(place),
            Self::Double(place) => Slot::Double(place),
        }
    }

    fn print(&self, _out: &mut super::Fields<'_>) {}
}

/// Finds a name among fields without keeping it.
struct Name(&'static [super::Field]);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<usize>;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(find(self.0, name))
    }
}

/// The position of a field by either of its names.
pub(crate) fn find(fields: &[super::Field], name: &str) -> Option<usize> {
    fields
        .iter()
        .position(|(json, proto)| *json == name || *proto == name)
}

fn set_integer(slot: Slot<'_>, value: i64) -> Result<(), String> {
    match slot {
        Slot::Int32(place) | Slot::Int32Value(place) | Slot::Enum(place, _) => {
            *place =
                i32::try_from(value).map_err(|_| "the number does not fit 32 bits".to_owned())?;
        }
        Slot::Int64(place) | Slot::Int64Value(place) => *place = value,
        Slot::Null(_) if value == 0 => {}
        #[expect(
            clippy::cast_precision_loss,
            reason = "the nearest double is what was meant"
        )]
        Slot::Double(place) | Slot::DoubleValue(place) => *place = value as f64,
        #[expect(
            clippy::cast_precision_loss,
            reason = "the nearest double is what was meant"
        )]
        Slot::StructValue(place) => place.kind = Some(Kind::NumberValue(value as f64)),
        other => return Err(mismatch(&other, "a number")),
    }
    Ok(())
}

fn set_double(slot: Slot<'_>, value: f64) -> Result<(), String> {
    match slot {
        Slot::Double(place) | Slot::DoubleValue(place) => *place = value,
        Slot::StructValue(place) => place.kind = Some(Kind::NumberValue(value)),
        slot @ (Slot::Int32(_)
        | Slot::Int32Value(_)
        | Slot::Int64(_)
        | Slot::Int64Value(_)
        | Slot::Enum(..)
        | Slot::Null(_)) => set_integer(slot, whole(value)?)?,
        other => return Err(mismatch(&other, "a number")),
    }
    Ok(())
}

/// The integer that a double is.
fn whole(value: f64) -> Result<i64, String> {
    // From -2^63, which is a double, to below 2^63, which is the next above `i64::MAX`.
    let range = -9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0;
    if value.fract() != 0.0 || !range.contains(&value) {
        return Err("the number is not a 64-bit integer".into());
    }
    #[expect(clippy::cast_possible_truncation, reason = "a whole number in range")]
    Ok(value as i64)
}

/// Reads a value from text: a string of a JSON body, or a query parameter.
pub(crate) fn set_text(slot: Slot<'_>, text: Cow<'_, str>) -> Result<(), String> {
    match slot {
        Slot::String(place) => *place = text.into_owned(),
        Slot::StructValue(place) => place.kind = Some(Kind::StringValue(text.into_owned())),
        Slot::Bytes(place) => {
            let engine = if text.contains(['-', '_']) {
                BASE64_URL
            } else {
                BASE64
            };
            let bytes = engine.decode(text.as_bytes());
            *place = bytes.map_err(|_| refused("base64"))?.into();
        }
        Slot::Timestamp(place) => {
            *place =
                time::parse_timestamp(&text).ok_or_else(|| refused("an RFC 3339 timestamp"))?;
        }
        Slot::Duration(place) => {
            *place =
                time::parse_duration(&text).ok_or_else(|| refused("a duration such as `1.5s`"))?;
        }
        Slot::Enum(place, number_of) => {
            *place = number_of(&text).ok_or_else(|| refused("a name of the enum"))?;
        }
        Slot::Null(_) if text == "NULL_VALUE" => {}
        Slot::Double(place) | Slot::DoubleValue(place) => {
            *place = parse_double(&text).ok_or_else(|| refused("a number"))?;
        }
        slot @ (Slot::Int32(_) | Slot::Int32Value(_) | Slot::Int64(_) | Slot::Int64Value(_)) => {
            match text.parse() {
                Ok(value) if is_number(&text) => set_integer(slot, value)?,
                _ => {
                    let value = parse_double(&text).filter(|value| value.is_finite());
                    set_double(slot, value.ok_or_else(|| refused("an integer"))?)?;
                }
            }
        }
        Slot::FieldMask(place) => {
            let paths = text.split(',').filter(|path| !path.is_empty());
            place.paths = paths.map(snake_case).collect();
        }
        other => return Err(mismatch(&other, "a string")),
    }
    Ok(())
}

/// A number in JSON's spelling, or one of the three that JSON cannot spell.
fn parse_double(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        // Rust's own parser would take `inf` too, and makes infinity of what is too large.
        _ if is_number(text) => text.parse().ok().filter(|value: &f64| value.is_finite()),
        _ => None,
    }
}

/// Made of the characters of numbers, and begins as JSON's do.
fn is_number(text: &str) -> bool {
    text.strip_prefix('-')
        .unwrap_or(text)
        .starts_with(|first: char| first.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
}

/// `indexConfig` as the mask holds it, `index_config`.
fn snake_case(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for char in path.chars() {
        if char.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(char.to_ascii_lowercase());
    }
    text
}

/// The text itself is not told: it may be somebody's data, and errors go into logs.
fn refused(wanted: &str) -> String {
    format!("the string is not {wanted}")
}

fn mismatch(slot: &Slot<'_>, found: &str) -> String {
    let wanted = match slot {
        Slot::Absent | Slot::Taken(_) => "nothing",
        Slot::Bool(_) => "a boolean",
        Slot::Int32(_) | Slot::Int32Value(_) | Slot::Int64(_) | Slot::Int64Value(_) => "an integer",
        Slot::Double(_) | Slot::DoubleValue(_) => "a number",
        Slot::String(_) => "a string",
        Slot::Bytes(_) => "base64",
        Slot::Null(_) => "null",
        Slot::Enum(..) => "a name of the enum",
        Slot::Timestamp(_) => "an RFC 3339 timestamp",
        Slot::Duration(_) => "a duration such as `1.5s`",
        Slot::FieldMask(_) => "paths with commas between",
        Slot::StructValue(_) => "a value",
        Slot::Struct(_) | Slot::Any(_) | Slot::Message(_) | Slot::Map(_) => "an object",
        Slot::List(_) => "a list",
    };
    format!("found {found} instead of {wanted}")
}
