//! A process to kill or to break: this test binary once more, running one of its tests as the victim, which reports
//! each commit once it is answered.

use std::env;
use std::io::{BufRead, BufReader, Lines, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Names the folder in the victim's environment.
const FOLDER: &str = "FIREKEEP_VICTIM_FOLDER";
/// How many rounds of killing to run; more at night.
const ROUNDS: &str = "FIREKEEP_KILL_ROUNDS";
const ROUNDS_DEFAULT: u64 = 3;
const ANSWER: &str = "answered ";

/// In a victim, the folder it works on; `None` in the run of all tests, where a victim has nothing to do.
pub(crate) fn folder() -> Option<PathBuf> {
    env::var_os(FOLDER).map(PathBuf::from)
}

pub(crate) fn rounds() -> u64 {
    env::var(ROUNDS).map_or(ROUNDS_DEFAULT, |rounds| rounds.parse().unwrap())
}

/// Reports the number of a commit to the parent.
pub(crate) fn answer(seq: u64) {
    // One write, so that the parent never reads half a line of a killed process as a number.
    let line = format!("{ANSWER}{seq}.\n");
    stdout().write_all(line.as_bytes()).unwrap();
}

/// The number in a line that [`answer`] wrote; behind what the test runner may have written before it.
pub(crate) fn answer_in(line: &str) -> Option<u64> {
    let (_, number) = line.split_once(ANSWER)?;
    number.strip_suffix('.')?.parse().ok()
}

/// The command that runs a test as a victim.
pub(crate) fn command(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env(FOLDER, folder);
    command
}

pub(crate) struct Victim {
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl Victim {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, output }
    }

    /// Kills it, and gives the last number it answered that was not read yet.
    pub(crate) fn kill(&mut self) -> Option<u64> {
        self.process.kill().unwrap();
        let last = std::iter::from_fn(|| self.next_answer()).last();
        self.process.wait().unwrap();
        last
    }

    /// The number of the next answered commit; `None` once the process is dead and all is read.
    pub(crate) fn next_answer(&mut self) -> Option<u64> {
        self.output
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| answer_in(&line))
    }
}
