//! How long after the answer to a commit its listeners have it.
//!
//! Targets: with one listener 2 ms in the middle and 10 ms at the 99th of a hundred; with 200 on one query, all within
//! 10 ms; and a fifth of what the emulator takes.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use firekeep_bench::table::{at_most, ratio, remark};

use crate::listener::{Listener, Server, query};

const COMMITS: u64 = 400;
/// Between two commits.
const PACE: Duration = Duration::from_millis(10);
const CROWD: usize = 200;

/// Milliseconds.
struct Times {
    middle: f64,
    worst: f64,
}

/// Prints the rows.
pub(crate) async fn measure(ours: &Server, theirs: Option<&Server>) -> Result<()> {
    for (listeners, collection, middle, worst) in
        [(1, "one", 2.0, 10.0), (CROWD, "crowd", 10.0, 10.0)]
    {
        let our = times(ours, collection, listeners).await?;
        let name = |part| format!("commit to listener, {listeners}, {part}");
        at_most(&name("p50"), our.middle, middle, "ms", "");
        at_most(&name("p99"), our.worst, worst, "ms", "");
        let Some(theirs) = theirs else { continue };
        let their = times(theirs, collection, listeners).await?;
        remark(
            &format!("the emulator: {}", name("p50")),
            their.middle,
            "ms",
            "",
        );
        remark(
            &format!("the emulator: {}", name("p99")),
            their.worst,
            "ms",
            "",
        );
        // Both may be less than what the clock can tell.
        let times = |their: f64, our: f64| their / our.max(0.01);
        ratio(
            &format!("{} / emulator", name("p50")),
            times(their.middle, our.middle),
            5.0,
            "",
        );
        ratio(
            &format!("{} / emulator", name("p99")),
            times(their.worst, our.worst),
            5.0,
            "",
        );
    }
    Ok(())
}

/// Commits at a pace; for each, how long after its answer the last listener has it.
async fn times(server: &Server, collection: &'static str, count: usize) -> Result<Times> {
    let all = std::iter::repeat_with(|| query(collection, None)).take(count);
    let listeners = server.listen(all).await?;
    let heard: Vec<_> = (listeners.into_iter().map(hear))
        .map(tokio::spawn)
        .collect();
    let mut writer = server.writers(1).pop().context("a connection")?;
    let mut answered = Vec::new();
    let mut clock = tokio::time::interval(PACE);
    for id in 0..COMMITS {
        clock.tick().await;
        writer.set(collection, id, 0).await?;
        answered.push(Instant::now());
    }
    let mut delays = vec![0.0_f64; answered.len()];
    for listener in heard {
        for (id, at) in listener.await?? {
            let id = usize::try_from(id)?;
            let answered = answered.get(id).context("a document that nobody wrote")?;
            let delay = at.saturating_duration_since(*answered).as_secs_f64() * 1e3;
            let worst = delays.get_mut(id).context("as before")?;
            *worst = worst.max(delay);
        }
    }
    delays.sort_unstable_by(f64::total_cmp);
    let at = |percent: usize| delays.get(delays.len() * percent / 100).copied();
    Ok(Times {
        middle: at(50).context("commits")?,
        worst: at(99).context("commits")?,
    })
}

/// When each document came.
async fn hear(mut listener: Listener) -> Result<Vec<(u64, Instant)>> {
    let mut heard = Vec::new();
    while heard.len() < usize::try_from(COMMITS)? {
        let changed = listener.snapshot().await?;
        let now = Instant::now();
        heard.extend(changed.into_iter().map(|id| (id, now)));
    }
    Ok(heard)
}
