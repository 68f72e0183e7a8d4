//! `make bench`: documents beside the official emulator and PostgreSQL, in one run, by the same client.
//!
//! Each system stores the same documents with comparable indexes and settings as shipped: Firekeep and PostgreSQL flush
//! before they answer, the emulator keeps everything in memory. The clients send what was encoded before and decode nothing,
//! and beside each rate stands what CPU time the server took: the machine is the client's too.
//!
//! `documents --quick` takes a tenth of the documents, `documents --alone` measures Firekeep and nobody else.

mod firestore;
mod http2;
mod input;
mod item;
mod load;
mod pg;
mod postgres;

use std::time::Duration;

use anyhow::Result;

use firekeep_bench::peers::{self, Emulator, Firekeep, Postgres};
use firekeep_bench::table::{at_least, at_most, head, remark};
use firekeep_bench::{arguments, to_f64};
use firestore::Firestore;
use load::{Cost, Rate, alternate};

/// How long each load lasts.
const LOAD_TIME: Duration = Duration::from_secs(4);

/// Documents that a query returns.
const PAGE: i32 = 20;

/// How many documents the two sizes have.
#[derive(Clone, Copy)]
struct Sizes {
    small: u32,
    large: u32,
}

fn main() -> Result<()> {
    let (flags, binary) = arguments();
    let says = |flag: &str| flags.iter().any(|known| known == flag);
    let sizes = match says("--quick") {
        true => Sizes {
            small: 10_000,
            large: 100_000,
        },
        false => Sizes {
            small: 100_000,
            large: 1_000_000,
        },
    };
    let folder = tempfile::tempdir()?;
    head();

    let server = Firekeep::start(&binary, &folder.path().join("firekeep"))?;
    let ours = Firestore::at(server.address);
    remark("memory, idle", server.usage.resident_mib()?, "MiB", "");
    small(&server, &ours, sizes)?;
    if says("--alone") {
        alone(&server, &ours, sizes)?;
    } else {
        beside_postgres(folder.path(), &server, &ours, sizes)?;
        beside_emulator(&server, &ours, sizes)?;
    }
    large(&server, &ours, sizes)?;
    server.stop()
}

/// Loads the small collection.
fn small(server: &Firekeep, ours: &Firestore, sizes: Sizes) -> Result<()> {
    let (cpu, rate) = (
        server.usage.cpu_seconds()?,
        ours.fill("small", sizes.small)?,
    );
    let cpu = (server.usage.cpu_seconds()? - cpu) / f64::from(sizes.small) * 1e6;
    let note = format!("   ({cpu:.0} us of CPU for each)");
    at_least(
        "batch load, 10 fields, documents",
        rate.per_second,
        20_000.0,
        &note,
    );
    Ok(())
}

fn alone(server: &Firekeep, ours: &Firestore, sizes: Sizes) -> Result<()> {
    for connections in [1, 16, 64] {
        let name = format!("commits, {connections} writers");
        Cost::alone(&name, &server.usage, || {
            ours.commits("small", sizes.small, connections)
        })?;
    }
    Cost::alone("gets, 16 connections", &server.usage, || {
        ours.gets("small", sizes.small, 16)
    })?;
    Cost::alone("query of 20", &server.usage, || ours.queries("small", 4))?;
    memory(server, "memory after that")
}

fn memory(server: &Firekeep, name: &str) -> Result<()> {
    at_most(name, server.usage.resident_mib()?, 300.0, "MiB", "");
    Ok(())
}

fn beside_emulator(server: &Firekeep, ours: &Firestore, sizes: Sizes) -> Result<()> {
    let Some(emulator) = Emulator::start()? else {
        println!("no official Firestore emulator here: set FIRESTORE_EMULATOR_JAR");
        return Ok(());
    };
    let (our, their) = (&server.usage, &emulator.usage);
    let theirs = Firestore::at(emulator.address);
    let loaded = theirs.fill("small", sizes.small)?;
    remark("the emulator: batch load", loaded.per_second, "/s", "");
    for (connections, target) in [(16, 3.0), (64, 3.0)] {
        let name = format!("commits, {connections} writers / emulator");
        let pair = alternate(
            (our, || ours.commits("small", sizes.small, connections)),
            (their, || theirs.commits("small", sizes.small, connections)),
        );
        pair?.print(&name, target);
    }
    let pair = alternate(
        (our, || ours.gets("small", sizes.small, 16)),
        (their, || theirs.gets("small", sizes.small, 16)),
    );
    pair?.print("gets, 16 connections / emulator", 5.0);
    let pair = alternate(
        (our, || ours.queries("small", 4)),
        (their, || theirs.queries("small", 4)),
    );
    pair?.print("query of 20, of the small collection / emulator", 5.0);
    let mib = their.resident_mib()?;
    remark("the emulator: memory", mib, "MiB", "");
    memory(server, "memory after that")
}

fn beside_postgres(
    folder: &std::path::Path,
    server: &Firekeep,
    ours: &Firestore,
    sizes: Sizes,
) -> Result<()> {
    let Some(peer) = Postgres::start(&folder.join("postgres"))? else {
        println!("no PostgreSQL server here: `make bench` installs it");
        return Ok(());
    };
    let (our, their) = (&server.usage, &peer.usage);
    let theirs = postgres::Table::create(&peer)?;
    let loaded = theirs.fill(sizes.small)?;
    remark("PostgreSQL: batch load", loaded.per_second, "/s", "");
    for connections in [16, 64] {
        let name = format!("commits, {connections} writers / PostgreSQL");
        let pair = alternate(
            (our, || ours.commits("small", sizes.small, connections)),
            (their, || theirs.commits(sizes.small, connections)),
        );
        pair?.print(&name, 1.0);
    }
    let pair = alternate(
        (our, || ours.gets("small", sizes.small, 16)),
        (their, || theirs.gets(sizes.small, 16)),
    );
    pair?.compare("gets, 16 connections / PostgreSQL");
    let pair = alternate(
        (our, || ours.queries("small", 4)),
        (their, || theirs.queries(4)),
    );
    pair?.compare("query of 20 / PostgreSQL");
    memory(server, "memory after that")
}

fn large(server: &Firekeep, ours: &Firestore, sizes: Sizes) -> Result<()> {
    let loaded = ours.fill("large", sizes.large)?;
    at_least(
        "batch load, the large collection",
        loaded.per_second,
        20_000.0,
        "",
    );
    let usage = &server.usage;
    let pair = alternate(
        (usage, || ours.queries("small", 4)),
        (usage, || ours.queries("large", 4)),
    );
    let pair = pair?;
    at_most(
        "time of a query, large / small",
        pair.ratio,
        1.3,
        "x",
        &pair.note(),
    );
    let cpu = usage.cpu_seconds()?;
    let Rate { count, seconds, .. } = ours.count("large", sizes.large)?;
    let cpu = usage.cpu_seconds()? - cpu;
    let note = format!("   ({seconds:.2} s by the clock)");
    at_least(
        "count, entries per CPU-second",
        to_f64(count) / cpu,
        2e6,
        &note,
    );
    memory(server, "memory after all")?;
    let bytes = peers::folder_bytes(&server.folder)?;
    let json = item::json_bytes(sizes.small) + item::json_bytes(sizes.large);
    let note = format!("   ({:.0} MB)", to_f64(bytes) / 1e6);
    at_most(
        "disk / raw JSON",
        to_f64(bytes) / to_f64(json),
        1.5,
        "x",
        &note,
    );
    Ok(())
}
