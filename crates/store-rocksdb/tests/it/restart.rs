//! Opening and closing: what stays, what is refused, and what the refusal says.

use std::fs;
use std::time::Duration;

use firekeep_store::{CommitTime, DbId, Engine, TrimBudget};
use firekeep_store_rocksdb::OpenError;

use crate::support::{DB, check_whole, commit, commit_group, open, try_open};

#[test]
fn commits_and_clock_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let engine = open(folder.path());
        assert_eq!(check_whole(&engine), round * 11);
        commit_group(&engine, 10).unwrap();
        commit(&engine).unwrap();
    }
}

#[test]
fn a_folder_below_one_that_is_not_there_is_made() {
    let folder = tempfile::tempdir().unwrap();
    commit(&open(&folder.path().join("some/where"))).unwrap();
}

#[test]
fn a_second_engine_on_the_folder_is_refused_until_the_first_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let refused = try_open(folder.path()).err().expect("refused");
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    assert!(refused.to_string().contains("stop that process first"));
    commit(&first).unwrap();
    drop(first);
    assert_eq!(check_whole(&open(folder.path())), 1);
}

#[test]
fn rocksdbs_own_lock_reads_the_same() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let options = rocksdb::Options::default();
    let names = rocksdb::DB::list_cf(&options, folder.path()).unwrap();
    let _foreign = rocksdb::DB::open_cf(&options, folder.path(), names).unwrap();
    let refused = try_open(folder.path()).err().expect("refused");
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
}

#[test]
fn a_folder_of_a_newer_version_is_refused() {
    let with_space = tempfile::tempdir().unwrap();
    drop(open(with_space.path()));
    change_by_hand(with_space.path(), |db| {
        db.create_cf("from_the_future", &rocksdb::Options::default())
            .unwrap();
    });
    let with_format = tempfile::tempdir().unwrap();
    drop(open(with_format.path()));
    change_by_hand(with_format.path(), |db| {
        db.put(b"folder-format", 2u32.to_be_bytes()).unwrap();
    });
    for (folder, found) in [
        (with_space, "a space `from_the_future`"),
        (with_format, "format 2, known up to 1"),
    ] {
        let refused = try_open(folder.path()).err().expect("refused");
        assert!(
            matches!(refused, OpenError::NewerFormat { .. }),
            "{refused}"
        );
        assert!(refused.to_string().contains(found), "{refused}");
    }
}

fn change_by_hand(folder: &std::path::Path, change: impl Fn(&mut rocksdb::DB)) {
    let options = rocksdb::Options::default();
    let names = rocksdb::DB::list_cf(&options, folder).unwrap();
    change(&mut rocksdb::DB::open_cf(&options, folder, names).unwrap());
}

#[test]
fn a_file_is_not_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = try_open(&file).err().expect("refused");
    assert!(matches!(refused, OpenError::Failed { .. }), "{refused}");
}

#[test]
fn a_checkpoint_is_a_folder_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let engine = open(&folder.path().join("data"));
    commit_group(&engine, 20).unwrap();
    let info = engine.checkpoint(&copy).unwrap();
    assert!(info.files > 0 && info.bytes > 0);
    assert!(engine.checkpoint(&copy).is_err(), "it is there already");
    commit(&engine).unwrap();
    let restored = open(&copy);
    assert_eq!(check_whole(&restored), 20);
    assert_eq!(restored.verify().problems, [""; 0]);
    assert_eq!(commit(&restored).unwrap(), 21);
    assert_eq!(check_whole(&engine), 21);
}

#[test]
fn verify_counts_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    assert_eq!(engine.verify(), firekeep_store_rocksdb::Report::default());
    commit_group(&engine, 20).unwrap();
    let report = engine.verify();
    assert_eq!(report.problems, [""; 0]);
    // Three rows and a log row each, the row that all overwrite, and the clock.
    assert_eq!((report.databases, report.rows), (1, 20 * 4 + 2));
}

#[test]
fn a_trimmed_log_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    commit_group(&engine, 20).unwrap();
    let everything = CommitTime(i64::MAX);
    let step = |rows| engine.trim(DB, everything, TrimBudget::rows(rows)).unwrap();
    assert!(!step(15).done);
    assert!(step(15).done);
    let left = engine
        .tail(DB, CommitTime::ZERO, 99, Duration::ZERO)
        .unwrap();
    assert_eq!(left.iter().map(|row| row.seq).collect::<Vec<_>>(), [20]);
    assert_eq!(engine.verify().problems, [""; 0]);
    drop(engine);
    assert_eq!(commit(&open(folder.path())).unwrap(), 21);
}

#[test]
fn health_tells_how_much_of_the_disk_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let health = open(folder.path()).health();
    assert_eq!((health.fatal, health.stalled), (None, false));
    assert!(health.disk_free_bytes.unwrap() > 1_000_000);
}

#[test]
fn a_waiting_tail_sees_the_commit() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    std::thread::scope(|scope| {
        let tail = scope.spawn(|| {
            let wait = Duration::from_secs(60);
            engine.tail(DB, CommitTime::ZERO, 9, wait).unwrap()
        });
        commit(&engine).unwrap();
        assert_eq!(tail.join().unwrap().len(), 1);
    });
    let other = engine
        .tail(DbId(8), CommitTime::ZERO, 9, Duration::ZERO)
        .unwrap();
    assert!(other.is_empty(), "the log of another database");
}
