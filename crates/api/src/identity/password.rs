//! Passwords: sign-up, sign-in, and the workers that hash.

use std::sync::Arc;

use firekeep_accounts::sign_in::{self, SignedIn};
use firekeep_accounts::users::{self, Change, Edit};
use firekeep_accounts::{Email, Pool, Session, User, limits as account_limits};
use firekeep_crypto::password::{self, Verdict};
use firekeep_model::{OpContext, Rng as _};
use serde_json::Map;

use super::{Authenticated, Tokens};
use crate::limiter::{ANONYMOUS_SIGN_UPS, PER_ACCOUNT, PER_ADDRESS, SIGN_UPS};
use crate::limits::HASHES_WAITING_MAX;
use crate::{AccountError, Client, Core, Error, SystemRng};

/// How a client signs up.
#[derive(Clone, Debug)]
pub enum SignUp {
    /// Without any name.
    Anonymous,
    /// With an email address and a password.
    Password {
        /// The address, as given.
        email: String,
        /// The password.
        password: String,
    },
}

impl Core {
    /// Creates an account for a client and signs it in (auth specification, section 15.4).
    ///
    /// # Errors
    /// [`AccountError::InvalidEmail`], [`AccountError::EmailExists`], [`AccountError::WeakPassword`];
    /// [`Error::TooManyAttempts`].
    pub async fn sign_up(
        self: &Arc<Self>,
        pool: &Pool,
        client: Client,
        sign_up: SignUp,
        display_name: Option<String>,
    ) -> Result<Tokens, Error> {
        let mut change = Change {
            display_name: display_name.map_or(Edit::Keep, Edit::Set),
            ..Change::default()
        };
        let anonymous = matches!(sign_up, SignUp::Anonymous);
        if anonymous {
            self.count_sign_up(client, "anonymous", ANONYMOUS_SIGN_UPS)?;
        }
        if let SignUp::Password { email, password } = sign_up {
            let email = Email::parse(&email)?;
            if users::find_by_email(&self.read()?, pool, &email)?.is_some() {
                return Err(AccountError::EmailExists.into());
            }
            check_password(&password)?;
            self.count_sign_up(client, "password", SIGN_UPS)?;
            change.email = Edit::Set(email);
            change.password_hash = Edit::Set(self.hash(password).await?);
        }
        let in_pool = pool.clone();
        let signed_in = self
            .write(move |tx, cx| {
                let change = change.clone();
                Ok(if anonymous {
                    sign_in::anonymous(tx, cx, &in_pool, change)?
                } else {
                    sign_in::password_sign_up(tx, cx, &in_pool, change)?
                })
            })
            .await?;
        self.tokens(pool, signed_in, true)
    }

    /// Adds an email address and a password to a signed-in user, such as an anonymous one.
    ///
    /// # Errors
    /// As [`Core::sign_up`].
    pub async fn link_password(
        self: &Arc<Self>,
        pool: &Pool,
        who: &Authenticated,
        email: &str,
        password: String,
    ) -> Result<Tokens, Error> {
        let email = Email::parse(email)?;
        check_password(&password)?;
        let hash = self.hash(password).await?;
        let change = Change {
            email: Edit::Set(email),
            password_hash: Edit::Set(hash),
            ..Change::default()
        };
        self.change_and_continue(pool, who, change, Some("password"))
            .await
            .map(|(_, tokens)| tokens)
    }

    /// Signs in with an email address and a password (auth specification, section 15.7).
    ///
    /// # Errors
    /// [`AccountError::InvalidEmail`]; [`Error::WrongPassword`] or, where accounts are not hidden,
    /// [`Error::EmailNotFound`]; [`AccountError::UserDisabled`] after the right password only;
    /// [`Error::TooManyAttempts`].
    pub async fn sign_in_with_password(
        self: &Arc<Self>,
        pool: &Pool,
        client: Client,
        email: &str,
        password: String,
    ) -> Result<Tokens, Error> {
        let email = Email::parse(email)?;
        let user = users::find_by_email(&self.read()?, pool, &email)?;
        if user.is_none() && !self.policy.hides_accounts() {
            return Err(Error::EmailNotFound);
        }
        let user = self
            .check_password_of(client, email.as_str(), user, password)
            .await?;
        let mut rng = SystemRng;
        let mut cx = OpContext {
            now: self.now(),
            rng: &mut rng,
        };
        let session = Session::start(&mut cx, &user, "password", Map::new());
        self.tokens(
            pool,
            SignedIn {
                user,
                session,
                is_new_user: false,
            },
            true,
        )
    }

