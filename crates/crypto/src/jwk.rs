//! JSON Web Keys of RSA public keys (RFC 7517, RFC 7518 6.3.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::rsa::PublicKey;

/// A public key as a JWK: `kty`, `alg`, `use`, `kid`, `n`, `e`. Source: auth specification, section 10.
#[must_use]
pub fn rsa_jwk(key: &PublicKey, kid: &str) -> Value {
    let (modulus, exponent) = key.modulus_and_exponent();
    json!({
        "kty": "RSA",
        "alg": "RS256",
        "use": "sig",
        "kid": kid,
        "n": URL_SAFE_NO_PAD.encode(modulus),
        "e": URL_SAFE_NO_PAD.encode(exponent),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rsa::tests::KEY;

    #[test]
    fn a_jwk_has_the_members_that_libraries_read() {
        let jwk = rsa_jwk(&KEY.public(), "abc");
        assert_eq!(
            (&jwk["kty"], &jwk["alg"], &jwk["use"]),
            (&json!("RSA"), &json!("RS256"), &json!("sig"))
        );
        assert_eq!((&jwk["kid"], &jwk["e"]), (&json!("abc"), &json!("AQAB")));
        // 256 bytes without padding.
        assert_eq!(jwk["n"].as_str().unwrap().len(), 342);
    }
}
