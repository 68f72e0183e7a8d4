//! Minting. Source: auth specification, section 6.

use super::*;

/// Both files: `createCustomToken` of firebase-admin 13.10.0 at 1 700 000 000 s, with `tests/data/key_file.json`.
#[test]
fn a_minted_token_equals_the_admin_sdks() {
    let key = test_key_file();
    let now = Timestamp::from_millis(1_700_000_000_123);
    let minted = |uid: &str, claims: Value| {
        mint(
            &key,
            &Uid::parse(uid).unwrap(),
            claims.as_object().unwrap(),
            now,
            3600,
        )
        .unwrap()
    };
    assert_eq!(
        minted("alice", json!({})),
        include_str!("../../../tests/data/custom_token.txt").trim()
    );
    assert_eq!(
        minted(
            "ünïcode \"uid\"",
            json!({"admin": true, "level": 3, "tags": ["a", "b"]})
        ),
        include_str!("../../../tests/data/custom_token_with_claims.txt").trim()
    );
}

#[test]
fn a_minted_token_verifies() {
    let key = test_key_file();
    let account = ServiceAccount {
        client_email: key.client_email.clone(),
        disabled: false,
        keys: vec![(key.private_key_id.clone(), key.private_key.public())],
    };
    let claims = json!({"role": "admin"}).as_object().unwrap().clone();
    let uid = Uid::parse("alice").unwrap();
    let token = mint(&key, &uid, &claims, NOW, 300).unwrap();
    let expected = Verified {
        uid,
        claims,
        tenant: None,
        exp: NOW.secs() + 300,
    };
    assert_eq!(
        verify(&token, &Accounts(vec![account]), NOW, None),
        Ok(expected)
    );
}

#[test]
fn what_would_be_refused_is_not_minted() {
    let (key, uid) = (test_key_file(), Uid::parse("a").unwrap());
    let mint_for = |claims: Value, secs| mint(&key, &uid, claims.as_object().unwrap(), NOW, secs);
    for secs in [i64::MIN, 0, 3601, i64::MAX] {
        assert_eq!(mint_for(json!({}), secs), Err(Error::Lifetime));
    }
    assert_eq!(
        mint_for(json!({"aud": "x"}), 1),
        Err(Error::ForbiddenClaim("aud".to_owned()))
    );
    assert_eq!(
        mint_for(json!({"a": "x".repeat(1000)}), 1),
        Err(Error::ClaimsTooLarge)
    );
}
