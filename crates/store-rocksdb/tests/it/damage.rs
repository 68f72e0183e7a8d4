//! Torn writes are cut off, damage is reported: never the other way round.

use std::fs;
use std::path::Path;

use firekeep_store_rocksdb::OpenError;

use crate::support::{check_whole, commit, commit_group, copy, newest_file, open, try_open};

/// A closed folder whose newest write-ahead log holds `commits` commits, and the log's length before the last one.
fn with_log(folder: &Path, commits: u64) -> u64 {
    let engine = open(folder);
    for _ in 1..commits {
        commit(&engine).unwrap();
    }
    let length = fs::metadata(newest_file(folder, ".log")).unwrap().len();
    commit(&engine).unwrap();
    length
}

fn flip(file: &Path, byte: usize, bit: u8) {
    let mut bytes = fs::read(file).unwrap();
    bytes[byte] ^= 1 << bit;
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_log_cut_at_any_byte_of_its_last_record_keeps_every_commit_before() {
    let folder = tempfile::tempdir().unwrap();
    let (data, torn) = (folder.path().join("data"), folder.path().join("torn"));
    let before = with_log(&data, 3);
    let whole = fs::read(newest_file(&data, ".log")).unwrap();
    let before = usize::try_from(before).unwrap();
    assert!(whole.len() > before + 100, "the last commit is in this log");
    for length in before..=whole.len() {
        copy(&data, &torn);
        fs::write(newest_file(&torn, ".log"), &whole[..length]).unwrap();
        let engine = open(&torn);
        let kept = if length == whole.len() { 3 } else { 2 };
        assert_eq!(check_whole(&engine), kept, "cut at byte {length}");
        assert_eq!(commit(&engine).unwrap(), kept + 1);
        drop(engine);
        fs::remove_dir_all(&torn).unwrap();
    }
}

#[test]
fn a_log_whose_last_record_never_reached_the_disk_keeps_every_commit_before() {
    let folder = tempfile::tempdir().unwrap();
    let before = usize::try_from(with_log(folder.path(), 3)).unwrap();
    let log = newest_file(folder.path(), ".log");
    let mut bytes = fs::read(&log).unwrap();
    bytes[before..].fill(0);
    fs::write(&log, bytes).unwrap();
    assert_eq!(check_whole(&open(folder.path())), 2);
}

/// Every eighth byte of the file with one bit flipped: the folder must not open as if nothing had happened.
fn check_flips(part: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (data, damaged) = (folder.path().join("data"), folder.path().join("damaged"));
    with_log(&data, 3);
    let length = fs::metadata(newest_file(&data, part)).unwrap().len();
    for (byte, bit) in (0..usize::try_from(length).unwrap())
        .step_by(8)
        .zip((0..8).cycle())
    {
        copy(&data, &damaged);
        flip(&newest_file(&damaged, part), byte, bit);
        let refused = try_open(&damaged).err();
        let refused = refused.unwrap_or_else(|| panic!("{part} with byte {byte} damaged opens"));
        assert!(matches!(refused, OpenError::Corrupt { .. }), "{refused}");
        assert!(refused.to_string().contains("restore the newest backup"));
        fs::remove_dir_all(&damaged).unwrap();
    }
}

#[test]
fn a_flipped_bit_in_the_log_is_reported() {
    check_flips(".log");
}

#[test]
fn a_flipped_bit_in_the_manifest_is_reported() {
    check_flips("MANIFEST");
}

#[test]
fn a_flipped_bit_in_a_table_or_blob_file_is_reported() {
    for part in [".sst", ".blob"] {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(&folder.path().join("data"));
        commit_group(&engine, 50).unwrap();
        // Writes all rows to tables, and closes them for good.
        let copy = folder.path().join("copy");
        firekeep_store::Engine::checkpoint(&engine, &copy).unwrap();
        // Into rows: past the head of a blob file, and where a small table has its only block of rows.
        flip(&newest_file(&copy, part), 60, 3);
        let problems = match try_open(&copy) {
            Ok(engine) => engine.verify().problems,
            Err(refused) => vec![refused.to_string()],
        };
        assert!(!problems.is_empty(), "{part}");
    }
}

#[test]
fn a_missing_table_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let engine = open(&folder.path().join("data"));
    commit(&engine).unwrap();
    firekeep_store::Engine::checkpoint(&engine, &copy).unwrap();
    fs::remove_file(newest_file(&copy, ".sst")).unwrap();
    let refused = try_open(&copy).err().expect("refused");
    assert!(matches!(refused, OpenError::Corrupt { .. }), "{refused}");
}
