//! A disk that is full, that fails to sync, that fails to read: nothing answered is lost, and the error says why.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use firekeep_model::{Clock, Timestamp};
use firekeep_store::{
    CommitError, DbId, Direction, Engine as _, Error, Key, KeyRange, PageLimit, Read as _, Space,
    Store,
};
use firekeep_store_rocksdb::{OpenError, RocksEngine};

use crate::disk::{Disks, break_disk, printed};
use crate::support::{DB, check_whole, commit, commit_group, flush, open, open_small, try_open};
use crate::victim;

/// Commits of one group.
const GROUP: u64 = 20;
/// More groups than any of the faults lets through.
const GROUPS_MAX: u64 = 2_000;

/// Runs a victim whose disk has this fault, and checks that its folder keeps what it answered; gives what it printed.
/// So must what a power loss right after its end leaves, if that is asked for.
fn check(test: &str, fault: (&str, &str), power_loss: bool) -> String {
    let disks = Disks::new();
    let home = tempfile::tempdir().unwrap();
    let (folder, shadow) = (home.path().join("data"), home.path().join("shadow"));
    let mut command = match power_loss {
        true => disks.with_shadow(test, &folder, &shadow),
        false => disks.command(test, &folder),
    };
    let output = command.env(fault.0, fault.1).output().unwrap();
    let (text, answered) = printed(&output);
    assert!(output.status.success(), "{fault:?}: {text}");
    assert!(answered >= GROUP, "{fault:?}: {text}");
    for left in [folder, shadow] {
        if left.exists() {
            let kept = check_whole(&open(&left));
            assert!(
                kept >= answered,
                "{fault:?}: {answered} answered, {kept} kept"
            );
        }
    }
    text
}

/// In a victim: commits, and writes tables now and then, until the engine gives up; gives its reason.
fn commit_until_refused(engine: &RocksEngine, folder: &Path) -> String {
    for group in 1..GROUPS_MAX {
        match commit_group(engine, GROUP) {
            Ok(seq) => victim::answer(seq),
            Err(CommitError::Fatal(cause)) => return cause,
            Err(other) => panic!("{other}"),
        }
        if group % 8 == 0 {
            // May fail; the next commit is what says so.
            let _ = engine.checkpoint(&folder.with_extension("checkpoint"));
            let _ = fs::remove_dir_all(folder.with_extension("checkpoint"));
        }
    }
    panic!("the disk did not fail")
}

/// In a victim: checks that no commit is taken, and that readers go on.
fn check_refuses(engine: &RocksEngine, cause: &str) {
    let refused = commit(engine).unwrap_err();
    assert!(
        matches!(&refused, CommitError::Fatal(again) if again == cause),
        "{refused}"
    );
    assert_eq!(engine.health().fatal.as_deref(), Some(cause));
    check_whole(engine);
}

#[test]
fn a_full_disk_stops_commits_and_says_so() {
    // Nothing fits; a part of a record; some records; some records and tables.
    for bytes in ["0", "10", "300000", "3000000", "9000000"] {
        check("faults::victim_of_a_full_disk", ("DISK_FULL", bytes), true);
    }
}

/// Not tests of their own: what the victims run.
#[test]
fn victim_of_a_full_disk() {
    let Some(folder) = victim::folder() else {
        return;
    };
    let engine = open_small(&folder);
    victim::answer(commit_group(&engine, GROUP).unwrap());
    break_disk(true);
    let cause = commit_until_refused(&engine, &folder);
    let kept = check_whole(&engine);
    assert!(cause.contains("is full; make room on it"), "{cause}");
    assert!(cause.contains(folder.to_str().unwrap()), "{cause}");
    check_refuses(&engine, &cause);
    drop(engine);
    let refused = try_open(&folder).err().expect("refused");
    assert!(matches!(refused, OpenError::DiskFull { .. }), "{refused}");

    // Space alone does not make a stopped engine go on; a start does.
    break_disk(false);
    let engine = open(&folder);
    assert!(check_whole(&engine) >= kept);
    assert_eq!(engine.verify().problems, [""; 0]);
    victim::answer(commit(&engine).unwrap());
    flush(&engine, &folder);
}

#[test]
fn a_disk_that_is_full_when_tables_are_written_loses_nothing() {
    // Neither the manifest grows nor a table; the manifest does.
    for bytes in ["0", "200", "2000"] {
        check(
            "faults::victim_of_a_failed_flush",
            ("DISK_FULL", bytes),
            true,
        );
    }
}

#[test]
fn victim_of_a_failed_flush() {
    let Some(folder) = victim::folder() else {
        return;
    };
    let engine = open_small(&folder);
    victim::answer(commit_group(&engine, GROUP).unwrap());
    break_disk(true);
    let refused = engine.checkpoint(&folder.with_extension("checkpoint"));
    let refused = refused.expect_err("no place for tables").to_string();
    assert!(refused.contains("No space left on device"), "{refused}");
    let cause = commit_until_refused(&engine, &folder);
    assert!(cause.contains("is full; make room on it"), "{cause}");
    check_refuses(&engine, &cause);
    break_disk(false);
    check_refuses(&engine, &cause);
}

