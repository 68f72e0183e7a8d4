//! RSA keys of 2048 to 8192 bits with the exponent 65537, and RS256 signatures with them (RFC 8017, RFC 7518 3.3).

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize, PublicKey as RsaPublicKey};
use aws_lc_rs::signature::{
    KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;

use crate::{Error, pem};

/// The fewest bytes of a modulus: 2048 bits.
const MODULUS_BYTES_MIN: usize = 256;
/// The most bytes of a modulus: 8192 bits, or verifying one signature takes too long.
const MODULUS_BYTES_MAX: usize = 1024;
/// The only public exponent: 65537. Source: auth specification, section 5.1.
const EXPONENT: &[u8] = &[1, 0, 1];

/// A key that signs. Its `Debug` shows nothing of it.
pub struct PrivateKey {
    pair: RsaKeyPair,
    public: PublicKey,
    pem: String,
}

impl PrivateKey {
    /// Makes a new key of 2048 bits. Takes a tenth of a second, more or less.
    ///
    /// # Errors
    /// [`Error::Failed`] when the operating system has no randomness or memory.
    pub fn generate() -> Result<Self, Error> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048);
        Self::from_pair(pair.map_err(|_| Error::Failed("making an RSA key"))?)
    }

    /// Reads a PEM text: PKCS#8 (`BEGIN PRIVATE KEY`) or PKCS#1 (`BEGIN RSA PRIVATE KEY`).
    ///
    /// # Errors
    /// [`Error::Key`].
    pub fn from_pkcs8_pem(text: &str) -> Result<Self, Error> {
        let der = PrivateKeyDer::from_pem_slice(text.as_bytes())
            .map_err(|_| Error::Key("it is no PEM text with a private key"))?;
        let pair = match &der {
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(Error::Key("it is no RSA key")),
        };
        Self::from_pair(pair.map_err(|_| Error::Key("it is no RSA key of 2048 to 8192 bits"))?)
    }

    fn from_pair(pair: RsaKeyPair) -> Result<Self, Error> {
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| unwritable())?;
        let public = PublicKey::from_der(der.as_ref())?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| unwritable())?;
        let pem = pem::encode("PRIVATE KEY", der.as_ref());
        Ok(Self { pair, public, pem })
    }

    /// The key as a PKCS#8 PEM text.
    #[must_use]
    pub fn to_pkcs8_pem(&self) -> String {
        self.pem.clone()
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public.clone()
    }

    /// Signs with RS256: RSASSA-PKCS1-v1_5 with SHA-256.
    ///
    /// # Errors
    /// [`Error::Failed`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .map_err(|_| Error::Failed("signing"))?;
        Ok(signature)
    }

    /// The public half as PKCS#1 DER, which is what a certificate wraps.
    pub(crate) fn public_pkcs1(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(***)")
    }
}

/// A key that verifies: parsed once, cheap to clone, shared by threads.
#[derive(Clone)]
pub struct PublicKey(Arc<Public>);

struct Public {
    parsed: ParsedPublicKey,
    der: Vec<u8>,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl PublicKey {
    /// Reads a DER `SubjectPublicKeyInfo` (RFC 5280) or `RSAPublicKey` (RFC 8017).
    ///
    /// # Errors
    /// [`Error::Key`].
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let key = RsaPublicKey::from_der(der).map_err(|_| Error::Key("it is no RSA public key"))?;
        let modulus = key.modulus().big_endian_without_leading_zero().to_vec();
        let exponent = key.exponent().big_endian_without_leading_zero().to_vec();
        let short = modulus.len() == MODULUS_BYTES_MIN && modulus.first().is_none_or(|b| *b < 0x80);
        if short || !(MODULUS_BYTES_MIN..=MODULUS_BYTES_MAX).contains(&modulus.len()) {
            return Err(Error::Key("an RSA key must have 2048 to 8192 bits"));
        }
        if exponent != EXPONENT {
            return Err(Error::Key("its public exponent is not 65537"));
        }
        let info: PublicKeyX509Der<'_> = key.as_der().map_err(|_| unwritable())?;
        let der = info.as_ref().to_vec();
        let parsed = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &der)
            .map_err(|_| Error::Key("it is no RSA public key"))?;
        Ok(Self(Arc::new(Public {
            parsed,
            der,
            modulus,
            exponent,
        })))
    }

    /// The key as DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        self.0.der.clone()
    }

    /// Modulus and exponent, big-endian, without leading zeros.
    #[must_use]
    pub fn modulus_and_exponent(&self) -> (&[u8], &[u8]) {
        (&self.0.modulus, &self.0.exponent)
    }

    /// Whether `signature` is this key's RS256 signature of `message`.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.parsed.verify_sig(message, signature).is_ok()
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} bits)", self.0.modulus.len() * 8)
    }
}

