//! Tokens with a good signature over any header and payload: the checks behind the signature.
//!
//! Input: the header's JSON, a line end, the payload's JSON. The target signs them.

#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firekeep_crypto::jws::{Compact, TOKEN_BYTES_MAX};
use firekeep_fuzz::{Accounts, KEY, NOW, judge, place};
use firekeep_model::ProjectId;
use firekeep_token::{custom, id};
use libfuzzer_sys::fuzz_target;
use serde_json::Map;

fuzz_target!(|data: &[u8]| {
    let at = data.iter().position(|byte| *byte == b'\n');
    let (header, payload) = data.split_at(at.unwrap_or(data.len()));
    let payload = payload.strip_prefix(b"\n").unwrap_or_default();
    let encode = |part| URL_SAFE_NO_PAD.encode(part);
    let mut token = format!("{}.{}.", encode(header), encode(payload));
    // Signing is slow: not what is refused before its signature is looked at.
    if Compact::parse(&token).is_ok() {
        let signed = token.trim_end_matches('.');
        let signature = KEY.private_key.sign(signed.as_bytes()).expect("it signs");
        token.push_str(&URL_SAFE_NO_PAD.encode(signature));
    }
    if let Some(verified) = judge(&token) {
        every_change_is_noticed(&token, &verified, data);
        survives_minting(&verified);
    }
});

/// Changes one character, at a place that depends on the input.
fn every_change_is_noticed(token: &str, verified: &custom::Verified, data: &[u8]) {
    let at = place(data, token.len());
    let changed: String = token
        .char_indices()
        .map(|(index, c)| match c {
            c if index != at => c,
            'A' => 'B',
            _ => 'A',
        })
        .collect();
    let tenant = verified.tenant.as_deref();
    assert!(custom::verify(&changed, &Accounts, NOW, tenant).is_err());
}

/// A token that we make of what we read says the same; and so does the ID token of its session.
fn survives_minting(verified: &custom::Verified) {
    let custom::Verified { uid, claims, .. } = verified;
    let token = custom::mint(&KEY, uid, claims, NOW, 3600).expect("verified claims can be minted");
    assert!(token.len() <= TOKEN_BYTES_MAX);
    let again = custom::verify(&token, &Accounts, NOW, None).expect("what we mint verifies");
    assert_eq!((&again.uid, &again.claims), (uid, claims));

    let key = id::SigningKey {
        kid: "k".to_owned(),
        key: firekeep_crypto::rsa::PrivateKey::from_pkcs8_pem(&KEY.private_key.to_pkcs8_pem())
            .expect("the key can be read"),
    };
    let none = Map::new();
    let subject = id::Subject {
        uid,
        email: Some("a@example.com"),
        email_verified: true,
        phone: None,
        name: None,
        picture: None,
        anonymous: false,
        identities: &none,
        provider: "custom",
        account_claims: &none,
        session_claims: claims,
        auth_time: NOW.secs(),
        session: Some(id::SubjectSession {
            id: "s",
            incarnation: u64::MAX,
        }),
    };
    let project = ProjectId::parse("p").expect("a project's id");
    let token = id::mint(&key, &project, &subject, NOW).expect("it signs");
    let public = |kid: &str| (kid == "k").then(|| KEY.private_key.public());
    let read = id::verify(&token, &project, &public, NOW).expect("what we mint verifies");
    assert_eq!(&read.sub, uid);
    assert_eq!(read.incarnation, Some(u64::MAX));
    for (name, value) in &read.session_claims {
        assert_eq!(claims.get(name), Some(value));
    }
    for name in claims.keys() {
        let of_server = [
            "user_id",
            "email",
            "email_verified",
            "phone_number",
            "provider_id",
        ];
        let kept = read.session_claims.contains_key(name);
        assert_eq!(kept, !of_server.contains(&&**name), "{name}");
    }
}
