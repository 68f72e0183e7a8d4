//! `firekeep serve`: flags, assembly, start, and the orderly end.

mod connections;
mod dispatch;
mod gather;
mod head;
mod metrics;
mod patience;
mod tls;

use std::io::IsTerminal as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use firekeep_api::{Access, Core, Mode, SystemRng};
use firekeep_model::{ProjectId, Rng as _};
use firekeep_store::Error as StoreError;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::base_url::BaseUrl;
use crate::cli;
use crate::data::{Data, Open, Running, in_words};
use crate::limits::{LOCAL_CONNECTIONS_MAX, LOOK_AT_STORE_EVERY, SHUTDOWN_TIME_MAX, TEND_EVERY};
use dispatch::App;
pub(crate) use tls::certificate_end;

/// The data folder when none is named.
pub(crate) const DATA_DEFAULT: &str = "firekeep-data";

/// How logs look.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// Lines for people.
    Human,
    /// One JSON object per line.
    Json,
}

/// Who may use documents, as long as there are no security rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Documents {
    /// Everybody. Only in dev mode, whose default it is.
    Open,
    /// Administrators.
    Admins,
}

/// `firekeep serve`
#[derive(Args)]
pub(crate) struct Serve {
    /// The data folder; made when there is none.
    #[arg(long, env = "FIREKEEP_DATA", default_value = DATA_DEFAULT)]
    data: PathBuf,
    /// Where to listen; port 0 picks one and prints it.
    #[arg(long, env = "FIREKEEP_LISTEN", default_value_t = cli::loopback(), value_parser = cli::listen_address)]
    listen: SocketAddr,
    /// Where clients reach the server, when that is not where it listens, such as `https://fk.example.com`.
    #[arg(long, env = "FIREKEEP_BASE_URL")]
    base_url: Option<BaseUrl>,
    /// The project's id, for a data folder that is yet to be made.
    #[arg(long, env = "FIREKEEP_PROJECT", value_parser = cli::project_id)]
    project: Option<ProjectId>,
    /// The certificate chain, PEM. Read again when the file changes.
    #[arg(long, env = "FIREKEEP_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, PEM.
    #[arg(long, env = "FIREKEEP_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Serve plain HTTP to other machines: only behind a proxy that ends TLS.
    #[arg(long, env = "FIREKEEP_INSECURE_HTTP", value_parser = cli::switch())]
    insecure_http: bool,
    /// Take the client's address from `X-Forwarded-For` when the peer is this proxy; may be repeated.
    #[arg(long, env = "FIREKEEP_TRUSTED_PROXY", value_delimiter = ',')]
    trusted_proxy: Vec<IpAddr>,
    /// A Google service account's key file: logins then give tokens that are valid for that Google project.
    #[arg(long, env = "FIREKEEP_BRIDGE_KEY")]
    bridge_key: Option<PathBuf>,
    /// Where Prometheus metrics are served; off when absent.
    #[arg(long, env = "FIREKEEP_METRICS_LISTEN", value_parser = cli::listen_address)]
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
    #[arg(long, env = "FIREKEEP_DEV", value_parser = cli::switch())]
    dev: bool,
    /// Serve dev mode to other machines too. Everybody there can become any user.
    #[arg(long, env = "FIREKEEP_DEV_ALLOW_REMOTE", value_parser = cli::switch())]
    dev_allow_remote: bool,
    /// Who may use documents; in dev mode `open` unless said otherwise, in safe mode `admins` always.
    #[arg(long, env = "FIREKEEP_DOCUMENTS", value_enum)]
    documents: Option<Documents>,
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
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match serve.log_format {
        LogFormat::Human => logs.with_target(false).init(),
        LogFormat::Json => logs.json().flatten_event(true).with_span_list(false).init(),
    }
    Ok(())
}