    /// Judges a password and counts the failures. Takes the same time when there is no such user.
    pub(crate) async fn check_password_of(
        self: &Arc<Self>,
        client: Client,
        name: &str,
        user: Option<User>,
        password: String,
    ) -> Result<User, Error> {
        let now = self.now();
        let address = client
            .address
            .map(|address| format!("password from {address}"));
        let account = match client.address {
            Some(address) => format!("password of {} from {address}", name.to_lowercase()),
            None => format!("password of {}", name.to_lowercase()),
        };
        self.limiter.check(&account, PER_ACCOUNT, now)?;
        if let Some(address) = &address {
            self.limiter.check(address, PER_ADDRESS, now)?;
        }
        let hash = user.as_ref().and_then(|user| user.password_hash.clone());
        let right = self
            .hashing(move || match hash {
                Some(hash) => !matches!(
                    password::verify(password.as_bytes(), &hash),
                    Verdict::Mismatch
                ),
                None => {
                    password::verify_dummy(password.as_bytes());
                    false
                }
            })
            .await?;
        let Some(user) = user.filter(|_| right) else {
            self.limiter.count(&account, PER_ACCOUNT, now);
            if let Some(address) = &address {
                self.limiter.count(address, PER_ADDRESS, now);
            }
            return Err(Error::WrongPassword);
        };
        self.limiter.forget(&account);
        if user.disabled {
            return Err(AccountError::UserDisabled.into());
        }
        Ok(user)
    }

    pub(crate) fn count_sign_up(
        &self,
        client: Client,
        kind: &str,
        rate: crate::limiter::Rate,
    ) -> Result<(), Error> {
        // Dev mode's test suites sign up by the thousand, from one address.
        let Some(address) = client.address.filter(|_| !self.policy.open()) else {
            return Ok(());
        };
        let key = format!("{kind} sign-up from {address}");
        self.limiter.check(&key, rate, self.now())?;
        self.limiter.count(&key, rate, self.now());
        Ok(())
    }

    /// Hashes a password that [`check_password`] accepted.
    pub(crate) async fn hash(self: &Arc<Self>, password: String) -> Result<String, Error> {
        let mut salt = [0; 16];
        SystemRng.fill(&mut salt);
        let hash = self
            .hashing(move || password::hash(password.as_bytes(), salt))
            .await??;
        Ok(hash)
    }

    /// Runs slow password work on few threads at once, with a bounded queue before them.
    async fn hashing<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let _place = self.hash_queue.try_acquire().map_err(|_| Error::Busy)?;
        let _turn = self.hashing.acquire().await.map_err(|_| Error::Busy)?;
        let task = tokio::task::spawn_blocking(work);
        task.await
            .map_err(|_| Error::Internal("a password worker did not end".to_owned()))
    }
}

/// The places before the workers: those that work, and those that wait.
pub(crate) const HASH_PLACES: usize = HASHES_WAITING_MAX + crate::limits::HASHES_AT_ONCE;

/// Checks a new password's length.
///
/// # Errors
/// [`AccountError::WeakPassword`], [`AccountError::PasswordTooLong`].
pub(crate) fn check_password(password: &str) -> Result<(), Error> {
    if password.chars().count() < account_limits::PASSWORD_CHARS_MIN {
        return Err(AccountError::WeakPassword.into());
    }
    if password.len() > account_limits::PASSWORD_BYTES_MAX {
        return Err(AccountError::PasswordTooLong.into());
    }
    Ok(())
}
