//! Passwords: sign-up, sign-in, and the workers that hash.

use std::sync::Arc;

use firekeep_accounts::sign_in::{self, SignedIn};
use firekeep_accounts::users::{self, Change, Edit};
use firekeep_accounts::{Email, PasswordHash, Pool, Session, User, limits as account_limits};
use firekeep_crypto::password::{self, Verdict};
use firekeep_model::{OpContext, Rng as _, Timestamp};
use serde_json::Map;

use super::Tokens;
use crate::limiter::{
    ANONYMOUS_SIGN_UPS, Key, PER_ACCOUNT, PER_ACCOUNT_AND_ADDRESS, PER_ADDRESS, Rate, SIGN_UPS,
};
use crate::limits::HASHES_WAITING_MAX;
use crate::{AccountError, Client, Core, Error, SystemRng};

/// How a client signs up. Without `Debug`: it holds a password.
#[derive(Clone)]
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
    /// [`AccountError::InvalidEmail`]; [`Error::TooManyAttempts`]; [`AccountError::EmailExists`],
    /// [`AccountError::WeakPassword`].
    pub async fn sign_up(
        self: &Arc<Self>,
        pool: &Pool,
        client: Client,
        sign_up: SignUp,
        display_name: Option<String>,
    ) -> Result<Tokens, Error> {
        let now = self.now();
        let mut change = Change {
            display_name: display_name.map_or(Edit::Keep, Edit::Set),
            ..Change::default()
        };
        let anonymous = matches!(sign_up, SignUp::Anonymous);
        if anonymous {
            self.count_anonymous_sign_up(client, now)?;
        }
        if let SignUp::Password { email, password } = sign_up {
            let email = Email::parse(&email)?;
            // Before the next question, whose answer tells who has an account.
            self.count_sign_up(client, now)?;
            if users::find_by_email(&self.read()?, pool, &email)?.is_some() {
                return Err(AccountError::EmailExists.into());
            }
            check_password(&password)?;
            change.email = Edit::Set(email);
            change.password_hash = Edit::Set(self.hash(password).await?);
        }
        let in_pool = pool.clone();
        let signed_in = self
            .write_at(now, move |tx, cx| {
                let change = change.clone();
                Ok(if anonymous {
                    sign_in::anonymous(tx, cx, &in_pool, change)?
                } else {
                    sign_in::password_sign_up(tx, cx, &in_pool, change)?
                })
            })
            .await?;
        self.tokens(pool, signed_in, now, true)
    }

    /// Adds an email address and a password to a signed-in user, such as an anonymous one.
    ///
    /// # Errors
    /// In this order: [`AccountError::InvalidEmail`]; [`Error::TooManyAttempts`]; [`Error::NotAllowed`] when that would
    /// change an address that should be verified first; [`AccountError::EmailExists`], [`AccountError::WeakPassword`];
    /// those of [`Core::authenticate`].
    ///
    /// Source: auth specification, section 15.4.
    pub async fn link_password(
        self: &Arc<Self>,
        pool: &Pool,
        client: Client,
        id_token: &str,
        email: &str,
        password: String,
    ) -> Result<Tokens, Error> {
        let email = Email::parse(email)?;
        // It tells who has an account, as a sign-up does.
        self.count_sign_up(client, self.now())?;
        let who = self.authenticate(pool, id_token);
        let own = who.as_ref().ok().map(|who| &who.user);
        let address = own.and_then(|user| user.email.as_ref());
        if address.is_some_and(|address| *address != email) && self.policy.hides_accounts() {
            return Err(Error::NotAllowed(
                "Please verify the new email before changing email.",
            ));
        }
        let found = users::find_by_email(&self.read()?, pool, &email)?;
        if found.is_some_and(|other| own.is_none_or(|own| own.uid != other.uid)) {
            return Err(AccountError::EmailExists.into());
        }
        check_password(&password)?;
        let who = who?;
        let change = Change {
            email: Edit::Set(email),
            password_hash: Edit::Set(self.hash(password).await?),
            ..Change::default()
        };
        let (_, tokens) = self
            .change_and_continue(pool, &who, change, Some("password"))
            .await?;
        tokens.ok_or_else(|| Error::Internal("a new password ended no session".to_owned()))
    }

    /// Signs in with an email address and a password (auth specification, section 15.7).
    ///
    /// # Errors
    /// [`AccountError::InvalidEmail`]; [`Error::WrongPassword`] or, where accounts are not hidden,
    /// [`Error::EmailNotFound`] and [`Error::InvalidPassword`]; [`AccountError::UserDisabled`] after the right password only;
    /// [`Error::TooManyAttempts`].
    pub async fn sign_in_with_password(
        self: &Arc<Self>,
        pool: &Pool,
        client: Client,
        email: &str,
        password: String,
    ) -> Result<Tokens, Error> {
        let now = self.now();
        let email = Email::parse(email)?;
        let user = users::find_by_email(&self.read()?, pool, &email)?;
        if user.is_none() && !self.policy.hides_accounts() {
            return Err(Error::EmailNotFound);
        }
        let tried = Tried {
            name: email.as_str(),
            user,
            password,
        };
        let judged = self.check_password_of(pool, client, tried, now).await;
        let user = judged.map_err(|error| match error {
            Error::WrongPassword if !self.policy.hides_accounts() => Error::InvalidPassword,
            other => other,
        })?;
        let mut rng = SystemRng;
        let mut cx = OpContext { now, rng: &mut rng };
        let session = Session::start(&mut cx, &user, "password", Map::new());
        let signed_in = SignedIn {
            user,
            session,
            is_new_user: false,
        };
        self.tokens(pool, signed_in, now, true)
    }

    /// Judges a password and counts the failures. Takes the same time when there is no such user. A hash that has not
    /// today's parameters is replaced.
    pub(crate) async fn check_password_of(
        self: &Arc<Self>,
        pool: &Pool,
        client: Client,
        tried: Tried<'_>,
        now: Timestamp,
    ) -> Result<User, Error> {
        let buckets = Buckets::of(pool, client, &tried);
        let _turn = self.turns.take(&buckets.here).await;
        self.limiter.count(&buckets.all(), now)?;
        let Tried { user, password, .. } = tried;
        let hash = user.as_ref().and_then(|user| user.password_hash.clone());
        let judged = self
            .hashing(move || judge(&password, hash.as_ref()))
            .await
            .and_then(|judged| judged);
        let judged = judged.inspect_err(|_| {
            // Nobody looked at the password.
            self.limiter
                .take_back(buckets.all().into_iter().map(|(key, _)| key));
        })?;
        let (Some(mut user), Some(right)) = (user, judged) else {
            return Err(Error::WrongPassword);
        };
        self.limiter.forget(&buckets.here);
        self.limiter
            .take_back(buckets.address.into_iter().chain([buckets.everywhere]));
        if user.disabled {
            return Err(AccountError::UserDisabled.into());
        }
        if let Right::Anew(new) = right {
            let old = user.password_hash.replace(new.clone());
            self.replace_hash(pool, &user, old, new).await;
        }
        Ok(user)
    }

    /// Stores a hash with today's parameters. The sign-in that brought it does not depend on that.
    async fn replace_hash(
        self: &Arc<Self>,
        pool: &Pool,
        user: &User,
        old: Option<PasswordHash>,
        new: PasswordHash,
    ) {
        let (pool, uid) = (pool.clone(), user.uid.clone());
        let written = self.write(move |tx, _| match &old {
            Some(old) => Ok(users::rehash(tx, &pool, &uid, old, &new)?),
            None => Ok(()),
        });
        if let Err(error) = written.await {
            tracing::warn!(%error, "a password's new hash could not be stored");
        }
    }

    pub(crate) fn count_sign_up(&self, client: Client, now: Timestamp) -> Result<(), Error> {
        self.count_from(client, "sign-up", SIGN_UPS, now)
    }

    fn count_anonymous_sign_up(&self, client: Client, now: Timestamp) -> Result<(), Error> {
        self.count_from(client, "anonymous sign-up", ANONYMOUS_SIGN_UPS, now)
    }

    /// Counts a user's change of its password, which costs a hash as a sign-up does.
    pub(crate) fn count_password_change(&self, client: Client) -> Result<(), Error> {
        self.count_from(client, "password change", SIGN_UPS, self.now())
    }

    fn count_from(
        &self,
        client: Client,
        what: &str,
        rate: Rate,
        now: Timestamp,
    ) -> Result<(), Error> {
        // Dev mode's test suites sign up by the thousand, from one address.
        let Some(network) = client.network().filter(|_| !self.policy.open()) else {
            return Ok(());
        };
        let key = Key::of(&[what, &network.to_string()]);
        self.limiter.count(&[(key, rate)], now)
    }

    /// Hashes a password that [`check_password`] accepted.
    pub(crate) async fn hash(self: &Arc<Self>, password: String) -> Result<PasswordHash, Error> {
        self.hashing(move || hash_here(&password)).await?
    }

    /// Runs slow password work on few threads at once, with a bounded queue before them.
    async fn hashing<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let queue = Arc::clone(&self.hash_queue);
        let place = queue.try_acquire_owned().map_err(|_| Error::Busy)?;
        let turns = Arc::clone(&self.hashing);
        let turn = turns.acquire_owned().await.map_err(|_| Error::Busy)?;
        let task = tokio::task::spawn_blocking(move || {
            // The work keeps both until it is done: a caller that hangs up ends its own waiting, not the work.
            let _held = (place, turn);
            work()
        });
        task.await
            .map_err(|_| Error::Internal("a password worker did not end".to_owned()))
    }
}

