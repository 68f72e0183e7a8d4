//! Service accounts: who may sign custom tokens and administer the project.
//!
//! The store holds public keys only, but for the built-in account, with which the account server signs.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firekeep_crypto::rsa::PublicKey;
use firekeep_model::{OpContext, ProjectId, Timestamp};
use firekeep_store::{Direction, KeyRange, PageLimit, Read, Space, WriteTx};
use firekeep_token::KeyFile;
use firekeep_token::custom::{ServiceAccount, ServiceAccounts};
use serde::{Deserialize, Serialize};

use crate::Error;

/// The name of the account server's own account.
const BUILT_IN: &str = "firekeep-accounts";

#[derive(Clone, Debug, Serialize, Deserialize)]
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
    accounts: HashMap<String, (ServiceAccount, ServiceAccountSummary)>,
    built_in: KeyFile,
}

impl ServiceAccounts for Registry {
    fn find(&self, client_email: &str) -> Option<ServiceAccount> {
        self.accounts
            .get(client_email)
            .map(|(account, _)| account.clone())
    }
}

impl Registry {
    pub(crate) fn load(tx: &dyn Read) -> Result<Self, Error> {
        let mut accounts = HashMap::new();
        let mut built_in = None;
        for stored in all(tx)? {
            if let Some(json) = &stored.key_file {
                built_in = Some(KeyFile::parse(json).map_err(Error::CustomToken)?);
            }
            let mut keys = Vec::with_capacity(stored.keys.len());
            for key in &stored.keys {
                let der = STANDARD.decode(&key.der).map_err(|_| corrupt())?;
                keys.push((key.kid.clone(), PublicKey::from_der(&der)?));
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
            accounts.insert(stored.client_email, (account, summary));
        }
        Ok(Self {
            accounts,
            built_in: built_in.ok_or_else(corrupt)?,
        })
    }

    /// Makes the built-in account: the first start of a data folder.
    pub(crate) fn create_missing(
        tx: &mut WriteTx<'_>,
        cx: &mut OpContext<'_>,
        project: &ProjectId,
        base_url: &str,
    ) -> Result<(), Error> {
        if all(tx)?.iter().any(|account| account.key_file.is_some()) {
            return Ok(());
        }
        let file =
            KeyFile::generate(project, BUILT_IN, base_url, cx).map_err(Error::CustomToken)?;
        register(tx, &file, cx.now, true)
    }

    /// The key file that the account server signs with.
    pub(crate) fn built_in(&self) -> &KeyFile {
        &self.built_in
    }

    pub(crate) fn summaries(&self) -> Vec<ServiceAccountSummary> {
        let mut all: Vec<_> = self
            .accounts
            .values()
            .map(|(_, summary)| summary.clone())
            .collect();
        all.sort_by(|a, b| a.client_email.cmp(&b.client_email));
        all
    }
}

/// Registers the public half of a key file; another key of a known account is added to it.
pub(crate) fn register(
    tx: &mut WriteTx<'_>,
    file: &KeyFile,
    now: Timestamp,
    built_in: bool,
) -> Result<(), Error> {
    let key = StoredKey {
        kid: file.private_key_id.clone(),
        der: STANDARD.encode(file.private_key.public().to_der()),
    };
    let mut stored = find(tx, &file.client_email)?.unwrap_or_else(|| Stored {
        client_email: file.client_email.clone(),
        project_id: file.project_id.clone(),
        keys: Vec::new(),
        disabled: false,
        created_at: now.secs(),
        key_file: built_in.then(|| file.to_json()),
    });
    if stored
        .keys
        .iter()
        .any(|old| old.kid == key.kid && old.der != key.der)
    {
        return Err(Error::Invalid(format!(
            "the account `{}` has another key with the id `{}`",
            file.client_email, key.kid
        )));
    }
    if stored.keys.iter().all(|old| old.kid != key.kid) {
        stored.keys.push(key);
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
