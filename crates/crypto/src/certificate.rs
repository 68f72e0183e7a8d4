//! Self-signed X.509 certificates around our public keys.
//!
//! Nobody builds a chain from them: Firebase's Admin SDKs take a public key out of a certificate, so we publish one.

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
    PKCS_RSA_SHA256, PublicKeyData, SignatureAlgorithm, SigningKey,
};
use time::OffsetDateTime;

use crate::Error;
use crate::rsa::PrivateKey;

/// A certificate of `key` for `common_name`, as PEM. Times are seconds since 1970.
///
/// # Errors
/// [`Error::Certificate`] when a time has no place in a certificate, or signing failed.
pub fn self_signed_pem(
    key: &PrivateKey,
    common_name: &str,
    not_before_secs: i64,
    not_after_secs: i64,
) -> Result<String, Error> {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.not_before = date(not_before_secs)?;
    params.not_after = date(not_after_secs)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.self_signed(&Signer(key));
    Ok(certificate
        .map_err(|error| Error::Certificate(error.to_string()))?
        .pem())
}

fn date(secs: i64) -> Result<OffsetDateTime, Error> {
    // X.509 writes years with 4 digits. Source: RFC 5280, section 4.1.2.5.
    OffsetDateTime::from_unix_timestamp(secs)
        .ok()
        .filter(|date| (0..=9999).contains(&date.year()))
        .ok_or_else(|| Error::Certificate("a time is out of range".to_owned()))
}

/// Our key in the shape that the certificate maker asks for.
struct Signer<'a>(&'a PrivateKey);

impl PublicKeyData for Signer<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_pkcs1()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

impl SigningKey for Signer<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0
            .sign(message)
            .map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject as _;

    use super::*;
    use crate::rsa::tests::KEY;

    #[test]
    fn a_certificate_wraps_the_public_key() {
        let text = self_signed_pem(&KEY, "fk.example.com", 1_700_000_000, 1_800_000_000).unwrap();
        let der = CertificateDer::from_pem_slice(text.as_bytes()).unwrap();
        let contains = |part: &[u8]| der.as_ref().windows(part.len()).any(|found| found == part);
        assert!(contains(&KEY.public().to_der()));
        assert!(contains(b"fk.example.com"));
        assert!(contains(b"231114221320Z"));
        assert!(contains(b"270115080000Z"));
    }

    #[test]
    fn a_time_beyond_the_calendar_is_an_error() {
        assert!(self_signed_pem(&KEY, "x", 0, i64::MAX).is_err());
        assert!(self_signed_pem(&KEY, "x", i64::MIN, 0).is_err());
    }
}
