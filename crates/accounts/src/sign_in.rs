//! The ways in: a custom token, a password, an anonymous account, a refresh token.
//!
//! Each gives the user and the session. Minting the ID token and sealing the refresh token is the caller's, since both
//! need the server's keys and neither needs the transaction.

use firekeep_model::OpContext;
use firekeep_store::{Read, WriteTx};
use firekeep_token::custom::Verified;
use serde_json::Map;

use crate::users::{Change, NewUser};
use crate::{Error, Pool, Session, SessionKeys, User, sessions, users};

/// The result of a sign-in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who signed in.
    pub user: User,
    /// The new session, or the refreshed one.
    pub session: Session,
    /// Whether this created the user.
    pub is_new_user: bool,
}

/// Signs a known user in with a verified custom token, if that needs no write: `None` means [`custom_token`] must.
///
/// # Errors
/// [`Error::UserDisabled`].
pub fn custom_token_of_known_user(
    tx: &dyn Read,
    cx: &mut OpContext<'_>,
    pool: &Pool,
    token: &Verified,
) -> Result<Option<SignedIn>, Error> {
    let Some(user) = users::find(tx, pool, &token.uid)?.filter(|user| user.custom_auth) else {
        return Ok(None);
    };
    if user.disabled {
        return Err(Error::UserDisabled);
    }
    let session = Session::start(cx, &user, "custom", token.claims.clone());
    Ok(Some(SignedIn {
        user,
        session,
        is_new_user: false,
    }))
}

/// Exchanges a verified custom token for a session, creating the user on first sight.
///
/// # Errors
/// [`Error::UserDisabled`].
///
/// Source: auth specification, sections 6 and 15.1.
pub fn custom_token(
    tx: &mut WriteTx<'_>,
    cx: &mut OpContext<'_>,
    pool: &Pool,
    token: &Verified,
) -> Result<SignedIn, Error> {
    let (user, is_new_user) = match users::find(tx, pool, &token.uid)? {
        Some(user) if user.disabled => return Err(Error::UserDisabled),
        Some(before) => {
            let user = User {
                custom_auth: true,
                ..before.clone()
            };
            users::save(tx, pool, Some(&before), &user)?;
            (user, false)
        }
        None => {
            let change = Change {
                last_login_at: Some(cx.now),
                ..Change::default()
            };
            let new = NewUser {
                uid: Some(token.uid.clone()),
                change,
                custom_auth: true,
            };
            (users::create(tx, cx, pool, new)?, true)
        }
    };
    let session = Session::start(cx, &user, "custom", token.claims.clone());
    Ok(SignedIn {
        user,
        session,
        is_new_user,
    })
}

/// Creates an anonymous user and signs it in. Source: auth specification, section 15.4.
///
/// # Errors
/// [`Error::Store`].
pub fn anonymous(
    tx: &mut WriteTx<'_>,
    cx: &mut OpContext<'_>,
    pool: &Pool,
    change: Change,
) -> Result<SignedIn, Error> {
    sign_up(tx, cx, pool, change, "anonymous")
}

/// Creates a user with a password and signs it in. Source: auth specification, section 15.4.
///
/// # Errors
/// [`Error::EmailExists`], [`Error::UsernameExists`].
pub fn password_sign_up(
    tx: &mut WriteTx<'_>,
    cx: &mut OpContext<'_>,
    pool: &Pool,
    change: Change,
) -> Result<SignedIn, Error> {
    sign_up(tx, cx, pool, change, "password")
}

fn sign_up(
    tx: &mut WriteTx<'_>,
    cx: &mut OpContext<'_>,
    pool: &Pool,
    change: Change,
    provider: &str,
) -> Result<SignedIn, Error> {
    let change = Change {
        last_login_at: Some(cx.now),
        ..change
    };
    let user = users::create(
        tx,
        cx,
        pool,
        NewUser {
            change,
            ..NewUser::default()
        },
    )?;
    let session = Session::start(cx, &user, provider, Map::new());
    Ok(SignedIn {
        user,
        session,
        is_new_user: true,
    })
}

/// Continues the session of a refresh token. Source: auth specification, section 15.2.
///
/// # Errors
/// [`Error::InvalidRefreshToken`], [`Error::UserDisabled`], [`Error::SessionEnded`].
pub fn refresh(
    tx: &dyn Read,
    keys: &SessionKeys,
    pool: &Pool,
    token: &str,
) -> Result<SignedIn, Error> {
    let session = keys.open(pool, token)?;
    let user = users::find(tx, pool, &session.uid)?.ok_or(Error::InvalidRefreshToken)?;
    sessions::check(tx, pool, &user, &session)?;
    Ok(SignedIn {
        user,
        session,
        is_new_user: false,
    })
}
