//! The account server: an app's own accounts, whose logins are answered with a custom token
//! (auth specification, section 14).

use std::fmt;
use std::sync::Arc;

use firekeep_accounts::sign_in;
use firekeep_accounts::users::{self, Change, Edit};
use firekeep_accounts::{Email, Pool, User, Username, limits as account_limits};
use firekeep_model::Timestamp;
use firekeep_token::custom;
use serde_json::{Map, Value};

use crate::identity::{Authenticated, Tried, check_password};
use crate::limits::ACCOUNT_TOKEN_LIFETIME_SECS;
use crate::{AccountError, Client, Core, Error};

/// A login's answer. Its `Debug` does not show the token.
#[derive(Clone)]
pub struct Login {
    /// The custom token.
    pub custom_token: String,
    /// How long it can be exchanged.
    pub expires_in_secs: i64,
    /// Who logged in.
    pub user: User,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Login");
        shown.field("uid", &self.user.uid).finish_non_exhaustive()
    }
}

/// What a new account is given. Without `Debug`: it holds a password.
#[derive(Clone, Default)]
pub struct NewAccount {
    /// The email address.
    pub email: Option<String>,
    /// The username.
    pub username: Option<String>,
    /// The password.
    pub password: String,
    /// The display name.
    pub display_name: Option<String>,
    /// The photo's URL.
    pub photo_url: Option<String>,
    /// What the app stores with the account.
    pub attributes: Option<Map<String, Value>>,
}

impl Core {
    /// Creates an account and logs it in.
    ///
    /// COMPAT: where accounts are hidden, the auth specification, section 14, has a taken email address answered with
    /// 202 and a mail to its owner. There is no mail yet, and a 202 without one would leave honest people waiting, so
    /// the answer stays 409, and the rate limit of sign-ups keeps addresses from being tried by the thousand.
    ///
    /// # Errors
    /// [`Error::Invalid`] without any name; [`AccountError::EmailExists`], [`AccountError::UsernameExists`];
    /// [`AccountError::WeakPassword`]; [`Error::TooManyAttempts`].
    pub async fn account_sign_up(
        self: &Arc<Self>,
        client: Client,
        new: NewAccount,
    ) -> Result<Login, Error> {
        if new.email.is_none() && new.username.is_none() {
            return Err(Error::Invalid(
                "give `email`, `username` or both".to_owned(),
            ));
        }
        let now = self.now();
        let email = new.email.as_deref().map(Email::parse).transpose()?;
        let username = new.username.as_deref().map(Username::parse).transpose()?;
        check_password(&new.password)?;
        self.count_sign_up(client, now)?;
        let pool = self.default_pool();
        // Asked before the slow hash, and again in the transaction.
        if let Some(email) = &email
            && users::find_by_email(&self.read()?, &pool, email)?.is_some()
        {
            return Err(AccountError::EmailExists.into());
        }
        let change = Change {
            email: email.map_or(Edit::Keep, Edit::Set),
            username: username.map_or(Edit::Keep, Edit::Set),
            password_hash: Edit::Set(self.hash(new.password).await?),
            display_name: new.display_name.map_or(Edit::Keep, Edit::Set),
            photo_url: new.photo_url.map_or(Edit::Keep, Edit::Set),
            attributes: new.attributes,
            ..Change::default()
        };
        let signed_in = self
            .write_at(now, move |tx, cx| {
                Ok(sign_in::password_sign_up(tx, cx, &pool, change.clone())?)
            })
            .await?;
        self.login(signed_in.user, Map::new(), now)
    }

    /// Logs an account in by email address or username.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that is longer than any; [`Error::WrongPassword`] for every wrong combination;
    /// [`AccountError::UserDisabled`] after the right password only; [`Error::TooManyAttempts`].
    pub async fn account_login(
        self: &Arc<Self>,
        client: Client,
        name: &str,
        password: String,
    ) -> Result<Login, Error> {
        if name.chars().count() > account_limits::EMAIL_CHARS_MAX {
            return Err(Error::Invalid(format!(
                "an email address or username has at most {} characters",
                account_limits::EMAIL_CHARS_MAX
            )));
        }
        let (now, pool) = (self.now(), self.default_pool());
        let user = self.find_by_name(&pool, name)?;
        let tried = Tried {
            name,
            user,
            password,
        };
        let user = self.check_password_of(&pool, client, tried, now).await?;
        self.login(user, Map::new(), now)
    }

    /// Changes the caller's password; every session ends, and the answer begins a new one.
    ///
    /// # Errors
    /// [`Error::WrongPassword`], [`AccountError::WeakPassword`], [`Error::TooManyAttempts`]; those of
    /// [`Core::authenticate`] when the session was ended meanwhile.
    pub async fn account_change_password(
        self: &Arc<Self>,
        client: Client,
        who: &Authenticated,
        old_password: String,
        new_password: String,
    ) -> Result<Login, Error> {
        check_password(&new_password)?;
        let pool = self.default_pool();
        let tried = Tried {
            name: who.user.uid.as_str(),
            user: Some(who.user.clone()),
            password: old_password,
        };
        let judged = self.check_password_of(&pool, client, tried, self.now());
        let judged = judged.await?;
        let password_hash = Edit::Set(self.hash(new_password).await?);
        let again = who.clone();
        let (user, now) = self
            .write(move |tx, cx| {
                let user = again.load_again(tx, &pool)?;
                if user.password_hash != judged.password_hash {
                    return Err(Error::WrongPassword);
                }
                let change = Change {
                    password_hash: password_hash.clone(),
                    ..Change::default()
                };
                let user = users::update(tx, cx, &pool, &user.uid, change)?;
                Ok((user, cx.now))
            })
            .await?;
        self.login(user, who.claims.session_claims.clone(), now)
    }

    /// A fresh custom token for the caller, with the session's claims.
    ///
    /// # Errors
    /// [`Error::Signing`].
    pub fn account_token(&self, who: &Authenticated) -> Result<Login, Error> {
        let claims = who.claims.session_claims.clone();
        self.login(who.user.clone(), claims, self.now())
    }

    fn login(
        &self,
        user: User,
        claims: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Login, Error> {
        let minted = self.account_signer(|file| {
            custom::mint(file, &user.uid, &claims, now, ACCOUNT_TOKEN_LIFETIME_SECS)
        });
        let custom_token = minted.map_err(Error::of_signing)?;
        // It comes back at once, to buy a session: verified now, and remembered. A bridge's buys one elsewhere.
        let _ = self.custom_token(&self.default_pool(), &custom_token, now);
        Ok(Login {
            custom_token,
            expires_in_secs: ACCOUNT_TOKEN_LIFETIME_SECS,
            user,
        })
    }

    pub(crate) fn find_by_name(&self, pool: &Pool, name: &str) -> Result<Option<User>, Error> {
        let tx = self.read()?;
        // An `@` is no character of a username, so a name is one or the other.
        Ok(match (Email::parse(name), Username::parse(name)) {
            (Ok(email), _) => users::find_by_email(&tx, pool, &email)?,
            (_, Ok(username)) => users::find_by_username(&tx, pool, &username)?,
            (Err(_), Err(_)) => None,
        })
    }
}

#[cfg(test)]
mod tests;
