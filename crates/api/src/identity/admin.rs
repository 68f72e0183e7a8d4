//! Users as administrators see them: look-ups by any name, lists, creation, deletion in bulk.

use std::sync::Arc;

use firekeep_accounts::users::{self, Change, Edit};
use firekeep_accounts::{Email, Phone, Pool, User, Username};
use firekeep_model::{Caller, Uid};
use firekeep_store::Read;

use super::update::is_privileged;
use super::{Place, check_password};
use crate::{AccountError, Core, Error};

/// The most users of one look-up. Source: auth specification, section 15.3.
const LOOKUP_MAX: usize = 100;
/// The most users of one bulk deletion. Source: auth specification, section 17.2.
const BATCH_DELETE_MAX: usize = 1000;

/// Whom a look-up is about. Without `Debug`: it holds a token.
#[derive(Clone, Default)]
pub struct Lookup {
    /// The caller's own ID token, which names the user unless an administrator asks.
    pub id_token: Option<String>,
    /// The users that an administrator names.
    pub selectors: Vec<Selector>,
}

/// What names a user in a look-up. Text that cannot name one finds nothing.
#[derive(Clone, Debug)]
pub enum Selector {
    /// By uid.
    Uid(String),
    /// By email address.
    Email(String),
    /// By the first email address that the user had; several may have had the same.
    InitialEmail(String),
    /// By phone number.
    Phone(String),
    /// By provider and id there.
    Federated(String, String),
}

/// A new user, as an administrator writes it down: texts are judged in the order of the specification.
#[derive(Clone, Default)]
pub struct NewUser {
    /// The uid; generated when absent.
    pub uid: Option<String>,
    /// The phone number.
    pub phone_number: Option<String>,
    /// The email address.
    pub email: Option<String>,
    /// Whether the address is verified.
    pub email_verified: Option<bool>,
    /// The username of the account server.
    pub username: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// The display name.
    pub display_name: Option<String>,
    /// The photo's URL.
    pub photo_url: Option<String>,
    /// Whether the user may not sign in.
    pub disabled: Option<bool>,
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page {
    /// The users, by uid.
    pub users: Vec<User>,
    /// Where the next page begins, when this one is full.
    pub next: Option<String>,
}

/// Why one user of a bulk deletion stays.
#[derive(Clone, Debug)]
pub struct BatchDeleteFault {
    /// Its place in the request.
    pub index: usize,
    /// Its uid.
    pub uid: String,
}

impl Core {
    /// The pool that an administrator's request is about.
    ///
    /// # Errors
    /// [`Error::ProjectNotTheirs`] for an API key on a project's path; [`Error::CredentialMissing`] for others that are
    /// no administrators; those of [`Core::pool_of`].
    ///
    /// Source: auth specification, section 4.3.
    pub(crate) fn admin_pool(&self, caller: &Caller, place: Place<'_>) -> Result<Pool, Error> {
        match caller {
            Caller::Privileged { .. } => self.pool_of(caller, place.project, place.tenant),
            Caller::ApiKey { .. } if place.project.is_some() => Err(Error::ProjectNotTheirs),
            Caller::ApiKey { .. } | Caller::User { .. } | Caller::Anonymous => {
                Err(Error::CredentialMissing)
            }
        }
    }

    /// Finds the caller's own user or, for an administrator, those named: unknown ones are skipped, doubles dropped.
    ///
    /// # Errors
    /// Those of [`Core::authenticate`]; [`Error::Invalid`] for more than 100.
    ///
    /// Source: auth specification, section 15.3.
    pub fn lookup(
        &self,
        caller: &Caller,
        place: Place<'_>,
        lookup: &Lookup,
    ) -> Result<Vec<User>, Error> {
        let pool = self.pool_of(caller, place.project, place.tenant)?;
        if !is_privileged(caller) {
            let who = self.require_own(&pool, lookup.id_token.as_deref())?;
            return Ok(vec![who.user]);
        }
        if lookup.selectors.len() > LOOKUP_MAX {
            return Err(Error::Invalid(format!(
                "at most {LOOKUP_MAX} users in one look-up"
            )));
        }
        let tx = self.read()?;
        let mut found: Vec<User> = Vec::new();
        for selector in &lookup.selectors {
            for user in select(&tx, &pool, selector)? {
                if found.iter().all(|other| other.uid != user.uid) {
                    found.push(user);
                }
            }
        }
        drop(tx);
        for user in &mut found {
            self.activity.show(&pool, user);
        }
        Ok(found)
    }

    /// Lists users by uid, after the uid `after`.
    ///
    /// # Errors
    /// Those of an administrator's pool; [`Error::PageSelection`] when `after` is no uid.
    pub async fn list_users(
        self: &Arc<Self>,
        caller: &Caller,
        place: Place<'_>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, Error> {
        let pool = self.admin_pool(caller, place)?;
        let after = after.map(Uid::parse).transpose();
        let after = after.map_err(|_| Error::PageSelection)?;
        let core = Arc::clone(self);
        // A thousand records are too many to read and decode on an async thread.
        let task = tokio::task::spawn_blocking(move || core.page(&pool, after.as_ref(), limit));
        task.await
            .map_err(|_| Error::Internal("a list did not end".to_owned()))?
    }

