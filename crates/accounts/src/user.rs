//! The user record and its stored form.

use std::collections::BTreeMap;

use bytes::Bytes;
use firekeep_model::{Timestamp, Uid};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Email, Error, Phone, Username};

/// The first byte of a stored user. A reader accepts every format it knows.
const FORMAT: u8 = 1;

/// An identity at a sign-in provider. Source: auth specification, section 12.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProviderInfo {
    /// The provider, such as `google.com`.
    pub provider_id: String,
    /// The user's id there.
    pub raw_id: String,
    /// The user's id there, in the provider's long form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub federated_id: Option<String>,
    /// The email address there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The name there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The picture there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub photo_url: Option<String>,
    /// The phone number there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// The screen name there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub screen_name: Option<String>,
}

/// The hash of a password, a PHC string. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(***)")
    }
}

/// A user. Source: auth specification, section 12.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// The user's id.
    pub uid: Uid,
    /// Distinguishes this user from an earlier one of the same uid that was deleted: random, set at creation.
    pub incarnation: u64,
    /// Random at creation, and counted on when all sessions are ended: a session of another one no longer stands.
    pub generation: u32,
    /// The email address.
    pub email: Option<Email>,
    /// Whether the address is known to be the user's.
    pub email_verified: bool,
    /// The first address, kept for recovery.
    pub initial_email: Option<Email>,
    /// Whether an email link may sign the user in.
    pub email_link_signin: bool,
    /// The username of the account server.
    pub username: Option<Username>,
    /// The name to show.
    pub display_name: Option<String>,
    /// The picture to show.
    pub photo_url: Option<String>,
    /// The phone number.
    pub phone_number: Option<Phone>,
    /// The password's hash.
    pub password_hash: Option<PasswordHash>,
    /// When the password was set.
    pub password_updated_at: Option<Timestamp>,
    /// Identities at providers other than `password` and `phone`, which are derived.
    pub providers: Vec<ProviderInfo>,
    /// Tokens issued before this second no longer count.
    pub valid_since_secs: Option<i64>,
    /// Whether the user may not sign in.
    pub disabled: bool,
    /// When the user was created.
    pub created_at: Timestamp,
    /// The last sign-in.
    pub last_login_at: Option<Timestamp>,
    /// The last time tokens were issued.
    pub last_refresh_at: Option<Timestamp>,
    /// Whether a custom token ever signed the user in.
    pub custom_auth: bool,
    /// The account's custom claims.
    pub custom_attributes: Option<Map<String, Value>>,
    /// What the app stored with the account through the account server.
    pub attributes: Map<String, Value>,
}

impl User {
    /// The derived and stored provider entries, in the order of the wire: stored ones, `password`, `phone`.
    #[must_use]
    pub fn provider_entries(&self) -> Vec<ProviderInfo> {
        let mut entries = self.providers.clone();
        let has_password = self.password_hash.is_some() || self.email_link_signin;
        if let Some(email) = self.email.as_ref().filter(|_| has_password) {
            entries.push(ProviderInfo {
                provider_id: "password".to_owned(),
                raw_id: email.as_str().to_owned(),
                federated_id: Some(email.as_str().to_owned()),
                email: Some(email.as_str().to_owned()),
                display_name: self.display_name.clone(),
                photo_url: self.photo_url.clone(),
                ..ProviderInfo::default()
            });
        }
        if let Some(phone) = &self.phone_number {
            entries.push(ProviderInfo {
                provider_id: "phone".to_owned(),
                raw_id: phone.as_str().to_owned(),
                phone_number: Some(phone.as_str().to_owned()),
                ..ProviderInfo::default()
            });
        }
        entries
    }

    /// `firebase.identities` of an ID token: provider → ids; `email` and `phone` by those names.
    /// Source: auth specification, section 7.
    #[must_use]
    pub fn identities(&self) -> Map<String, Value> {
        let mut identities: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        if let Some(email) = &self.email {
            identities
                .entry("email".to_owned())
                .or_default()
                .push(email.as_str().into());
        }
        if let Some(phone) = &self.phone_number {
            identities
                .entry("phone".to_owned())
                .or_default()
                .push(phone.as_str().into());
        }
        for entry in &self.providers {
            let ids = identities.entry(entry.provider_id.clone()).or_default();
            ids.push(entry.raw_id.as_str().into());
        }
        identities
            .into_iter()
            .map(|(provider, ids)| (provider, Value::Array(ids)))
            .collect()
    }

