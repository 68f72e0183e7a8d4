//! The process that loads a folder: its memory and what it writes are nobody else's. It goes on writing until killed.

use std::fs;
use std::io::{BufRead as _, BufReader, Lines, Write as _, stdout};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::{open, workload};

/// The first argument of the process.
pub(crate) const ARGUMENT: &str = "load";

/// How many documents are made and committed at a time.
const CHUNK: u64 = 8_192;
/// Threads that commit.
const WRITERS: usize = 64;
/// How long the log is watched to learn how large it becomes before RocksDB begins the next one.
const WATCH_TIME: Duration = Duration::from_secs(8);
const READY: &str = "ready";

/// What the process reports.
#[derive(Default)]
pub(crate) struct Loaded {
    /// Resident memory with an empty folder, and after the load, in bytes.
    pub(crate) idle_bytes: u64,
    pub(crate) loaded_bytes: u64,
    /// Bytes that the process caused to be written to disk, compaction included.
    pub(crate) written_bytes: u64,
    /// Table and blob files.
    pub(crate) disk_bytes: u64,
    /// How long the load took.
    pub(crate) microseconds: u64,
}

/// Loads, reports, and writes until killed.
pub(crate) fn run(folder: &Path, documents: u64) -> Result<()> {
    let store = open(folder)?;
    let mut out = stdout();
    writeln!(out, "{}", own("status", "VmRSS:")?.saturating_mul(1_024))?;
    let written = own("io", "write_bytes:")?;
    let begun = Instant::now();
    let mut next = 0;
    while next < documents {
        let chunk = workload::documents(next..documents.min(next + CHUNK));
        next += CHUNK;
        workload::commit_all(&store, &chunk, WRITERS)?;
    }
    let microseconds = begun.elapsed().as_micros();
    settle()?;
    writeln!(out, "{}", own("status", "VmRSS:")?.saturating_mul(1_024))?;
    writeln!(out, "{}", own("io", "write_bytes:")? - written)?;
    writeln!(out, "{}", folder_bytes(folder, false)?)?;
    writeln!(out, "{microseconds}")?;
    writeln!(out, "{READY}")?;
    loop {
        let chunk = workload::documents(next..next + CHUNK);
        next += CHUNK;
        workload::commit_all(&store, &chunk, WRITERS)?;
    }
}

/// Waits until flushes and compactions have nothing left to do.
pub(crate) fn settle() -> Result<()> {
    let mut before = 0;
    for _ in 0..60 {
        let written = own("io", "write_bytes:")?;
        if written == before {
            break;
        }
        before = written;
        std::thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

/// The running process; killed when dropped.
pub(crate) struct Loader {
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl Loader {
    pub(crate) fn start(folder: &Path, documents: u64) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg(ARGUMENT)
            .arg(folder)
            .arg(documents.to_string())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().context("no output")?;
        let output = BufReader::new(output).lines();
        Ok(Self { process, output })
    }

    /// Waits until the load is done.
    pub(crate) fn loaded(&mut self) -> Result<Loaded> {
        let mut next = || -> Result<u64> {
            let line = self.output.next().context("the load failed")??;
            Ok(line.parse()?)
        };
        Ok(Loaded {
            idle_bytes: next()?,
            loaded_bytes: next()?,
            written_bytes: next()?,
            disk_bytes: next()?,
            microseconds: next()?,
        })
    }

    /// Kills it with a full write-ahead log; gives the log's bytes.
    pub(crate) fn kill_with_full_log(mut self, folder: &Path) -> Result<u64> {
        let begun = Instant::now();
        let mut largest = 0;
        // Then killed when it is nearly as large again.
        while begun.elapsed() < 3 * WATCH_TIME {
            let now = folder_bytes(folder, true)?;
            largest = largest.max(now);
            if begun.elapsed() > WATCH_TIME && now > largest / 10 * 9 {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.process.kill()?;
        self.process.wait()?;
        folder_bytes(folder, true)
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The bytes of the write-ahead logs of a folder, or of everything else in it.
fn folder_bytes(folder: &Path, logs: bool) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_log = entry.path().extension().is_some_and(|end| end == "log");
        // A file that was there a moment ago may be compacted away.
        if let (true, Ok(data)) = (is_log == logs, entry.metadata()) {
            bytes += data.len();
        }
    }
    Ok(bytes)
}

/// A figure of this process from `/proc`.
fn own(file: &str, name: &str) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/self/{file}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let line = line.context("a figure of /proc")?.trim();
    Ok(line.trim_end_matches(" kB").parse()?)
}
