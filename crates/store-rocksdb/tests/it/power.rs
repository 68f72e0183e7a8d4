//! Power loss: the process is killed, and the folder that is opened afterwards holds what had been synced, no more.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;

use firekeep_store_rocksdb::RocksEngine;

use crate::disk::{Disks, printed};
use crate::support::{
    check_whole, commit, commit_group, copy, flush, newest_file, open, open_small,
};
use crate::victim::{self, Victim};

/// Commits of one group.
const GROUP: u64 = 20;
/// No victim makes more syncs than this.
const SYNCS_MAX: u64 = 200;

/// Not tests of their own: what the victims run.
#[test]
fn victim_for_ever() {
    let Some(folder) = victim::folder() else {
        return;
    };
    let engine = open_small(&folder);
    loop {
        commit_groups(&engine, 16);
        flush(&engine, &folder);
    }
}

#[test]
fn victim_that_starts() {
    let Some(folder) = victim::folder() else {
        return;
    };
    commit_groups(&open_small(&folder), 1);
}

#[test]
fn victim_for_a_while() {
    let Some(folder) = victim::folder() else {
        return;
    };
    let engine = open_small(&folder);
    commit_groups(&engine, 2);
    flush(&engine, &folder);
    commit_groups(&engine, 2);
}

fn commit_groups(engine: &RocksEngine, groups: u64) {
    for _ in 0..groups {
        victim::answer(commit_group(engine, GROUP).unwrap());
    }
}

/// Reports what is left, as if it had just been committed, and goes on from there.
#[test]
fn victim_that_checks() {
    let Some(folder) = victim::folder() else {
        return;
    };
    let engine = open(&folder);
    victim::answer(check_whole(&engine));
    assert_eq!(engine.verify().problems, [""; 0]);
    commit(&engine).unwrap();
}

/// Checks what a power loss has left. No folder: nothing had been answered.
fn check_left(disks: &Disks, folder: &Path, answered: u64, case: &str) {
    // On an interposed disk too, because that one syncs fast.
    let output = disks
        .command("power::victim_that_checks", folder)
        .output()
        .unwrap();
    let (text, kept) = printed(&output);
    assert!(output.status.success(), "{case}: {text}");
    assert!(kept >= answered, "{case}: {answered} answered, {kept} kept");
    assert_eq!(kept % GROUP, 0, "{case}: half a group");
}

#[test]
fn power_loss_under_load_takes_no_answered_commit() {
    let (home, disks) = (tempfile::tempdir().unwrap(), Disks::new());
    let mut folder = home.path().join("disk-0");
    for round in 1..=victim::rounds() {
        let shadow = home.path().join(format!("disk-{round}"));
        let mut command = disks.with_shadow("power::victim_for_ever", &folder, &shadow);
        if round % 2 == 0 {
            command.env("DISK_REMOVALS", "soon");
        }
        let mut victim = Victim::start(&mut command);
        let groups = 40 + round * 37 % 51;
        let answered = (0..groups).filter_map(|_| victim.next_answer()).last();
        let answered = victim.kill().or(answered).expect("answers");
        // The load is worth its name.
        let log = newest_file(&shadow, ".log");
        assert_ne!(
            log.file_name().unwrap(),
            "000004.log",
            "a log was begun anew"
        );
        newest_file(&shadow, ".sst");
        newest_file(&shadow, ".blob");
        let copied = home.path().join("copy");
        copy(&shadow, &copied);
        check_left(&disks, &copied, answered, &format!("round {round}"));
        fs::remove_dir_all(copied).unwrap();
        folder = shadow;
    }
}

/// Has the power fail at the first sync, at the second, and so on, until a victim ends before it does. Each starts
/// with a copy of `from`, in which the commit `before` had been answered, or with nothing.
fn check_each_sync(test: &str, from: Option<&Path>, before: u64) {
    let disks = Disks::new();
    let mut syncs = 0;
    loop {
        syncs += 1;
        assert!(syncs < SYNCS_MAX, "the victim does not end");
        let home = tempfile::tempdir().unwrap();
        let (folder, shadow) = (home.path().join("data"), home.path().join("shadow"));
        if let Some(from) = from {
            copy(from, &folder);
        }
        let output = disks
            .with_shadow(test, &folder, &shadow)
            .env("DISK_POWER", syncs.to_string())
            .env("DISK_REMOVALS", "soon")
            .output()
            .unwrap();
        let (text, answered) = printed(&output);
        let answered = answered.max(before);
        check_left(&disks, &shadow, answered, &format!("sync {syncs}"));
        if output.status.success() {
            break;
        }
        assert_eq!(output.status.signal(), Some(9), "{text}");
    }
    println!("{} syncs", syncs - 1);
    assert!(syncs > 20, "a start alone makes more");
}

#[test]
fn power_loss_at_each_sync_of_a_first_start_takes_no_answered_commit() {
    check_each_sync("power::victim_for_a_while", None, 0);
}

#[test]
fn power_loss_at_each_sync_of_a_recovery_takes_no_answered_commit() {
    let home = tempfile::tempdir().unwrap();
    let (folder, shadow) = (home.path().join("data"), home.path().join("shadow"));
    // Some groups after the first tables were written.
    let output = Disks::new()
        .with_shadow("power::victim_for_ever", &folder, &shadow)
        .env("DISK_POWER", "90")
        .output()
        .unwrap();
    let (text, answered) = printed(&output);
    assert!(answered > 16 * GROUP, "{text}");
    check_each_sync("power::victim_that_starts", Some(&shadow), answered);
}

/// What the layer itself is good for: without it, the tests above would pass and show nothing.
#[test]
fn the_shadow_holds_what_was_synced() {
    let home = tempfile::tempdir().unwrap();
    let (folder, shadow) = (home.path().join("data"), home.path().join("shadow"));
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("old"), "old").unwrap();
    let output = Disks::new()
        .with_shadow("power::victim_with_plain_files", &folder, &shadow)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", printed(&output).0);
    let mut kept: Vec<_> = fs::read_dir(&shadow)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    kept.sort();
    let wanted = [
        ("empty", ""),
        ("first", "1"),
        ("old", "old"),
        ("second", "2"),
    ];
    assert_eq!(
        kept,
        wanted.map(|(name, text)| (name.to_owned(), text.to_owned()))
    );
}

#[test]
fn victim_with_plain_files() {
    let Some(folder) = victim::folder() else {
        return;
    };
    let begin = |name: &str, text: &str| {
        let mut file = File::create(folder.join(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    };
    let mut first = begin("first", "1");
    first.sync_data().unwrap();
    let second = begin("second", "2");
    begin("empty", "never synced");
    File::open(&folder).unwrap().sync_all().unwrap();
    // The name is kept; the bytes come later.
    second.sync_all().unwrap();
    first.write_all(b" and more").unwrap();
    begin("nameless", "3").sync_all().unwrap();
    fs::remove_file(folder.join("old")).unwrap();
    fs::rename(folder.join("second"), folder.join("renamed")).unwrap();
}
