//! `make bench`: listeners, beside the official emulator where there is one, in one run, by the same client.
//!
//! The client runs on the same machine, so what it costs to receive is part of every figure. Targets: `latency.rs`,
//! `crowd.rs`, `load.rs` and `get_doc.rs` each say theirs. `realtime --quick` takes a tenth of the listeners.

mod channel;
mod crowd;
mod get_doc;
mod latency;
mod listener;
mod load;

use anyhow::Result;
use firekeep_bench::arguments;
use firekeep_bench::peers::{Emulator, Firekeep};
use firekeep_bench::table::head;
use listener::Server;

/// How many listeners there are.
#[derive(Clone, Copy)]
struct Sizes {
    /// On one query, for the time that a change takes to all of them.
    crowd: usize,
    /// While others commit.
    listeners: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let (flags, binary) = arguments();
    let quick = flags.iter().any(|flag| flag == "--quick");
    let sizes = match quick {
        true => Sizes {
            crowd: 1_000,
            listeners: 100,
        },
        false => Sizes {
            crowd: 10_000,
            listeners: 1_000,
        },
    };
    let folder = tempfile::tempdir()?;
    head();

    let process = Firekeep::start(&binary, &folder.path().join("firekeep"))?;
    let ours = Server::connect(process.address).await?;
    let emulator = Emulator::start()?;
    let theirs = match &emulator {
        Some(emulator) => Some(Server::connect(emulator.address).await?),
        None => {
            println!("no official Firestore emulator here: set FIRESTORE_EMULATOR_JAR");
            None
        }
    };
    latency::measure(&ours, theirs.as_ref()).await?;
    drop((theirs, emulator));
    get_doc::measure(process.address, &ours).await?;
    load::measure(&ours, sizes.listeners).await?;
    crowd::measure(&process, &ours, sizes.crowd).await?;
    process.stop()
}
