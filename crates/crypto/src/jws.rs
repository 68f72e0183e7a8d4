//! Compact JWS (RFC 7515), signed with RS256.
//!
//! [`Compact::parse`] refuses everything that can be refused without a key (auth specification, section 22.1). It does
//! not judge `alg`, `kid` or any claim: the caller knows which it expects. Nothing in a header is ever fetched.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::rsa::{PrivateKey, PublicKey};
use crate::{Error, json};

pub use crate::json::JSON_DEPTH_MAX;

/// The most bytes of a token. Source: auth specification, section 22.1.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// The most bytes of a `kid`; ours and Google's have 40.
pub const KID_BYTES_MAX: usize = 128;

/// Header members that would make a verifier fetch or trust a foreign key, or that change what is signed.
/// Source: auth specification, section 22.1.
const FORBIDDEN: [&str; 10] = [
    "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip", "enc",
];

/// A parsed token, not verified yet.
#[derive(Clone, Debug)]
pub struct Compact<'a> {
    /// The header.
    pub header: Header,
    /// The claims. Nobody vouches for them before [`Self::verify_rs256`].
    pub payload: Map<String, Value>,
    signed: &'a str,
    signature: Vec<u8>,
}

/// The members of a header that mean something to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The algorithm, as it stands there.
    pub alg: String,
    /// The key's id: see [`is_kid`].
    pub kid: Option<String>,
    /// The type.
    pub typ: Option<String>,
}

/// Whether a text can be a key's id: 1 to 128 of `A-Z a-z 0-9 . _ - + =`. Google's, ours and RFC 7638 thumbprints are;
/// paths, URLs and SQL are not.
#[must_use]
pub fn is_kid(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+=".contains(&byte);
    (1..=KID_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

impl Compact<'_> {
    /// Reads a token.
    ///
    /// # Errors
    /// [`Error::Malformed`] with the reason; [`Error::ForbiddenHeader`].
    pub fn parse(text: &str) -> Result<Compact<'_>, Error> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(Error::Malformed("it is larger than 16 KiB"));
        }
        let (signed, signature) = text.rsplit_once('.').ok_or_else(not_three)?;
        let (header, payload) = signed.split_once('.').ok_or_else(not_three)?;
        if payload.contains('.') {
            return Err(not_three());
        }
        Ok(Compact {
            header: Header::read(json::parse_object(&decode(header)?)?)?,
            payload: json::parse_object(&decode(payload)?)?,
            signed,
            signature: decode(signature)?,
        })
    }

    /// Whether the third segment is empty, as in unsigned tokens.
    #[must_use]
    pub fn signature_is_empty(&self) -> bool {
        self.signature.is_empty()
    }

    /// Verifies the signature, as RS256 whatever the header says.
    ///
    /// # Errors
    /// [`Error::Signature`].
    pub fn verify_rs256(&self, key: &PublicKey) -> Result<(), Error> {
        if key.verify(self.signed.as_bytes(), &self.signature) {
            Ok(())
        } else {
            Err(Error::Signature)
        }
    }
}

impl Header {
    fn read(mut members: Map<String, Value>) -> Result<Self, Error> {
        if let Some(name) = FORBIDDEN.iter().find(|name| members.contains_key(**name)) {
            return Err(Error::ForbiddenHeader(name));
        }
        let mut take = |name: &str| match members.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Error::Malformed(
                "`alg`, `kid` or `typ` of its header is not a string",
            )),
        };
        let (alg, kid, typ) = (take("alg")?, take("kid")?, take("typ")?);
        if kid.as_deref().is_some_and(|kid| !is_kid(kid)) {
            return Err(Error::Malformed(
                "the `kid` of its header is not a key's id",
            ));
        }
        let alg = alg.ok_or(Error::Malformed("its header has no `alg`"))?;
        Ok(Self { alg, kid, typ })
    }
}

/// Makes a token of a header, which must say `"alg":"RS256"`, and a payload. Members keep the order of their types.
///
/// # Errors
/// [`Error::Malformed`] when a part is not JSON, such as a map whose keys are no strings; [`Error::Failed`].
pub fn sign_rs256(
    header: &impl Serialize,
    payload: &impl Serialize,
    key: &PrivateKey,
) -> Result<String, Error> {
    let mut text = format!("{}.{}", encode(header)?, encode(payload)?);
    let signature = key.sign(text.as_bytes())?;
    text.push('.');
    text.push_str(&URL_SAFE_NO_PAD.encode(signature));
    Ok(text)
}

fn encode(part: &impl Serialize) -> Result<String, Error> {
    let json = serde_json::to_vec(part).map_err(|_| Error::Malformed("a part is no JSON"))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

fn decode(segment: &str) -> Result<Vec<u8>, Error> {
    // This engine takes canonical texts only: no padding, no white space, no stray bits at the end.
    let bytes = URL_SAFE_NO_PAD.decode(segment);
    bytes.map_err(|_| Error::Malformed("a segment is not canonical base64url"))
}

fn not_three() -> Error {
    Error::Malformed("it does not have exactly three segments")
}

#[cfg(test)]
mod tests;
