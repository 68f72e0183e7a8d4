//! The steps of the auth specification, section 6, and the rows of its must-reject list, section 22.1.

use base64::engine::general_purpose::STANDARD;
use firekeep_crypto::digest::sha256;
use firekeep_crypto::jwk;

use super::*;

fn judge(token: &str) -> Result<Verified, Error> {
    verify(token, &*ACCOUNTS, NOW, None)
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

#[track_caller]
fn accept(edit: Value) -> Verified {
    judge(&sign(&header(), &edited(payload(), edit), &SIGNER_KEY)).unwrap()
}

fn wrong_audience() -> Error {
    Error::Audience(CUSTOM_TOKEN_AUDIENCE.to_owned())
}

#[test]
fn a_missing_token_is_named() {
    assert_eq!(judge(""), Err(Error::Missing));
}

#[test]
fn a_valid_token_gives_uid_claims_and_tenant() {
    let verified = accept(json!({"claims": {"role": "admin", "__proto__": {"x": 1}}}));
    assert_eq!(verified.uid.as_str(), "alice");
    // A `__proto__` is a name like any other.
    assert_eq!(
        Value::Object(verified.claims),
        json!({"role": "admin", "__proto__": {"x": 1}})
    );
    assert_eq!(verified.tenant, None);
}

#[test]
fn an_unsigned_token_is_refused() {
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let head = segment(&format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#));
        let body = segment(&payload().to_string());
        assert_eq!(
            judge(&format!("{head}.{body}.")),
            Err(Error::Algorithm),
            "{alg}"
        );
        assert!(matches!(
            judge(&format!("{head}.{body}")),
            Err(Error::Malformed(_))
        ));
        refuse_header(json!({"alg": alg}), Error::Algorithm);
    }
}

#[test]
fn an_empty_signature_is_refused() {
    let token = sign(&header(), &payload(), &SIGNER_KEY);
    let (signed, _) = token.rsplit_once('.').unwrap();
    assert_eq!(judge(&format!("{signed}.")), Err(Error::Signature));
    assert!(matches!(judge(signed), Err(Error::Malformed(_))));
}

#[test]
fn a_public_key_is_no_hmac_secret() {
    let der = SIGNER_KEY.public().to_der();
    let base64 = STANDARD.encode(&der);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n");
    let jwk = jwk::rsa_jwk(&SIGNER_KEY.public(), "k1").to_string();
    for alg in ["HS256", "HS384", "HS512"] {
        for secret in [der.as_slice(), pem.as_bytes(), jwk.as_bytes()] {
            for claimed in [alg, "RS256"] {
                let head = segment(&json!({"alg": claimed, "kid": "k1"}).to_string());
                let signed = format!("{head}.{}", segment(&payload().to_string()));
                let mac = URL_SAFE_NO_PAD.encode(hmac_sha256(secret, signed.as_bytes()));
                let expected = if claimed == "RS256" {
                    Error::Signature
                } else {
                    Error::Algorithm
                };
                assert_eq!(judge(&format!("{signed}.{mac}")), Err(expected));
            }
        }
    }
}

/// RFC 2104.
fn hmac_sha256(secret: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0; 64];
    if secret.len() > 64 {
        block[..32].copy_from_slice(&sha256(secret));
    } else {
        block[..secret.len()].copy_from_slice(secret);
    }
    let inner = sha256(&[&block.map(|byte| byte ^ 0x36), message].concat());
    sha256(&[block.map(|byte| byte ^ 0x5c).as_slice(), &inner].concat())
}

#[test]
fn another_algorithm_is_refused() {
    for alg in [
        "RS384", "RS512", "PS256", "ES256", "EdDSA", "rs256", "RS256 ",
    ] {
        refuse_header(json!({"alg": alg}), Error::Algorithm);
    }
}

#[test]
fn another_type_is_refused() {
    refuse_header(json!({"typ": "at+jwt"}), Error::Type);
    refuse_header(json!({"typ": "jwt"}), Error::Type);
    assert!(judge(&sign(&json!({"alg": "RS256"}), &payload(), &SIGNER_KEY)).is_ok());
}

#[test]
fn forbidden_header_members_are_refused() {
    for name in [
        "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip", "enc",
    ] {
        let value = if name == "b64" {
            json!(false)
        } else {
            json!("https://evil.example/")
        };
        refuse_header(json!({ name: value }), Error::ForbiddenHeader(name));
    }
}