fn unwritable() -> Error {
    Error::Failed("writing an RSA key")
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::LazyLock;

    use super::*;

    pub(crate) static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());

    // `openssl genrsa -traditional 2048`, made for these tests only.
    const PKCS1: &str = include_str!("../tests/data/rsa2048_pkcs1.pem");
    // The same key by `openssl pkcs8 -topk8 -nocrypt`.
    const PKCS8: &str = include_str!("../tests/data/rsa2048_pkcs8.pem");
    // Its signature of `firekeep`, by `openssl dgst -sha256 -sign`, in hexadecimal.
    const SIGNATURE: &str = include_str!("../tests/data/rsa2048_signature.hex");

    #[test]
    fn pkcs1_and_pkcs8_give_the_same_key() {
        let (one, eight) = (
            PrivateKey::from_pkcs8_pem(PKCS1).unwrap(),
            PrivateKey::from_pkcs8_pem(PKCS8).unwrap(),
        );
        assert_eq!(one.public(), eight.public());
        assert_eq!(one.to_pkcs8_pem(), PKCS8);
    }

    #[test]
    fn a_signature_is_what_openssl_makes() {
        let key = PrivateKey::from_pkcs8_pem(PKCS8).unwrap();
        let signature = key.sign(b"firekeep").unwrap();
        assert_eq!(hex::encode(&signature), SIGNATURE.trim());
        assert!(key.public().verify(b"firekeep", &signature));
        assert!(!key.public().verify(b"firekeeq", &signature));
        assert!(!key.public().verify(b"firekeep", &[]));
        assert!(!KEY.public().verify(b"firekeep", &signature));
    }

    #[test]
    fn a_generated_key_survives_its_pem_and_der() {
        let read = PrivateKey::from_pkcs8_pem(&KEY.to_pkcs8_pem()).unwrap();
        assert_eq!(read.public(), KEY.public());
        let public = PublicKey::from_der(&KEY.public().to_der()).unwrap();
        assert!(public.verify(b"x", &read.sign(b"x").unwrap()));
        let (modulus, exponent) = public.modulus_and_exponent();
        assert_eq!((modulus.len(), exponent), (256, EXPONENT));
    }

    #[test]
    fn a_windows_line_end_is_no_obstacle() {
        assert!(PrivateKey::from_pkcs8_pem(&PKCS8.replace('\n', "\r\n")).is_ok());
    }

    #[test]
    fn unacceptable_keys_are_refused() {
        let check = |text: &str| match PrivateKey::from_pkcs8_pem(text) {
            Err(Error::Key(_)) => {}
            other => panic!("{other:?}"),
        };
        check("");
        check("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
        check(include_str!("../tests/data/rsa1024_pkcs8.pem"));
        check(include_str!("../tests/data/rsa2048_exponent3_pkcs8.pem"));
        check(include_str!("../tests/data/ec_p256_pkcs8.pem"));
        assert!(PublicKey::from_der(b"no der").is_err());
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", *KEY), "PrivateKey(***)");
    }
}
