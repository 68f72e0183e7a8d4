//! Users: find, list, create, change, delete. All changes keep the unique indexes in step with the record.

use firekeep_model::{OpContext, Timestamp, Uid};
use firekeep_store::{Direction, KeyRange, PageLimit, Read, Space, WriteTx};
use serde_json::{Map, Value, json};

use crate::{
    Email, Error, PasswordHash, Phone, Pool, ProviderInfo, User, Username, limits, sessions,
};

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

/// What a new user is given.
#[derive(Clone, Debug, Default)]
pub struct NewUser {
    /// The uid; generated when absent.
    pub uid: Option<Uid>,
    /// The fields to set at once.
    pub change: Change,
    /// Whether a custom token created the user.
    pub custom_auth: bool,
}

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

/// Finds a user by uid.
///
/// # Errors
/// [`Error::Corrupt`] and [`Error::Store`], as of every look-up here.
pub fn find(tx: &dyn Read, pool: &Pool, uid: &Uid) -> Result<Option<User>, Error> {
    let row = tx.get(Space::SysUsers, &pool.user(uid))?;
    row.map(|bytes| User::decode(&bytes)).transpose()
}

/// Loads a user that must exist.
///
/// # Errors
/// [`Error::UserNotFound`].
pub fn load(tx: &dyn Read, pool: &Pool, uid: &Uid) -> Result<User, Error> {
    find(tx, pool, uid)?.ok_or(Error::UserNotFound)
}

/// Finds a user by email address.
///
/// # Errors
/// As [`find`].
pub fn find_by_email(tx: &dyn Read, pool: &Pool, email: &Email) -> Result<Option<User>, Error> {
    find_by_index(tx, pool, &pool.email(email))
}

/// Finds a user by phone number.
///
/// # Errors
/// As [`find`].
pub fn find_by_phone(tx: &dyn Read, pool: &Pool, phone: &Phone) -> Result<Option<User>, Error> {
    find_by_index(tx, pool, &pool.phone(phone))
}

/// Finds a user by username, without regard to case.
///
/// # Errors
/// As [`find`].
pub fn find_by_username(
    tx: &dyn Read,
    pool: &Pool,
    username: &Username,
) -> Result<Option<User>, Error> {
    find_by_index(tx, pool, &pool.username(username))
}

/// Finds a user by an identity at a provider.
///
/// # Errors
/// As [`find`].
pub fn find_by_federated(
    tx: &dyn Read,
    pool: &Pool,
    provider_id: &str,
    raw_id: &str,
) -> Result<Option<User>, Error> {
    find_by_index(tx, pool, &pool.federated(provider_id, raw_id))
}

/// Users whose first email address this was: one page of them, since any number may have had the same.
///
/// # Errors
/// As [`find`].
pub fn list_by_initial_email(
    tx: &dyn Read,
    pool: &Pool,
    email: &Email,
) -> Result<Vec<User>, Error> {
    let range = KeyRange::prefix(&pool.initial_email(email));
    let page = tx.scan(
        Space::SysUserIndex,
        &range,
        Direction::Forward,
        PageLimit::default(),
    )?;
    let load = |(_, value): &(_, bytes::Bytes)| load(tx, pool, &decode_uid(value)?);
    page.rows.iter().map(load).collect()
}

fn find_by_index(tx: &dyn Read, pool: &Pool, key: &[u8]) -> Result<Option<User>, Error> {
    let Some(bytes) = tx.get(Space::SysUserIndex, key)? else {
        return Ok(None);
    };
    let uid = decode_uid(&bytes)?;
    let user = find(tx, pool, &uid)?;
    user.ok_or(Error::Corrupt("an index names a user that is not there"))
        .map(Some)
}

fn decode_uid(bytes: &[u8]) -> Result<Uid, Error> {
    let text = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| Uid::parse(text).ok());
    text.ok_or(Error::Corrupt("an index entry holds no uid"))
}

/// Lists users by uid, ascending: at most `limit` (capped at [`limits::LIST_MAX`]) after the uid `after`.
///
/// # Errors
/// As [`find`].
pub fn list(
    tx: &dyn Read,
    pool: &Pool,
    after: Option<&Uid>,
    limit: usize,
) -> Result<Vec<User>, Error> {
    let limit = limit.min(limits::LIST_MAX);
    let prefix = KeyRange::prefix(&pool.prefix());
    let mut range = match after {
        Some(uid) => prefix.after(&pool.user(uid)),
        None => prefix,
    };
    let mut users = Vec::new();
    loop {
        let page = tx.scan(
            Space::SysUsers,
            &range,
            Direction::Forward,
            PageLimit::default(),
        )?;
        for (_, value) in &page.rows {
            if users.len() == limit {
                return Ok(users);
            }
            users.push(User::decode(value)?);
        }
        match (&page.next, page.rows.last()) {
            (Some(_), Some((last, _))) => range = range.after(last),
            _ => return Ok(users),
        }
    }
}

