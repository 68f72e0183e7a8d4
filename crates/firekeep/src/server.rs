//! `firekeep serve`: flags, assembly, start, and the orderly end.

mod connections;
mod dispatch;
mod head;
mod metrics;
mod patience;
mod tls;

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use firekeep_api::{Core, Mode};
use firekeep_model::ProjectId;
use firekeep_store::{Error as StoreError, Store};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::cli;
use crate::data::{Data, Open, in_words};
use dispatch::App;

/// The data folder when none is named.
pub(crate) const DATA_DEFAULT: &str = "firekeep-data";
/// The engine's cache for commands that look at little.
pub(crate) const CACHE_BYTES_SMALL: usize = 8 * 1024 * 1024;
/// How often keys and sign-in times are tended.
const TEND_EVERY: Duration = Duration::from_secs(30);
/// How often it is asked whether the store still takes writes.
const LOOK_AT_STORE_EVERY: Duration = Duration::from_millis(250);
/// How long requests in flight may take to end at shutdown.
const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(20);

/// How logs look.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// Lines for people.
    Human,
    /// One JSON object per line.
    Json,
}

/// `firekeep serve`
#[derive(Args)]
pub(crate) struct Serve {
    /// The data folder; made when there is none.
    #[arg(long, env = "FIREKEEP_DATA", default_value = DATA_DEFAULT)]
    data: PathBuf,
    /// Where to listen; port 0 picks one and prints it.
    #[arg(long, env = "FIREKEEP_LISTEN", default_value_t = cli::loopback())]
    listen: SocketAddr,
    /// Where clients reach the server, when that is not where it listens, such as `https://fk.example.com`.
    #[arg(long, env = "FIREKEEP_BASE_URL")]
    base_url: Option<String>,
    /// The project's id, for a data folder that is yet to be made.
    #[arg(long, env = "FIREKEEP_PROJECT")]
    project: Option<String>,
    /// The certificate chain, PEM. Read again when the file changes.
    #[arg(long, env = "FIREKEEP_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, PEM.
    #[arg(long, env = "FIREKEEP_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Serve plain HTTP to other machines: only behind a proxy that ends TLS.
    #[arg(long, env = "FIREKEEP_INSECURE_HTTP")]
    insecure_http: bool,
    /// Take the client's address from `X-Forwarded-For` when the peer is this proxy; may be repeated.
    #[arg(long, env = "FIREKEEP_TRUSTED_PROXY", value_delimiter = ',')]
    trusted_proxy: Vec<IpAddr>,
    /// A Google service account's key file: logins then give tokens that are valid for that Google project.
    #[arg(long, env = "FIREKEEP_BRIDGE_KEY")]
    bridge_key: Option<PathBuf>,
    /// Where Prometheus metrics are served; off when absent.
    #[arg(long, env = "FIREKEEP_METRICS_LISTEN")]
    metrics_listen: Option<SocketAddr>,
    /// The engine's cache, in MiB.
    #[arg(long, env = "FIREKEEP_CACHE_MIB", default_value_t = 64)]
    cache_mib: usize,
    /// How logs look.
    #[arg(long, env = "FIREKEEP_LOG_FORMAT", value_enum, default_value = "human")]
    log_format: LogFormat,
    /// Which logs: error, warn, info, debug, trace.
    #[arg(long, env = "FIREKEEP_LOG", default_value = "info")]
    log: String,
    /// For a developer's machine: anybody who reaches the server is an administrator.
    #[arg(long, env = "FIREKEEP_DEV")]
    dev: bool,
    /// Serve dev mode to other machines too. Everybody there can become any user.
    #[arg(long, env = "FIREKEEP_DEV_ALLOW_REMOTE", requires = "dev")]
    dev_allow_remote: bool,
    /// The store; only the embedded one so far.
    #[arg(long, env = "FIREKEEP_STORE", default_value = "embedded")]
    store: String,
}

/// Runs the server until SIGTERM or SIGINT.
pub(crate) fn run(serve: Serve) -> Result<()> {
    start_logs(&serve)?;
    check(&serve)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve_until_told(serve))
}

fn start_logs(serve: &Serve) -> Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(&serve.log)
        .with_context(|| format!("--log `{}`", serve.log))?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match serve.log_format {
        LogFormat::Human => logs.with_target(false).init(),
        LogFormat::Json => logs.json().flatten_event(true).init(),
    }
    Ok(())
}

/// Refuses combinations that would be unsafe.
fn check(serve: &Serve) -> Result<()> {
    let remote = !serve.listen.ip().is_loopback();
    if serve.store != "embedded" {
        bail!("--store `{}`: only `embedded` is there so far", serve.store);
    }
    if serve.dev && remote && !serve.dev_allow_remote {
        bail!(
            "dev mode makes everybody who reaches the server an administrator, so it listens on this machine only; \
             use --listen 127.0.0.1:7070, or --dev-allow-remote on a network that you trust"
        );
    }
    if !serve.dev && remote && serve.tls_cert.is_none() && !serve.insecure_http {
        bail!(
            "passwords and tokens must not travel in clear: give --tls-cert and --tls-key, or --insecure-http when a \
             proxy before Firekeep ends TLS"
        );
    }
    Ok(())
}

