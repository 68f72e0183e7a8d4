//! The servers that are compared. Each is ended when it is dropped.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::{family_cpu_seconds, resident_mib};
use anyhow::{Context as _, Result, bail, ensure};

/// What a server uses: a process, and those that it starts.
pub struct Usage {
    process: String,
}

impl Usage {
    fn of(child: &Child) -> Self {
        Self {
            process: child.id().to_string(),
        }
    }

    /// CPU seconds so far.
    ///
    /// # Errors
    /// As [`family_cpu_seconds`].
    pub fn cpu_seconds(&self) -> Result<f64> {
        family_cpu_seconds(&self.process)
    }

    /// Resident memory.
    ///
    /// # Errors
    /// As [`resident_mib`].
    pub fn resident_mib(&self) -> Result<f64> {
        resident_mib(&self.process)
    }
}

/// Firekeep, in dev mode with everything else as it is shipped.
pub struct Firekeep {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where its data is.
    pub folder: PathBuf,
    /// What its process uses.
    pub usage: Usage,
    /// Kept open: what the server prints has a reader as long as it runs.
    _output: BufReader<ChildStdout>,
}

impl Firekeep {
    /// Starts it on a free port and waits until it serves.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(binary: &Path, folder: &Path) -> Result<Self> {
        let mut child = Command::new(binary)
            .args([
                "serve",
                "--dev",
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
        let mut output = BufReader::new(child.stdout.take().context("no output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let address = line.trim().rsplit("http://").next().context("no address")?;
        Ok(Self {
            address: address.parse().with_context(|| line.clone())?,
            usage: Usage::of(&child),
            child,
            folder: folder.to_owned(),
            _output: output,
        })
    }

    /// Ends it in good order.
    ///
    /// # Errors
    /// When it ends otherwise.
    pub fn stop(mut self) -> Result<()> {
        terminate(&self.child);
        ensure!(self.child.wait()?.success(), "the server did not end well");
        Ok(())
    }
}

impl Drop for Firekeep {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The official Firestore emulator.
pub struct Emulator {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// What its process uses.
    pub usage: Usage,
}

impl Emulator {
    /// Starts it on a free port; `None` where there is none.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start() -> Result<Option<Self>> {
        let Some(jar) = emulator_jar() else {
            return Ok(None);
        };
        let address = free_address()?;
        let child = Command::new("java")
            .args(["-Xmx4g", "-cp"])
            .arg(jar)
            .args([
                "com.google.cloud.datastore.emulator.firestore.CloudFirestore",
                "start",
            ])
            .args(["--host", "127.0.0.1", "--port", &address.port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("start java")?;
        let usage = Usage::of(&child);
        let emulator = Self {
            child,
            address,
            usage,
        };
        wait_for(address)?;
        Ok(Some(emulator))
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The emulator's jar: the environment's, or that of the Cloud CLI.
fn emulator_jar() -> Option<PathBuf> {
    if let Some(jar) = std::env::var_os("FIRESTORE_EMULATOR_JAR") {
        return Some(jar.into());
    }
    let path = std::env::var_os("PATH")?;
    let commands = std::env::split_paths(&path).map(|folder| folder.join("gcloud"));
    let command = fs::canonicalize(commands.into_iter().find(|file| file.exists())?).ok()?;
    let sdk = command.parent()?.parent()?;
    let jar = sdk.join("platform/cloud-firestore-emulator/cloud-firestore-emulator.jar");
    jar.exists().then_some(jar)
}

/// PostgreSQL with its own defaults, on a folder of its own.
pub struct Postgres {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// What its processes use.
    pub usage: Usage,
}

impl Postgres {
    /// Makes a cluster and starts it on a free port; `None` where there is no server.
    ///
    /// # Errors
    /// When it cannot be made or does not start.
    pub fn start(folder: &Path) -> Result<Option<Self>> {
        let Some(programs) = postgres_programs() else {
            return Ok(None);
        };
        fs::create_dir_all(folder)?;
        // It refuses to run as root.
        let as_root = fs::metadata("/proc/self")
            .is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        if as_root {
            let parent = folder.parent().context("no parent")?;
            run(Command::new("chmod").arg("711").arg(parent))?;
            run(Command::new("chown").arg("postgres").arg(folder))?;
        }
        let command = |program: &str| {
            let program = programs.join(program);
            if !as_root {
                return Command::new(program);
            }
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
                .arg(program);
            command
        };
        let data = folder.join("data");
        let init = [
            "--auth=trust",
            "--username=bench",
            "--encoding=UTF8",
            "--no-locale",
        ];
        run(command("initdb").args(init).arg("-D").arg(&data))?;
        let address = free_address()?;
        let child = command("postgres")
            .arg("-D")
            .arg(&data)
            .args(["-h", "127.0.0.1", "-p", &address.port().to_string()])
            .args([
                "-c",
                "unix_socket_directories=",
                "-c",
                "max_connections=120",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let postgres = Self {
            usage: Usage::of(&child),
            child,
            address,
        };
        wait_for(address)?;
        // It listens a moment before it serves.
        std::thread::sleep(Duration::from_secs(1));
        Ok(Some(postgres))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        terminate(&self.child);
        let _ = self.child.wait();
    }
}

/// Where Debian keeps the server's programs: the newest version's.
fn postgres_programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let programs = versions.flatten().map(|version| version.path().join("bin"));
    programs
        .filter(|programs| programs.join("initdb").exists())
        .max()
}

/// Bytes that the files of a folder take.
///
/// # Errors
/// When the folder cannot be read.
pub fn folder_bytes(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        bytes += match entry.metadata()? {
            about if about.is_dir() => folder_bytes(&entry.path())?,
            about => about.len(),
        };
    }
    Ok(bytes)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {text}");
    Ok(())
}

fn terminate(child: &Child) {
    let _ = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status();
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn wait_for(address: SocketAddr) -> Result<()> {
    for _ in 0..240 {
        if TcpStream::connect(address).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(250));
    }
    bail!("nobody listens on {address}")
}