/// Creates a user.
///
/// # Errors
/// [`Error::DuplicateUid`], and those of [`update`].
pub fn create(
    tx: &mut WriteTx<'_>,
    cx: &mut OpContext<'_>,
    pool: &Pool,
    new: NewUser,
) -> Result<User, Error> {
    let uid = match new.uid {
        Some(uid) => uid,
        None => Uid::parse(&cx.alphanumeric(limits::GENERATED_UID_CHARS))
            .map_err(|_| Error::Corrupt("a generated uid"))?,
    };
    if find(tx, pool, &uid)?.is_some() {
        return Err(Error::DuplicateUid);
    }
    let (mut incarnation, mut generation) = ([0; 8], [0; 4]);
    cx.rng.fill(&mut incarnation);
    cx.rng.fill(&mut generation);
    let blank = User {
        uid,
        incarnation: u64::from_be_bytes(incarnation),
        generation: u32::from_be_bytes(generation),
        email: None,
        email_verified: false,
        initial_email: None,
        email_link_signin: false,
        username: None,
        display_name: None,
        photo_url: None,
        phone_number: None,
        password_hash: None,
        password_updated_at: None,
        providers: Vec::new(),
        valid_since_secs: None,
        disabled: false,
        created_at: cx.now,
        last_login_at: None,
        last_refresh_at: None,
        custom_auth: new.custom_auth,
        custom_attributes: None,
        attributes: Map::new(),
    };
    let mut user = blank.clone();
    apply(tx, cx, pool, &mut user, new.change)?;
    check_token_size(&blank, &user)?;
    save(tx, pool, Some(&blank), &user)?;
    Ok(user)
}

/// Changes a user and gives the new record.
///
/// # Errors
/// [`Error::UserNotFound`]; [`Error::EmailExists`] and its like when another user has the value;
/// [`Error::InvalidClaims`], [`Error::ClaimsTooLarge`], [`Error::ForbiddenClaim`]; [`Error::TooLong`].
pub fn update(
    tx: &mut WriteTx<'_>,
    cx: &mut OpContext<'_>,
    pool: &Pool,
    uid: &Uid,
    change: Change,
) -> Result<User, Error> {
    let before = load(tx, pool, uid)?;
    let mut user = before.clone();
    apply(tx, cx, pool, &mut user, change)?;
    check_token_size(&before, &user)?;
    if user.generation != before.generation {
        // No session of the old generation stands, so which of them were ended one by one does not matter any more.
        sessions::forget_ended(tx, pool, uid)?;
    }
    if user != before {
        save(tx, pool, Some(&before), &user)?;
    }
    Ok(user)
}

/// Replaces a hash by another one of the same password. Ends no session, and does nothing when the password is a new one
/// by now.
///
/// # Errors
/// As [`find`].
pub fn rehash(
    tx: &mut WriteTx<'_>,
    pool: &Pool,
    uid: &Uid,
    old: &PasswordHash,
    new: &PasswordHash,
) -> Result<(), Error> {
    let found = find(tx, pool, uid)?;
    let Some(before) = found.filter(|user| user.password_hash.as_ref() == Some(old)) else {
        return Ok(());
    };
    let user = User {
        password_hash: Some(new.clone()),
        ..before.clone()
    };
    save(tx, pool, Some(&before), &user)
}

/// Deletes a user with its index entries and ended sessions. Says if there was one.
///
/// # Errors
/// As [`find`].
pub fn delete(tx: &mut WriteTx<'_>, pool: &Pool, uid: &Uid) -> Result<bool, Error> {
    let Some(user) = find(tx, pool, uid)? else {
        return Ok(false);
    };
    for key in index_keys(pool, &user) {
        tx.delete(Space::SysUserIndex, key)?;
    }
    sessions::forget_ended(tx, pool, uid)?;
    tx.delete(Space::SysUsers, pool.user(uid))?;
    Ok(true)
}

/// Writes the record, and the difference of its index entries against `before`.
pub(crate) fn save(
    tx: &mut WriteTx<'_>,
    pool: &Pool,
    before: Option<&User>,
    user: &User,
) -> Result<(), Error> {
    let old = before
        .map(|user| index_keys(pool, user))
        .unwrap_or_default();
    let new = index_keys(pool, user);
    for key in old.iter().filter(|key| !new.contains(key)) {
        tx.delete(Space::SysUserIndex, key.clone())?;
    }
    for key in new.into_iter().filter(|key| !old.contains(key)) {
        tx.put(
            Space::SysUserIndex,
            key,
            user.uid.as_str().as_bytes().to_vec().into(),
        )?;
    }
    tx.put(Space::SysUsers, pool.user(&user.uid), user.encode()?)?;
    Ok(())
}

fn index_keys(pool: &Pool, user: &User) -> Vec<firekeep_store::Key> {
    let mut keys = Vec::new();
    keys.extend(user.email.as_ref().map(|email| pool.email(email)));
    keys.extend(
        user.initial_email
            .as_ref()
            .map(|email| pool.initial_email_of(email, &user.uid)),
    );
    keys.extend(user.phone_number.as_ref().map(|phone| pool.phone(phone)));
    keys.extend(
        user.username
            .as_ref()
            .map(|username| pool.username(username)),
    );
    keys.extend(
        user.providers
            .iter()
            .map(|entry| pool.federated(&entry.provider_id, &entry.raw_id)),
    );
    keys
}

fn apply(
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
fn check_token_size(before: &User, user: &User) -> Result<(), Error> {
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

/// Writes a user's last sign-in and refresh, if the user still exists and they are later than what stands.
///
/// # Errors
/// As [`find`].
pub fn note_times(
    tx: &mut WriteTx<'_>,
    pool: &Pool,
    uid: &Uid,
    login: Option<Timestamp>,
    refresh: Option<Timestamp>,
) -> Result<(), Error> {
    let Some(before) = find(tx, pool, uid)? else {
        return Ok(());
    };
    let mut user = before.clone();
    user.last_login_at = user.last_login_at.max(login);
    user.last_refresh_at = user.last_refresh_at.max(refresh);
    if user != before {
        save(tx, pool, Some(&before), &user)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
