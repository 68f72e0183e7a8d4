//! `kill -9` under load: this test binary runs itself as the victim, which reports each commit once it is answered.

use std::env;
use std::io::{BufRead, BufReader, Lines, Write, stdout};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::support::{check_whole, commit_group, open};

/// Names the folder in the victim's environment.
const FOLDER: &str = "FIREKEEP_KILL_FOLDER";
/// How many rounds to run.
const ROUNDS: &str = "FIREKEEP_KILL_ROUNDS";
const ROUNDS_DEFAULT: u64 = 3;
const ANSWER: &str = "answered ";

#[test]
fn a_killed_process_loses_no_answered_commit() {
    let folder = tempfile::tempdir().unwrap();
    let rounds = env::var(ROUNDS).map_or(ROUNDS_DEFAULT, |rounds| rounds.parse().unwrap());
    let mut answered = 0;
    for round in 0..rounds {
        let mut victim = Victim::start(folder.path());
        // Differs from round to round; the kill falls somewhere into the commits that follow.
        for _ in 0..40 + round * 37 % 101 {
            answered = victim
                .next_answer()
                .expect("the victim commits until it is killed");
        }
        answered = victim.kill().unwrap_or(answered);
        // Killed while it recovers, or soon after.
        answered = Victim::start(folder.path()).kill().unwrap_or(answered);

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
    let Ok(folder) = env::var(FOLDER) else { return };
    let engine = open(Path::new(&folder));
    loop {
        let seq = commit_group(&engine, GROUP).unwrap();
        // One write, so that the parent never reads half a line of a killed process as a number.
        stdout()
            .write_all(format!("{ANSWER}{seq}.\n").as_bytes())
            .unwrap();
    }
}

struct Victim {
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl Victim {
    fn start(folder: &Path) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["--exact", "kill::victim", "--nocapture"])
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, output }
    }

    /// Kills it, and gives the last number it answered that was not read yet.
    fn kill(&mut self) -> Option<u64> {
        self.process.kill().unwrap();
        let last = std::iter::from_fn(|| self.next_answer()).last();
        self.process.wait().unwrap();
        last
    }

    /// The number of the next answered commit; `None` once the process is dead and all is read.
    fn next_answer(&mut self) -> Option<u64> {
        self.output.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, number) = line.split_once(ANSWER)?;
            number.strip_suffix('.')?.parse().ok()
        })
    }
}
