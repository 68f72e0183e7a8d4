//! ID tokens: short-lived, they name the user (auth specification, section 7).
//!
//! [`verify`] judges what the token alone tells, and its result never changes but for the time: a caller may remember
//! it by the token's digest and compare [`IdClaims::exp`]. Whether the user exists, is disabled or was signed out is
//! the caller's to judge, each time.
//!
//! Beside Firebase's claims, `firebase` holds private ones when the subject has a session: `fk_sid`, its id; `fk_inc`,
//! the user's incarnation in hexadecimal, which tells a user from an earlier one of the same uid; and `fk_claims`, the
//! names of the top-level claims that are the session's and not the account's.

use firekeep_crypto::jws;
use firekeep_crypto::rsa::{PrivateKey, PublicKey};
use firekeep_model::{ProjectId, Timestamp, Uid};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::claims::{check_audience, issued_at, parse_signed, parse_unsigned, secs, subject, text};
use crate::{Error, is_reserved_claim};

/// How long an ID token lives.
pub const LIFETIME_SECS: i64 = 3600;
/// What `iss` is before the project's id. COMPAT: Admin SDKs have it hard-coded.
pub const ISSUER_PREFIX: &str = "https://securetoken.google.com/";

/// Claims of the server that no custom claim replaces, beside the reserved ones.
const SERVER_CLAIMS: [&str; 5] = [
    "user_id",
    "email",
    "email_verified",
    "phone_number",
    "provider_id",
];
const SESSION_ID: &str = "fk_sid";
const INCARNATION: &str = "fk_inc";
const SESSION_CLAIMS: &str = "fk_claims";

/// A key that signs ID tokens.
#[derive(Debug)]
pub struct SigningKey {
    /// Its published id.
    pub kid: String,
    /// The key.
    pub key: PrivateKey,
}

/// Whom an ID token is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The user.
    pub uid: &'a Uid,
    /// The user's email address.
    pub email: Option<&'a str>,
    /// Whether the address is proved to be the user's.
    pub email_verified: bool,
    /// The user's phone number.
    pub phone: Option<&'a str>,
    /// The display name.
    pub name: Option<&'a str>,
    /// The photo's URL.
    pub picture: Option<&'a str>,
    /// Whether this is an anonymous sign-in.
    pub anonymous: bool,
    /// `firebase.identities`: provider id → array of ids.
    pub identities: &'a Map<String, Value>,
    /// `firebase.sign_in_provider`.
    pub provider: &'a str,
    /// The account's custom claims.
    pub account_claims: &'a Map<String, Value>,
    /// The session's claims, which win over the account's.
    pub session_claims: &'a Map<String, Value>,
    /// When the session signed in, in seconds.
    pub auth_time: i64,
    /// The session, for signing out a single device.
    pub session: Option<SubjectSession<'a>>,
}

/// The session that an ID token belongs to.
#[derive(Clone, Copy, Debug)]
pub struct SubjectSession<'a> {
    /// Its id.
    pub id: &'a str,
    /// The incarnation of its user.
    pub incarnation: u64,
}

/// What an ID token says, once it is verified.
#[derive(Clone, Debug, PartialEq)]
pub struct IdClaims {
    /// The user.
    pub sub: Uid,
    /// When the session signed in, in seconds.
    pub auth_time: i64,
    /// When the token was made, in seconds.
    pub iat: i64,
    /// The second from which the token is refused. An unsigned token of dev mode is never: `i64::MAX`.
    pub exp: i64,
    /// How the session signed in.
    pub provider: String,
    /// The tenant of the user.
    pub tenant: Option<String>,
    /// The session's id, when we made the token for one.
    pub session_id: Option<String>,
    /// The incarnation of the session's user, when we made the token for one.
    pub incarnation: Option<u64>,
    /// The session's claims, without the account's.
    pub session_claims: Map<String, Value>,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
    typ: &'static str,
}

/// Makes an ID token that lives [`LIFETIME_SECS`] from now.
///
/// # Errors
/// [`Error::ClaimsTooLarge`] when the token would be longer than [`verify`] reads; [`Error::Crypto`].
pub fn mint(
    key: &SigningKey,
    project: &ProjectId,
    subject: &Subject<'_>,
    now: Timestamp,
) -> Result<String, Error> {
    let header = Header {
        alg: "RS256",
        kid: &key.kid,
        typ: "JWT",
    };
    let payload = payload(project, subject, now);
    let token = jws::sign_rs256(&header, &payload, &key.key)?;
    if token.len() > jws::TOKEN_BYTES_MAX {
        return Err(Error::ClaimsTooLarge);
    }
    Ok(token)
}

