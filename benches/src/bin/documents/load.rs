//! Loads: so many threads, each with a connection of its own, doing one thing again and again for a while.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::Result;
use firekeep_bench::peers::Usage;
use firekeep_bench::{table, to_f64};

use crate::LOAD_TIME;

/// Rounds of a comparison.
const ROUNDS: usize = 3;

/// Documents of one batch of a load.
const BATCH: u32 = 500;

/// Batches that are under way at once.
const LOADERS: u32 = 4;

/// The most documents that requests are prepared for.
const PREPARED_MAX: u32 = 8_192;

/// What a load reached.
#[derive(Clone, Copy)]
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

/// A rate, and the CPU time of the server that it took.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    per_second: f64,
    cpu_micros: f64,
}

impl Cost {
    fn of(usage: &Usage, load: impl Fn() -> Result<Rate>) -> Result<Self> {
        let before = usage.cpu_seconds()?;
        let rate = load()?;
        let cpu = usage.cpu_seconds()? - before;
        Ok(Self {
            per_second: rate.per_second,
            cpu_micros: cpu * 1e6 / to_f64(rate.count.max(1)),
        })
    }

    /// In the middle of several, each figure for itself.
    fn median(costs: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| {
            table::median(&mut costs.iter().map(figure).collect::<Vec<_>>())
        };
        Self {
            per_second: of(|cost| cost.per_second),
            cpu_micros: of(|cost| cost.cpu_micros),
        }
    }

    /// Measures one system by itself.
    pub(crate) fn alone(name: &str, usage: &Usage, load: impl Fn() -> Result<Rate>) -> Result<()> {
        let costs: Result<Vec<_>> = (0..ROUNDS).map(|_| Self::of(usage, &load)).collect();
        let cost = Self::median(&costs?);
        let note = format!("   ({:.0} us of CPU for each)", cost.cpu_micros);
        table::remark(name, cost.per_second, "/s", &note);
        Ok(())
    }
}

/// Two systems, in turn: medians over the rounds.
pub(crate) struct Pair {
    ours: Cost,
    theirs: Cost,
    pub(crate) ratio: f64,
}

impl Pair {
    /// Prints the ratio beside a target.
    pub(crate) fn print(&self, name: &str, target: f64) {
        table::ratio(name, self.ratio, target, &self.note());
    }

    /// Prints the ratio.
    pub(crate) fn compare(&self, name: &str) {
        table::remark(name, self.ratio, "x", &self.note());
    }

    /// Both rates, and the CPU time of both servers: the client takes its part of the same machine, so rates alone
    /// say less the faster a server is.
    pub(crate) fn note(&self) -> String {
        let Self { ours, theirs, .. } = self;
        format!(
            "   ({:.0}/s and {:.0}/s; CPU {:.0} us and {:.0} us)",
            ours.per_second, theirs.per_second, ours.cpu_micros, theirs.cpu_micros
        )
    }
}

/// Measures both in turn, the first one changing from round to round.
pub(crate) fn alternate(
    ours: (&Usage, impl Fn() -> Result<Rate>),
    theirs: (&Usage, impl Fn() -> Result<Rate>),
) -> Result<Pair> {
    let (mut all_ours, mut all_theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (our, their) = if round % 2 == 0 {
            let our = Cost::of(ours.0, &ours.1)?;
            (our, Cost::of(theirs.0, &theirs.1)?)
        } else {
            let their = Cost::of(theirs.0, &theirs.1)?;
            (Cost::of(ours.0, &ours.1)?, their)
        };
        all_ours.push(our);
        all_theirs.push(their);
        ratios.push(our.per_second / their.per_second);
    }
    Ok(Pair {
        ours: Cost::median(&all_ours),
        theirs: Cost::median(&all_theirs),
        ratio: table::median(&mut ratios),
    })
}

/// Runs one thread per connection until the time is over. Each round gets a number that no other gets.
pub(crate) fn run<C: Send>(
    connections: Vec<C>,
    work: impl Fn(&mut C, u64) -> Result<()> + Sync,
) -> Result<Rate> {
    let (next, work) = (AtomicU64::new(0), &work);
    let started = Instant::now();
    let each = |mut connection: C| {
        let mut count = 0u64;
        while started.elapsed() < LOAD_TIME {
            work(&mut connection, next.fetch_add(1, Ordering::Relaxed))?;
            count += 1;
        }
        anyhow::Ok(count)
    };
    let count = in_threads(connections, each)?.into_iter().sum();
    Ok(Rate::since(started, count))
}

/// Does something for the numbers of all batches, some at a time.
pub(crate) fn batches<C>(
    count: u32,
    connect: impl Fn() -> Result<C> + Sync,
    work: impl Fn(&mut C, Range<u32>) -> Result<()> + Sync,
) -> Result<()> {
    let each = |part: u32| {
        let mut connection = connect()?;
        for at in (0..count.div_ceil(BATCH)).filter(|at| at % LOADERS == part) {
            work(&mut connection, at * BATCH..((at + 1) * BATCH).min(count))?;
        }
        anyhow::Ok(())
    };
    in_threads((0..LOADERS).collect(), each).map(drop)
}

fn in_threads<A: Send, T: Send>(
    arguments: Vec<A>,
    work: impl Fn(A) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let work = &work;
    thread::scope(|scope| {
        let start = |argument| scope.spawn(move || work(argument));
        let threads: Vec<_> = arguments.into_iter().map(start).collect();
        let ended = threads.into_iter().map(|thread| {
            let ended = thread.join();
            ended.map_err(|_| anyhow::anyhow!("a thread of the load panicked"))?
        });
        ended.collect()
    })
}

/// Requests, encoded before anything is measured: two for each of some documents, which differ in the version.
pub(crate) struct Prepared<R> {
    documents: u64,
    requests: Vec<R>,
}

impl<R> Prepared<R> {
    /// Those of documents all over the collection. `request` is given a document's number, and its version.
    pub(crate) fn new(count: u32, request: impl Fn(u32, u32) -> R) -> Self {
        let documents = count.min(PREPARED_MAX);
        let numbers = || (0..documents).map(|at| scattered(u64::from(at), count));
        let all = [1, 2]
            .into_iter()
            .flat_map(|version| numbers().map(move |number| (number, version)));
        Self {
            documents: u64::from(documents),
            requests: all
                .map(|(number, version)| request(number, version))
                .collect(),
        }
    }

    /// The `at`-th one: every document once in one version, then every one in the other.
    #[expect(clippy::indexing_slicing, reason = "below the length")]
    pub(crate) fn get(&self, at: u64) -> &R {
        let place = at % (2 * self.documents);
        &self.requests[usize::try_from(place).unwrap_or_default()]
    }
}

/// A number that looks random, below `limit`.
pub(crate) fn scattered(at: u64, limit: u32) -> u32 {
    let mixed = at.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
    u32::try_from(mixed % u64::from(limit)).unwrap_or_default()
}