#[test]
fn a_failed_sync_stops_commits_and_is_not_tried_again() {
    // Of the log, while commits wait for it; of the files that a flush writes; of their names.
    for fails in [".log:1", ".log:3", ".sst:1", ".blob:1", "MANIFEST:1", ".:1"] {
        let test = "faults::victim_of_a_failed_sync";
        let text = check(test, ("DISK_SYNC", fails), true);
        assert!(!text.contains("SYNCED AGAIN"), "{fails}: {text}");
    }
}

#[test]
fn victim_of_a_failed_sync() {
    let Some(folder) = victim::folder() else {
        return;
    };
    let engine = open_small(&folder);
    victim::answer(commit_group(&engine, GROUP).unwrap());
    break_disk(true);
    let cause = commit_until_refused(&engine, &folder);
    assert!(cause.contains("Input/output error"), "{cause}");
    assert!(cause.contains("check the disk"), "{cause}");
    break_disk(false);
    check_refuses(&engine, &cause);
}

#[test]
fn a_store_on_a_full_disk_says_so_and_keeps_what_it_answered() {
    let test = "faults::victim_with_a_store";
    check(test, ("DISK_FULL", "100000"), true);
}

#[test]
fn victim_with_a_store() {
    let Some(folder) = victim::folder() else {
        return;
    };
    let engine = open(&folder);
    victim::answer(commit_group(&engine, GROUP).unwrap());
    let store = store_on(engine);
    break_disk(true);
    // Each thread writes numbers of its own until it is refused, and gives those that were answered.
    let write = |thread: u64| {
        let keys = (0..).map(|number: u64| [thread, number].map(u64::to_be_bytes).concat());
        let answered = keys.map_while(|key| {
            let value = Bytes::from_static(&[b'x'; 500]);
            let written = store.write(|tx| tx.put(Space::SysConfig, key.clone(), value.clone()));
            match written {
                Ok(()) => Some(key),
                Err(Error::Fatal(_)) => None,
                Err(other) => panic!("{other}"),
            }
        });
        answered.collect::<Vec<_>>()
    };
    let write = &write;
    let answered: Vec<_> = thread::scope(|scope| {
        let threads = [1, 2, 3, 4].map(|thread| scope.spawn(move || write(thread)));
        let answered = threads.into_iter().map(|thread| thread.join().unwrap());
        answered.flatten().collect()
    });
    assert!(answered.len() > 4, "{} answered", answered.len());
    let refused = store.ready().unwrap_err().to_string();
    assert!(refused.contains("is full; make room on it"), "{refused}");
    assert_all_there(&store, &answered);

    drop(store);
    break_disk(false);
    let store = store_on(open(&folder));
    assert_all_there(&store, &answered);
    store
        .write(|tx| tx.put(Space::SysConfig, b"more".to_vec(), Bytes::new()))
        .unwrap();
}

/// A store of its own beside the commits that the parent counts.
fn store_on(engine: RocksEngine) -> Arc<Store> {
    struct Still;
    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_secs(1)
        }
    }
    Store::open(Arc::new(engine), DbId(8), Arc::new(Still)).unwrap()
}

fn assert_all_there(store: &Store, keys: &[Key]) {
    let keys: Vec<_> = keys.iter().map(Vec::as_slice).collect();
    let rows = store.read().unwrap().find_rows(Space::SysConfig, &keys);
    assert!(rows.unwrap().iter().all(Option::is_some));
}

#[test]
fn a_failed_read_is_an_error_and_no_panic() {
    for part in [".sst", ".blob"] {
        check(
            "faults::victim_of_a_failed_read",
            ("DISK_READ", part),
            false,
        );
    }
}

#[test]
fn victim_of_a_failed_read() {
    let Some(folder) = victim::folder() else {
        return;
    };
    let engine = open(&folder);
    let kept = commit_group(&engine, GROUP).unwrap();
    victim::answer(kept);
    flush(&engine, &folder);
    drop(engine);
    // Opened anew: nothing is in the cache.
    let engine = open(&folder);
    break_disk(true);
    let view = engine.snapshot(DB).unwrap();
    // Commit 7 has a value in a blob file.
    let (six, seven) = (6u64.to_be_bytes(), 7u64.to_be_bytes());
    let one = view.get(Space::Docs, &[&seven]).map(drop);
    let many = view.get(Space::Docs, &[&six, &seven]).map(drop);
    let page = view
        .scan(
            Space::Docs,
            &KeyRange::all(),
            Direction::Forward,
            PageLimit::default(),
        )
        .map(drop);
    for read in [one, many, page] {
        let refused = read.expect_err("an error");
        assert!(matches!(refused, Error::Unavailable(_)), "{refused}");
        assert!(refused.to_string().contains("Input/output error"));
    }
    assert!(!engine.verify().problems.is_empty());

    // Nothing was lost, and reads go on. Commits too, unless a compaction had met the fault: then RocksDB stops them.
    break_disk(false);
    assert_eq!(check_whole(&engine), kept);
    match commit(&engine) {
        Ok(seq) => victim::answer(seq),
        Err(CommitError::Fatal(cause)) => {
            assert!(cause.contains("Input/output error"), "{cause}");
            check_refuses(&engine, &cause);
        }
        Err(other) => panic!("{other}"),
    }
}
