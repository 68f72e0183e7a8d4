//! Custom tokens: signed by a service account, they buy a session (auth specification, section 6).
//!
//! Reusable until they expire, as Firebase's are; who wants them once must remember them.

use firekeep_model::{Timestamp, Uid};
use serde::Serialize;
use serde_json::{Map, Value};

use firekeep_crypto::{Error as CryptoError, json, jws};

pub use crate::signer::{ServiceAccount, ServiceAccounts};

use crate::claims::{check_audience, check_lifetime, check_times, parse_signed, parse_unsigned};
use crate::{Error, KeyFile, claims, signer};

/// `aud` of every custom token.
pub const CUSTOM_TOKEN_AUDIENCE: &str =
    "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit";

/// What a custom token says, once it is verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// Whom it signs in.
    pub uid: Uid,
    /// The claims of the session.
    pub claims: Map<String, Value>,
    /// The tenant it is for.
    pub tenant: Option<String>,
    /// The second at which it expires, as it says. An unsigned token of dev mode never does: `i64::MAX`.
    pub exp: i64,
}

/// COMPAT: names and order are those of firebase-admin Node's `createCustomToken`, so that the same input gives the same
/// token; and that makes no `kid`.
#[derive(Serialize)]
struct Header {
    alg: &'static str,
    typ: &'static str,
}

#[derive(Serialize)]
struct Payload<'a> {
    aud: &'static str,
    iat: i64,
    exp: i64,
    iss: &'a str,
    sub: &'a str,
    uid: &'a str,
    #[serde(skip_serializing_if = "Map::is_empty")]
    claims: &'a Map<String, Value>,
}

/// Makes a custom token that lives `lifetime_secs`, 1 to 3600, from now.
///
/// # Errors
/// [`Error::Lifetime`]; [`Error::ForbiddenClaim`]; [`Error::ClaimsTooLarge`]; [`Error::Crypto`].
pub fn mint(
    key: &KeyFile,
    uid: &Uid,
    claims: &Map<String, Value>,
    now: Timestamp,
    lifetime_secs: i64,
) -> Result<String, Error> {
    check_lifetime(lifetime_secs)?;
    check_claims(claims)?;
    let payload = Payload {
        aud: CUSTOM_TOKEN_AUDIENCE,
        iat: now.secs(),
        exp: now.secs().saturating_add(lifetime_secs),
        iss: &key.client_email,
        sub: &key.client_email,
        uid: uid.as_str(),
        claims,
    };
    let header = Header {
        alg: "RS256",
        typ: "JWT",
    };
    Ok(jws::sign_rs256(&header, &payload, &key.private_key)?)
}

/// Verifies a custom token; `tenant` is the one that the request names. The steps are those of the specification, in
/// its order, because each has its own answer.
///
/// # Errors
/// Whatever is wrong first.
///
/// Source: auth specification, section 6, steps 1 to 10.
pub fn verify(
    token: &str,
    accounts: &dyn ServiceAccounts,
    now: Timestamp,
    tenant: Option<&str>,
) -> Result<Verified, Error> {
    let compact = parse_signed(token)?;
    let payload = &compact.payload;
    let account = signer::issuer(payload, accounts)?;
    check_subject(payload)?;
    signer::check_signature(&compact, &account)?;
    check_audience(payload, &[CUSTOM_TOKEN_AUDIENCE])?;
    let exp = check_times(payload, now)?;
    if payload.get("tenant_id").map(Value::as_str) != tenant.map(Some) {
        return Err(Error::TenantMismatch);
    }
    verified(payload, exp)
}

/// Whether a text is one of those that [`verify_unsigned`] is for: a JWT without signature, or a bare JSON object.
#[must_use]
pub fn is_unsigned(token: &str) -> bool {
    token.starts_with('{') || token.ends_with('.')
}

/// Reads an unsigned custom token of dev mode: a JWT of `alg` `none`, or a strict JSON object with `uid` and `claims`.
/// Never call it in safe mode: anybody can write these.
///
/// COMPAT: the emulator, and so this, ignores `iss` and `exp`.
///
/// # Errors
/// [`Error::UnsignedJson`], [`Error::UnsignedAudience`], and those of [`verify`] about form, uid and claims.
///
/// Source: auth specification, section 15.1.
pub fn verify_unsigned(token: &str, now: Timestamp) -> Result<Verified, Error> {
    if token.starts_with('{') {
        if token.len() > jws::TOKEN_BYTES_MAX {
            return Err(Error::UnsignedJson("it is larger than 16 KiB"));
        }
        let payload = json::parse_object(token.as_bytes()).map_err(|error| match error {
            CryptoError::Malformed(reason) => Error::UnsignedJson(reason),
            other => Error::from(other),
        })?;
        return verified(&payload, i64::MAX);
    }
    let compact = parse_unsigned(token)?;
    let payload = &compact.payload;
    check_audience(payload, &[CUSTOM_TOKEN_AUDIENCE]).map_err(|_| Error::UnsignedAudience)?;
    if payload.contains_key("iat") {
        claims::issued_at(payload, now)?;
    }
    verified(payload, i64::MAX)
}

/// Checks developer claims: no reserved name, at most 1000 characters of JSON.
///
/// # Errors
/// [`Error::ForbiddenClaim`]; [`Error::ClaimsTooLarge`].
pub fn check_claims(claims: &Map<String, Value>) -> Result<(), Error> {
    claims::check_claims(claims)
}

/// Checks that `sub` is `iss`.
pub(crate) fn check_subject(payload: &Map<String, Value>) -> Result<(), Error> {
    match (payload.get("iss"), payload.get("sub")) {
        (Some(issuer), Some(subject)) if issuer == subject => Ok(()),
        _ => Err(Error::IssuerSubject),
    }
}

/// The uid. COMPAT: `user_id` is its older name, and numbers and booleans are taken as their texts.
pub(crate) fn uid(payload: &Map<String, Value>) -> Result<Uid, Error> {
    let present = |name: &str| payload.get(name).filter(|value| !value.is_null());
    let text = match present("uid").or_else(|| present("user_id")) {
        None => return Err(Error::MissingUid),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(value)) => value.to_string(),
        Some(_) => return Err(Error::BadUid),
    };
    Uid::parse(&text).map_err(|_| Error::BadUid)
}

/// The developer claims; none is an empty object.
pub(crate) fn developer_claims(payload: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
    let claims = match payload.get("claims") {
        None => return Ok(Map::new()),
        Some(Value::Object(claims)) => claims.clone(),
        Some(_) => return Err(Error::ClaimsNotObject),
    };
    check_claims(&claims)?;
    Ok(claims)
}

fn verified(payload: &Map<String, Value>, exp: i64) -> Result<Verified, Error> {
    Ok(Verified {
        uid: uid(payload)?,
        claims: developer_claims(payload)?,
        tenant: claims::text(payload, "tenant_id").map(str::to_owned),
        exp,
    })
}

#[cfg(test)]
pub(crate) mod tests;
