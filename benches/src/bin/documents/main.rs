//! `make bench`: documents beside the official emulator and PostgreSQL, in one run, by the same client.
//!
//! Each system stores the same documents with comparable indexes and settings as shipped: Firekeep and PostgreSQL flush
//! before they answer, the emulator keeps everything in memory. `documents --quick` takes a tenth of the documents.

mod firestore;
mod item;
mod load;
mod postgres;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use firekeep_bench::peers::{self, Emulator, Firekeep, Postgres};
use firekeep_bench::table::{at_least, at_most, head, remark};
use firekeep_bench::to_f64;
use firestore::Firestore;
use load::{Rate, alternate};

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

#[tokio::main]
async fn main() -> Result<()> {
    // The first is this program's name.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let sizes = match quick {
        true => Sizes {
            small: 10_000,
            large: 100_000,
        },
        false => Sizes {
            small: 100_000,
            large: 1_000_000,
        },
    };
    let binary = arguments
        .iter()
        .find(|argument| !argument.starts_with("--"));
    let binary = binary.map_or_else(|| PathBuf::from("target/release/firekeep"), PathBuf::from);
    let folder = tempfile::tempdir()?;
    head();

    let server = Firekeep::start(&binary, &folder.path().join("firekeep"))?;
    let ours = Firestore::connect(server.address).await?;
    remark("memory, idle", server.usage.resident_mib()?, "MiB", "");
    small(&server, &ours, sizes).await?;
    beside_postgres(folder.path(), &server, &ours, sizes).await?;
    beside_emulator(&server, &ours, sizes).await?;
    large(&server, &ours, sizes).await?;
    server.stop()
}

/// Loads the small collection.
async fn small(server: &Firekeep, ours: &Firestore, sizes: Sizes) -> Result<()> {
    let (cpu, rate) = (
        server.usage.cpu_seconds()?,
        ours.fill("small", sizes.small).await?,
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

async fn beside_emulator(server: &Firekeep, ours: &Firestore, sizes: Sizes) -> Result<()> {
    let Some(emulator) = Emulator::start()? else {
        println!("no official Firestore emulator here: set FIRESTORE_EMULATOR_JAR");
        return Ok(());
    };
    let theirs = Firestore::connect(emulator.address).await?;
    let loaded = theirs.fill("small", sizes.small).await?;
    remark("the emulator: batch load", loaded.per_second, "/s", "");
    for (connections, target) in [(16, 3.0), (64, 3.0)] {
        let name = format!("commits, {connections} writers / emulator");
        let pair = alternate(
            || ours.commits("small", sizes.small, connections),
            || theirs.commits("small", sizes.small, connections),
        );
        pair.await?.print(&name, target);
    }
    let pair = alternate(
        || ours.gets("small", sizes.small, 16),
        || theirs.gets("small", sizes.small, 16),
    );
    pair.await?.print("gets, 16 connections / emulator", 5.0);
    let pair = alternate(
        || ours.queries("small", sizes.small, 4),
        || theirs.queries("small", sizes.small, 4),
    );
    pair.await?
        .print("query of 20, of the small collection / emulator", 5.0);
    remark(
        "the emulator: memory",
        emulator.usage.resident_mib()?,
        "MiB",
        "",
    );
    at_most(
        "memory after that",
        server.usage.resident_mib()?,
        300.0,
        "MiB",
        "",
    );
    Ok(())
}

async fn beside_postgres(
    folder: &std::path::Path,
    server: &Firekeep,
    ours: &Firestore,
    sizes: Sizes,
) -> Result<()> {
    let Some(peer) = Postgres::start(&folder.join("postgres"))? else {
        println!("no PostgreSQL server here: `make bench` installs it");
        return Ok(());
    };
    let theirs = postgres::Table::create(&peer).await?;
    let loaded = theirs.fill(sizes.small).await?;
    remark("PostgreSQL: batch load", loaded.per_second, "/s", "");
    for connections in [16, 64] {
        let name = format!("commits, {connections} writers / PostgreSQL");
        let pair = alternate(
            || ours.commits("small", sizes.small, connections),
            || theirs.commits(sizes.small, connections),
        );
        pair.await?.print(&name, 1.0);
    }
    let pair = alternate(
        || ours.gets("small", sizes.small, 16),
        || theirs.gets(sizes.small, 16),
    );
    pair.await?.compare("gets, 16 connections / PostgreSQL");
    let pair = alternate(
        || ours.queries("small", sizes.small, 4),
        || theirs.queries(sizes.small, 4),
    );
    pair.await?.compare("query of 20 / PostgreSQL");
    at_most(
        "memory after that",
        server.usage.resident_mib()?,
        300.0,
        "MiB",
        "",
    );
    Ok(())
}

async fn large(server: &Firekeep, ours: &Firestore, sizes: Sizes) -> Result<()> {
    let loaded = ours.fill("large", sizes.large).await?;
    at_least(
        "batch load, the large collection",
        loaded.per_second,
        20_000.0,
        "",
    );
    let pair = alternate(
        || ours.queries("small", sizes.small, 4),
        || ours.queries("large", sizes.large, 4),
    );
    let pair = pair.await?;
    let note = format!("   ({:.0}/s and {:.0}/s)", pair.ours, pair.theirs);
    at_most(
        "time of a query, large / small",
        pair.ratio,
        1.3,
        "x",
        &note,
    );
    let cpu = server.usage.cpu_seconds()?;
    let Rate { count, seconds, .. } = ours.count("large", sizes.large).await?;
    let cpu = server.usage.cpu_seconds()? - cpu;
    let entries = f64::from(u32::try_from(count)?);
    let note = format!("   ({:.2} s by the clock)", seconds);
    at_least("count, entries per CPU-second", entries / cpu, 2e6, &note);
    at_most(
        "memory after all",
        server.usage.resident_mib()?,
        300.0,
        "MiB",
        "",
    );
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
