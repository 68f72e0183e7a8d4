//! Very many listeners on one query.
//!
//! Targets: 10 000 have a change within 300 ms of its commit's answer, on 2 cores that the client uses too; each costs
//! 15 KiB while nothing happens.

use std::time::Instant;

use anyhow::{Context as _, Result};
use firekeep_bench::peers::Firekeep;
use firekeep_bench::table::{at_most, median, remark};

use crate::listener::{Server, query};

const COLLECTION: &str = "everybody";
const ROUNDS: u64 = 5;

/// Prints the rows.
pub(crate) async fn measure(process: &Firekeep, server: &Server, count: usize) -> Result<()> {
    let before = process.usage.resident_mib()?;
    let all = std::iter::repeat_with(|| query(COLLECTION, None)).take(count);
    let started = Instant::now();
    let mut listeners = server.listen(all).await?;
    let listeners_count = f64::from(u32::try_from(count)?);
    remark(
        "listeners opened, one after the other",
        listeners_count / started.elapsed().as_secs_f64(),
        "/s",
        "",
    );
    let each = (process.usage.resident_mib()? - before) * 1024.0 / listeners_count;
    at_most("memory of a listener, idle", each, 15.0, "KiB", "");

    let mut writer = server.writers(1).pop().context("a connection")?;
    let (mut times, mut cpu) = (Vec::new(), process.usage.cpu_seconds()?);
    for id in 0..ROUNDS {
        let waiting = listeners.drain(..).map(|mut listener| {
            tokio::spawn(async move {
                while !listener.snapshot().await?.contains(&id) {}
                anyhow::Ok((listener, Instant::now()))
            })
        });
        let waiting: Vec<_> = waiting.collect();
        writer.set(COLLECTION, id, 0).await?;
        let answered = Instant::now();
        let mut last = answered;
        for waiting in waiting {
            let (listener, at) = waiting.await??;
            listeners.push(listener);
            last = last.max(at);
        }
        times.push((last - answered).as_secs_f64() * 1e3);
    }
    cpu = process.usage.cpu_seconds()? - cpu;
    let deliveries = listeners_count * f64::from(u32::try_from(ROUNDS)?);
    let note = format!("   ({:.1} us of CPU for each)", cpu / deliveries * 1e6);
    at_most(
        &format!("one change to {count} listeners"),
        median(&mut times),
        300.0,
        "ms",
        &note,
    );
    Ok(())
}
