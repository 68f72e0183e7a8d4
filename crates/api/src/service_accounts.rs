//! Service accounts: who may sign custom tokens and administer the project.
//!
//! The store holds public keys only, but for the built-in account, with which the account server signs.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firekeep_crypto::rsa::PublicKey;
use firekeep_crypto::{certificate, jwk};
use firekeep_model::{OpContext, ProjectId, Timestamp};
use firekeep_store::{Direction, KeyRange, PageLimit, Read, Space, WriteTx};
use firekeep_token::KeyFile;
use firekeep_token::custom::{ServiceAccount, ServiceAccounts, Verified};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::limits::KEY_PUBLISHED_BEFORE_USE;
use crate::memory::Memory;
use crate::{Error, PublishedKeys};

/// The name of the account server's own account.
const BUILT_IN: &str = "firekeep-accounts";
/// The end of a certificate whose key has no end of its own: the last second of 9999.
/// Source: RFC 5280, section 4.1.2.5.
const NO_END_SECS: i64 = 253_402_300_799;
/// The most characters of a certificate's common name. Source: RFC 5280, appendix A.1, `ub-common-name`.
const COMMON_NAME_CHARS_MAX: usize = 64;

/// Without `Debug`: it may hold a private key.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    client_email: String,
    project_id: String,
    keys: Vec<StoredKey>,
    #[serde(default)]
    disabled: bool,
    created_at: i64,
    /// The whole key file, of the built-in account only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_file: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct StoredKey {
    kid: String,
    der: String,
    /// A certificate of the key, as PEM; only its private half can make one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
}

/// A service account, as `firekeep service-account list` shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccountSummary {
    /// The account's name: the issuer of the tokens it signs.
    pub client_email: String,
    /// The ids of its keys.
    pub key_ids: Vec<String>,
    /// Whether its tokens are refused.
    pub disabled: bool,
    /// Whether it is the account server's own.
    pub built_in: bool,
    /// When it was registered, in seconds.
    pub created_at_secs: i64,
}

/// All service accounts, ready to use. Immutable: a change loads a new one.
pub(crate) struct Registry {
    accounts: HashMap<String, Registered>,
    built_in: KeyFile,
    /// The custom tokens that these accounts' keys verified.
    pub(crate) verified: Memory<Verified>,
}

struct Registered {
    account: ServiceAccount,
    summary: ServiceAccountSummary,
    /// `kid` → PEM certificate, of the keys that have one.
    certificates: Map<String, Value>,
}

/// The public half of a key file, and its certificate: what [`register`] stores. Made before the transaction opens.
pub(crate) struct NewAccount {
    client_email: String,
    project_id: String,
    key: StoredKey,
    /// The whole key file, of the built-in account only.
    key_file: Option<String>,
}

impl ServiceAccounts for Registry {
    fn find(&self, client_email: &str) -> Option<ServiceAccount> {
        self.accounts
            .get(client_email)
            .map(|found| found.account.clone())
    }
}

impl Registry {
    pub(crate) fn load(tx: &dyn Read) -> Result<Self, Error> {
        let mut accounts = HashMap::new();
        let mut built_in = None;
        for stored in all(tx)? {
            if let Some(json) = &stored.key_file {
                let file = KeyFile::parse(json);
                built_in = Some(file.map_err(|error| Error::Internal(error.to_string()))?);
            }
            let mut keys = Vec::with_capacity(stored.keys.len());
            let mut certificates = Map::new();
            for key in &stored.keys {
                let der = STANDARD.decode(&key.der).map_err(|_| corrupt())?;
                keys.push((key.kid.clone(), PublicKey::from_der(&der)?));
                let certificate = key.certificate.clone();
                certificates.extend(certificate.map(|pem| (key.kid.clone(), pem.into())));
            }
            let summary = ServiceAccountSummary {
                client_email: stored.client_email.clone(),
                key_ids: stored.keys.iter().map(|key| key.kid.clone()).collect(),
                disabled: stored.disabled,
                built_in: stored.key_file.is_some(),
                created_at_secs: stored.created_at,
            };
            let account = ServiceAccount {
                client_email: stored.client_email.clone(),
                disabled: stored.disabled,
                keys,
            };
            let registered = Registered {
                account,
                summary,
                certificates,
            };
            accounts.insert(stored.client_email, registered);
        }
        Ok(Self {
            accounts,
            built_in: built_in.ok_or_else(corrupt)?,
            verified: Memory::default(),
        })
    }

