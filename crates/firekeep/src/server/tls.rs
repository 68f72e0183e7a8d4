//! TLS with a given certificate, read again when its file changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Error, Result, bail};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How often it is looked whether the files have changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The certificate in use.
#[derive(Clone)]
pub(crate) struct Tls {
    cert: PathBuf,
    key: PathBuf,
    current: Arc<RwLock<TlsAcceptor>>,
}

impl Tls {
    /// Reads the certificate chain and its key.
    pub(crate) fn load(cert: &Path, key: &Path) -> Result<Self> {
        let current = Arc::new(RwLock::new(acceptor(cert, key)?));
        Ok(Self {
            cert: cert.to_owned(),
            key: key.to_owned(),
            current,
        })
    }

    /// Performs the handshake.
    pub(crate) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let acceptor = self
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        acceptor.accept(stream).await
    }

    /// Takes up changed files until told to stop. Files that do not fit together leave the old certificate in use.
    pub(crate) async fn watch_files(self, mut stopped: watch::Receiver<bool>) {
        let mut seen = self.modified();
        let mut refused = None;
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = stopped.changed() => return,
            }
            let modified = self.modified();
            if modified == seen {
                continue;
            }
            match acceptor(&self.cert, &self.key) {
                Ok(fresh) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
                    seen = modified;
                    tracing::info!("the certificate changed and is in use");
                }
                // Tried again each time, since a file may have been read while it was being written.
                Err(_) if refused == Some(modified) => {}
                Err(error) => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "the changed certificate is not usable; the old one stays"
                    );
                    refused = Some(modified);
                }
            }
        }
    }

    fn modified(&self) -> [Option<SystemTime>; 2] {
        [&self.cert, &self.key].map(|path| std::fs::metadata(path).ok()?.modified().ok())
    }
}

fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor> {
    let (cert_file, key_file) = (cert.display(), key.display());
    let no_certificate = || {
        format!(
            "no certificate can be read from `{cert_file}`; give the file of a chain in PEM form with --tls-cert"
        )
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .with_context(no_certificate)?;
    if chain.is_empty() {
        bail!(no_certificate());
    }
    let private = PrivateKeyDer::from_pem_file(key).with_context(|| {
        format!(
            "no private key can be read from `{key_file}`; give its file in PEM form, without a passphrase, with \
             --tls-key"
        )
    })?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| match error {
            rustls::Error::InvalidCertificate(_) => Error::new(error).context(no_certificate()),
            _ => Error::new(error).context(format!(
                "the certificate `{cert_file}` and the private key `{key_file}` do not fit together; give the key that \
                 the certificate was made for"
            )),
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
