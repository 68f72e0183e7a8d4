//! What listeners cost those who commit.
//!
//! Targets: with 1 000 listeners on 1 000 different queries that no commit concerns, commits take at most 1.2 times as
//! long; with 1 000 that hear of some, there are at least 0.8 times as many.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use firekeep_bench::table::{median, ratio};
use firekeep_bench::to_f64;

use crate::listener::{Server, query};

const COLLECTION: &str = "load";
const WRITERS: usize = 16;
const ROUND: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;

/// Prints the rows.
pub(crate) async fn measure(server: &Server, listeners: usize) -> Result<()> {
    let count = i64::try_from(listeners)?;
    commits(server, count).await?;
    for (name, first, target) in [
        ("that it does not concern", count, 1.0 / 1.2),
        ("one of which hears it", 0, 0.8),
    ] {
        let mut ratios = Vec::new();
        let mut note = String::new();
        for _ in 0..ROUNDS {
            let alone = commits(server, count).await?;
            let queries = (first..first + count).map(|group| query(COLLECTION, Some(group)));
            let open = server.listen(queries).await?;
            let hearing: Vec<_> = (open.into_iter())
                .map(|mut listener| {
                    tokio::spawn(async move { while listener.snapshot().await.is_ok() {} })
                })
                .collect();
            let beside = commits(server, count).await?;
            hearing.iter().for_each(tokio::task::JoinHandle::abort);
            for task in hearing {
                // Aborted.
                let _ = task.await;
            }
            ratios.push(beside / alone);
            note = format!("   ({beside:.0}/s and {alone:.0}/s)");
        }
        let name = format!("commits beside {listeners} listeners, {name}");
        ratio(&name, median(&mut ratios), target, &note);
    }
    Ok(())
}

/// Commits per second, of single documents in so many groups.
async fn commits(server: &Server, groups: i64) -> Result<f64> {
    let next = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let tasks = server.writers(WRITERS).into_iter().map(|mut writer| {
        let next = Arc::clone(&next);
        tokio::spawn(async move {
            while started.elapsed() < ROUND {
                let id = next.fetch_add(1, Ordering::Relaxed);
                writer
                    .set(COLLECTION, id, i64::try_from(id)? % groups)
                    .await?;
            }
            anyhow::Ok(())
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await??;
    }
    Ok(to_f64(next.load(Ordering::Relaxed)) / started.elapsed().as_secs_f64())
}
