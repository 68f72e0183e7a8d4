//! ID tokens: what is minted, and the rows of the must-reject list (auth specification, section 22.1).

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::custom::tests::{OTHER_KEY, SIGNER_KEY, edited, sign};
use crate::{CUSTOM_TOKEN_AUDIENCE, KeyFile, custom};

const NOW: Timestamp = Timestamp::from_secs(1000);
static PROJECT: LazyLock<ProjectId> = LazyLock::new(|| ProjectId::parse("demo").unwrap());

const SESSION: SubjectSession<'_> = SubjectSession {
    id: "0123",
    incarnation: 0xfedc_ba98_7654_3210,
};

/// `k1` and `k2` are published.
fn keys(kid: &str) -> Option<PublicKey> {
    match kid {
        "k1" => Some(SIGNER_KEY.public()),
        "k2" => Some(OTHER_KEY.public()),
        _ => None,
    }
}

fn judge(token: &str) -> Result<IdClaims, Error> {
    verify(token, &PROJECT, &keys, NOW)
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn header() -> Value {
    json!({"alg": "RS256", "kid": "k1", "typ": "JWT"})
}

fn payload() -> Value {
    json!({
        "iss": "https://securetoken.google.com/demo", "aud": "demo",
        "sub": "alice", "user_id": "alice", "auth_time": 900, "iat": 1000, "exp": 4600,
        "firebase": {"identities": {}, "sign_in_provider": "custom"},
    })
}

#[track_caller]
fn refuse(edit: Value, expected: Error) {
    let token = sign(&header(), &edited(payload(), edit), &SIGNER_KEY);
    assert_eq!(judge(&token), Err(expected));
}

#[track_caller]
fn refuse_header(edit: Value, expected: Error) {
    let token = sign(&edited(header(), edit), &payload(), &SIGNER_KEY);
    assert_eq!(judge(&token), Err(expected));
}

fn wrong_audience() -> Error {
    Error::Audience("demo".to_owned())
}

fn wrong_issuer() -> Error {
    Error::Issuer("https://securetoken.google.com/demo".to_owned())
}

/// Mints for a plain user that `edit` changes, and gives header and payload.
fn minted(edit: impl for<'a> FnOnce(&mut Subject<'a>)) -> (Value, Value, IdClaims) {
    let (uid, none) = (Uid::parse("alice").unwrap(), Map::new());
    let mut subject = Subject {
        uid: &uid,
        email: None,
        email_verified: false,
        phone: None,
        name: None,
        picture: None,
        anonymous: false,
        identities: &none,
        provider: "custom",
        account_claims: &none,
        session_claims: &none,
        auth_time: 900,
        session: None,
    };
    edit(&mut subject);
    mint_and_read(&subject)
}

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey {
    kid: "k1".to_owned(),
    key: PrivateKey::from_pkcs8_pem(&SIGNER_KEY.to_pkcs8_pem()).unwrap(),
});

fn mint_and_read(subject: &Subject<'_>) -> (Value, Value, IdClaims) {
    let token = mint(&KEY, &PROJECT, subject, NOW).unwrap();
    let part = |index: usize| {
        let segment = token.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segment).unwrap()).unwrap()
    };
    (part(0), part(1), judge(&token).unwrap())
}

// ---- minting ----

#[test]
fn a_plain_user_has_the_fixed_claims_only() {
    let (head, body, claims) = minted(|_| ());
    assert_eq!(head, header());
    assert_eq!(body, payload());
    assert_eq!(claims.sub.as_str(), "alice");
    assert_eq!(
        (claims.auth_time, claims.iat, claims.exp),
        (900, 1000, 4600)
    );
    assert_eq!(
        (claims.provider.as_str(), claims.session_id),
        ("custom", None)
    );
}

