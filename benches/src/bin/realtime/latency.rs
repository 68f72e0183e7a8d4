//! How long after the answer to a commit its listeners have it.
//!
//! Targets: with one listener 2 ms in the middle and 10 ms at the 99th of a hundred; with 200 on one query, all within
//! 10 ms; and a fifth of what the emulator takes.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use firekeep_bench::table::{at_most, ratio};

use crate::listener::{Listener, Server, query};

const COMMITS: u64 = 400;
/// Between two commits.
const PACE: Duration = Duration::from_millis(10);
const CROWD: usize = 200;
/// For the emulator, which takes minutes where its listeners are many.
const PATIENCE: Duration = Duration::from_secs(60);

/// Milliseconds: in the middle, and at the 99th of a hundred.
struct Times {
    /// Behind the answer to the commit.
    after: [f64; 2],
    /// Behind its sending.
    whole: [f64; 2],
}

/// Prints the rows.
pub(crate) async fn measure(ours: &Server, theirs: Option<&Server>) -> Result<()> {
    for (listeners, collection, targets) in
        [(1, "one", [2.0, 10.0]), (CROWD, "crowd", [10.0, 10.0])]
    {
        let our = times(ours, collection, listeners).await?;
        let parts = ["p50", "p99"].into_iter().enumerate();
        let their = match theirs {
            Some(theirs) => {
                let times = times(theirs, collection, listeners);
                tokio::time::timeout(PATIENCE, times).await
            }
            None => continue,
        };
        for (at, part) in parts {
            let name = format!("commit to listener, {listeners}, {part}");
            let of = |times: &[f64; 2]| times.get(at).copied().unwrap_or(f64::NAN);
            at_most(&name, of(&our.after), of(&targets), "ms", "");
            match &their {
                Ok(Ok(their)) => {
                    let (our, their) = (of(&our.whole), of(&their.whole));
                    let note = format!("   ({our:.2} ms and {their:.2} ms)");
                    ratio(
                        &format!("{name}, from sending / emulator"),
                        their / our,
                        5.0,
                        &note,
                    );
                }
                Ok(Err(error)) => println!("the emulator did not bear it: {error:#}"),
                Err(_) => println!("the emulator had not told all after {PATIENCE:?}"),
            }
        }
    }
    Ok(())
}

/// Commits at a pace; for each, how long it takes until the last listener has it.
async fn times(server: &Server, collection: &'static str, count: usize) -> Result<Times> {
    let all = std::iter::repeat_with(|| query(collection, None)).take(count);
    let listeners = server.listen(all).await?;
    let heard: Vec<_> = (listeners.into_iter().map(hear))
        .map(tokio::spawn)
        .collect();
    let mut writer = server.writers(1).pop().context("a connection")?;
    let (mut sent, mut answered) = (Vec::new(), Vec::new());
    let mut clock = tokio::time::interval(PACE);
    for id in 0..COMMITS {
        clock.tick().await;
        sent.push(Instant::now());
        writer.set(collection, id, 0).await?;
        answered.push(Instant::now());
    }
    let mut last = sent.clone();
    for listener in heard {
        for (id, at) in listener.await?? {
            let last = last.get_mut(usize::try_from(id)?);
            let last = last.context("a document that nobody wrote")?;
            *last = at.max(*last);
        }
    }
    Ok(Times {
        after: delays(&answered, &last)?,
        whole: delays(&sent, &last)?,
    })
}

fn delays(from: &[Instant], to: &[Instant]) -> Result<[f64; 2]> {
    let delay = |(from, to): (&Instant, &Instant)| to.saturating_duration_since(*from);
    let delays = from.iter().zip(to).map(delay);
    let mut delays: Vec<_> = delays.map(|delay| delay.as_secs_f64() * 1e3).collect();
    delays.sort_unstable_by(f64::total_cmp);
    let at = |percent: usize| delays.get(delays.len() * percent / 100).copied();
    Ok([at(50).context("commits")?, at(99).context("commits")?])
}

/// When each document came: the first time, since some servers say a thing twice.
async fn hear(mut listener: Listener) -> Result<HashMap<u64, Instant>> {
    let mut heard = HashMap::new();
    while heard.len() < usize::try_from(COMMITS)? {
        let changed = listener.snapshot().await?;
        let now = Instant::now();
        for id in changed {
            heard.entry(id).or_insert(now);
        }
    }
    Ok(heard)
}
