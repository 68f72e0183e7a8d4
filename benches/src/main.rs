//! `make bench`: what the release binary costs, each figure as a ratio beside its target.
//!
//! Costs are CPU time of the server's process, so that a busy machine changes them little; the yardstick is what
//! `openssl speed rsa2048` signs per CPU-second on the same machine in the same run.

mod bearer;
mod client;
mod process;
mod tokens;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use client::{Client, load};
use firekeep_bench::to_f64;
use process::{Emulator, Server, openssl_signs_per_second};

/// How long each load lasts.
const LOAD_TIME: Duration = Duration::from_secs(5);
/// How many users the loads go round.
const USERS: usize = 64;

fn main() -> Result<()> {
    let binary = std::env::args()
        .nth(1)
        .map_or_else(|| PathBuf::from("target/release/firekeep"), PathBuf::from);
    let folder = tempfile::tempdir()?;
    let signs = openssl_signs_per_second()?;
    println!(
        "{:<46} {:>12} {:>8} {:>8}",
        "what", "measured", "ratio", "target"
    );
    println!(
        "{:<46} {:>10.0}/s",
        "openssl speed rsa2048, signatures per CPU-s", signs
    );

    let bytes = std::fs::metadata(&binary)?.len();
    at_most("release binary", to_f64(bytes) / 1e6, 30.0, "MB");

    let server = Server::start(&binary, folder.path())?;
    let project = server.command(&["project", "show", "--json"])?;
    let key = project
        .pointer("/apiKeys/0")
        .and_then(Value::as_str)
        .context("no API key")?
        .to_owned();
    at_most("memory, idle", server.resident_mib()?, 30.0, "MiB");
    let mut client = Client::connect(server.address)?;
    let bodies = sign_up_users(&mut client)?;
    at_most("memory after sign-ups", server.resident_mib()?, 60.0, "MiB");
    let key_file = folder.path().join("bench-key.json");
    let foreign = tokens::of_another_backend(&server, &key_file)?;

    let sign_in = format!("/v1/accounts:signInWithCustomToken?key={key}");
    let before = server.written_bytes()?;
    let mut sign_ins = Cost::default();
    for connections in [1, 16, 64] {
        let name = format!("signInWithCustomToken, {connections} connections, per CPU-s");
        sign_ins = measure(&server, &name, &sign_in, &bodies, connections, signs, 0.92)?;
    }
    // Tokens of the account server were verified when they were made. These are seen for the first time.
    let name = "the same, tokens of another backend, 16 conn.";
    measure(&server, name, &sign_in, &foreign, 16, signs, 0.92)?;
    let session = client.post(&sign_in, bodies.first().context("no user")?)?;
    let refresh_token = session
        .get("refreshToken")
        .and_then(Value::as_str)
        .context("no session")?;
    let refresh = format!("/v1/token?key={key}");
    let body = json!({ "grant_type": "refresh_token", "refresh_token": refresh_token }).to_string();
    let name = "refresh, 16 connections, per CPU-s";
    let refreshes = measure(&server, name, &refresh, &[body], 16, signs, 0.95)?;
    let id_token = session
        .get("idToken")
        .and_then(Value::as_str)
        .context("no session")?;
    let lookup = format!("/v1/accounts:lookup?key={key}");
    let body = json!({ "idToken": id_token }).to_string();
    let lookups = cost(
        || server.cpu_seconds(),
        server.address,
        &lookup,
        &[body],
        16,
    )?;
    at_most(
        "lookup, 16 connections, CPU",
        1e6 / lookups.per_cpu_second,
        25.0,
        "us",
    );
    let ours = [sign_ins, refreshes, lookups];
    // The target is for the token alone; the rest is reading the user, by which a revocation bites at once.
    at_most(
        "a repeated bearer and its user",
        bearer::repeated_micros()?,
        1.0,
        "us",
    );
    at_most(
        "memory after all of it",
        server.resident_mib()?,
        60.0,
        "MiB",
    );
    let written = to_f64(server.written_bytes()?.saturating_sub(before)) / 1e6;
    println!(
        "{:<46} {written:>9.1} MB   (sign-in times, in groups)",
        "written during the loads"
    );

    server.stop()?;
    beside_the_emulator(folder.path(), &bodies, &ours)?;
    let (server, first) = first_sign_in(&binary, folder.path(), &sign_in, &bodies)?;
    at_most(
        "start to first signed-in user, clean stop",
        first.as_secs_f64() * 1e3,
        50.0,
        "ms",
    );
    server.kill()?;
    let (server, first) = first_sign_in(&binary, folder.path(), &sign_in, &bodies)?;
    at_most(
        "start to first signed-in user, kill -9",
        first.as_secs_f64() * 1e3,
        2000.0,
        "ms",
    );
    server.stop()
}

