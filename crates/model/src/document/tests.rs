//! Sizes by the rules of the specification, and the limits of a document.

use super::*;
use crate::limits::VALUE_DEPTH_MAX;
use crate::value::{Array, GeoPoint, Vector};
use crate::{DocumentName, FieldPath};

fn fields(entries: &[(&str, Value)]) -> Map {
    let entries = entries
        .iter()
        .map(|(name, value)| ((*name).into(), value.clone()));
    Map::from_entries(entries.collect()).unwrap()
}

fn path(text: &str) -> DocumentPath {
    DocumentPath::parse(text).unwrap()
}

#[test]
fn the_example_of_the_specification_has_92_bytes() {
    let document = Document {
        path: path("rooms/r1/messages/m42"),
        fields: fields(&[("text", "Hi".into()), ("n", 7.into()), ("ok", true.into())]),
        create_time: Timestamp::default(),
        update_time: Timestamp::default(),
    };
    assert_eq!(document.size(), 92);
}

#[test]
fn values_have_the_sizes_of_the_table() {
    let check = |value: Value, expected| {
        let size = document_size(&path("a/b"), &fields(&[("f", value.clone())]));
        // The name is 16 + 2 + 2, the field's name 2.
        assert_eq!(size - 32 - 20 - 2, expected, "{value:?}");
    };
    check(Value::Null, 1);
    check(false.into(), 1);
    check(7.into(), 8);
    check(7.5.into(), 8);
    check(Timestamp::MAX.into(), 8);
    check(Value::GeoPoint(GeoPoint::new(1.0, 2.0).unwrap()), 16);
    check("".into(), 1);
    check("é".into(), 3);
    check(Value::Bytes([1, 2, 3].into()), 3);
    let name = DocumentName::parse("projects/p/databases/main/documents/rooms/__id7__").unwrap();
    check(Value::reference(name), 16 + 6 + 8);
    check(Array::new(vec![]).unwrap().into(), 0);
    check(Array::new(vec![1.into(), "a".into()]).unwrap().into(), 10);
    check(Map::new().into(), 0);
    check(
        fields(&[("ab", 1.into()), ("c", Value::Null)]).into(),
        3 + 8 + 2 + 1,
    );
    check(Value::Vector(Vector::new([0.5; 3]).unwrap()), 24);
}

fn check(fields: &Map, expected: Result<usize, &str>) {
    let checked = check_document(&path("a/b"), fields).map_err(|error| error.to_string());
    assert_eq!(checked, expected.map_err(str::to_owned));
}

#[test]
fn a_document_has_at_most_a_mebibyte() {
    let of = |bytes: usize| {
        fields(&[
            ("f", "x".repeat(1_000_000).as_str().into()),
            ("g", Value::Bytes(vec![0; bytes].into())),
        ])
    };
    // 32 + 20, then two names of 2, the string's end, the string.
    let rest = 1_048_576 - 52 - 4 - 1 - 1_000_000;
    check(&of(rest), Ok(1_048_576));
    check(
        &of(rest + 1),
        Err("the document `a/b` has 1048577 bytes, more than 1048576"),
    );
}

#[test]
fn a_string_may_be_as_long_as_a_document_allows() {
    let text = |bytes: usize| Value::String("x".repeat(bytes).into());
    check(
        &fields(&[("f", text(1_048_487))]),
        Ok(1_048_487 + 1 + 2 + 52),
    );
    let too_long = "a string or bytes value is longer than 1048487 bytes";
    check(&fields(&[("f", text(1_048_488))]), Err(too_long));
    check(
        &fields(&[("f", Value::Bytes(vec![0; 1_048_488].into()))]),
        Err(too_long),
    );
    let nested = Array::new(vec![fields(&[("f", text(1_048_488))]).into()]).unwrap();
    check(&fields(&[("f", nested.into())]), Err(too_long));
}

#[test]
fn twenty_maps_and_arrays_are_the_deepest() {
    // As on the official emulator: 20 maps inside each other in a field are accepted, 21 are not.
    let nested = |depth: usize| {
        let mut fields = Map::new();
        let names = std::iter::repeat_n("a", depth + 1);
        fields.set_path(&FieldPath::new(names).unwrap(), Value::Null);
        fields
    };
    check(&nested(VALUE_DEPTH_MAX), Ok(52 + 21 * 2 + 1));
    let too_deep = "maps and arrays are nested more than 20 deep";
    check(&nested(VALUE_DEPTH_MAX + 1), Err(too_deep));
    check(&nested(700), Err(too_deep));
}
