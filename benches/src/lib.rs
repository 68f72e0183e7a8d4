//! What the benchmarks share: the servers that are compared, what they use, and the table that is printed.

pub mod peers;
pub mod table;

use std::fs;

use anyhow::{Context as _, Result};

/// Clock ticks per second in `/proc`: fixed on Linux.
const TICKS: f64 = 100.0;

/// CPU seconds that a process has used so far. `process` is its id, or `self`.
///
/// # Errors
/// When there is no such process, or no `/proc`.
pub fn cpu_seconds(process: &str) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat.rsplit_once(") ").context("stat")?;
    // Behind the name, user and system time are the 12th and 13th. Source: proc(5).
    let mut times = fields.split(' ').skip(11);
    let mut next = || -> Result<f64> { Ok(times.next().context("stat")?.parse()?) };
    Ok((next()? + next()?) / TICKS)
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
