//! Service accounts' assertions: JWTs that prove an administrator, at the OAuth token endpoint or as a bearer.
//!
//! Source: auth specification, section 17.1; RFC 7523.

use firekeep_model::Timestamp;
use serde_json::{Map, Value};

use crate::Error;
use crate::claims::{check_audience, check_times, parse_signed};
use crate::signer::{self, ServiceAccounts};

/// Verifies an assertion and gives the `client_email` of its signer. `audiences` are the texts that `aud` may be; a
/// custom token's audience must not be among them, or a token for a user would be one for an administrator.
///
/// # Errors
/// As [`crate::custom::verify`], without those of uid, tenant and claims.
pub fn verify(
    token: &str,
    accounts: &dyn ServiceAccounts,
    audiences: &[&str],
    now: Timestamp,
) -> Result<String, Error> {
    judge(token, accounts, now, |payload| {
        check_audience(payload, audiences)
    })
}

/// Verifies an assertion that is the credential of a request itself. It says where it is for by its audience, or, where
/// it has none, what it is for: by a scope among `scopes`.
///
/// COMPAT: Google's libraries for Firestore send the second form when they have a key file.
///
/// # Errors
/// As [`verify`].
pub fn verify_bearer(
    token: &str,
    accounts: &dyn ServiceAccounts,
    audiences: &[&str],
    scopes: &[&str],
    now: Timestamp,
) -> Result<String, Error> {
    judge(token, accounts, now, |payload| {
        let scope = payload.get("scope").and_then(Value::as_str);
        let mut words = scope.unwrap_or_default().split(' ');
        match payload.contains_key("aud") || !words.any(|word| scopes.contains(&word)) {
            true => check_audience(payload, audiences),
            false => Ok(()),
        }
    })
}

fn judge(
    token: &str,
    accounts: &dyn ServiceAccounts,
    now: Timestamp,
    is_for_us: impl FnOnce(&Map<String, Value>) -> Result<(), Error>,
) -> Result<String, Error> {
    let compact = parse_signed(token)?;
    let payload = &compact.payload;
    let account = signer::issuer(payload, accounts)?;
    // Google's libraries leave `sub` out, or name a user to impersonate, which we do not offer.
    let subject = payload.get("sub").map(|sub| sub.as_str());
    if subject.is_some_and(|sub| sub != Some(&account.client_email)) {
        return Err(Error::IssuerSubject);
    }
    signer::check_signature(&compact, &account)?;
    is_for_us(payload)?;
    check_times(payload, now)?;
    Ok(account.client_email)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::CUSTOM_TOKEN_AUDIENCE;
    use crate::custom::tests::{ACCOUNTS, EMAIL, NOW, OTHER_KEY, SIGNER_KEY, edited, sign};

    const AUDIENCE: &str = "https://oauth2.googleapis.com/token";

    #[track_caller]
    fn check(edit: serde_json::Value, expected: Result<&str, Error>) {
        let base = json!({"iss": EMAIL, "aud": AUDIENCE, "iat": 1000, "exp": 4600, "scope": "x"});
        let token = sign(&json!({"alg": "RS256"}), &edited(base, edit), &SIGNER_KEY);
        let verified = verify(&token, &*ACCOUNTS, &["https://a.example", AUDIENCE], NOW);
        assert_eq!(verified.as_deref().map_err(Clone::clone), expected);
    }

    #[test]
    fn an_assertion_proves_its_signer() {
        check(json!({}), Ok(EMAIL));
        check(json!({"sub": EMAIL, "aud": "https://a.example"}), Ok(EMAIL));
    }

    #[test]
    fn a_custom_token_is_no_assertion() {
        let expected = Error::Audience(format!("https://a.example` or `{AUDIENCE}"));
        check(
            json!({"sub": EMAIL, "aud": CUSTOM_TOKEN_AUDIENCE, "uid": "a"}),
            Err(expected.clone()),
        );
        check(json!({"aud": [AUDIENCE]}), Err(expected.clone()));
        check(json!({"aud": null}), Err(expected));
    }

    #[test]
    fn a_bearer_without_an_audience_has_a_scope() {
        let base = json!({"iss": EMAIL, "sub": EMAIL, "iat": 1000, "exp": 4600});
        let judge = |edit| {
            let token = sign(
                &json!({"alg": "RS256"}),
                &edited(base.clone(), edit),
                &SIGNER_KEY,
            );
            verify_bearer(
                &token,
                &*ACCOUNTS,
                &[AUDIENCE],
                &["s/firestore", "s/all"],
                NOW,
            )
        };
        let refused = Err(Error::Audience(AUDIENCE.to_owned()));
        for (edit, judged) in [
            (json!({"aud": AUDIENCE}), Ok(EMAIL.to_owned())),
            (json!({"scope": "s/other s/all"}), Ok(EMAIL.to_owned())),
            (json!({"scope": "s/other"}), refused.clone()),
            (json!({"scope": ""}), refused.clone()),
            (json!({}), refused.clone()),
            (
                json!({"scope": "s/all", "aud": "https://b.example"}),
                refused.clone(),
            ),
            (
                json!({"scope": "s/all", "aud": CUSTOM_TOKEN_AUDIENCE, "uid": "a"}),
                refused.clone(),
            ),
            (json!({"scope": "s/all", "aud": [AUDIENCE]}), refused),
            (json!({"scope": "s/all", "exp": 900}), Err(Error::Expired)),
            (
                json!({"scope": "s/all", "sub": "b@example.com"}),
                Err(Error::IssuerSubject),
            ),
        ] {
            assert_eq!(judge(edit.clone()), judged, "{edit}");
        }
    }

    #[test]
    fn an_assertion_impersonates_nobody() {
        check(
            json!({"sub": "user@example.com"}),
            Err(Error::IssuerSubject),
        );
        check(json!({"sub": 1}), Err(Error::IssuerSubject));
    }

    #[test]
    fn times_and_issuer_are_judged() {
        check(json!({"exp": 900}), Err(Error::Expired));
        check(json!({"exp": 4601}), Err(Error::Lifetime));
        check(
            json!({"iat": 1301, "exp": 1400}),
            Err(Error::IssuedInFuture),
        );
        check(
            json!({"iss": "nobody@example.com"}),
            Err(Error::UnknownIssuer),
        );
        check(
            json!({"iss": "off@example.com"}),
            Err(Error::AccountDisabled),
        );
    }

    #[test]
    fn an_unsigned_or_foreign_assertion_is_refused() {
        let payload = json!({"iss": EMAIL, "aud": AUDIENCE, "iat": 1000, "exp": 4600});
        let foreign = sign(&json!({"alg": "RS256"}), &payload, &OTHER_KEY);
        let none = sign(&json!({"alg": "none"}), &payload, &SIGNER_KEY);
        let judge = |token: &str| verify(token, &*ACCOUNTS, &[AUDIENCE], NOW);
        assert_eq!(judge(&foreign), Err(Error::Signature));
        assert_eq!(judge(&none), Err(Error::Algorithm));
        assert_eq!(judge(""), Err(Error::Missing));
    }
}