    fn page(&self, pool: &Pool, after: Option<&Uid>, limit: usize) -> Result<Page, Error> {
        let mut users = users::list(&self.read()?, pool, after, limit)?;
        for user in &mut users {
            self.activity.show(pool, user);
        }
        let full = users.len() == limit;
        let next = users
            .last()
            .filter(|_| full)
            .map(|user| user.uid.to_string());
        Ok(Page { users, next })
    }

    /// Creates a user without signing it in.
    ///
    /// # Errors
    /// Those of an administrator's pool; [`Error::InvalidUid`], [`AccountError::DuplicateUid`]; those of phone number,
    /// email address, username and password, in this order.
    ///
    /// Source: auth specification, section 15.4.
    pub async fn create_user(
        self: &Arc<Self>,
        caller: &Caller,
        place: Place<'_>,
        new: NewUser,
    ) -> Result<User, Error> {
        let pool = self.admin_pool(caller, place)?;
        let mut user = self.judge_new(&pool, &new)?;
        if let Some(password) = new.password {
            user.change.password_hash = Edit::Set(self.hash(password).await?);
        }
        self.write(move |tx, cx| Ok(users::create(tx, cx, &pool, user.clone())?))
            .await
    }

    /// Everything that can be refused before the slow hash. What other users have is asked again in the transaction.
    fn judge_new(&self, pool: &Pool, new: &NewUser) -> Result<users::NewUser, Error> {
        let tx = self.read()?;
        let uid = new.uid.as_deref().map(Uid::parse).transpose();
        let uid = uid.map_err(Error::InvalidUid)?;
        if let Some(uid) = &uid
            && users::find(&tx, pool, uid)?.is_some()
        {
            return Err(AccountError::DuplicateUid.into());
        }
        let phone = new.phone_number.as_deref().map(Phone::parse).transpose()?;
        if let Some(phone) = &phone
            && users::find_by_phone(&tx, pool, phone)?.is_some()
        {
            return Err(AccountError::PhoneExists.into());
        }
        let email = new.email.as_deref().map(Email::parse).transpose()?;
        if let Some(email) = &email
            && users::find_by_email(&tx, pool, email)?.is_some()
        {
            return Err(AccountError::EmailExists.into());
        }
        let username = new.username.as_deref().map(Username::parse).transpose()?;
        if let Some(username) = &username
            && users::find_by_username(&tx, pool, username)?.is_some()
        {
            return Err(AccountError::UsernameExists.into());
        }
        if let Some(password) = &new.password {
            check_password(password)?;
        }
        let change = Change {
            phone_number: phone.map_or(Edit::Keep, Edit::Set),
            email: email.map_or(Edit::Keep, Edit::Set),
            email_verified: new.email_verified,
            username: username.map_or(Edit::Keep, Edit::Set),
            display_name: new.display_name.clone().map_or(Edit::Keep, Edit::Set),
            photo_url: new.photo_url.clone().map_or(Edit::Keep, Edit::Set),
            disabled: new.disabled,
            ..Change::default()
        };
        Ok(users::NewUser {
            uid,
            change,
            custom_auth: false,
        })
    }

    /// Deletes users in bulk; without `force`, enabled ones stay.
    ///
    /// # Errors
    /// Those of an administrator's pool; [`Error::UidsOutOfRange`] for none or more than 1000.
    ///
    /// Source: auth specification, section 17.2.
    pub async fn delete_users(
        self: &Arc<Self>,
        caller: &Caller,
        place: Place<'_>,
        uids: Vec<String>,
        force: bool,
    ) -> Result<Vec<BatchDeleteFault>, Error> {
        let pool = self.admin_pool(caller, place)?;
        if uids.is_empty() || uids.len() > BATCH_DELETE_MAX {
            return Err(Error::UidsOutOfRange);
        }
        self.write(move |tx, _| {
            let mut faults = Vec::new();
            for (index, text) in uids.iter().enumerate() {
                let Ok(uid) = Uid::parse(text) else { continue };
                match users::find(tx, &pool, &uid)? {
                    Some(user) if !user.disabled && !force => {
                        faults.push(BatchDeleteFault {
                            index,
                            uid: text.clone(),
                        });
                    }
                    Some(_) => {
                        users::delete(tx, &pool, &uid)?;
                    }
                    None => {}
                }
            }
            Ok(faults)
        })
        .await
    }
}

/// The users that a selector names.
fn select(tx: &dyn Read, pool: &Pool, selector: &Selector) -> Result<Vec<User>, Error> {
    let found = match selector {
        Selector::Uid(text) => match Uid::parse(text) {
            Ok(uid) => users::find(tx, pool, &uid)?,
            Err(_) => None,
        },
        Selector::Email(text) => match Email::parse(text) {
            Ok(email) => users::find_by_email(tx, pool, &email)?,
            Err(_) => None,
        },
        Selector::InitialEmail(text) => match Email::parse(text) {
            Ok(email) => return Ok(users::list_by_initial_email(tx, pool, &email)?),
            Err(_) => None,
        },
        Selector::Phone(text) => match Phone::parse(text) {
            Ok(phone) => users::find_by_phone(tx, pool, &phone)?,
            Err(_) => None,
        },
        Selector::Federated(provider, raw_id) => {
            users::find_by_federated(tx, pool, provider, raw_id)?
        }
    };
    Ok(found.into_iter().collect())
}
