//! The account server: an app's own accounts, whose logins are answered with a custom token
//! (auth specification, section 14).

use std::sync::Arc;

use firekeep_accounts::sign_in;
use firekeep_accounts::users::{self, Change, Edit};
use firekeep_accounts::{Email, Pool, User, Username};
use firekeep_model::Uid;
use firekeep_token::custom;
use serde_json::{Map, Value};

use crate::identity::{Authenticated, check_password};
use crate::limiter::SIGN_UPS;
use crate::limits::ACCOUNT_TOKEN_LIFETIME_SECS;
use crate::{AccountError, Client, Core, Error};

/// A login's answer.
#[derive(Clone, Debug)]
pub struct Login {
    /// The custom token.
    pub custom_token: String,
    /// How long it can be exchanged.
    pub expires_in_secs: i64,
    /// Who logged in.
    pub user: User,
}

/// What a new account is given.
#[derive(Clone, Debug, Default)]
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
        let email = new.email.as_deref().map(Email::parse).transpose()?;
        let username = new.username.as_deref().map(Username::parse).transpose()?;
        check_password(&new.password)?;
        self.count_sign_up(client, "password", SIGN_UPS)?;
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
            .write(move |tx, cx| Ok(sign_in::password_sign_up(tx, cx, &pool, change.clone())?))
            .await?;
        self.login(signed_in.user, Map::new())
    }

    /// Logs an account in by email address or username.
    ///
    /// # Errors
    /// [`Error::WrongPassword`] for every wrong combination; [`AccountError::UserDisabled`] after the right password
    /// only; [`Error::TooManyAttempts`].
    pub async fn account_login(
        self: &Arc<Self>,
        client: Client,
        name: &str,
        password: String,
    ) -> Result<Login, Error> {
        let user = self.find_by_name(&self.default_pool(), name)?;
        let user = self.check_password_of(client, name, user, password).await?;
        self.login(user, Map::new())
    }

    /// Changes the caller's password; every session ends, and the answer begins a new one.
    ///
    /// # Errors
    /// [`Error::WrongPassword`], [`AccountError::WeakPassword`], [`Error::TooManyAttempts`].
    pub async fn account_change_password(
        self: &Arc<Self>,
        client: Client,
        who: &Authenticated,
        old_password: String,
        new_password: String,
    ) -> Result<Login, Error> {
        check_password(&new_password)?;
        let name = who.user.uid.as_str();
        let user = self
            .check_password_of(client, name, Some(who.user.clone()), old_password)
            .await?;
        let password_hash = Edit::Set(self.hash(new_password).await?);
        let (pool, uid) = (self.default_pool(), user.uid);
        let user = self
            .write(move |tx, cx| {
                let password_hash = password_hash.clone();
                let change = Change {
                    password_hash,
                    ..Change::default()
                };
                Ok(users::update(tx, cx, &pool, &uid, change)?)
            })
            .await?;
        self.login(user, who.claims.session_claims.clone())
    }

    /// A fresh custom token for the caller, with the session's claims.
    ///
    /// # Errors
    /// [`Error::CustomToken`] when it cannot be signed.
    pub fn account_token(&self, who: &Authenticated) -> Result<Login, Error> {
        self.login(who.user.clone(), who.claims.session_claims.clone())
    }

    fn login(&self, user: User, claims: Map<String, Value>) -> Result<Login, Error> {
        let custom_token = self.mint_custom_token(&user.uid, &claims)?;
        // It comes back at once, to buy a session: verified now, and remembered. A bridge's buys one elsewhere.
        let _ = self.custom_token(&self.default_pool(), &custom_token);
        Ok(Login {
            custom_token,
            expires_in_secs: ACCOUNT_TOKEN_LIFETIME_SECS,
            user,
        })
    }

    fn mint_custom_token(&self, uid: &Uid, claims: &Map<String, Value>) -> Result<String, Error> {
        let now = self.now();
        self.account_signer(|file| {
            custom::mint(file, uid, claims, now, ACCOUNT_TOKEN_LIFETIME_SECS)
        })
        .map_err(Error::CustomToken)
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
