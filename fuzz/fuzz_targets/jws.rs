//! Compact JWS and every verifier of tokens, on any text.

#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firekeep_crypto::jws::{self, Compact};
use firekeep_fuzz::{KEY, depth, judge};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};

/// Source: auth specification, section 22.1.
const FORBIDDEN: [&str; 10] = [
    "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip", "enc",
];

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let _ = judge(text);
    if let Ok(compact) = Compact::parse(text) {
        agrees_with_another_reader(text, &compact);
        survives_signing(&compact.payload);
    }
});

fn agrees_with_another_reader(text: &str, compact: &Compact<'_>) {
    assert!(text.len() <= jws::TOKEN_BYTES_MAX);
    let segments: Vec<Vec<u8>> = text
        .split('.')
        .map(|segment| {
            let bytes = URL_SAFE_NO_PAD.decode(segment).expect("base64url");
            assert_eq!(URL_SAFE_NO_PAD.encode(&bytes), segment);
            bytes
        })
        .collect();
    let [header, payload, signature] = &*segments else {
        panic!("{} segments", segments.len());
    };
    assert_eq!(compact.signature_is_empty(), signature.is_empty());
    let read = |bytes: &[u8]| {
        let object: Map<String, Value> = serde_json::from_slice(bytes).expect("an object");
        assert!(depth(&Value::Object(object.clone())) <= jws::JSON_DEPTH_MAX);
        object
    };
    assert_eq!(read(payload), compact.payload);
    let header = read(header);
    assert!(FORBIDDEN.iter().all(|name| !header.contains_key(*name)));
    let text = |name: &str| {
        header
            .get(name)
            .map(|value| value.as_str().expect("a string"))
    };
    assert_eq!(text("alg"), Some(&*compact.header.alg));
    assert_eq!(text("kid"), compact.header.kid.as_deref());
    assert_eq!(text("typ"), compact.header.typ.as_deref());
    assert!(compact.header.kid.as_deref().is_none_or(jws::is_kid));
}

/// What was read can be signed and read again, unchanged; and a changed text is noticed.
fn survives_signing(payload: &Map<String, Value>) {
    let key = &KEY.private_key;
    let token = jws::sign_rs256(&json!({"alg": "RS256"}), payload, key).expect("it is JSON");
    // Escapes may have made the text longer.
    if token.len() > jws::TOKEN_BYTES_MAX {
        return;
    }
    let again = Compact::parse(&token).expect("what we sign can be read");
    assert_eq!(&again.payload, payload);
    assert!(again.verify_rs256(&key.public()).is_ok());
}