/// Name and picture, under the account's claims, under the session's, under the server's.
fn payload(project: &ProjectId, subject: &Subject<'_>, now: Timestamp) -> Map<String, Value> {
    let mut payload = Map::new();
    set(&mut payload, "name", subject.name);
    set(&mut payload, "picture", subject.picture);
    for (name, value) in subject.account_claims.iter().chain(subject.session_claims) {
        if is_custom(name) {
            payload.insert(name.clone(), value.clone());
        }
    }
    set(&mut payload, "email", subject.email);
    set(
        &mut payload,
        "email_verified",
        subject.email.map(|_| subject.email_verified),
    );
    set(&mut payload, "phone_number", subject.phone);
    set(
        &mut payload,
        "provider_id",
        subject.anonymous.then_some("anonymous"),
    );
    set(&mut payload, "iss", Some(issuer(project)));
    set(&mut payload, "aud", Some(project.as_str()));
    set(&mut payload, "sub", Some(subject.uid.as_str()));
    set(&mut payload, "user_id", Some(subject.uid.as_str()));
    set(&mut payload, "auth_time", Some(subject.auth_time));
    set(&mut payload, "iat", Some(now.secs()));
    set(
        &mut payload,
        "exp",
        Some(now.secs().saturating_add(LIFETIME_SECS)),
    );
    set(&mut payload, "firebase", Some(firebase(subject)));
    payload
}

/// The claim `firebase`.
fn firebase(subject: &Subject<'_>) -> Map<String, Value> {
    let mut firebase = Map::new();
    set(
        &mut firebase,
        "identities",
        Some(subject.identities.clone()),
    );
    set(&mut firebase, "sign_in_provider", Some(subject.provider));
    if let Some(session) = subject.session {
        set(&mut firebase, SESSION_ID, Some(session.id));
        let incarnation = format!("{:016x}", session.incarnation);
        set(&mut firebase, INCARNATION, Some(incarnation));
        let names = subject.session_claims.keys().filter(|name| is_custom(name));
        let names: Vec<Value> = names.map(|name| json!(name)).collect();
        set(
            &mut firebase,
            SESSION_CLAIMS,
            Some(names).filter(|names| !names.is_empty()),
        );
    }
    firebase
}

fn set(object: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value.into());
    }
}

/// Whether a developer may set this top-level claim.
fn is_custom(name: &str) -> bool {
    !is_reserved_claim(name) && !SERVER_CLAIMS.contains(&name)
}

fn issuer(project: &ProjectId) -> String {
    format!("{ISSUER_PREFIX}{project}")
}

/// Verifies an ID token. `keys` gives the public key of a published id; it only compares it.
///
/// # Errors
/// Whatever is wrong first; [`Error::Expired`] last.
///
/// Source: auth specification, section 7, steps 1 to 4.
pub fn verify(
    token: &str,
    project: &ProjectId,
    keys: &dyn Fn(&str) -> Option<PublicKey>,
    now: Timestamp,
) -> Result<IdClaims, Error> {
    let compact = parse_signed(token)?;
    let key = compact.header.kid.as_deref().and_then(keys);
    compact.verify_rs256(&key.ok_or(Error::UnknownKey)?)?;
    let sub = check_names(&compact.payload, project)?;
    let iat = issued_at(&compact.payload, now)?;
    let exp = secs(&compact.payload, "exp")?;
    let auth_time = secs(&compact.payload, "auth_time")?;
    if exp <= now.secs() {
        return Err(Error::Expired);
    }
    Ok(claims_of(
        &compact.payload,
        sub,
        Times {
            auth_time,
            iat,
            exp,
        },
    ))
}

/// Reads an unsigned ID token of dev mode. Never call it in safe mode: anybody can write these.
///
/// COMPAT: it never expires, as with the emulator: `createMockUserToken` of the test SDKs makes tokens of 1970.
///
/// # Errors
/// [`Error::Algorithm`] when it is not unsigned, and those of [`verify`] about form and names.
pub fn verify_unsigned(
    token: &str,
    project: &ProjectId,
    now: Timestamp,
) -> Result<IdClaims, Error> {
    let compact = parse_unsigned(token)?;
    let sub = check_names(&compact.payload, project)?;
    let iat = issued_at(&compact.payload, now)?;
    let auth_time = secs(&compact.payload, "auth_time").unwrap_or(iat);
    let times = Times {
        auth_time,
        iat,
        exp: i64::MAX,
    };
    Ok(claims_of(&compact.payload, sub, times))
}

struct Times {
    auth_time: i64,
    iat: i64,
    exp: i64,
}

/// Checks `aud`, `iss` and `sub`.
fn check_names(payload: &Map<String, Value>, project: &ProjectId) -> Result<Uid, Error> {
    check_audience(payload, &[project.as_str()])?;
    let expected = issuer(project);
    if text(payload, "iss") != Some(&expected) {
        return Err(Error::Issuer(expected));
    }
    subject(payload)
}

fn claims_of(payload: &Map<String, Value>, sub: Uid, times: Times) -> IdClaims {
    let none = Map::new();
    let firebase = payload
        .get("firebase")
        .and_then(Value::as_object)
        .unwrap_or(&none);
    let string = |name: &str| text(firebase, name).map(str::to_owned);
    let names = firebase.get(SESSION_CLAIMS).and_then(Value::as_array);
    let names = names.into_iter().flatten().filter_map(Value::as_str);
    let session_claims = names
        .filter(|name| is_custom(name))
        .filter_map(|name| payload.get_key_value(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    IdClaims {
        sub,
        auth_time: times.auth_time,
        iat: times.iat,
        exp: times.exp,
        provider: string("sign_in_provider").unwrap_or_default(),
        tenant: string("tenant"),
        session_id: string(SESSION_ID),
        incarnation: text(firebase, INCARNATION)
            .and_then(|text| u64::from_str_radix(text, 16).ok()),
        session_claims,
    }
}

#[cfg(test)]
mod tests;
