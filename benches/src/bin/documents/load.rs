//! Loads: so many tasks, each with a connection of its own, doing one thing again and again for a while.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Result;
use firekeep_bench::{table, to_f64};

use crate::LOAD_TIME;

/// Rounds of a comparison.
const ROUNDS: usize = 3;

/// What a load reached.
pub(crate) struct Rate {
    /// How many times the thing was done.
    pub(crate) count: u64,
    /// In how long.
    pub(crate) seconds: f64,
    /// The quotient.
    pub(crate) per_second: f64,
}

impl Rate {
    pub(crate) fn since(started: Instant, count: u64) -> Self {
        let seconds = started.elapsed().as_secs_f64();
        Self {
            count,
            seconds,
            per_second: to_f64(count) / seconds,
        }
    }
}

/// Two systems, in turn: medians over the rounds.
pub(crate) struct Pair {
    pub(crate) ours: f64,
    pub(crate) theirs: f64,
    pub(crate) ratio: f64,
}

impl Pair {
    /// Prints the ratio beside a target.
    pub(crate) fn print(&self, name: &str, target: f64) {
        let note = format!("   ({:.0}/s and {:.0}/s)", self.ours, self.theirs);
        table::ratio(name, self.ratio, target, &note);
    }

    /// Prints the ratio.
    pub(crate) fn compare(&self, name: &str) {
        let note = format!("   ({:.0}/s and {:.0}/s)", self.ours, self.theirs);
        table::remark(name, self.ratio, "x", &note);
    }
}

/// Measures both in turn, the first one changing from round to round.
pub(crate) async fn alternate<A, B>(ours: impl Fn() -> A, theirs: impl Fn() -> B) -> Result<Pair>
where
    A: Future<Output = Result<Rate>>,
    B: Future<Output = Result<Rate>>,
{
    let (mut all_ours, mut all_theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (our, their) = if round % 2 == 0 {
            let our = ours().await?;
            (our, theirs().await?)
        } else {
            let their = theirs().await?;
            (ours().await?, their)
        };
        all_ours.push(our.per_second);
        all_theirs.push(their.per_second);
        ratios.push(our.per_second / their.per_second);
    }
    Ok(Pair {
        ours: table::median(&mut all_ours),
        theirs: table::median(&mut all_theirs),
        ratio: table::median(&mut ratios),
    })
}

/// Runs one task per worker until the time is over. Each gets numbers that no other task gets.
pub(crate) async fn run<W, F>(
    workers: Vec<W>,
    work: impl Fn(W, u64) -> F + Clone + Send + Sync + 'static,
) -> Result<Rate>
where
    W: Clone + Send + Sync + 'static,
    F: Future<Output = Result<()>> + Send,
{
    let next = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let tasks = workers.into_iter().map(|worker| {
        let (next, work) = (Arc::clone(&next), work.clone());
        tokio::spawn(async move {
            let mut count = 0u64;
            while started.elapsed() < LOAD_TIME {
                work(worker.clone(), next.fetch_add(1, Ordering::Relaxed)).await?;
                count += 1;
            }
            anyhow::Ok(count)
        })
    });
    let mut count = 0;
    for task in tasks.collect::<Vec<_>>() {
        count += task.await??;
    }
    Ok(Rate::since(started, count))
}

/// A number that looks random, below `limit`.
pub(crate) fn scattered(at: u64, limit: u32) -> u32 {
    let mixed = at.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
    u32::try_from(mixed % u64::from(limit)).unwrap_or_default()
}
