//! Keys, accounts and tokens that the tests of custom tokens share.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firekeep_crypto::rsa::PrivateKey;
use serde_json::json;

use super::*;

mod mint;
mod unsigned;
mod verify;

pub(crate) const EMAIL: &str = "signer@example.com";
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1000);
/// Both keys were made by `openssl genpkey` for these tests only.
pub(crate) static SIGNER_KEY: LazyLock<PrivateKey> = LazyLock::new(|| test_key_file().private_key);
pub(crate) static OTHER_KEY: LazyLock<PrivateKey> = LazyLock::new(|| {
    PrivateKey::from_pkcs8_pem(include_str!("../../tests/data/other_key.pem")).unwrap()
});

pub(crate) struct Accounts(Vec<ServiceAccount>);

impl ServiceAccounts for Accounts {
    fn find(&self, client_email: &str) -> Option<ServiceAccount> {
        self.0
            .iter()
            .find(|account| account.client_email == client_email)
            .cloned()
    }
}

/// The signer with its key `k1`, a disabled account with the same key, and another account with another key.
pub(crate) static ACCOUNTS: LazyLock<Accounts> = LazyLock::new(|| {
    let account = |email: &str, disabled, key: &PrivateKey| ServiceAccount {
        client_email: email.to_owned(),
        disabled,
        keys: vec![("k1".to_owned(), key.public())],
    };
    Accounts(vec![
        account(EMAIL, false, &SIGNER_KEY),
        account("off@example.com", true, &SIGNER_KEY),
        account("other@example.com", false, &OTHER_KEY),
    ])
});

pub(crate) fn sign(header: &Value, payload: &Value, key: &PrivateKey) -> String {
    jws::sign_rs256(header, payload, key).unwrap()
}

/// `base` with the members of `edit` over it; `null` removes one.
pub(crate) fn edited(mut base: Value, edit: Value) -> Value {
    for (name, value) in edit.as_object().unwrap() {
        if value.is_null() {
            base.as_object_mut().unwrap().remove(name);
        } else {
            base[name] = value.clone();
        }
    }
    base
}

fn header() -> Value {
    json!({"alg": "RS256", "typ": "JWT"})
}

fn payload() -> Value {
    json!({
        "aud": CUSTOM_TOKEN_AUDIENCE, "iat": 1000, "exp": 4600,
        "iss": EMAIL, "sub": EMAIL, "uid": "alice",
    })
}

fn segment(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn test_key_file() -> KeyFile {
    KeyFile::parse(include_str!("../../tests/data/key_file.json")).unwrap()
}
