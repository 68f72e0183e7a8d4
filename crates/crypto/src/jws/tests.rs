//! The rows of the must-reject list (auth specification, section 22.1) that need no claim.

use serde_json::json;

use super::*;
use crate::rsa::tests::KEY;

fn segment(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token whose signature is the byte 0.
fn token(header: &str, payload: &str) -> String {
    format!("{}.{}.AA", segment(header), segment(payload))
}

#[track_caller]
fn refuse(text: &str, word: &str) {
    match Compact::parse(text) {
        Err(Error::Malformed(reason)) => assert!(reason.contains(word), "{reason}"),
        other => panic!("{other:?}"),
    }
}

const HEADER: &str = r#"{"alg":"RS256","typ":"JWT"}"#;

#[test]
fn a_signed_token_parses_and_verifies() {
    let header = json!({"alg": "RS256", "kid": "k1", "typ": "JWT"});
    let text = sign_rs256(&header, &json!({"sub": "ü"}), &KEY).unwrap();
    let compact = Compact::parse(&text).unwrap();
    assert_eq!(compact.header.alg, "RS256");
    assert_eq!(compact.header.kid.as_deref(), Some("k1"));
    assert_eq!(compact.header.typ.as_deref(), Some("JWT"));
    assert_eq!(compact.payload["sub"], "ü");
    assert!(!compact.signature_is_empty());
    assert_eq!(compact.verify_rs256(&KEY.public()), Ok(()));
    let other = PrivateKey::generate().unwrap().public();
    assert_eq!(compact.verify_rs256(&other), Err(Error::Signature));
}

#[test]
fn a_changed_segment_does_not_verify() {
    let header = json!({"alg": "RS256"});
    let text = sign_rs256(&header, &json!({"sub": "a"}), &KEY).unwrap();
    let [head, _, signature] = text.split('.').collect::<Vec<_>>()[..] else {
        panic!()
    };
    let check = |text: &str| {
        let compact = Compact::parse(text).unwrap();
        assert_eq!(
            compact.verify_rs256(&KEY.public()),
            Err(Error::Signature),
            "{text}"
        );
    };
    check(&format!("{head}.{}.{signature}", segment(r#"{"sub":"b"}"#)));
    check(&format!(
        "{}.{}.{signature}",
        segment(r#"{"alg":"none"}"#),
        segment(r#"{"sub":"a"}"#)
    ));
    check(&format!("{head}.{}.", segment(r#"{"sub":"a"}"#)));
    check(&format!("{head}.{}.AA", segment(r#"{"sub":"a"}"#)));
}

#[test]
fn an_empty_signature_is_visible() {
    let text = format!("{}.{}.", segment(r#"{"alg":"none"}"#), segment("{}"));
    assert!(Compact::parse(&text).unwrap().signature_is_empty());
}

#[test]
fn fewer_or_more_than_three_segments_are_refused() {
    let (head, body) = (segment(HEADER), segment("{}"));
    for text in [
        String::new(),
        head.clone(),
        format!("{head}.{body}"),
        format!("{head}.{body}.AA.AA"),
        format!("{head}.{body}..AA"),
        format!(".{head}.{body}.AA"),
    ] {
        refuse(&text, "three segments");
    }
    refuse("..", "JSON");
}

#[test]
fn a_json_serialisation_is_refused() {
    refuse(
        r#"{"payload":"e30","protected":"e30","signature":"AA"}"#,
        "three segments",
    );
}

#[test]
fn non_canonical_base64url_is_refused() {
    let good = token(HEADER, "{}");
    assert!(Compact::parse(&good).is_ok());
    for text in [
        format!("{good}=="),
        format!(" {good}"),
        format!("{good}\n"),
        good.replacen('.', " .", 1),
        // The last character has bits that no byte uses.
        format!("{}B", good.trim_end_matches('A').to_owned() + "A"),
        // The standard alphabet.
        good.replace(".AA", ".+/"),
        // One character is no byte.
        format!("{good}AAA"),
        good.replace(".AA", ".A\0"),
    ] {
        refuse(&text, "base64url");
    }
}

#[test]
fn parts_that_are_no_json_object_are_refused() {
    for part in ["", "[]", "1", "null", "{}{}", "{"] {
        refuse(&token(HEADER, part), "JSON");
        refuse(&token(part, "{}"), "JSON");
    }
}

#[test]
fn non_utf8_is_refused() {
    let bad = b"{\"a\":\"\xff\"}".as_slice();
    refuse(&format!("{}.{}.AA", segment(HEADER), segment(bad)), "UTF-8");
    refuse(&format!("{}.{}.AA", segment(bad), segment("{}")), "UTF-8");
}

#[test]
fn duplicate_keys_of_one_object_are_refused() {
    refuse(&token(r#"{"alg":"RS256","alg":"none"}"#, "{}"), "twice");
    refuse(&token(HEADER, r#"{"uid":"a","uid":"a"}"#), "twice");
    refuse(&token(HEADER, r#"{"claims":{"a":1,"a":2}}"#), "twice");
}

#[test]
fn the_same_key_at_another_depth_is_normal() {
    let payload = r#"{"email":"a@b","firebase":{"identities":{"email":["a@b"]}}}"#;
    assert!(Compact::parse(&token(HEADER, payload)).is_ok());
}

#[test]
fn deep_nesting_is_refused() {
    let nested = |levels: usize| {
        let payload = format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        token(HEADER, &payload)
    };
    assert!(Compact::parse(&nested(JSON_DEPTH_MAX)).is_ok());
    refuse(&nested(JSON_DEPTH_MAX + 1), "16 levels");
}

#[test]
fn more_than_16_kib_is_refused_before_parsing() {
    refuse(&"A".repeat(TOKEN_BYTES_MAX + 1), "16 KiB");
    let header = format!(r#"{{"alg":"RS256","x":"{}"}}"#, "a".repeat(TOKEN_BYTES_MAX));
    refuse(&token(&header, "{}"), "16 KiB");
    let rest = TOKEN_BYTES_MAX - token(HEADER, "{}").len();
    let fits = format!("{}{}", token(HEADER, "{}"), "A".repeat(rest / 4 * 4));
    assert!(Compact::parse(&fits).is_ok());
}

#[test]
fn forbidden_header_members_are_refused_whatever_their_value() {
    for name in FORBIDDEN {
        for value in ["null", "false", "\"https://evil.example\"", "[\"exp\"]"] {
            let header = format!(r#"{{"alg":"RS256","{name}":{value}}}"#);
            let parsed = Compact::parse(&token(&header, "{}"))
                .map(|_| ())
                .unwrap_err();
            assert_eq!(parsed, Error::ForbiddenHeader(name));
        }
    }
}

#[test]
fn a_header_member_of_the_wrong_type_is_refused() {
    refuse(&token("{}", "{}"), "no `alg`");
    refuse(&token(r#"{"alg":1}"#, "{}"), "not a string");
    refuse(&token(r#"{"alg":["RS256"]}"#, "{}"), "not a string");
    refuse(&token(r#"{"alg":"RS256","kid":1}"#, "{}"), "not a string");
    refuse(
        &token(r#"{"alg":"RS256","typ":null}"#, "{}"),
        "not a string",
    );
}

#[test]
fn a_kid_that_is_a_path_url_sql_nul_or_very_long_is_refused() {
    let long = "a".repeat(KID_BYTES_MAX + 1);
    for kid in [
        "",
        "../../etc/passwd",
        "/dev/null",
        "https://evil.example/key",
        "a' OR '1'='1",
        "a\\u0000b",
        "ä",
        &long,
    ] {
        let header = format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#);
        refuse(&token(&header, "{}"), "`kid`");
    }
    assert!(is_kid("de955d6e0bd2c3f40d4b2a0d1ba5a0f0a1b2c3d4"));
}

#[test]
fn members_keep_the_order_of_their_type() {
    #[derive(Serialize)]
    struct Header {
        typ: &'static str,
        alg: &'static str,
    }
    let header = Header {
        typ: "JWT",
        alg: "RS256",
    };
    let text = sign_rs256(&header, &json!({}), &KEY).unwrap();
    assert!(text.starts_with(&segment(r#"{"typ":"JWT","alg":"RS256"}"#)));
}
