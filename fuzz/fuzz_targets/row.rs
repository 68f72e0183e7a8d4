//! Headers of stored rows, and the rows of clock and format: every byte string is one row at most, and comes back.

#![no_main]

use bytes::Bytes;
use firekeep_store::{ClockState, CommitTime, Row, meta, row};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let bytes = Bytes::copy_from_slice(data);
    let time = row::time(data).ok();
    match row::decode(bytes.clone()) {
        Ok(row) => {
            assert_eq!(row.time, time);
            let time = time.expect("a stored row has a time");
            assert_eq!(row::encode(time, &row.value), bytes);
        }
        Err(_) => assert_eq!(time, None),
    }
    if let Ok(state) = ClockState::decode(data) {
        assert_eq!(state.encode(), bytes);
        let loaded = ClockState::load(Some(data), None).ok();
        assert_eq!(
            loaded,
            (state.seq == 0 && state.last == CommitTime::ZERO).then_some(state)
        );
    }
    if let Ok(format) = meta::check_format(bytes.clone()) {
        assert!(format <= meta::FORMAT);
    }
    any_value_comes_back(data);
});

fn any_value_comes_back(data: &[u8]) {
    let (time, value) = data.split_first_chunk().unwrap_or((&[0; 8], data));
    let time = CommitTime(i64::from_be_bytes(*time));
    assert_eq!(CommitTime::from_key(time.to_key()), time);
    let row = Row {
        time: Some(time),
        value: Bytes::copy_from_slice(value),
    };
    let bytes = row::encode(time, value);
    assert_eq!(row::decode(bytes).expect("what we write can be read"), row);
}