    /// Whether there is no built-in account: the first start of a data folder. [`Self::create_missing`] wants one then.
    pub(crate) fn wants_built_in(tx: &dyn Read) -> Result<bool, Error> {
        Ok(all(tx)?.iter().all(|account| account.key_file.is_none()))
    }

    /// Registers the built-in account, when it is missing.
    pub(crate) fn create_missing(
        tx: &mut WriteTx<'_>,
        now: Timestamp,
        new: Option<&NewAccount>,
    ) -> Result<(), Error> {
        match new {
            Some(new) if Self::wants_built_in(tx)? => register(tx, new, now),
            _ => Ok(()),
        }
    }

    /// The key file that the account server signs with.
    pub(crate) fn built_in(&self) -> &KeyFile {
        &self.built_in
    }

    pub(crate) fn summaries(&self) -> Vec<ServiceAccountSummary> {
        let mut all: Vec<_> = self
            .accounts
            .values()
            .map(|found| found.summary.clone())
            .collect();
        all.sort_by(|a, b| a.client_email.cmp(&b.client_email));
        all
    }

    /// The public keys of an account that is not disabled.
    pub(crate) fn published(&self, client_email: &str) -> Option<PublishedKeys> {
        let found = self.accounts.get(client_email);
        let found = found.filter(|found| !found.account.disabled)?;
        let keys = found.account.keys.iter();
        let jwks: Vec<Value> = keys.map(|(kid, key)| jwk::rsa_jwk(key, kid)).collect();
        Some(PublishedKeys {
            jwks: json!({ "keys": jwks }),
            certificates: Value::Object(found.certificates.clone()),
            max_age_secs: KEY_PUBLISHED_BEFORE_USE.as_secs(),
        })
    }
}

impl NewAccount {
    /// Makes the built-in account, with its key.
    pub(crate) fn built_in(
        cx: &mut OpContext<'_>,
        project: &ProjectId,
        base_url: &str,
    ) -> Result<Self, Error> {
        let file = KeyFile::generate(project, BUILT_IN, base_url, cx).map_err(Error::KeyFile)?;
        Ok(Self {
            key_file: Some(file.to_json()),
            ..Self::of(&file, cx.now)?
        })
    }

    /// Makes the certificate: the only time that the private key is used.
    pub(crate) fn of(file: &KeyFile, now: Timestamp) -> Result<Self, Error> {
        // As in Google's, the account with a dot for its `@`. Nobody builds a chain, so a long name may lose its end.
        let name: String = file.client_email.replace('@', ".");
        let name: String = name.chars().take(COMMON_NAME_CHARS_MAX).collect();
        // A day before now: clocks differ.
        let from = now.secs() - 24 * 3600;
        let pem = certificate::self_signed_pem(&file.private_key, &name, from, NO_END_SECS)?;
        Ok(Self {
            client_email: file.client_email.clone(),
            project_id: file.project_id.clone(),
            key: StoredKey {
                kid: file.private_key_id.clone(),
                der: STANDARD.encode(file.private_key.public().to_der()),
                certificate: Some(pem),
            },
            key_file: None,
        })
    }
}

