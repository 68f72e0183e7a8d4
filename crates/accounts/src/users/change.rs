//! What may change of a user, and applying it to the record: the checks, and what a change does to sessions and to other
//! fields. Writing the record is [`users`](super)'.

use firekeep_model::{OpContext, Timestamp, Uid};
use firekeep_store::WriteTx;
use serde_json::{Map, Value, json};

use super::{find_by_email, find_by_federated, find_by_phone, find_by_username};
use crate::{Email, Error, PasswordHash, Phone, Pool, ProviderInfo, User, Username, limits};

/// Names that are no linked identity's: the derived entries, the members that ID tokens call otherwise, and the ways to
/// sign in that have no entry. Source: auth specification, sections 7 and 12.
const RESERVED_PROVIDERS: &[&str] = &[
    "password",
    "phone",
    "email",
    "anonymous",
    "custom",
    "passkey",
    "firebase",
];

/// What becomes of one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Edit<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It gets this value.
    Set(T),
    /// It is removed.
    Clear,
}

/// Changes of a user, applied in the order of the auth specification, section 15.5.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The email address. A changed one is unverified and ends all sessions.
    pub email: Edit<Email>,
    /// Whether the address is verified; wins over what a changed address does.
    pub email_verified: Option<bool>,
    /// The hash of a new password, which ends all sessions.
    pub password_hash: Edit<PasswordHash>,
    /// The username.
    pub username: Edit<Username>,
    /// The display name.
    pub display_name: Edit<String>,
    /// The photo's URL.
    pub photo_url: Edit<String>,
    /// The phone number.
    pub phone_number: Edit<Phone>,
    /// Whether the user may not sign in.
    pub disabled: Option<bool>,
    /// The JSON text of the custom claims; an empty text changes nothing.
    pub custom_attributes: Option<String>,
    /// Tokens issued before this second no longer count.
    pub valid_since_secs: Option<i64>,
    /// When the user was created.
    pub created_at: Option<Timestamp>,
    /// The last sign-in.
    pub last_login_at: Option<Timestamp>,
    /// The identity to link.
    pub link_provider: Option<ProviderInfo>,
    /// The providers to remove; `password` and `phone` too.
    pub delete_providers: Vec<String>,
    /// What the app stores with the account.
    pub attributes: Option<Map<String, Value>>,
}

/// Applies a change to the record; writes nothing.
///
/// # Errors
/// As [`super::update`].
pub(super) fn apply(
    tx: &mut WriteTx<'_>,
    cx: &mut OpContext<'_>,
    pool: &Pool,
    user: &mut User,
    change: Change,
) -> Result<(), Error> {
    let now_secs = cx.now.secs();
    let free = |found: Option<User>, uid: &Uid| found.is_none_or(|other| other.uid == *uid);
    if let Some(text) = change.custom_attributes.filter(|text| !text.is_empty()) {
        user.custom_attributes = parse_claims(&text)?;
    }
    match change.email {
        Edit::Keep => {}
        Edit::Set(email) if user.email.as_ref() == Some(&email) => {}
        Edit::Set(email) => {
            if !free(find_by_email(tx, pool, &email)?, &user.uid) {
                return Err(Error::EmailExists);
            }
            if user.initial_email.is_none() {
                user.initial_email = user.email.take();
            }
            user.email = Some(email);
            user.email_verified = false;
            end_sessions(user, now_secs, now_secs);
        }
        Edit::Clear => clear_email(user),
    }
    if let Some(verified) = change.email_verified {
        user.email_verified = verified;
    }
    match change.password_hash {
        Edit::Keep => {}
        Edit::Set(hash) => {
            user.password_hash = Some(hash);
            user.password_updated_at = Some(cx.now);
            end_sessions(user, now_secs, now_secs);
        }
        Edit::Clear => clear_password(user),
    }
    if let Some(secs) = change.valid_since_secs {
        end_sessions(user, secs, now_secs);
    }
    match change.phone_number {
        Edit::Keep => {}
        Edit::Set(phone) => {
            if !free(find_by_phone(tx, pool, &phone)?, &user.uid) {
                return Err(Error::PhoneExists);
            }
            user.phone_number = Some(phone);
        }
        Edit::Clear => user.phone_number = None,
    }
    match change.username {
        Edit::Keep => {}
        Edit::Set(username) => {
            if !free(find_by_username(tx, pool, &username)?, &user.uid) {
                return Err(Error::UsernameExists);
            }
            user.username = Some(username);
        }
        Edit::Clear => user.username = None,
    }
    set_text(&mut user.display_name, change.display_name, "displayName")?;
    set_text(&mut user.photo_url, change.photo_url, "photoUrl")?;
    for provider in &change.delete_providers {
        unlink(user, provider);
    }
    if let Some(entry) = change.link_provider {
        check_link(&entry)?;
        if !free(
            find_by_federated(tx, pool, &entry.provider_id, &entry.raw_id)?,
            &user.uid,
        ) {
            return Err(Error::FederatedLinked);
        }
        // One entry per provider: an update replaces it in place.
        let same = |old: &&mut ProviderInfo| old.provider_id == entry.provider_id;
        let count = user.providers.len();
        match user.providers.iter_mut().find(same) {
            Some(old) => *old = entry,
            None if count >= limits::LINKED_IDENTITIES_MAX => {
                return Err(Error::TooLong("providerUserInfo"));
            }
            None => user.providers.push(entry),
        }
    }
    if let Some(attributes) = change.attributes {
        if Value::Object(attributes.clone()).to_string().len() > limits::ATTRIBUTES_BYTES_MAX {
            return Err(Error::TooLong("attributes"));
        }
        user.attributes = attributes;
    }
    user.disabled = change.disabled.unwrap_or(user.disabled);
    user.created_at = change.created_at.unwrap_or(user.created_at);
    user.last_login_at = change.last_login_at.or(user.last_login_at);
    Ok(())
}

