//! `kill -9` under load.

use crate::support::{check_whole, commit_group, open};
use crate::victim::{self, Victim};

#[test]
fn a_killed_process_loses_no_answered_commit() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Victim::start(&mut victim::command("kill::victim", folder.path()));
    let mut answered = 0;
    for round in 0..victim::rounds() {
        let mut victim = start();
        // Differs from round to round; the kill falls somewhere into the commits that follow.
        for _ in 0..40 + round * 37 % 101 {
            answered = victim
                .next_answer()
                .expect("the victim commits until it is killed");
        }
        answered = victim.kill().unwrap_or(answered);
        // Killed while it recovers, or soon after.
        answered = start().kill().unwrap_or(answered);

        let engine = open(folder.path());
        let kept = check_whole(&engine);
        assert!(
            kept >= answered,
            "round {round}: {answered} answered, {kept} kept"
        );
        // The group in flight may have been written, whole.
        assert_eq!(kept % GROUP, 0, "round {round}: half a group");
        assert_eq!(engine.verify().problems, [""; 0]);
    }
}

/// Commits of one group.
const GROUP: u64 = 3;

/// Not a test of its own: what the victim runs.
#[test]
fn victim() {
    let Some(folder) = victim::folder() else {
        return;
    };
    let engine = open(&folder);
    loop {
        victim::answer(commit_group(&engine, GROUP).unwrap());
    }
}