#[test]
fn an_unknown_issuer_is_refused() {
    let id_token = json!({"iss": "https://securetoken.google.com/demo", "sub": "alice"});
    let emulator = "firebase-auth-emulator@example.com";
    for edit in [
        id_token,
        json!({"iss": null}),
        json!({"iss": 1}),
        json!({"iss": ""}),
        json!({"iss": [EMAIL]}),
        json!({"iss": "nobody@example.com", "sub": "nobody@example.com"}),
        json!({"iss": emulator, "sub": emulator}),
        json!({"iss": EMAIL.to_uppercase()}),
    ] {
        refuse(edit, Error::UnknownIssuer);
    }
}

#[test]
fn a_disabled_service_account_is_refused() {
    let edit = json!({"iss": "off@example.com", "sub": "off@example.com"});
    refuse(edit, Error::AccountDisabled);
}

#[test]
fn the_subject_must_be_the_issuer() {
    refuse(json!({"sub": null}), Error::IssuerSubject);
    refuse(json!({"sub": "alice"}), Error::IssuerSubject);
    refuse(json!({"sub": [EMAIL]}), Error::IssuerSubject);
}

#[test]
fn another_accounts_signature_is_refused() {
    let token = sign(&header(), &payload(), &OTHER_KEY);
    assert_eq!(judge(&token), Err(Error::Signature));
    let named = sign(
        &edited(header(), json!({"kid": "k1"})),
        &payload(),
        &OTHER_KEY,
    );
    assert_eq!(judge(&named), Err(Error::Signature));
}

#[test]
fn a_known_kid_chooses_the_key_and_an_unknown_one_does_not_matter() {
    for kid in ["k1", "ffffffff"] {
        let token = sign(
            &edited(header(), json!({ "kid": kid })),
            &payload(),
            &SIGNER_KEY,
        );
        assert!(judge(&token).is_ok(), "{kid}");
    }
    let two = |ids: [&str; 2]| {
        let keys = vec![
            (ids[0].to_owned(), OTHER_KEY.public()),
            (ids[1].to_owned(), SIGNER_KEY.public()),
        ];
        Accounts(vec![ServiceAccount {
            client_email: EMAIL.to_owned(),
            disabled: false,
            keys,
        }])
    };
    let judge_by = |accounts: &Accounts, kid: Value| {
        let token = sign(
            &edited(header(), json!({ "kid": kid })),
            &payload(),
            &SIGNER_KEY,
        );
        verify(&token, accounts, NOW, None).map(|_| ())
    };
    assert_eq!(judge_by(&two(["k1", "k2"]), json!("k2")), Ok(()));
    assert_eq!(
        judge_by(&two(["k1", "k2"]), json!("k1")),
        Err(Error::Signature)
    );
    assert_eq!(judge_by(&two(["k1", "k2"]), json!(null)), Ok(()));
}

#[test]
fn two_keys_with_one_kid_are_refused() {
    let keys = ["k1", "k1"]
        .map(|id| (id.to_owned(), SIGNER_KEY.public()))
        .to_vec();
    let account = ServiceAccount {
        client_email: EMAIL.to_owned(),
        disabled: false,
        keys,
    };
    let token = sign(
        &edited(header(), json!({"kid": "k1"})),
        &payload(),
        &SIGNER_KEY,
    );
    let verified = verify(&token, &Accounts(vec![account]), NOW, None);
    assert_eq!(verified, Err(Error::UnknownKey));
}

#[test]
fn a_kid_that_is_a_path_url_sql_nul_or_very_long_is_refused() {
    let long = "a".repeat(8 * 1024);
    for kid in [
        "../../k1",
        "https://evil.example/k1",
        "k1\0",
        "k1' OR 1=1 --",
        &long,
    ] {
        let token = sign(
            &edited(header(), json!({ "kid": kid })),
            &payload(),
            &SIGNER_KEY,
        );
        assert!(matches!(judge(&token), Err(Error::Malformed(_))), "{kid}");
    }
}

#[test]
fn the_audience_must_be_the_one_text() {
    for audience in [
        json!(null),
        json!(""),
        json!([CUSTOM_TOKEN_AUDIENCE]),
        json!("demo-project"),
        json!(format!("{CUSTOM_TOKEN_AUDIENCE}/")),
        json!("https://oauth2.googleapis.com/token"),
    ] {
        refuse(json!({ "aud": audience }), wrong_audience());
    }
}

#[test]
fn times_must_be_whole_numbers() {
    let huge = 1u64 << 63;
    for (name, other) in [("iat", "exp"), ("exp", "iat")] {
        for time in [
            json!(null),
            json!("1000"),
            json!(1000.5),
            json!(1e300),
            json!(huge),
            json!({}),
        ] {
            let edit = json!({ name: time, other: 1000 });
            refuse(edit, Error::Time(if name == "iat" { "iat" } else { "exp" }));
        }
    }
}