    /// The stored form: [`Self::decode`] reads it.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it cannot be written.
    pub fn encode(&self) -> Result<Bytes, Error> {
        let mut bytes = vec![FORMAT];
        serde_json::to_writer(&mut bytes, &Stored::from(self))
            .map_err(|_| Error::Corrupt("the record cannot be written"))?;
        Ok(Bytes::from(bytes))
    }

    /// Reads a stored user.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let (format, body) = bytes
            .split_first()
            .ok_or(Error::Corrupt("an empty record"))?;
        if *format != FORMAT {
            return Err(Error::Corrupt("an unknown format"));
        }
        let stored: Stored =
            serde_json::from_slice(body).map_err(|_| Error::Corrupt("not a user record"))?;
        stored.try_into()
    }
}

/// The stored form. Absent members take their defaults, so that fields may be added.
#[derive(Serialize, Deserialize)]
struct Stored {
    uid: String,
    incarnation: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    generation: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    email: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    email_verified: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    initial_email: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    email_link_signin: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    username: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    display_name: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    photo_url: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    phone_number: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    password_hash: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    password_updated_at: Option<i64>,
    #[serde(default, skip_serializing_if = "is_default")]
    providers: Vec<ProviderInfo>,
    #[serde(default, skip_serializing_if = "is_default")]
    valid_since: Option<i64>,
    #[serde(default, skip_serializing_if = "is_default")]
    disabled: bool,
    created_at: i64,
    #[serde(default, skip_serializing_if = "is_default")]
    last_login_at: Option<i64>,
    #[serde(default, skip_serializing_if = "is_default")]
    last_refresh_at: Option<i64>,
    #[serde(default, skip_serializing_if = "is_default")]
    custom_auth: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    custom_attributes: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "is_default")]
    attributes: Map<String, Value>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl From<&User> for Stored {
    fn from(user: &User) -> Self {
        let owned = |text: &str| text.to_owned();
        Self {
            uid: owned(user.uid.as_str()),
            incarnation: user.incarnation,
            generation: user.generation,
            email: user.email.as_ref().map(|email| owned(email.as_str())),
            email_verified: user.email_verified,
            initial_email: user
                .initial_email
                .as_ref()
                .map(|email| owned(email.as_str())),
            email_link_signin: user.email_link_signin,
            username: user.username.as_ref().map(|name| owned(name.as_str())),
            display_name: user.display_name.clone(),
            photo_url: user.photo_url.clone(),
            phone_number: user
                .phone_number
                .as_ref()
                .map(|phone| owned(phone.as_str())),
            password_hash: user.password_hash.as_ref().map(|hash| hash.0.clone()),
            password_updated_at: user.password_updated_at.map(Timestamp::micros),
            providers: user.providers.clone(),
            valid_since: user.valid_since_secs,
            disabled: user.disabled,
            created_at: user.created_at.micros(),
            last_login_at: user.last_login_at.map(Timestamp::micros),
            last_refresh_at: user.last_refresh_at.map(Timestamp::micros),
            custom_auth: user.custom_auth,
            custom_attributes: user.custom_attributes.clone(),
            attributes: user.attributes.clone(),
        }
    }
}

impl TryFrom<Stored> for User {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self, Error> {
        let corrupt = |_| Error::Corrupt("a field has not its form");
        let email = |text: Option<String>| {
            text.as_deref()
                .map(Email::parse)
                .transpose()
                .map_err(corrupt)
        };
        Ok(Self {
            uid: Uid::parse(&stored.uid).map_err(|_| Error::Corrupt("a uid has not its form"))?,
            incarnation: stored.incarnation,
            generation: stored.generation,
            email: email(stored.email)?,
            email_verified: stored.email_verified,
            initial_email: email(stored.initial_email)?,
            email_link_signin: stored.email_link_signin,
            username: stored
                .username
                .as_deref()
                .map(Username::parse)
                .transpose()
                .map_err(corrupt)?,
            display_name: stored.display_name,
            photo_url: stored.photo_url,
            phone_number: stored
                .phone_number
                .as_deref()
                .map(Phone::parse)
                .transpose()
                .map_err(corrupt)?,
            password_hash: stored.password_hash.map(PasswordHash),
            password_updated_at: stored.password_updated_at.map(Timestamp::from_micros),
            providers: stored.providers,
            valid_since_secs: stored.valid_since,
            disabled: stored.disabled,
            created_at: Timestamp::from_micros(stored.created_at),
            last_login_at: stored.last_login_at.map(Timestamp::from_micros),
            last_refresh_at: stored.last_refresh_at.map(Timestamp::from_micros),
            custom_auth: stored.custom_auth,
            custom_attributes: stored.custom_attributes,
            attributes: stored.attributes,
        })
    }
}
