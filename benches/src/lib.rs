//! What the benchmarks share: the servers that are compared, what they use, and the table that is printed.

pub mod peers;
pub mod table;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

/// Clock ticks per second in `/proc`: fixed on Linux.
const TICKS: f64 = 100.0;

/// CPU seconds that a process has used so far. `process` is its id, or `self`.
///
/// # Errors
/// When there is no such process, or no `/proc`.
pub fn cpu_seconds(process: &str) -> Result<f64> {
    let (_, [user, system, ..]) = stat(process)?;
    Ok((user + system) / TICKS)
}

/// CPU seconds that a process and its children have used so far, those that ended included.
///
/// # Errors
/// As [`cpu_seconds`].
pub fn family_cpu_seconds(process: &str) -> Result<f64> {
    let mut ticks: f64 = stat(process)?.1.iter().sum();
    for entry in fs::read_dir("/proc")?.flatten() {
        // Processes may end while this goes on.
        if let Some(name) = entry.file_name().to_str()
            && name.starts_with(|first: char| first.is_ascii_digit())
            && let Ok((parent, times)) = stat(name)
            && parent == process
        {
            ticks += times.iter().sum::<f64>();
        }
    }
    Ok(ticks / TICKS)
}

/// A process's parent, and its times in ticks: user and system, its own and those of children that ended.
fn stat(process: &str) -> Result<(String, [f64; 4])> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat.rsplit_once(") ").context("stat")?;
    // Behind the name, the first field is the state, the second the parent. Source: proc(5).
    let mut fields = fields.split(' ').skip(1);
    let parent = fields.next().context("stat")?.to_owned();
    let mut times = [0.0; 4];
    // Nine others, and then the times: the 12th to 15th of all. Source: proc(5).
    for (time, field) in times.iter_mut().zip(fields.skip(9)) {
        *time = field.parse()?;
    }
    Ok((parent, times))
}

/// What the program was called with: its flags, and the server's binary, which is built by `make bench` where none is named.
#[must_use]
pub fn arguments() -> (Vec<String>, PathBuf) {
    // The first is the program's own name.
    let (flags, others): (Vec<_>, Vec<_>) =
        (std::env::args().skip(1)).partition(|argument| argument.starts_with("--"));
    let binary = others.first().map(PathBuf::from);
    (
        flags,
        binary.unwrap_or_else(|| PathBuf::from("target/release/firekeep")),
    )
}

/// Resident memory of a process, in MiB. `process` as for [`cpu_seconds`].
///
/// # Errors
/// As [`cpu_seconds`].
pub fn resident_mib(process: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line
        .context("VmRSS")?
        .trim()
        .trim_end_matches(" kB")
        .parse()?;
    Ok(kib / 1024.0)
}

/// A count as a figure for people.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub fn to_f64(count: u64) -> f64 {
    count as f64
}