async fn serve_until_told(serve: Serve) -> Result<()> {
    let listener = connections::listen(serve.listen).with_context(|| {
        format!(
            "cannot listen on {}: is another server there? name another port with --listen",
            serve.listen
        )
    })?;
    let address = listener.local_addr()?;
    let connections_max = connections::connections_max();
    let tls = match (&serve.tls_cert, &serve.tls_key) {
        (Some(cert), Some(key)) => Some(tls::Tls::load(cert, key)?),
        _ => None,
    };
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{address}");
    let base_url = serve
        .base_url
        .as_deref()
        .unwrap_or(&url)
        .trim_end_matches('/')
        .to_owned();
    let data = open(&serve, &base_url).await?;
    let secret = random_secret();
    data.core.set_local_secret(&secret);

    let (stop, stopped) = watch::channel(false);
    let app = Arc::new(App::new(
        Arc::clone(&data.core),
        serve.trusted_proxy.clone(),
    ));
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(tend(Arc::clone(&data.core), stopped.clone()));
    if let Some(tls) = &tls {
        tasks.spawn(tls.clone().watch_files(stopped.clone()));
    }
    // The command line's door is plain HTTP on the loopback, whatever the public one is.
    let local = TcpListener::bind((IpAddr::from([127, 0, 0, 1]), 0)).await?;
    data.announce(&format!("http://{}", local.local_addr()?), &secret)?;
    tasks.spawn(connections::serve(
        local,
        connections::LOCAL_CONNECTIONS_MAX,
        None,
        Arc::clone(&app),
        stopped.clone(),
    ));
    if let Some(address) = serve.metrics_listen {
        let metrics = TcpListener::bind(address)
            .await
            .context("--metrics-listen")?;
        tasks.spawn(metrics::serve(
            metrics,
            Arc::clone(&app),
            Arc::clone(&data.store),
            stopped.clone(),
        ));
    }
    tasks.spawn(connections::serve(
        listener,
        connections_max,
        tls,
        app,
        stopped,
    ));
    greet(&serve, &data, &url);

    let failure = tokio::select! {
        told = wait_for_signal() => told.map(|()| None)?,
        failure = storage_failure(&data.store) => Some(failure),
    };
    tracing::info!("stopping: finishing what is in flight");
    stop.send_replace(true);
    let all = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(SHUTDOWN_TIME_MAX, all).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    data.retire();
    let tended = data.core.tend().await;
    let store = Arc::clone(&data.store);
    tokio::task::spawn_blocking(move || store.close()).await?;
    if let Some(failure) = failure {
        bail!(
            "the server stopped, because its storage takes no more writes: {:#}",
            in_words(&serve.data, failure.into())
        );
    }
    tended?;
    tracing::info!("stopped");
    Ok(())
}

/// Waits until the store has failed for good, and tells why. After a failed write nothing is known about the disk, so
/// only a new process may go on (storage design, section 3).
async fn storage_failure(store: &Store) -> StoreError {
    loop {
        match store.ready() {
            Err(failure @ (StoreError::Fatal(_) | StoreError::Corrupt(_))) => return failure,
            _ => tokio::time::sleep(LOOK_AT_STORE_EVERY).await,
        }
    }
}

async fn open(serve: &Serve, base_url: &str) -> Result<Data> {
    let project = serve
        .project
        .as_deref()
        .map(ProjectId::parse)
        .transpose()
        .context("--project")?;
    let bridge = serve
        .bridge_key
        .as_ref()
        .map(cli::read_key)
        .transpose()
        .context("--bridge-key")?;
    let mode = if serve.dev { Mode::Dev } else { Mode::Safe };
    let (folder, base_url) = (serve.data.clone(), base_url.to_owned());
    let cache_bytes = serve.cache_mib.saturating_mul(1024 * 1024);
    let opening = tokio::task::spawn_blocking(move || {
        Data::open(Open {
            folder: &folder,
            project,
            mode,
            base_url,
            bridge,
            cache_bytes,
        })
    });
    opening.await?
}

/// Says where the server is and what to do next. Nobody need listen: a closed output is no fault.
fn greet(serve: &Serve, data: &Data, url: &str) {
    let _ = write_greeting(&mut std::io::stdout().lock(), serve, data, url);
    if serve.dev {
        let warning = "WARNING: dev mode. Anybody who can reach this server is an administrator and can become any user.";
        let _ = writeln!(std::io::stderr(), "{warning}");
    }
}

fn write_greeting(
    out: &mut dyn std::io::Write,
    serve: &Serve,
    data: &Data,
    url: &str,
) -> std::io::Result<()> {
    let project = data.core.project_summary();
    writeln!(
        out,
        "Firekeep {} is ready at {url}",
        env!("CARGO_PKG_VERSION")
    )?;
    writeln!(
        out,
        "  project   {} ({} mode)",
        project.project_id, project.mode
    )?;
    for key in &project.api_keys {
        writeln!(out, "  API key   {key}")?;
    }
    writeln!(out, "  data      {}", serve.data.display())?;
    writeln!(out, "  JWKS      {url}/.well-known/jwks.json")?;
    writeln!(out, "Next: create an account:")?;
    writeln!(
        out,
        "  curl {url}/account/v1/signup -H 'content-type: application/json' \
         -d '{{\"username\":\"alice\",\"password\":\"correct horse\"}}'"
    )?;
    out.flush()
}

/// Keeps keys and sign-in times in order until told to stop.
async fn tend(core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(TEND_EVERY) => {}
            _ = stopped.changed() => return,
        }
        if let Err(error) = core.tend().await {
            tracing::error!(%error, "keys and sign-in times could not be written");
        }
    }
}

async fn wait_for_signal() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

fn random_secret() -> String {
    let mut bytes = [0; 32];
    firekeep_crypto::fill_random(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
