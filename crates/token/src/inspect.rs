//! What is right and wrong with a token, check by check, for people (`firekeep token inspect`).
//!
//! Never a way to accept one: it goes on after a failed check, and cannot know which accounts and keys a server has.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firekeep_crypto::jws::Compact;
use firekeep_model::Timestamp;
use serde_json::{Map, Value};

use crate::{CUSTOM_TOKEN_AUDIENCE, Error, KeyFile, claims, custom, id};

/// What [`inspect`] found.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The header, as far as it can be read.
    pub header: Option<Value>,
    /// The payload, as far as it can be read.
    pub payload: Option<Value>,
    /// The checks, in the order in which a server makes them.
    pub checks: Vec<Check>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is checked.
    pub name: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// What is wrong and what to do; empty when nothing is.
    pub advice: String,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A server would go on.
    Passed,
    /// A server would refuse the token.
    Failed,
    /// What it needs is not here.
    NotChecked,
}

/// Explains a custom token, or, by its `iss`, an ID token. Only with a `key` are a custom token's account and signature
/// checked; an ID token's signature is never.
#[must_use]
pub fn inspect(token: &str, key: Option<&KeyFile>, now: Timestamp) -> Report {
    let mut parts = token.split('.').map(decode);
    let (header, payload) = (parts.next().flatten(), parts.next().flatten());
    let compact = Compact::parse(token).map_err(Error::from);
    let mut checks = vec![check(
        "form",
        compact.as_ref().map(drop).map_err(Clone::clone),
    )];
    if let Ok(compact) = &compact {
        checks.push(check("algorithm", claims::check_header(&compact.header)));
    }
    if let Some(payload) = payload.as_ref().and_then(Value::as_object) {
        let issuer = claims::text(payload, "iss");
        if issuer.is_some_and(|issuer| issuer.starts_with(id::ISSUER_PREFIX)) {
            checks.extend(of_id_token(payload, now));
        } else {
            checks.extend(of_custom_token(payload, compact.ok().as_ref(), key, now));
        }
    }
    Report {
        header,
        payload,
        checks,
    }
}

fn of_custom_token(
    payload: &Map<String, Value>,
    compact: Option<&Compact<'_>>,
    key: Option<&KeyFile>,
    now: Timestamp,
) -> Vec<Check> {
    let mut checks = vec![check("issuer and subject", custom::check_subject(payload))];
    match (key, compact) {
        (None, _) => checks.push(not_checked(
            "signature",
            "give the key file that should have signed it: --key FILE",
        )),
        (Some(key), compact) => {
            let named = claims::text(payload, "iss") == Some(&key.client_email);
            checks.push(check(
                "service account",
                named.then_some(()).ok_or(Error::UnknownIssuer),
            ));
            checks.extend(compact.map(|compact| {
                let verified = compact.verify_rs256(&key.private_key.public());
                check("signature", verified.map_err(Error::from))
            }));
        }
    }
    checks.push(check(
        "audience",
        claims::check_audience(payload, &[CUSTOM_TOKEN_AUDIENCE]),
    ));
    checks.push(check(
        "times",
        claims::check_times(payload, now).map(|_| ()),
    ));
    checks.push(check("uid", custom::uid(payload).map(drop)));
    checks.push(check("claims", custom::developer_claims(payload).map(drop)));
    checks
}

fn of_id_token(payload: &Map<String, Value>, now: Timestamp) -> Vec<Check> {
    let issuer = claims::text(payload, "iss").unwrap_or_default();
    let project = issuer.strip_prefix(id::ISSUER_PREFIX).unwrap_or_default();
    let expires = || match claims::secs(payload, "exp")? {
        exp if exp <= now.secs() => Err(Error::Expired),
        _ => Ok(()),
    };
    let times = claims::issued_at(payload, now)
        .and_then(|_| claims::secs(payload, "auth_time"))
        .and_then(|_| expires());
    vec![
        not_checked(
            "signature",
            "verify it with a JWT library and the keys that the server publishes at /.well-known/jwks.json",
        ),
        check("audience", claims::check_audience(payload, &[project])),
        check("user", claims::subject(payload).map(drop)),
        check("times", times),
    ]
}

