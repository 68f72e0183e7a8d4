//! Service accounts as verifiers see them: who may sign, with which keys.

use firekeep_crypto::jws::Compact;
use firekeep_crypto::rsa::PublicKey;
use serde_json::{Map, Value};

use crate::{Error, claims};

/// Finds service accounts. The registry of the project implements it.
pub trait ServiceAccounts {
    /// The account of that name, enabled or not. The name is foreign text: only compare it.
    fn find(&self, client_email: &str) -> Option<ServiceAccount>;
}

/// An identity that signs custom tokens and assertions.
#[derive(Clone, Debug)]
pub struct ServiceAccount {
    /// Its name: `iss` of what it signs.
    pub client_email: String,
    /// Whether everything it signs is refused.
    pub disabled: bool,
    /// Its keys by their ids.
    pub keys: Vec<(String, PublicKey)>,
}

/// The account that `iss` names.
pub(crate) fn issuer(
    payload: &Map<String, Value>,
    accounts: &dyn ServiceAccounts,
) -> Result<ServiceAccount, Error> {
    let account = claims::text(payload, "iss").and_then(|email| accounts.find(email));
    let account = account.ok_or(Error::UnknownIssuer)?;
    if account.disabled {
        return Err(Error::AccountDisabled);
    }
    Ok(account)
}

/// Verifies a signature by the key that `kid` names when the account has it, else by any of the account's keys.
pub(crate) fn check_signature(
    compact: &Compact<'_>,
    account: &ServiceAccount,
) -> Result<(), Error> {
    let kid = compact.header.kid.as_deref();
    let mut named = account
        .keys
        .iter()
        .filter(|(id, _)| Some(id.as_str()) == kid);
    match (named.next(), named.next()) {
        (Some((_, key)), None) => Ok(compact.verify_rs256(key)?),
        // Two keys of one id: whichever we took, somebody meant the other one.
        (Some(_), Some(_)) => Err(Error::UnknownKey),
        (None, _) => {
            let verifies = |(_, key): &(String, PublicKey)| compact.verify_rs256(key).is_ok();
            if account.keys.iter().any(verifies) {
                Ok(())
            } else {
                Err(Error::Signature)
            }
        }
    }
}
