//! Users: find, list, create, change, delete. All changes keep the unique indexes in step with the record.

use firekeep_model::{OpContext, Timestamp, Uid};
use firekeep_store::{Direction, KeyRange, PageLimit, Read, Space, WriteTx};
use serde_json::Map;

use crate::{Email, Error, PasswordHash, Phone, Pool, User, Username, limits, sessions};

mod change;

pub use change::{Change, Edit, check_link, parse_claims};

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
    change::apply(tx, cx, pool, &mut user, new.change)?;
    change::check_token_size(&blank, &user)?;
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
    change::apply(tx, cx, pool, &mut user, change)?;
    change::check_token_size(&before, &user)?;
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