#[test]
fn a_full_user_has_every_claim_it_has() {
    let identities = object(json!({"email": ["a@b.c"], "phone": ["+4912345678"]}));
    let uid = Uid::parse("alice").unwrap();
    let none = Map::new();
    let (_, body, _) = mint_and_read(&Subject {
        uid: &uid,
        email: Some("a@b.c"),
        email_verified: true,
        phone: Some("+4912345678"),
        name: Some("Alice"),
        picture: Some("https://example.com/a.png"),
        anonymous: false,
        identities: &identities,
        provider: "password",
        account_claims: &none,
        session_claims: &none,
        auth_time: 900,
        session: None,
    });
    let expected = json!({
        "email": "a@b.c", "email_verified": true, "phone_number": "+4912345678",
        "name": "Alice", "picture": "https://example.com/a.png",
        "firebase": {"identities": identities, "sign_in_provider": "password"},
    });
    assert_eq!(body, edited(payload(), expected));
}

#[test]
fn an_anonymous_sign_in_has_its_provider_id() {
    let (_, body, claims) = minted(|subject| {
        subject.anonymous = true;
        subject.provider = "anonymous";
    });
    assert_eq!(body["provider_id"], "anonymous");
    assert_eq!(claims.provider, "anonymous");
}

#[test]
fn session_claims_win_over_account_claims_and_the_servers_win_over_both() {
    let account = object(json!({"role": "user", "plan": "free", "name": "Account", "firebase": 1}));
    let session = object(json!({
        "role": "admin", "picture": "session", "email": "evil@example.com", "user_id": "bob",
        "sub": "bob", "phone_number": "+1", "provider_id": "x", "email_verified": true, "iss": "x",
        "aud": "x", "exp": 1, "iat": 1, "auth_time": 1,
    }));
    let uid = Uid::parse("alice").unwrap();
    let none = Map::new();
    let (_, body, claims) = mint_and_read(&Subject {
        uid: &uid,
        email: None,
        email_verified: false,
        phone: None,
        name: Some("Alice"),
        picture: Some("photo"),
        anonymous: false,
        identities: &none,
        provider: "custom",
        account_claims: &account,
        session_claims: &session,
        auth_time: 900,
        session: Some(SESSION),
    });
    let expected = json!({
        "role": "admin", "plan": "free", "name": "Account", "picture": "session",
        "firebase": {
            "identities": {}, "sign_in_provider": "custom",
            "fk_sid": "0123", "fk_inc": "fedcba9876543210", "fk_claims": ["picture", "role"],
        },
    });
    assert_eq!(body, edited(payload(), expected));
    assert_eq!(claims.session_id.as_deref(), Some("0123"));
    let expected = json!({"role": "admin", "picture": "session"});
    assert_eq!(Value::Object(claims.session_claims), expected);
}

#[test]
fn a_session_without_claims_names_none() {
    let (_, body, claims) = minted(|subject| subject.session = Some(SESSION));
    let expected = json!({
        "identities": {}, "sign_in_provider": "custom",
        "fk_sid": "0123", "fk_inc": "fedcba9876543210",
    });
    assert_eq!(body["firebase"], expected);
    assert!(claims.session_claims.is_empty());
    assert_eq!(claims.session_id.as_deref(), Some("0123"));
    assert_eq!(claims.incarnation, Some(SESSION.incarnation));
}

#[test]
fn a_token_that_nobody_would_read_is_not_made() {
    let (uid, none) = (Uid::parse("alice").unwrap(), Map::new());
    let mint_with = |bytes: usize| {
        let name = "n".repeat(bytes);
        let subject = Subject {
            uid: &uid,
            email: None,
            email_verified: false,
            phone: None,
            name: Some(&name),
            picture: None,
            anonymous: false,
            identities: &none,
            provider: "custom",
            account_claims: &none,
            session_claims: &none,
            auth_time: 900,
            session: None,
        };
        mint(&KEY, &PROJECT, &subject, NOW)
    };
    // Signing takes a millisecond, so the search begins where the end is known to be near.
    let largest = (11_000..12_000)
        .rev()
        .find_map(|bytes| mint_with(bytes).ok());
    let largest = largest.unwrap();
    assert!(largest.len() > 16 * 1024 - 4, "{}", largest.len());
    assert!(judge(&largest).is_ok());
    assert_eq!(mint_with(16 * 1024), Err(Error::ClaimsTooLarge));
}

// ---- verifying ----