/// A password, and what it is tried at.
pub(crate) struct Tried<'a> {
    /// The account, as the client names it.
    pub(crate) name: &'a str,
    /// The user of that name.
    pub(crate) user: Option<User>,
    /// The password.
    pub(crate) password: String,
}

/// Where a tried password is counted.
struct Buckets {
    /// At the account, from the client's network: locked first, and without locking others out.
    here: Key,
    /// At the account, from everywhere.
    everywhere: Key,
    /// At all accounts, from the client's network, when that is known.
    address: Option<Key>,
}

impl Buckets {
    fn of(pool: &Pool, client: Client, tried: &Tried<'_>) -> Self {
        // An account is one, by whatever name it is tried; what is none has the name only.
        let (kind, name) = match &tried.user {
            Some(user) => ("uid", user.uid.as_str().to_owned()),
            None => ("name", tried.name.to_lowercase()),
        };
        let tenant = pool.tenant.as_deref().unwrap_or_default();
        let account = [pool.project.as_str(), tenant, kind, &name];
        let network = client.network().map(|network| network.to_string());
        let from = network.as_deref().unwrap_or_default();
        Self {
            here: Key::of(&[&["password here", from], account.as_slice()].concat()),
            everywhere: Key::of(&[&["password"], account.as_slice()].concat()),
            address: network.map(|network| Key::of(&["password from", &network])),
        }
    }

