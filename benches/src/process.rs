//! The processes that are measured: the server, and openssl as yardstick.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// Clock ticks per second in `/proc`: fixed on Linux.
const TICKS: f64 = 100.0;

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    binary: PathBuf,
    folder: PathBuf,
    pub(crate) address: SocketAddr,
    /// Kept open: what the server prints has a reader as long as it runs.
    _output: BufReader<ChildStdout>,
}

impl Server {
    /// Starts the server on a free port and waits until it serves.
    pub(crate) fn start(binary: &Path, folder: &Path) -> Result<Self> {
        let mut child = Command::new(binary)
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--log",
                "error",
                "--data",
            ])
            .arg(folder)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {}; `make bench` builds it", binary.display()))?;
        let output = child.stdout.take().context("no output")?;
        let mut line = String::new();
        let mut output = BufReader::new(output);
        output.read_line(&mut line)?;
        let address = line
            .trim()
            .rsplit("//")
            .next()
            .context("no address")?
            .parse()?;
        Ok(Self {
            child,
            binary: binary.to_owned(),
            folder: folder.to_owned(),
            address,
            _output: output,
        })
    }

    /// Runs a command of the command line on the server's folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Result<Value> {
        let output = Command::new(&self.binary)
            .args(arguments)
            .arg("--data")
            .arg(&self.folder)
            .output()?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// CPU seconds used so far.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, fields) = stat.rsplit_once(") ").context("stat")?;
        let mut times = fields.split(' ').skip(11);
        let mut next = || -> Result<f64> { Ok(times.next().context("stat")?.parse()?) };
        Ok((next()? + next()?) / TICKS)
    }

    /// Resident memory.
    pub(crate) fn resident_mib(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib / 1024.0)
    }

    /// Bytes that the process caused to be written to disk.
    pub(crate) fn written_bytes(&self) -> Result<u64> {
        let io = fs::read_to_string(format!("/proc/{}/io", self.child.id()))?;
        let line = io
            .lines()
            .find_map(|line| line.strip_prefix("write_bytes: "))
            .context("io")?;
        Ok(line.parse()?)
    }

    /// Ends the server in good order.
    pub(crate) fn stop(mut self) -> Result<()> {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status()?;
        ensure!(self.child.wait()?.success(), "the server did not end well");
        Ok(())
    }

    /// Ends the server with `kill -9`.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// RSA-2048 signatures per CPU-second by the machine's openssl.
pub(crate) fn openssl_signs_per_second() -> Result<f64> {
    let output = Command::new("openssl")
        .args(["speed", "-seconds", "3", "rsa2048"])
        .output()
        .context("openssl")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text
        .lines()
        .rfind(|line| line.starts_with("rsa"))
        .context("no figure")?;
    let rate = line.split_whitespace().rev().nth(1).context("no figure")?;
    Ok(rate.parse()?)
}