/// Registers an account; another key of a known account is added to it.
pub(crate) fn register(
    tx: &mut WriteTx<'_>,
    new: &NewAccount,
    now: Timestamp,
) -> Result<(), Error> {
    let mut stored = find(tx, &new.client_email)?.unwrap_or_else(|| Stored {
        client_email: new.client_email.clone(),
        project_id: new.project_id.clone(),
        keys: Vec::new(),
        disabled: false,
        created_at: now.secs(),
        key_file: new.key_file.clone(),
    });
    let (kid, key) = (&new.key.kid, new.key.clone());
    match stored.keys.iter_mut().find(|old| old.kid == *kid) {
        Some(old) if old.der != key.der => {
            return Err(Error::Invalid(format!(
                "the account `{}` has another key with the id `{kid}`",
                new.client_email
            )));
        }
        // The certificate stays the same from one import to the next.
        Some(old) => old.certificate = old.certificate.take().or(key.certificate),
        None => stored.keys.push(key),
    }
    put(tx, &stored)
}

/// Sets whether an account's tokens are refused.
pub(crate) fn set_disabled(
    tx: &mut WriteTx<'_>,
    client_email: &str,
    disabled: bool,
) -> Result<(), Error> {
    let stored = find(tx, client_email)?.ok_or_else(|| {
        Error::NotFound(format!(
            "there is no service account `{client_email}`; `firekeep service-account list` shows all"
        ))
    })?;
    put(tx, &Stored { disabled, ..stored })
}

fn find(tx: &dyn Read, client_email: &str) -> Result<Option<Stored>, Error> {
    let row = tx.get(Space::SysAccounts, client_email.as_bytes())?;
    Ok(row
        .map(|bytes| serde_json::from_slice(&bytes))
        .transpose()?)
}

fn put(tx: &mut WriteTx<'_>, stored: &Stored) -> Result<(), Error> {
    let key = stored.client_email.as_bytes().to_vec();
    Ok(tx.put(Space::SysAccounts, key, serde_json::to_vec(stored)?.into())?)
}

fn all(tx: &dyn Read) -> Result<Vec<Stored>, Error> {
    let mut range = KeyRange::prefix(b"");
    let mut accounts = Vec::new();
    loop {
        let page = tx.scan(
            Space::SysAccounts,
            &range,
            Direction::Forward,
            PageLimit::default(),
        )?;
        for (_, value) in &page.rows {
            accounts.push(serde_json::from_slice(value)?);
        }
        match (&page.next, page.rows.last()) {
            (Some(_), Some((last, _))) => range = range.after(last),
            _ => return Ok(accounts),
        }
    }
}

