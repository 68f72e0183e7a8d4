//! Custom tokens as an app's own backend makes them: the server has never seen them.

use std::fs;
use std::path::Path;
use std::thread;

use anyhow::{Context as _, Result, bail};
use firekeep_model::{Timestamp, Uid};
use firekeep_token::{KeyFile, custom};
use serde_json::{Map, json};

use crate::process::Server;

/// How many there are: more than a server remembers, so that going round them twice meets none that it knows.
const TOKENS: usize = 34_000;
/// How many users they sign in.
const USERS: usize = 64;

/// The bodies of that many sign-ins, each with a token of its own.
pub(crate) fn of_another_backend(server: &Server, key_file: &Path) -> Result<Vec<String>> {
    let path = key_file.to_str().context("the path")?;
    server.run(&[
        "service-account",
        "create",
        "--name",
        "bench-backend",
        "--out",
        path,
    ])?;
    let key = KeyFile::parse(&fs::read_to_string(key_file)?)?;
    let now = now()?;
    let mint = |at: usize| -> Result<String> {
        let uid = Uid::parse(&format!("backend-{}", at % USERS))?;
        let mut claims = Map::new();
        claims.insert("n".to_owned(), at.into());
        let token = custom::mint(&key, &uid, &claims, now, 3600)?;
        Ok(json!({ "token": token }).to_string())
    };
    let threads = thread::available_parallelism()?.get();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                let mint = &mint;
                scope.spawn(move || (worker..TOKENS).step_by(threads).map(mint).collect())
            })
            .collect();
        let parts = workers.into_iter().map(|worker| {
            let part: Result<Vec<String>> = worker.join().unwrap_or_else(|_| bail!("panicked"));
            part
        });
        Ok(parts.collect::<Result<Vec<_>>>()?.concat())
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program's clock, not a domain's"
)]
fn now() -> Result<Timestamp> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(Timestamp::from_secs(i64::try_from(since.as_secs())?))
}
