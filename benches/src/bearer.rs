//! What it costs to know a caller again: a bearer that was verified before, and the look at its user's record, by which
//! a revocation bites at once. In this process and without HTTP, on the engine in memory.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use firekeep_api::account::NewAccount;
use firekeep_api::{Access, Client, Core, Mode, Options, SystemClock};
use firekeep_store::{DbId, MemEngine, Store};

const ROUNDS: u32 = 200_000;

/// Microseconds to authenticate a repeated bearer, its user included.
pub(crate) fn repeated_micros() -> Result<f64> {
    let clock = Arc::new(SystemClock);
    let engine = Arc::new(MemEngine::new(clock.clone()));
    let store = Store::open(engine.clone(), DbId(0), clock.clone())?;
    let options = Options {
        project: None,
        mode: Mode::Safe,
        base_url: Some("http://localhost".to_owned()),
        bridge: None,
        documents: Access::Administrators,
    };
    let core = Core::open(engine, Arc::clone(&store), clock, options)?;
    let pool = core.default_pool();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let id_token = runtime.block_on(async {
        let new = NewAccount {
            username: Some("bench".to_owned()),
            password: "correct horse".to_owned(),
            ..NewAccount::default()
        };
        let login = core.account_sign_up(Client::default(), new).await?;
        let tokens = core.sign_in_with_custom_token(&pool, &login.custom_token);
        anyhow::Ok(tokens.await?.id_token)
    })?;
    let started = Instant::now();
    for _ in 0..ROUNDS {
        black_box(core.authenticate(&pool, black_box(&id_token))?);
    }
    let spent = started.elapsed();
    store.close();
    Ok(spent.as_secs_f64() * 1e6 / f64::from(ROUNDS))
}