/// Refuses combinations that would be unsafe.
fn check(serve: &Serve) -> Result<()> {
    let remote = !serve.listen.ip().is_loopback();
    if serve.store != "embedded" {
        bail!("--store `{}`: only `embedded` is there so far", serve.store);
    }
    // Not clap's `requires`, which asks only whether a variable is there, not what it says.
    if serve.dev_allow_remote && !serve.dev {
        bail!("--dev-allow-remote is nothing without --dev");
    }
    if serve.documents == Some(Documents::Open) && !serve.dev {
        bail!(
            "--documents open lets everybody who reaches the server read and write everything, so it goes with --dev \
             only"
        );
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
    let doors = Doors::open(&serve).await?;
    let connections_max = connections::connections_max();
    let tls = match (&serve.tls_cert, &serve.tls_key) {
        (Some(cert), Some(key)) => Some(tls::Tls::load(cert, key)?),
        _ => None,
    };
    let scheme = if tls.is_some() { "https" } else { "http" };
    let address = doors.public.local_addr()?;
    let public_url = format!("{scheme}://{address}");
    let base_url = match &serve.base_url {
        Some(url) => url.clone(),
        None => reachable(scheme, address).parse()?,
    };
    let data = open(&serve, base_url.clone()).await?;
    let secret = random_hex::<32>();
    data.core.set_local_secret(&secret);
    data.announce(&Running {
        url: format!("http://{}", doors.local.local_addr()?),
        public_url: public_url.clone(),
        secret,
    })?;

    let (stop, stopped) = watch::channel(false);
    let app = Arc::new(App::new(
        Arc::clone(&data.core),
        serve.trusted_proxy.clone(),
        stopped.clone(),
    ));
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(tend(Arc::clone(&data.core), stopped.clone()));
    if let Some(tls) = &tls {
        tasks.spawn(tls.clone().watch_files(stopped.clone()));
    }
    tasks.spawn(connections::serve(
        doors.local,
        LOCAL_CONNECTIONS_MAX,
        None,
        Arc::clone(&app),
        stopped.clone(),
    ));
    if let Some(metrics) = doors.metrics {
        tasks.spawn(metrics::serve(
            metrics,
            Arc::clone(&app),
            Arc::clone(&data.store),
            stopped.clone(),
        ));
    }
    tasks.spawn(connections::serve(
        doors.public,
        connections_max,
        tls,
        Arc::clone(&app),
        stopped,
    ));
    // Nobody need listen: a closed output is no fault.
    let _ = write_greeting(
        &mut std::io::stdout().lock(),
        &serve,
        &data,
        &base_url,
        &public_url,
    );
    if serve.dev {
        tracing::warn!(
            "dev mode: anybody who can reach this server is an administrator and can become any user"
        );
    }

    let failure = tokio::select! {
        told = wait_for_signal() => told.map(|()| None)?,
        failure = storage_failure(&data.core) => Some(failure),
    };
    tracing::info!("stopping: finishing what is in flight");
    stop.send_replace(true);
    data.core.end_streams();
    let all = async {
        while tasks.join_next().await.is_some() {}
        app.channels.ended().await;
    };
    if tokio::time::timeout(SHUTDOWN_TIME_MAX, all).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    data.retire();
    let tended = data.core.tend().await;
    let store = Arc::clone(&data.store);
    let core = Arc::clone(&data.core);
    tokio::task::spawn_blocking(move || {
        core.close();
        store.close();
    })
    .await?;
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

/// The listeners, all open before anything is promised.
struct Doors {
    public: TcpListener,
    /// The command line's door: plain HTTP on the loopback, whatever the public one is.
    local: TcpListener,
    metrics: Option<TcpListener>,
}

impl Doors {
    async fn open(serve: &Serve) -> Result<Self> {
        let taken = |address: SocketAddr, flag: &str| {
            format!(
                "cannot listen on {address}: is another server there? name another port with {flag}"
            )
        };
        let metrics = match serve.metrics_listen {
            Some(address) => {
                let listener = TcpListener::bind(address).await;
                Some(listener.with_context(|| taken(address, "--metrics-listen"))?)
            }
            None => None,
        };
        Ok(Self {
            public: connections::listen(serve.listen)
                .with_context(|| taken(serve.listen, "--listen"))?,
            local: TcpListener::bind((IpAddr::from([127, 0, 0, 1]), 0))
                .await
                .context("cannot listen on 127.0.0.1 for the command line")?,
            metrics,
        })
    }
}

/// The URL of an address that the server listens on; of "all addresses", one that leads somewhere.
fn reachable(scheme: &str, address: SocketAddr) -> String {
    if !address.ip().is_unspecified() {
        return format!("{scheme}://{address}");
    }
    let here: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let url = format!("{scheme}://{}", SocketAddr::new(here, address.port()));
    tracing::warn!(
        "listening on all addresses: key files and discovery will name {url}, where only this machine reaches the \
         server; give --base-url, such as https://fk.example.com"
    );
    url
}

/// Waits until the store has failed for good, and tells why. After a failed write nothing is known about the disk, so
/// only a new process may go on (storage design, section 3).
async fn storage_failure(core: &Core) -> StoreError {
    loop {
        match core.ready() {
            Err(firekeep_api::Error::Store(
                failure @ (StoreError::Fatal(_) | StoreError::Corrupt(_)),
            )) => return failure,
            _ => tokio::time::sleep(LOOK_AT_STORE_EVERY).await,
        }
    }
}

async fn open(serve: &Serve, base_url: BaseUrl) -> Result<Data> {
    let project = serve.project.clone();
    let bridge = serve
        .bridge_key
        .as_deref()
        .map(cli::read_key)
        .transpose()
        .context("--bridge-key")?;
    let mode = if serve.dev { Mode::Dev } else { Mode::Safe };
    let documents = match (serve.dev, serve.documents) {
        (true, None | Some(Documents::Open)) => Access::Open,
        (false, _) | (true, Some(Documents::Admins)) => Access::Administrators,
    };
    let folder = serve.data.clone();
    let cache_bytes = serve.cache_mib.saturating_mul(1024 * 1024);
    let opening = tokio::task::spawn_blocking(move || {
        Data::open(Open {
            folder: &folder,
            project,
            mode,
            base_url: Some(base_url),
            bridge,
            documents,
            cache_bytes,
        })
    });
    opening.await?
}

/// Says where the server is and what to do next.
fn write_greeting(
    out: &mut dyn std::io::Write,
    serve: &Serve,
    data: &Data,
    url: &BaseUrl,
    public_url: &str,
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
    writeln!(out, "  listens   on {public_url}")?;
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
        // What fails is in the log, and is tried again the next time.
        let _ = core.tend().await;
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

/// A random secret or name, in hexadecimal.
fn random_hex<const BYTES: usize>() -> String {
    let mut bytes = [0; BYTES];
    SystemRng.fill(&mut bytes);
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_leads_somewhere() {
        for (address, url) in [
            ("127.0.0.1:7070", "https://127.0.0.1:7070"),
            ("192.0.2.1:443", "https://192.0.2.1:443"),
            ("0.0.0.0:443", "https://127.0.0.1:443"),
            ("[::]:443", "https://[::1]:443"),
        ] {
            let found = reachable("https", address.parse().unwrap());
            assert_eq!(found, url);
            assert_eq!(found.parse::<BaseUrl>().unwrap().to_string(), url);
        }
    }

    #[test]
    fn random_texts_differ() {
        let (one, other) = (random_hex::<8>(), random_hex::<8>());
        assert_eq!(one.len(), 16);
        assert_ne!(one, other);
    }
}
