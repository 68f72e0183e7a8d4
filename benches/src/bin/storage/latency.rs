//! How long reads take, beside a writer and without one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::table::quantile;

/// Runs `read` for that long; gives the p99 in microseconds.
pub(crate) fn p99(time: Duration, mut read: impl FnMut() -> Result<()>) -> Result<f64> {
    let begun = Instant::now();
    let mut taken = Vec::new();
    while begun.elapsed() < time {
        let before = Instant::now();
        read()?;
        taken.push(before.elapsed().as_secs_f64() * 1e6);
    }
    Ok(quantile(&mut taken, 0.99))
}

/// Runs `work` while `write` runs again and again on another thread.
pub(crate) fn beside<T>(
    write: impl FnMut() -> Result<()> + Send,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let done = AtomicBool::new(false);
    let mut write = write;
    let until_done = || -> Result<()> {
        while !done.load(Ordering::Relaxed) {
            write()?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let writer = scope.spawn(until_done);
        let given = work();
        done.store(true, Ordering::Relaxed);
        writer.join().ok().context("the writer panicked")??;
        given
    })
}