#[test]
fn a_token_of_the_future_is_refused_beyond_five_minutes() {
    accept(json!({"iat": 1300, "exp": 1301}));
    refuse(json!({"iat": 1301, "exp": 1302}), Error::IssuedInFuture);
    refuse(
        json!({"iat": i64::MAX, "exp": i64::MAX}),
        Error::IssuedInFuture,
    );
    // Milliseconds.
    refuse(
        json!({"iat": 1_000_000, "exp": 4_600_000}),
        Error::IssuedInFuture,
    );
}

#[test]
fn an_expired_token_is_refused_after_a_minute() {
    accept(json!({"iat": 900, "exp": 941}));
    refuse(json!({"iat": 900, "exp": 940}), Error::Expired);
    refuse(json!({"iat": i64::MIN, "exp": i64::MIN}), Error::Expired);
}

#[test]
fn a_token_lives_1_to_3600_seconds() {
    accept(json!({"exp": 1001}));
    refuse(json!({"exp": 1000}), Error::Lifetime);
    refuse(json!({"exp": 999}), Error::Lifetime);
    refuse(json!({"exp": 4601}), Error::Lifetime);
    refuse(json!({"iat": i64::MIN, "exp": i64::MAX}), Error::Lifetime);
}

#[test]
fn a_token_of_another_tenant_is_refused() {
    let judge_for = |token_tenant: Value, tenant: Option<&str>| {
        let payload = edited(payload(), json!({ "tenant_id": token_tenant }));
        let token = sign(&header(), &payload, &SIGNER_KEY);
        verify(&token, &*ACCOUNTS, NOW, tenant).map(|verified| verified.tenant)
    };
    assert_eq!(judge_for(json!("a"), Some("a")), Ok(Some("a".to_owned())));
    assert_eq!(judge_for(json!(null), None), Ok(None));
    assert_eq!(judge_for(json!("b"), Some("a")), Err(Error::TenantMismatch));
    assert_eq!(
        judge_for(json!(null), Some("a")),
        Err(Error::TenantMismatch)
    );
    assert_eq!(judge_for(json!("a"), None), Err(Error::TenantMismatch));
    assert_eq!(judge_for(json!(1), None), Err(Error::TenantMismatch));
}

#[test]
fn a_uid_has_1_to_128_characters() {
    refuse(json!({"uid": null}), Error::MissingUid);
    refuse(json!({"uid": ""}), Error::BadUid);
    refuse(json!({"uid": "a".repeat(129)}), Error::BadUid);
    refuse(json!({"uid": ["alice"]}), Error::BadUid);
    refuse(json!({"uid": {}}), Error::BadUid);
    let check = |edit: Value, uid: &str| assert_eq!(accept(edit).uid.as_str(), uid);
    check(json!({"uid": "ü".repeat(128)}), &"ü".repeat(128));
    check(json!({"uid": 42}), "42");
    check(json!({"uid": false}), "false");
    check(json!({"uid": null, "user_id": "bob"}), "bob");
    check(json!({"uid": "alice", "user_id": "bob"}), "alice");
}

#[test]
fn developer_claims_are_an_object_without_reserved_names() {
    for claims in [json!("a"), json!([]), json!(1), json!(true)] {
        refuse(json!({ "claims": claims }), Error::ClaimsNotObject);
    }
    let null = payload().to_string().replacen('{', "{\"claims\":null,", 1);
    let null: Value = serde_json::from_str(&null).unwrap();
    assert_eq!(
        judge(&sign(&header(), &null, &SIGNER_KEY)),
        Err(Error::ClaimsNotObject)
    );
    for name in [
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
    ] {
        refuse(
            json!({"claims": { name: 1 }}),
            Error::ForbiddenClaim(name.to_owned()),
        );
    }
    // `{"a":"…"}` is 8 characters beside the text.
    accept(json!({"claims": {"a": "ü".repeat(992)}}));
    refuse(
        json!({"claims": {"a": "ü".repeat(993)}}),
        Error::ClaimsTooLarge,
    );
}

#[test]
fn form_is_judged_before_anything_else() {
    let token = sign(&header(), &payload(), &SIGNER_KEY);
    let twice = r#"{"alg":"RS256","alg":"RS256"}"#;
    for text in [
        "garbage".to_owned(),
        format!("{token}="),
        format!("{token}\n"),
        format!("{token}.AA"),
        format!("{}.{}", token, "A".repeat(16 * 1024)),
        format!("{}.{}.AA", segment(twice), segment(&payload().to_string())),
        r#"{"uid":"alice"}"#.to_owned(),
    ] {
        assert!(matches!(judge(&text), Err(Error::Malformed(_))), "{text}");
    }
}
