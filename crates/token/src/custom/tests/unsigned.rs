//! Dev mode's unsigned tokens. Source: auth specification, section 3.

use super::*;

fn unsigned(payload: &Value) -> String {
    let head = segment(r#"{"alg":"none","typ":"JWT"}"#);
    format!("{head}.{}.", segment(&payload.to_string()))
}

#[test]
fn dev_mode_reads_an_unsigned_token_of_the_admin_sdks_emulator_mode() {
    let emulator = "firebase-auth-emulator@example.com";
    let edit = json!({"iss": emulator, "sub": emulator, "iat": 0, "exp": 1, "claims": {"a": 1}});
    let token = unsigned(&edited(payload(), edit));
    assert!(is_unsigned(&token));
    let verified = verify_unsigned(&token, NOW).unwrap();
    assert_eq!(
        (verified.uid.as_str(), &verified.claims["a"]),
        ("alice", &json!(1))
    );
}

#[test]
fn dev_mode_reads_a_bare_json_object() {
    let token = r#"{"uid":"alice","claims":{"a":1}}"#;
    assert!(is_unsigned(token));
    let verified = verify_unsigned(token, NOW).unwrap();
    assert_eq!(
        (verified.uid.as_str(), &verified.claims["a"]),
        ("alice", &json!(1))
    );
    assert_eq!(verify_unsigned("{}", NOW), Err(Error::MissingUid));
    for text in ["{uid: 'a'}", r#"{"uid":"a","uid":"b"}"#, r#"{"uid":"a"} x"#] {
        let error = verify_unsigned(text, NOW).unwrap_err();
        assert!(error.to_string().starts_with("((") && error.to_string().ends_with("))"));
    }
}

#[test]
fn dev_mode_still_judges_audience_and_claims() {
    let refuse = |edit: Value, expected: Error| {
        let token = unsigned(&edited(payload(), edit));
        assert_eq!(verify_unsigned(&token, NOW), Err(expected));
    };
    refuse(json!({"aud": "demo"}), Error::UnsignedAudience);
    refuse(
        json!({"claims": {"sub": 1}}),
        Error::ForbiddenClaim("sub".to_owned()),
    );
    refuse(json!({"uid": null}), Error::MissingUid);
    refuse(json!({"iat": 1301}), Error::IssuedInFuture);
    let text = Error::UnsignedAudience.to_string();
    assert!(text.starts_with("((Invalid aud (audience): ") && text.ends_with("))"));
}

#[test]
fn a_signed_token_is_not_read_as_unsigned() {
    let token = sign(&header(), &payload(), &SIGNER_KEY);
    assert!(!is_unsigned(&token));
    assert_eq!(verify_unsigned(&token, NOW), Err(Error::Algorithm));
    // Its signature cut off.
    let (signed, _) = token.rsplit_once('.').unwrap();
    assert_eq!(
        verify_unsigned(&format!("{signed}."), NOW),
        Err(Error::Algorithm)
    );
}
