//! Rows of the log: from bytes and back, and from commits and back.

#![no_main]

use bytes::Bytes;
use firekeep_fuzz::place;
use firekeep_store::{Change, CommitId, CommitTime, LogRow, Space};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(row) = LogRow::decode(data) {
        comes_back(&row);
        // A length has one shortest form, which we write; others are read.
        assert!(row.encode().len() <= data.len());
    }
    if let Ok(row) = commit(&mut Unstructured::new(data)) {
        comes_back(&row);
        every_cut_is_noticed(&row, data);
    }
});

fn comes_back(row: &LogRow) {
    let again = LogRow::decode(&row.encode()).expect("what we write can be read");
    assert_eq!(&again, row);
    for (history, key) in row.history_keys() {
        let made = |change: &Change| {
            let replaced = change.replaced.is_some();
            replaced && change.space.history() == Some(history) && key.starts_with(&change.key)
        };
        assert!(row.changes.iter().any(made));
    }
}

/// Cuts the row at a place that depends on the input.
fn every_cut_is_noticed(row: &LogRow, data: &[u8]) {
    let bytes = row.encode();
    let cut = bytes.slice(..place(data, bytes.len()));
    assert!(LogRow::decode(&cut).is_err());
}

fn commit(input: &mut Unstructured<'_>) -> Result<LogRow> {
    Ok(LogRow {
        time: CommitTime(input.arbitrary()?),
        seq: input.arbitrary()?,
        commit: CommitId(input.arbitrary()?),
        epoch: input.arbitrary()?,
        changes: (0..input.int_in_range(0..=4)?)
            .map(|_| change(input))
            .collect::<Result<_>>()?,
    })
}

fn change(input: &mut Unstructured<'_>) -> Result<Change> {
    Ok(Change {
        space: *input.choose(&Space::ALL)?,
        deleted: input.arbitrary()?,
        replaced: input.arbitrary::<Option<i64>>()?.map(CommitTime),
        after: input.arbitrary::<Option<Vec<u8>>>()?.map(Bytes::from),
        key: input.arbitrary()?,
    })
}
