//! Managed exports: records and entities of any bytes are read, or refused; what was read is written and read the same.
//!
//! Input: a byte that says what follows: 0 a file of records, 1 an entity, which no fuzzer finds a checksum for.

#![no_main]

use firekeep_managed_export::records::{RecordWriter, Records};
use firekeep_managed_export::{decode_entity, encode_entity};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    if kind & 1 == 0 {
        records(rest);
    } else {
        entity(rest);
    }
});

fn records(file: &[u8]) {
    let read: Vec<_> = Records::new(file).map_while(Result::ok).collect();
    let mut writer = RecordWriter::new(Vec::new());
    for record in &read {
        entity(record);
        writer.write(record).expect("memory takes it");
    }
    let again = writer.finish().expect("memory takes it");
    let again: Result<Vec<_>, _> = Records::new(again.as_slice()).collect();
    assert_eq!(again.expect("what we write can be read"), read);
    // Whatever the bytes are, they are records if we write them so.
    let mut writer = RecordWriter::new(Vec::new());
    writer.write(file).expect("memory takes it");
    let one = writer.finish().expect("memory takes it");
    let again: Result<Vec<_>, _> = Records::new(one.as_slice()).collect();
    assert_eq!(again.expect("what we write can be read"), [file]);
}

fn entity(message: &[u8]) {
    match decode_entity(message) {
        Ok(entity) => {
            let again = encode_entity(&entity.name, &entity.fields);
            assert_eq!(decode_entity(&again), Ok(entity));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
