//! A disk that fails on demand, for a victim: sets up `interpose.c`, which says what it does.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Output};

use crate::victim::{self, answer_in};

/// The file in the victim's environment that switches its disk's faults on.
const SWITCH: &str = "DISK_SWITCH";

/// The interposer, built for this run.
fn interposer() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interpose/interpose.c");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let built = folder.join(format!("interpose-{}.so", process::id()));
    let compiled = Command::new("cc")
        .args(["-O1", "-Wall", "-Wextra", "-Wno-format-truncation"])
        .args(["-Werror", "-shared", "-fPIC", "-o"])
        .args([&built, &source])
        .status()
        .expect("a C compiler, which RocksDB needs too");
    assert!(compiled.success(), "interpose.c does not compile");
    // Tests run side by side: none sees a half-written library, and those that run keep theirs.
    let library = folder.join("interpose.so");
    fs::rename(built, &library).unwrap();
    library
}

/// Makes victims with disks that fail.
pub(crate) struct Disks {
    interposer: PathBuf,
}

impl Disks {
    pub(crate) fn new() -> Self {
        Self {
            interposer: interposer(),
        }
    }

    /// The command of a victim whose disk is interposed.
    pub(crate) fn command(&self, test: &str, folder: &Path) -> Command {
        let mut command = victim::command(test, folder);
        command
            .env("LD_PRELOAD", &self.interposer)
            .env("DISK_FOLDER", folder)
            .env(SWITCH, folder.with_extension("switch"));
        command
    }

    /// The same; what the disk keeps at a power loss is in `shadow`.
    pub(crate) fn with_shadow(&self, test: &str, folder: &Path, shadow: &Path) -> Command {
        let mut command = self.command(test, folder);
        command.env("DISK_SHADOW", shadow);
        command
    }
}

/// In a victim: switches the faults of its disk on or off.
pub(crate) fn break_disk(broken: bool) {
    let switch = env::var_os(SWITCH).expect("an interposed disk");
    match broken {
        true => fs::write(switch, "").unwrap(),
        false => fs::remove_file(switch).unwrap(),
    }
}

/// What the victim printed, and the number of the last commit that was answered.
pub(crate) fn printed(output: &Output) -> (String, u64) {
    let text = String::from_utf8_lossy(&output.stdout);
    let answered = text.lines().filter_map(answer_in).next_back().unwrap_or(0);
    let errors = String::from_utf8_lossy(&output.stderr);
    (format!("{text}{errors}"), answered)
}