#[test]
fn a_missing_or_broken_token_is_named() {
    assert_eq!(judge(""), Err(Error::Missing));
    for text in ["x", "..", &"A".repeat(16 * 1024 + 1), r#"{"sub":"alice"}"#] {
        assert!(matches!(judge(text), Err(Error::Malformed(_))));
    }
}

#[test]
fn an_unsigned_token_is_refused() {
    for alg in ["none", "None", "NONE"] {
        refuse_header(json!({ "alg": alg }), Error::Algorithm);
        assert_eq!(judge(&unsigned(alg, &payload())), Err(Error::Algorithm));
    }
    let token = sign(&header(), &payload(), &SIGNER_KEY);
    let (signed, _) = token.rsplit_once('.').unwrap();
    assert_eq!(judge(&format!("{signed}.")), Err(Error::Signature));
    assert!(matches!(judge(signed), Err(Error::Malformed(_))));
}

#[test]
fn another_algorithm_is_refused() {
    for alg in [
        "HS256", "HS384", "HS512", "RS384", "RS512", "PS256", "ES256", "EdDSA",
    ] {
        refuse_header(json!({ "alg": alg }), Error::Algorithm);
    }
}

#[test]
fn an_unknown_or_missing_kid_is_refused() {
    refuse_header(json!({"kid": "k3"}), Error::UnknownKey);
    refuse_header(json!({"kid": null}), Error::UnknownKey);
    refuse_header(json!({"kid": "k2"}), Error::Signature);
}

#[test]
fn a_kid_that_is_a_path_url_sql_nul_or_very_long_reaches_no_look_up() {
    let long = "a".repeat(8 * 1024);
    for kid in [
        "../../k1",
        "file:///k1",
        "https://evil.example",
        "k1\0",
        "' OR 1=1 --",
        &long,
    ] {
        let token = sign(
            &edited(header(), json!({ "kid": kid })),
            &payload(),
            &SIGNER_KEY,
        );
        let looked_up = |_: &str| panic!("looked up");
        let verified = verify(&token, &PROJECT, &looked_up, NOW);
        assert!(matches!(verified, Err(Error::Malformed(_))));
    }
}

#[test]
fn forbidden_header_members_are_refused() {
    for name in [
        "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip", "enc",
    ] {
        refuse_header(json!({ name: "x" }), Error::ForbiddenHeader(name));
    }
}

#[test]
fn another_keys_signature_is_refused() {
    let token = sign(&header(), &payload(), &OTHER_KEY);
    assert_eq!(judge(&token), Err(Error::Signature));
}

#[test]
fn another_projects_token_is_refused() {
    let other = json!({"aud": "other", "iss": "https://securetoken.google.com/other"});
    refuse(other, wrong_audience());
    refuse(json!({"aud": null}), wrong_audience());
    refuse(json!({"aud": ["demo"]}), wrong_audience());
    refuse(
        json!({"iss": "https://securetoken.google.com/other"}),
        wrong_issuer(),
    );
    refuse(
        json!({"iss": "https://securetoken.google.com/demo/"}),
        wrong_issuer(),
    );
    refuse(json!({"iss": null}), wrong_issuer());
    refuse(
        json!({"iss": ["https://securetoken.google.com/demo"]}),
        wrong_issuer(),
    );
}

#[test]
fn a_session_cookie_is_no_id_token() {
    let issuer = "https://session.firebase.google.com/demo";
    refuse(json!({ "iss": issuer }), wrong_issuer());
}

#[test]
fn a_custom_token_is_no_id_token() {
    let key = KeyFile::parse(include_str!("../../tests/data/key_file.json")).unwrap();
    let uid = Uid::parse("alice").unwrap();
    let token = custom::mint(&key, &uid, &Map::new(), NOW, 3600).unwrap();
    assert_eq!(judge(&token), Err(Error::UnknownKey));
    // Not even when it names the key and one of ours signed it.
    refuse(
        json!({"aud": CUSTOM_TOKEN_AUDIENCE, "uid": "alice"}),
        wrong_audience(),
    );
}

#[test]
fn a_refresh_token_is_no_id_token() {
    let token = format!("fk1.{}", "A".repeat(64));
    assert!(matches!(judge(&token), Err(Error::Malformed(_))));
}