/// Refuses a change that would make the user's ID tokens longer than anybody reads.
pub(super) fn check_token_size(before: &User, user: &User) -> Result<(), Error> {
    let bytes = token_bytes(user);
    // What is too long already must not keep anybody from disabling the user.
    if bytes > limits::TOKEN_PROFILE_BYTES_MAX && bytes > token_bytes(before) {
        return Err(Error::TooLong("profile"));
    }
    Ok(())
}

/// The length of what the user's ID tokens carry of it, as JSON.
fn token_bytes(user: &User) -> usize {
    let carried = json!([
        user.email.as_ref().map(Email::as_str),
        user.phone_number.as_ref().map(Phone::as_str),
        user.display_name,
        user.photo_url,
        user.custom_attributes,
        user.identities(),
    ]);
    carried.to_string().len()
}

/// Sets the second before which tokens no longer count. When that is now, sessions of this very second end too, which
/// whole seconds cannot say: the generation does.
fn end_sessions(user: &mut User, valid_since_secs: i64, now_secs: i64) {
    user.valid_since_secs = Some(valid_since_secs);
    if valid_since_secs >= now_secs {
        user.generation = user.generation.wrapping_add(1);
    }
}

fn clear_email(user: &mut User) {
    user.email = None;
    user.email_verified = false;
    user.email_link_signin = false;
}

fn clear_password(user: &mut User) {
    user.password_hash = None;
    user.password_updated_at = None;
}

fn unlink(user: &mut User, provider: &str) {
    match provider {
        "password" => {
            clear_email(user);
            clear_password(user);
        }
        "phone" => user.phone_number = None,
        _ => user.providers.retain(|entry| entry.provider_id != provider),
    }
}

fn set_text(
    field: &mut Option<String>,
    edit: Edit<String>,
    name: &'static str,
) -> Result<(), Error> {
    match edit {
        Edit::Keep => {}
        Edit::Set(text) if json_bytes(&text) > limits::PROFILE_BYTES_MAX => {
            return Err(Error::TooLong(name));
        }
        Edit::Set(text) => *field = Some(text),
        Edit::Clear => *field = None,
    }
    Ok(())
}

/// Checks the form of an identity to link.
///
/// # Errors
/// [`Error::ProviderIdMissing`], [`Error::RawIdMissing`], [`Error::ReservedProvider`], [`Error::TooLong`].
pub fn check_link(entry: &ProviderInfo) -> Result<(), Error> {
    let provider = entry.provider_id.as_str();
    if provider.is_empty() {
        return Err(Error::ProviderIdMissing);
    }
    if entry.raw_id.is_empty() {
        return Err(Error::RawIdMissing);
    }
    if provider.len() > limits::PROVIDER_ID_BYTES_MAX {
        return Err(Error::TooLong("providerId"));
    }
    if RESERVED_PROVIDERS.contains(&provider) {
        return Err(Error::ReservedProvider(provider.to_owned()));
    }
    if entry.raw_id.len() > limits::RAW_ID_BYTES_MAX {
        return Err(Error::TooLong("rawId"));
    }
    let texts = [
        ("federatedId", &entry.federated_id),
        ("email", &entry.email),
        ("displayName", &entry.display_name),
        ("photoUrl", &entry.photo_url),
        ("phoneNumber", &entry.phone_number),
        ("screenName", &entry.screen_name),
    ];
    let too_long = |text: &str| text.len() > limits::LINKED_TEXT_BYTES_MAX;
    match texts
        .iter()
        .find(|(_, text)| text.as_deref().is_some_and(too_long))
    {
        Some((name, _)) => Err(Error::TooLong(name)),
        None => Ok(()),
    }
}

/// The length of a text in JSON, without its quotes: an escape takes up to six bytes.
fn json_bytes(text: &str) -> usize {
    json!(text).to_string().len() - 2
}

/// Reads the JSON text of custom claims; an empty object clears them.
///
/// # Errors
/// [`Error::ClaimsTooLarge`], [`Error::InvalidClaims`], [`Error::ForbiddenClaim`].
pub fn parse_claims(text: &str) -> Result<Option<Map<String, Value>>, Error> {
    if text.chars().count() > limits::CUSTOM_ATTRIBUTES_CHARS_MAX {
        return Err(Error::ClaimsTooLarge);
    }
    let claims: Map<String, Value> =
        serde_json::from_str(text).map_err(|_| Error::InvalidClaims)?;
    let reserved = claims
        .keys()
        .find(|name| firekeep_token::is_reserved_claim(name));
    if let Some(name) = reserved {
        return Err(Error::ForbiddenClaim(name.clone()));
    }
    Ok(Some(claims).filter(|claims| !claims.is_empty()))
}
