//! The processes that are measured: the server, and openssl as yardstick.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use firekeep_bench::{cpu_seconds, resident_mib};
use serde_json::{Value, json};

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
                "--trusted-proxy",
                "127.0.0.1",
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
        Ok(serde_json::from_slice(&self.run(arguments)?)?)
    }

    /// The same, for what it prints.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Vec<u8>> {
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
        Ok(output.stdout)
    }

    /// CPU seconds used so far.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        cpu_seconds(&self.child.id().to_string())
    }

    /// Resident memory.
    pub(crate) fn resident_mib(&self) -> Result<f64> {
        resident_mib(&self.child.id().to_string())
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

/// The official auth emulator; ended when dropped.
pub(crate) struct Emulator {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Emulator {
    /// Starts the emulator on free ports, or gives `None` when `npm ci` has not been run for it.
    pub(crate) fn start(folder: &Path) -> Result<Option<Self>> {
        let script = Path::new("benches/emulator/node_modules/firebase-tools/lib/bin/firebase.js");
        if !script.exists() {
            return Ok(None);
        }
        let ports: Vec<TcpListener> = (0..3)
            .map(|_| TcpListener::bind("127.0.0.1:0"))
            .collect::<Result<_, _>>()?;
        let addresses: Vec<SocketAddr> = ports
            .iter()
            .map(TcpListener::local_addr)
            .collect::<Result<_, _>>()?;
        drop(ports);
        let [auth, hub, logging] = addresses.as_slice() else {
            bail!("no free ports")
        };
        let place = |address: &SocketAddr| json!({ "host": "127.0.0.1", "port": address.port() });
        let config = json!({ "emulators": {
            "auth": place(auth), "hub": place(hub), "logging": place(logging),
            "ui": { "enabled": false },
        } });
        let path = folder.join("firebase.json");
        fs::write(&path, config.to_string())?;
        let child = Command::new("node")
            .arg(fs::canonicalize(script)?)
            .args([
                "emulators:start",
                "--only",
                "auth",
                "--project",
                "demo-bench",
                "--config",
            ])
            .arg(&path)
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("start node")?;
        let emulator = Self {
            child,
            address: *auth,
        };
        for _ in 0..240 {
            if TcpStream::connect(emulator.address).is_ok() {
                return Ok(Some(emulator));
            }
            thread::sleep(Duration::from_millis(250));
        }
        bail!("the emulator did not start")
    }

    /// CPU seconds used so far.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        cpu_seconds(&self.child.id().to_string())
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
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
