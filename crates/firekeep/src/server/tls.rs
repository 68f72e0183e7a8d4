//! TLS with a given certificate, read again when its file changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use anyhow::{Context as _, Error, Result, bail};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use time::{Date, Month, Time};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::limits::LOOK_AT_CERTIFICATE_EVERY;

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
                () = tokio::time::sleep(LOOK_AT_CERTIFICATE_EVERY) => {}
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

/// When the first certificate of a chain ends, in seconds since 1970.
pub(crate) fn certificate_end(cert: &Path) -> Result<i64> {
    let unreadable = || format!("no certificate can be read from `{}`", cert.display());
    let first = CertificateDer::from_pem_file(cert).with_context(unreadable)?;
    not_after(&first).with_context(unreadable)
}

/// Source: RFC 5280, section 4.1. By hand, since no crate that we have reads certificates' dates.
fn not_after(certificate: &[u8]) -> Option<i64> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut members, _) = element(certificate)?;
    // The version may be left out; number, algorithm and issuer stand before the two times.
    if members.first() == Some(&0xa0) {
        (_, _, members) = element(members)?;
    }
    for _ in 0..3 {
        (_, _, members) = element(members)?;
    }
    let (_, validity, _) = element(members)?;
    let (_, _, end) = element(validity)?;
    let (kind, end, _) = element(end)?;
    let end = std::str::from_utf8(end).ok()?;
    let number = |at: usize| end.get(at..at + 2)?.parse::<u8>().ok();
    // Years with two digits are those from 1950 to 2049. Source: RFC 5280, section 4.1.2.5.1.
    let (year, at) = match kind {
        0x17 => match i32::from(number(0)?) {
            year @ 50.. => (1900 + year, 2),
            year => (2000 + year, 2),
        },
        0x18 => (i32::from(number(0)?) * 100 + i32::from(number(2)?), 4),
        _ => return None,
    };
    let month = Month::try_from(number(at)?).ok()?;
    let date = Date::from_calendar_date(year, month, number(at + 2)?).ok()?;
    let time = Time::from_hms(number(at + 4)?, number(at + 6)?, number(at + 8)?).ok()?;
    Some(date.with_time(time).assume_utc().unix_timestamp())
}

/// The first element of DER: its kind, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&kind, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let add = |length: usize, byte: &u8| (length << 8) | usize::from(*byte);
            (bytes.iter().fold(0, add), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((kind, content, rest))
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

#[cfg(test)]
mod tests {
    use firekeep_crypto::certificate::self_signed_pem;
    use firekeep_crypto::rsa::PrivateKey;

    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read() {
        let key = PrivateKey::generate().unwrap();
        // 2027, and 2080, which has the other form.
        for end in [1_800_000_000, 3_471_292_800] {
            let pem = self_signed_pem(&key, "fk.example.com", 1_700_000_000, end).unwrap();
            let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
            assert_eq!(not_after(&der), Some(end));
            for length in 0..der.len() {
                not_after(&der[..length]);
            }
        }
    }
}
