//! `getDoc` of the web SDK, which is a listener of a moment, beside a read over REST. Both on warm connections.
//!
//! Target: in the middle at most 1.5 times as long.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context as _, Result};
use firekeep_bench::table::{at_most, median};

use crate::channel::{Channel, Connection};
use crate::listener::{PARENT, Server};

const READS: u64 = 500;
const COLLECTION: &str = "get";

/// Prints the row.
pub(crate) async fn measure(address: SocketAddr, server: &Server) -> Result<()> {
    let mut writer = server.writers(1).pop().context("a connection")?;
    writer.set(COLLECTION, 1, 0).await?;
    tokio::task::spawn_blocking(move || compare(address)).await?
}

fn compare(address: SocketAddr) -> Result<()> {
    let name = format!("{PARENT}/{COLLECTION}/1");
    let path = format!("/v1/{name}");
    let mut rest = Connection::open(address)?;
    let mut channel = Channel::open(address)?;
    let (mut by_rest, mut by_channel) = (Vec::new(), Vec::new());
    for _ in 0..READS {
        let started = Instant::now();
        rest.get(&path)?;
        by_rest.push(started.elapsed().as_secs_f64() * 1e6);
        let started = Instant::now();
        channel.get_doc(&name)?;
        by_channel.push(started.elapsed().as_secs_f64() * 1e6);
        channel.forget()?;
    }
    let (channel, rest) = (median(&mut by_channel), median(&mut by_rest));
    let note = format!("   ({channel:.0} us and {rest:.0} us)");
    at_most(
        "getDoc by WebChannel / by REST, p50",
        channel / rest,
        1.5,
        "x",
        &note,
    );
    Ok(())
}
