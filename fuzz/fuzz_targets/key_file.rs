//! Key files and PEM texts: what is read is written the same, and no error shows the key.
//!
//! Input: a key file's JSON; `$KEY` in it stands for a good private key, which no fuzzer would find.

#![no_main]

use std::sync::LazyLock;

use firekeep_crypto::jws;
use firekeep_crypto::rsa::PrivateKey;
use firekeep_fuzz::KEY;
use firekeep_model::ProjectId;
use firekeep_token::KeyFile;
use libfuzzer_sys::fuzz_target;

static PEM: LazyLock<String> = LazyLock::new(|| KEY.private_key.to_pkcs8_pem());
/// The PEM text as it stands inside a JSON string.
static IN_JSON: LazyLock<String> = LazyLock::new(|| PEM.replace('\n', "\\n"));

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    check_pem(&text.replace("$KEY", &PEM));
    match KeyFile::parse(&text.replace("$KEY", &IN_JSON)) {
        Ok(file) => check_file(&file),
        Err(error) => check_error(&error.to_string()),
    }
});

fn check_pem(text: &str) {
    match PrivateKey::from_pkcs8_pem(text) {
        Ok(key) => {
            let pem = key.to_pkcs8_pem();
            let again = PrivateKey::from_pkcs8_pem(&pem).expect("what we write can be read");
            assert_eq!((again.public(), again.to_pkcs8_pem()), (key.public(), pem));
        }
        Err(error) => check_error(&error.to_string()),
    }
}

fn check_file(file: &KeyFile) {
    assert!(ProjectId::parse(&file.project_id).is_ok());
    assert!(jws::is_kid(&file.private_key_id));
    assert!(file.client_email.contains('@') && file.client_email.chars().count() <= 254);
    let json = file.to_json();
    let again = KeyFile::parse(&json).expect("what we write can be read");
    let texts = |file: &KeyFile| {
        [
            &file.project_id,
            &file.private_key_id,
            &file.client_email,
            &file.client_id,
            &file.auth_uri,
            &file.token_uri,
            &file.auth_provider_x509_cert_url,
            &file.client_x509_cert_url,
            &file.universe_domain,
        ]
        .map(String::clone)
    };
    assert_eq!(texts(&again), texts(file));
    assert_eq!(again.private_key.public(), file.private_key.public());
    assert_eq!(again.to_json(), json);
    check_error(&format!("{:?}", file.private_key));
}

/// A text that people and logs see: short, and without any line of the key.
fn check_error(text: &str) {
    assert!(text.len() < 200, "{text}");
    assert!(PEM.lines().all(|line| !text.contains(line)));
}