/// Creates the users and gives the body of a sign-in of each, with a custom token of the account server.
fn sign_up_users(client: &mut Client) -> Result<Vec<String>> {
    (0..USERS)
        .map(|at| {
            client.act_for(&format!("192.0.2.{at}"));
            let body = json!({ "username": format!("bench-{at}"), "password": "correct horse" });
            let answer = client.post("/account/v1/signup", &body.to_string())?;
            let token = answer.get("customToken").and_then(Value::as_str);
            Ok(json!({ "token": token.context("no custom token")? }).to_string())
        })
        .collect()
}

/// What requests cost.
#[derive(Clone, Copy, Default)]
struct Cost {
    /// Requests per CPU-second of the server.
    per_cpu_second: f64,
    /// Requests per second of the clock, on all cores, shared with the client.
    per_second: f64,
}

fn cost(
    cpu_seconds: impl Fn() -> Result<f64>,
    address: SocketAddr,
    path: &str,
    bodies: &[String],
    connections: usize,
) -> Result<Cost> {
    let cpu = cpu_seconds()?;
    let started = Instant::now();
    let requests = load(address, path, bodies, connections, LOAD_TIME)?;
    let used = cpu_seconds()? - cpu;
    ensure!(used > 0.0, "the server used no CPU time");
    let requests = to_f64(requests);
    let per_second = requests / started.elapsed().as_secs_f64();
    Ok(Cost {
        per_cpu_second: requests / used,
        per_second,
    })
}

fn measure(
    server: &Server,
    name: &str,
    path: &str,
    bodies: &[String],
    connections: usize,
    signs: f64,
    target: f64,
) -> Result<Cost> {
    let cost = cost(
        || server.cpu_seconds(),
        server.address,
        path,
        bodies,
        connections,
    )?;
    let Cost {
        per_cpu_second,
        per_second,
    } = cost;
    let ratio = per_cpu_second / signs;
    let verdict = if ratio >= target { "" } else { "  short" };
    println!(
        "{name:<46} {per_cpu_second:>10.0}/s {ratio:>8.2} {target:>8.2}{verdict}   ({per_second:.0}/s by the clock)"
    );
    Ok(cost)
}

/// The same three loads on the official emulator.
fn beside_the_emulator(folder: &Path, bodies: &[String], ours: &[Cost; 3]) -> Result<()> {
    let Some(emulator) = Emulator::start(folder)? else {
        println!("the official auth emulator is not installed: `make bench` installs it");
        return Ok(());
    };
    let at = |path: &str, body: &[String]| {
        cost(|| emulator.cpu_seconds(), emulator.address, path, body, 16)
    };
    let mut client = Client::connect(emulator.address)?;
    let sign_in = "/identitytoolkit.googleapis.com/v1/accounts:signInWithCustomToken?key=a";
    let session = client.post(sign_in, bodies.first().context("no user")?)?;
    let text = |key: &str| {
        session
            .get(key)
            .and_then(Value::as_str)
            .context("no session")
    };
    let refresh = json!({ "grant_type": "refresh_token", "refresh_token": text("refreshToken")? });
    let lookup = json!({ "idToken": text("idToken")? });
    let theirs = [
        at(sign_in, bodies)?,
        at(
            "/securetoken.googleapis.com/v1/token?key=a",
            &[refresh.to_string()],
        )?,
        at(
            "/identitytoolkit.googleapis.com/v1/accounts:lookup?key=a",
            &[lookup.to_string()],
        )?,
    ];
    let names = ["signInWithCustomToken", "refresh", "lookup"];
    for (((name, ours), theirs), target) in names.iter().zip(ours).zip(theirs).zip([5.0, 5.0, 20.0])
    {
        let ratio = ours.per_cpu_second / theirs.per_cpu_second;
        let name = format!("{name} beside the emulator, per core");
        let verdict = if ratio >= target { "" } else { "  short" };
        println!(
            "{name:<46} {:>10.0}/s {ratio:>8.1} {target:>8.1}{verdict}",
            theirs.per_cpu_second
        );
        // Ten times on two cores: what a signature costs allows it for nothing but look-ups.
        let (ratio, target) = (ours.per_second / theirs.per_second, 10.0);
        let verdict = if ratio >= target { "" } else { "  short" };
        println!(
            "{:<46} {:>10.0}/s {ratio:>8.1} {target:>8.1}{verdict}",
            "  by the clock, the whole machine", theirs.per_second
        );
    }
    Ok(())
}

fn at_most(name: &str, measured: f64, target: f64, unit: &str) {
    let verdict = if measured <= target { "" } else { "  over" };
    println!(
        "{name:<46} {measured:>9.1} {unit:<3} {:>7.2} <={target:>6}{verdict}",
        measured / target
    );
}

fn first_sign_in(
    binary: &Path,
    folder: &Path,
    path: &str,
    bodies: &[String],
) -> Result<(Server, Duration)> {
    let started = Instant::now();
    let server = Server::start(binary, folder)?;
    let mut client = Client::connect(server.address)?;
    client.post(path, bodies.first().context("no user")?)?;
    Ok((server, started.elapsed()))
}
