//! Rows of documents: every byte string is one document at most, and comes back; so does every document.

#![no_main]

use firekeep_documents::codec::{self, Created};
use firekeep_fuzz::documents::fields;
use firekeep_fuzz::place;
use firekeep_model::{FieldPath, Map, Timestamp, Value};
use libfuzzer_sys::arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    match codec::decode(data) {
        Ok(stored) => {
            assert_eq!(codec::encode(&stored.fields, stored.created), data);
            assert_eq!(
                codec::decode_created(data).expect("it was read"),
                stored.created
            );
            every_field_is_found(data, &stored.fields);
        }
        Err(error) => assert!(error.is_damage()),
    }
    any_field_or_none(data);
    let mut input = Unstructured::new(data);
    if let Ok(fields) = fields(&mut input, 4) {
        let time = Timestamp::from_micros(input.arbitrary().unwrap_or_default());
        for created in [Created::ByThisRow, Created::At(time)] {
            let row = codec::encode(&fields, created);
            let stored = codec::decode(&row).expect("what we write can be read");
            assert_eq!(stored.created, created);
            assert_eq!(stored.fields, fields);
            assert_eq!(codec::encode(&stored.fields, created), row);
            every_field_is_found(&row, &fields);
            cuts_are_refused_or_whole(&row, data);
        }
    }
});

fn every_field_is_found(row: &[u8], fields: &Map) {
    for (name, value) in fields.iter() {
        let path = FieldPath::new([name]).expect("a field has a name");
        found(row, &path, Some(value));
        if let Value::Map(inner) = value
            && let Some((inner, value)) = inner.iter().next()
            && let Ok(path) = FieldPath::new([name, inner])
        {
            found(row, &path, Some(value));
        }
        if let Ok(path) = FieldPath::new([name, "no such field"]) {
            found(row, &path, None);
        }
    }
}

fn found(row: &[u8], path: &FieldPath, expected: Option<&Value>) {
    let value = codec::decode_field(row, path).expect("the whole row was read");
    assert_eq!(value.as_ref(), expected);
}

/// One field may be read of a row that is damaged elsewhere; no damage is worse than an error.
fn any_field_or_none(row: &[u8]) {
    for path in ["a", "b.c", "zz"] {
        let path = FieldPath::parse(path).expect("it is a path");
        if let Err(error) = codec::decode_field(row, &path) {
            assert!(error.is_damage());
        }
    }
}

/// Where a row may be cut so that it is still one, it is a document with fewer fields.
fn cuts_are_refused_or_whole(row: &[u8], data: &[u8]) {
    let cut = row.get(..place(data, row.len())).unwrap_or_default();
    if let Ok(stored) = codec::decode(cut) {
        assert_eq!(codec::encode(&stored.fields, stored.created), cut);
    }
}