fn corrupt() -> Error {
    Error::Internal("a stored service account cannot be read".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{START, Server, new_file, rows, store};
    use crate::{Core, Mode};

    fn import(core: &Core, new: &NewAccount) -> Result<(), Error> {
        core.write_here(|tx, cx| register(tx, new, cx.now))?;
        core.reload()
    }

    /// The ids of an account's JWKs, and of its certificates.
    fn published(core: &Core, client_email: &str) -> Option<[Vec<String>; 2]> {
        let found = core.service_account_keys(client_email)?;
        let keys = found.jwks["keys"].as_array().unwrap().iter();
        let mut jwks: Vec<_> = keys.map(|key| key["kid"].as_str().unwrap()).collect();
        jwks.sort_unstable();
        let certificates = found.certificates.as_object().unwrap().keys().cloned();
        let jwks = jwks.into_iter().map(str::to_owned).collect();
        Some([jwks, certificates.collect()])
    }

    #[test]
    fn every_key_has_a_certificate_and_a_disabled_account_has_none() {
        let core = Server::new(Mode::Safe).core;
        let built_in = core.accounts().built_in().client_email.clone();
        let [jwks, certificates] = published(&core, &built_in).unwrap();
        assert_eq!((jwks.len(), certificates), (1, jwks));

        let (first, second) = (new_file("imported"), new_file("imported"));
        for file in [&first, &second] {
            import(&core, &NewAccount::of(file, core.now()).unwrap()).unwrap();
        }
        let mut kids = vec![first.private_key_id, second.private_key_id];
        kids.sort_unstable();
        let both = Some([kids.clone(), kids]);
        assert_eq!(published(&core, &first.client_email), both);

        let disable = |tx: &mut WriteTx<'_>| set_disabled(tx, &first.client_email, true);
        core.write_here(|tx, _| disable(tx)).unwrap();
        core.reload().unwrap();
        assert_eq!(published(&core, &first.client_email), None);
        assert_eq!(published(&core, "nobody@example.com"), None);
    }

    #[test]
    fn a_record_without_certificate_omits_it_until_the_key_is_imported_again() {
        let core = Server::new(Mode::Safe).core;
        let file = new_file("old-record");
        let kid = vec![file.private_key_id.clone()];
        let mut old = NewAccount::of(&file, core.now()).unwrap();
        old.key.certificate = None;
        import(&core, &old).unwrap();
        let without = Some([kid.clone(), Vec::new()]);
        assert_eq!(published(&core, &file.client_email), without);
        import(&core, &NewAccount::of(&file, core.now()).unwrap()).unwrap();
        assert_eq!(
            published(&core, &file.client_email),
            Some([kid.clone(), kid])
        );
    }

    #[test]
    fn another_key_under_a_known_id_is_refused() {
        let core = Server::new(Mode::Safe).core;
        let (first, mut second) = (new_file("twice"), new_file("twice"));
        second.private_key_id.clone_from(&first.private_key_id);
        import(&core, &NewAccount::of(&first, core.now()).unwrap()).unwrap();
        let again = import(&core, &NewAccount::of(&second, core.now()).unwrap());
        assert!(matches!(again, Err(Error::Invalid(_))));
    }

    /// A row that fails here is a format that data folders do not have.
    #[test]
    fn a_stored_account_is_this_json() {
        const FULL: &str = concat!(
            r#"{"client_email":"a@x.example","project_id":"demo","keys":["#,
            r#"{"kid":"k1","der":"AAEC","certificate":"PEM\n"},{"kid":"k2","der":"Aw=="}],"#,
            r#""disabled":true,"created_at":1700000000,"key_file":"{}"}"#,
        );
        const PUBLIC_ONLY: &str = concat!(
            r#"{"client_email":"a@x.example","project_id":"demo","keys":[],"#,
            r#""disabled":false,"created_at":-1}"#,
        );
        let key = |kid: &str, der: &str, certificate: Option<&str>| StoredKey {
            kid: kid.to_owned(),
            der: der.to_owned(),
            certificate: certificate.map(str::to_owned),
        };
        let public_only = Stored {
            client_email: "a@x.example".to_owned(),
            project_id: "demo".to_owned(),
            keys: Vec::new(),
            disabled: false,
            created_at: -1,
            key_file: None,
        };
        let full = Stored {
            keys: vec![key("k1", "AAEC", Some("PEM\n")), key("k2", "Aw==", None)],
            disabled: true,
            created_at: 1_700_000_000,
            key_file: Some("{}".to_owned()),
            ..public_only.clone()
        };
        for (stored, text) in [(full, FULL), (public_only, PUBLIC_ONLY)] {
            let store = store();
            let write = |tx: &mut WriteTx<'_>| put(tx, &stored);
            store.write(write).unwrap();
            let expected = [("a@x.example".to_owned(), text.to_owned())];
            assert_eq!(rows(&store, Space::SysAccounts), expected);
            let again = |tx: &mut WriteTx<'_>| put(tx, &find(tx, "a@x.example")?.unwrap());
            store.write(again).unwrap();
            assert_eq!(rows(&store, Space::SysAccounts), expected);
        }
    }

    #[test]
    fn a_stored_account_holds_the_public_key_alone() {
        let file = new_file("public");
        let (store, now) = (store(), Timestamp::from_secs(START));
        let new = NewAccount::of(&file, now).unwrap();
        let write = |tx: &mut WriteTx<'_>| register(tx, &new, now);
        store.write(write).unwrap();
        let der = STANDARD.encode(file.private_key.public().to_der());
        let text = &rows(&store, Space::SysAccounts)[0].1;
        assert!(text.contains(&der) && !text.contains("PRIVATE"), "{text}");
    }
}