fn check(name: &'static str, result: Result<(), Error>) -> Check {
    let (verdict, advice) = match result {
        Ok(()) => (Verdict::Passed, String::new()),
        Err(error) => (Verdict::Failed, error.to_string()),
    };
    Check {
        name,
        verdict,
        advice,
    }
}

fn not_checked(name: &'static str, advice: &str) -> Check {
    Check {
        name,
        verdict: Verdict::NotChecked,
        advice: advice.to_owned(),
    }
}

/// A segment as JSON, with more patience than the verifier has: padding is forgiven.
fn decode(segment: &str) -> Option<Value> {
    let bytes = URL_SAFE_NO_PAD.decode(segment.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::custom::tests::{NOW, OTHER_KEY, edited, sign};

    const TOKEN: &str = include_str!("../tests/data/custom_token.txt");
    const MADE: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn key() -> KeyFile {
        KeyFile::parse(include_str!("../tests/data/key_file.json")).unwrap()
    }

    fn failed(report: &Report) -> Vec<&'static str> {
        let failed = report
            .checks
            .iter()
            .filter(|check| check.verdict == Verdict::Failed);
        failed
            .inspect(|check| assert!(!check.advice.is_empty()))
            .map(|check| check.name)
            .collect()
    }

    #[test]
    fn a_good_custom_token_passes_every_check() {
        let report = inspect(TOKEN.trim(), Some(&key()), MADE);
        assert_eq!(report.checks.len(), 9);
        assert_eq!(failed(&report), Vec::<&str>::new());
        assert_eq!(report.header, Some(json!({"alg": "RS256", "typ": "JWT"})));
        assert_eq!(report.payload.unwrap()["uid"], "alice");
    }

    #[test]
    fn a_signature_that_nobody_looked_at_is_not_right() {
        let report = inspect(TOKEN.trim(), None, MADE);
        let signature = report.checks.iter().find(|it| it.name == "signature");
        assert_eq!(signature.map(|it| it.verdict), Some(Verdict::NotChecked));
        assert_eq!(failed(&report), Vec::<&str>::new());
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let payload = json!({"iss": "a@b", "sub": "c@d", "aud": "x", "iat": 1000, "claims": 1});
        let token = sign(&json!({"alg": "RS512"}), &payload, &OTHER_KEY);
        let names = [
            "algorithm",
            "issuer and subject",
            "service account",
            "signature",
            "audience",
            "times",
            "uid",
            "claims",
        ];
        assert_eq!(failed(&inspect(&token, Some(&key()), NOW)), names);
    }

    #[test]
    fn a_broken_token_is_shown_as_far_as_it_can_be_read() {
        let report = inspect(&format!("{}==", TOKEN.trim()), None, MADE);
        assert_eq!(failed(&report), ["form"]);
        assert_eq!(report.payload.unwrap()["uid"], "alice");
        let report = inspect("garbage", None, MADE);
        assert_eq!(
            (report.header, report.payload, report.checks.len()),
            (None, None, 1)
        );
    }

    #[test]
    fn an_id_token_is_known_by_its_issuer() {
        let base = json!({
            "iss": "https://securetoken.google.com/p", "aud": "p", "sub": "a", "user_id": "a",
            "iat": 1000, "auth_time": 1000, "exp": 4600,
        });
        let judge = |edit| {
            let token = sign(
                &json!({"alg": "RS256"}),
                &edited(base.clone(), edit),
                &OTHER_KEY,
            );
            failed(&inspect(&token, None, NOW))
        };
        assert_eq!(judge(json!({})), Vec::<&str>::new());
        let edit = json!({"aud": "q", "user_id": "b", "exp": 1000});
        assert_eq!(judge(edit), ["audience", "user", "times"]);
    }
}
