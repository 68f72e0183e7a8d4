//! What must be true of any text that is handed to the verifiers of tokens.

use firekeep_crypto::jws::Compact;
use firekeep_model::ProjectId;
use firekeep_token::{
    CUSTOM_TOKEN_AUDIENCE, Check, Error, Verdict, assertion, custom, id, inspect, is_reserved_claim,
};
use serde_json::{Map, Value};

use crate::{Accounts, KEY, NOW};

const TOKEN_ENDPOINT: &str = "https://oauth2.googleapis.com/token";

/// Runs every verifier on a text and checks that they agree with each other and with a second reading of the claims.
/// Gives what the text says as a custom token, when it is one.
///
/// # Panics
/// When a property does not hold.
#[must_use]
pub fn judge(text: &str) -> Option<custom::Verified> {
    let project = ProjectId::parse(&KEY.project_id).expect("the key file names a project");
    let key = |kid: &str| (kid == KEY.private_key_id).then(|| KEY.private_key.public());
    let compact = Compact::parse(text).ok();
    let none = Map::new();
    let payload = compact.as_ref().map_or(&none, |compact| &compact.payload);
    let tenant = payload.get("tenant_id").and_then(Value::as_str);

    let custom = custom::verify(text, &Accounts, NOW, tenant);
    let id = id::verify(text, &project, &key, NOW);
    let assertion = assertion::verify(text, &Accounts, &[TOKEN_ENDPOINT], NOW);
    let kinds = [custom.is_ok(), id.is_ok(), assertion.is_ok()];
    let kinds = kinds.into_iter().filter(|ok| *ok).count();
    assert!(kinds <= 1, "a token is of two kinds");
    if kinds == 1 {
        let compact = compact.as_ref().expect("a verified token can be parsed");
        assert_eq!(compact.header.alg, "RS256");
        assert!(compact.verify_rs256(&KEY.private_key.public()).is_ok());
    }
    if let Ok(verified) = &custom {
        check_custom(payload, verified);
    }
    if let Ok(claims) = &id {
        check_id(payload, claims, &project);
    }
    if let Ok(email) = &assertion {
        assert_eq!(email, &KEY.client_email);
    }
    check_report(text, payload, &custom, &id);
    check_unsigned(text, &project, compact.as_ref());
    custom.ok()
}

fn text<'a>(payload: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    payload.get(name)?.as_str()
}

fn secs(payload: &Map<String, Value>, name: &str) -> i64 {
    let value = payload.get(name).and_then(Value::as_i64);
    value.expect("a verified token's times are whole numbers")
}

/// Source: auth specification, section 6.
fn check_custom(payload: &Map<String, Value>, verified: &custom::Verified) {
    assert_eq!(text(payload, "aud"), Some(CUSTOM_TOKEN_AUDIENCE));
    assert_eq!(text(payload, "iss"), Some(&*KEY.client_email));
    assert_eq!(text(payload, "sub"), Some(&*KEY.client_email));
    let (iat, exp) = (secs(payload, "iat"), secs(payload, "exp"));
    assert!(iat <= NOW.secs() + 300 && exp > NOW.secs() - 60);
    assert!((1..=3600).contains(&(exp - iat)));
    assert!((1..=128).contains(&verified.uid.as_str().chars().count()));
    check_claims(&verified.claims);
}

fn check_claims(claims: &Map<String, Value>) {
    assert!(claims.keys().all(|name| !is_reserved_claim(name)));
    let json = serde_json::to_string(claims).expect("claims are JSON");
    assert!(json.chars().count() <= 1000);
}

/// Source: auth specification, section 7.
fn check_id(payload: &Map<String, Value>, claims: &id::IdClaims, project: &ProjectId) {
    let issuer = format!("{}{project}", id::ISSUER_PREFIX);
    assert_eq!(text(payload, "iss"), Some(&*issuer));
    assert_eq!(text(payload, "aud"), Some(project.as_str()));
    assert_eq!(text(payload, "sub"), Some(claims.sub.as_str()));
    assert_eq!(text(payload, "user_id"), Some(claims.sub.as_str()));
    assert!(secs(payload, "iat") <= NOW.secs() + 300 && secs(payload, "exp") > NOW.secs());
    for (name, value) in &claims.session_claims {
        assert_eq!(payload.get(name), Some(value));
        assert!(!is_reserved_claim(name) && name != "email");
    }
}

/// What people are told about a token is what a server would do with it.
fn check_report(
    token: &str,
    payload: &Map<String, Value>,
    custom: &Result<custom::Verified, Error>,
    id: &Result<id::IdClaims, Error>,
) {
    let report = inspect(token, Some(&KEY), NOW);
    let failed = |check: &Check| check.verdict == Verdict::Failed;
    let passes = !report.checks.iter().any(failed);
    let of_id = text(payload, "iss").is_some_and(|issuer| issuer.starts_with(id::ISSUER_PREFIX));
    let tenant_is_text = payload.get("tenant_id").is_none_or(Value::is_string);
    if of_id {
        assert!(passes || id.is_err(), "{report:?}");
    } else if tenant_is_text {
        assert_eq!(passes, custom.is_ok(), "{report:?} {custom:?}");
    }
}

/// The unsigned tokens of dev mode are none of a signed kind.
fn check_unsigned(token: &str, project: &ProjectId, compact: Option<&Compact<'_>>) {
    let custom = custom::verify_unsigned(token, NOW);
    let id = id::verify_unsigned(token, project, NOW);
    if custom.is_ok() || id.is_ok() {
        assert!(custom::is_unsigned(token));
        assert!(compact.is_none_or(|compact| compact.header.alg == "none"));
    }
    if let Ok(verified) = custom {
        check_claims(&verified.claims);
    }
    if let Ok(claims) = id {
        assert_eq!(claims.exp, i64::MAX);
    }
}