#[test]
fn the_subject_is_a_uid_and_the_user_id() {
    for sub in [
        json!(null),
        json!(""),
        json!(1),
        json!(["alice"]),
        json!("a".repeat(129)),
    ] {
        refuse(json!({"sub": sub, "user_id": sub}), Error::Subject);
    }
    refuse(json!({"sub": "bob"}), Error::Subject);
    refuse(json!({"user_id": null}), Error::Subject);
}

#[test]
fn times_must_be_whole_numbers() {
    let huge = 1u64 << 63;
    for name in ["iat", "exp", "auth_time"] {
        for time in [
            json!(null),
            json!("1000"),
            json!(1000.5),
            json!(1e300),
            json!(huge),
        ] {
            refuse(json!({ name: time }), Error::Time(name));
        }
    }
}

#[test]
fn a_token_of_the_future_is_refused_beyond_five_minutes() {
    let at = |iat: i64| {
        sign(
            &header(),
            &edited(payload(), json!({ "iat": iat })),
            &SIGNER_KEY,
        )
    };
    assert!(judge(&at(1300)).is_ok());
    assert_eq!(judge(&at(1301)), Err(Error::IssuedInFuture));
    assert_eq!(judge(&at(i64::MAX)), Err(Error::IssuedInFuture));
}

#[test]
fn an_expired_token_is_refused_in_its_second() {
    let until = |exp: i64| {
        sign(
            &header(),
            &edited(payload(), json!({ "exp": exp })),
            &SIGNER_KEY,
        )
    };
    assert!(judge(&until(1001)).is_ok());
    for exp in [1000, 0, i64::MIN] {
        assert_eq!(judge(&until(exp)), Err(Error::Expired));
    }
}

#[test]
fn the_tenant_is_told() {
    let firebase = json!({"tenant": "t1", "sign_in_provider": "custom", "identities": {}});
    let edit = json!({ "firebase": firebase });
    let token = sign(&header(), &edited(payload(), edit), &SIGNER_KEY);
    assert_eq!(judge(&token).unwrap().tenant.as_deref(), Some("t1"));
}

// ---- dev mode ----

fn unsigned(alg: &str, payload: &Value) -> String {
    let segment = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.",
        segment(&json!({"alg": alg, "typ": "JWT"})),
        segment(payload)
    )
}

/// What `createMockUserToken` of `@firebase/util` makes.
#[test]
fn dev_mode_reads_the_test_sdks_mock_token() {
    let mock = json!({"iat": 0, "exp": 3600, "auth_time": 0});
    let token = unsigned("none", &edited(payload(), mock));
    let later = Timestamp::from_secs(1_700_000_000);
    let claims = verify_unsigned(&token, &PROJECT, later).unwrap();
    assert_eq!((claims.sub.as_str(), claims.exp), ("alice", i64::MAX));
}

#[test]
fn dev_mode_still_judges_names() {
    let judge = |edit: Value| {
        let token = unsigned("none", &edited(payload(), edit));
        verify_unsigned(&token, &PROJECT, NOW).map(|claims| claims.auth_time)
    };
    assert_eq!(judge(json!({})), Ok(900));
    assert_eq!(judge(json!({"auth_time": null})), Ok(1000));
    assert_eq!(judge(json!({"aud": "other"})), Err(wrong_audience()));
    assert_eq!(judge(json!({"iss": "x"})), Err(wrong_issuer()));
    assert_eq!(judge(json!({"sub": "bob"})), Err(Error::Subject));
}

#[test]
fn dev_mode_takes_no_signed_token_for_an_unsigned_one() {
    let token = sign(&header(), &payload(), &SIGNER_KEY);
    assert_eq!(
        verify_unsigned(&token, &PROJECT, NOW),
        Err(Error::Algorithm)
    );
    let (signed, _) = token.rsplit_once('.').unwrap();
    let cut = verify_unsigned(&format!("{signed}."), &PROJECT, NOW);
    assert_eq!(cut, Err(Error::Algorithm));
    assert!(verify_unsigned("{}", &PROJECT, NOW).is_err());
}
