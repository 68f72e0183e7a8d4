//! What tokens of several kinds share: their form, their times, and the names that developers may not use.

use firekeep_crypto::jws::{Compact, Header};
use firekeep_model::{Timestamp, Uid};
use serde_json::{Map, Value};

use crate::Error;

/// How far a signer's clock may be ahead of ours, for `iat`. Source: auth specification, sections 6 and 7.
pub(crate) const IAT_SKEW_SECS: i64 = 300;
/// How long after its `exp` a service account's token is still taken. Source: auth specification, section 6.
pub(crate) const EXP_SKEW_SECS: i64 = 60;
/// The longest life of a service account's token. Source: auth specification, section 6.
pub(crate) const LIFETIME_SECS_MAX: i64 = 3600;
/// The most characters of developer claims as JSON. Source: auth specification, section 6.
pub(crate) const CLAIMS_CHARS_MAX: usize = 1000;

/// Source: auth specification, section 6.
const RESERVED: [&str; 16] = [
    "iss",
    "aud",
    "sub",
    "iat",
    "exp",
    "nbf",
    "jti",
    "nonce",
    "azp",
    "acr",
    "amr",
    "cnf",
    "auth_time",
    "firebase",
    "at_hash",
    "c_hash",
];

/// Whether a name may be neither a developer claim nor a custom attribute.
#[must_use]
pub fn is_reserved_claim(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// Checks developer claims: no reserved name, at most 1000 characters.
pub(crate) fn check_claims(claims: &Map<String, Value>) -> Result<(), Error> {
    if let Some(name) = claims.keys().find(|name| is_reserved_claim(name)) {
        return Err(Error::ForbiddenClaim(name.clone()));
    }
    let text = serde_json::to_string(claims).map_err(|_| Error::ClaimsNotObject)?;
    if text.chars().count() > CLAIMS_CHARS_MAX {
        return Err(Error::ClaimsTooLarge);
    }
    Ok(())
}

/// Reads a token that must be signed with RS256; its signature is not verified yet.
pub(crate) fn parse_signed(token: &str) -> Result<Compact<'_>, Error> {
    if token.is_empty() {
        return Err(Error::Missing);
    }
    let compact = Compact::parse(token)?;
    check_header(&compact.header)?;
    Ok(compact)
}

/// Checks that `alg` is exactly `RS256`, and `typ` absent or `JWT`.
pub(crate) fn check_header(header: &Header) -> Result<(), Error> {
    if header.alg != "RS256" {
        return Err(Error::Algorithm);
    }
    check_type(header)
}

fn check_type(header: &Header) -> Result<(), Error> {
    match header.typ.as_deref() {
        None | Some("JWT") => Ok(()),
        Some(_) => Err(Error::Type),
    }
}

/// Reads a token of dev mode: `alg` is `none` and the third segment empty.
pub(crate) fn parse_unsigned(token: &str) -> Result<Compact<'_>, Error> {
    if token.is_empty() {
        return Err(Error::Missing);
    }
    let compact = Compact::parse(token)?;
    if compact.header.alg != "none" || !compact.signature_is_empty() {
        return Err(Error::Algorithm);
    }
    check_type(&compact.header)?;
    Ok(compact)
}

/// A claim that is a string.
pub(crate) fn text<'a>(payload: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    payload.get(name).and_then(Value::as_str)
}

/// A claim that is a whole number of seconds.
pub(crate) fn secs(payload: &Map<String, Value>, name: &'static str) -> Result<i64, Error> {
    let secs = payload.get(name).and_then(Value::as_i64);
    secs.ok_or(Error::Time(name))
}

/// Checks that `aud` is one of the expected texts; an array is not.
pub(crate) fn check_audience(payload: &Map<String, Value>, expected: &[&str]) -> Result<(), Error> {
    let audience = text(payload, "aud");
    if audience.is_some_and(|audience| expected.contains(&audience)) {
        return Ok(());
    }
    Err(Error::Audience(expected.join("` or `")))
}

/// Checks that `iat` is not in the future, and gives it.
pub(crate) fn issued_at(payload: &Map<String, Value>, now: Timestamp) -> Result<i64, Error> {
    let iat = secs(payload, "iat")?;
    if iat > now.secs().saturating_add(IAT_SKEW_SECS) {
        return Err(Error::IssuedInFuture);
    }
    Ok(iat)
}

/// Checks the times of a token that a service account signed, and gives its `exp`.
/// Source: auth specification, section 6, step 7.
pub(crate) fn check_times(payload: &Map<String, Value>, now: Timestamp) -> Result<i64, Error> {
    let iat = issued_at(payload, now)?;
    let exp = secs(payload, "exp")?;
    if exp <= now.secs().saturating_sub(EXP_SKEW_SECS) {
        return Err(Error::Expired);
    }
    check_lifetime(exp.saturating_sub(iat))?;
    Ok(exp)
}

/// Checks how long a service account's token lives.
pub(crate) fn check_lifetime(secs: i64) -> Result<(), Error> {
    if (1..=LIFETIME_SECS_MAX).contains(&secs) {
        Ok(())
    } else {
        Err(Error::Lifetime)
    }
}

/// The user of an ID token: `sub`, which `user_id` repeats.
pub(crate) fn subject(payload: &Map<String, Value>) -> Result<Uid, Error> {
    let sub = text(payload, "sub").ok_or(Error::Subject)?;
    if text(payload, "user_id") != Some(sub) {
        return Err(Error::Subject);
    }
    Uid::parse(sub).map_err(|_| Error::Subject)
}