    fn all(&self) -> Vec<(Key, Rate)> {
        let mut all = vec![
            (self.here, PER_ACCOUNT_AND_ADDRESS),
            (self.everywhere, PER_ACCOUNT),
        ];
        all.extend(self.address.map(|key| (key, PER_ADDRESS)));
        all
    }
}

/// A password that is right.
enum Right {
    /// With a hash of today's parameters.
    AsStored,
    /// With an older hash; this is today's.
    Anew(PasswordHash),
}

/// Judges a password; without a hash, it takes as long and is wrong.
fn judge(password: &str, hash: Option<&PasswordHash>) -> Result<Option<Right>, Error> {
    let Some(hash) = hash else {
        password::verify_dummy(password.as_bytes());
        return Ok(None);
    };
    Ok(match password::verify(password.as_bytes(), &hash.0) {
        Verdict::Match => Some(Right::AsStored),
        Verdict::MatchRehash => Some(Right::Anew(hash_here(password)?)),
        Verdict::Mismatch => None,
    })
}

/// Hashes on this thread.
fn hash_here(password: &str) -> Result<PasswordHash, Error> {
    let mut salt = [0; 16];
    SystemRng.fill(&mut salt);
    Ok(PasswordHash(password::hash(password.as_bytes(), salt)?))
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

#[cfg(test)]
mod tests;
