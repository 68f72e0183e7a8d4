//! Users as administrators see them: look-ups by any name, lists, deletion in bulk.

use std::sync::Arc;

use firekeep_accounts::{Email, Phone, Pool, User, users};
use firekeep_model::Uid;

use crate::{Core, Error};

/// The most users of one look-up. Source: auth specification, section 15.3.
const LOOKUP_MAX: usize = 100;
/// The most users of one bulk deletion. Source: auth specification, section 17.2.
const BATCH_DELETE_MAX: usize = 1000;

/// What names a user in a look-up. Text that cannot name one finds nothing.
#[derive(Clone, Debug)]
pub enum Selector {
    /// By uid.
    Uid(String),
    /// By email address.
    Email(String),
    /// By phone number.
    Phone(String),
    /// By provider and id there.
    Federated(String, String),
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
    /// Finds users by any of their names; unknown ones are skipped, doubles dropped.
    ///
    /// # Errors
    /// [`Error::Invalid`] for more than 100.
    pub fn lookup(&self, pool: &Pool, selectors: &[Selector]) -> Result<Vec<User>, Error> {
        if selectors.len() > LOOKUP_MAX {
            return Err(Error::Invalid(format!(
                "at most {LOOKUP_MAX} users in one look-up"
            )));
        }
        let tx = self.read()?;
        let mut found: Vec<User> = Vec::new();
        for selector in selectors {
            let user = match selector {
                Selector::Uid(text) => match Uid::parse(text) {
                    Ok(uid) => users::find(&tx, pool, &uid)?,
                    Err(_) => None,
                },
                Selector::Email(text) => match Email::parse(text) {
                    Ok(email) => users::find_by_email(&tx, pool, &email)?,
                    Err(_) => None,
                },
                Selector::Phone(text) => match Phone::parse(text) {
                    Ok(phone) => users::find_by_phone(&tx, pool, &phone)?,
                    Err(_) => None,
                },
                Selector::Federated(provider, raw_id) => {
                    users::find_by_federated(&tx, pool, provider, raw_id)?
                }
            };
            found.extend(user.filter(|user| found.iter().all(|other| other.uid != user.uid)));
        }
        for user in &mut found {
            self.activity.show(pool, user);
        }
        Ok(found)
    }

    /// Lists users by uid, after the uid `after`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `after` is no uid.
    pub fn list_users(
        &self,
        pool: &Pool,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, Error> {
        let after = after.map(Uid::parse).transpose();
        let after = after.map_err(|_| Error::Invalid("INVALID_PAGE_SELECTION".to_owned()))?;
        let mut users = users::list(&self.read()?, pool, after.as_ref(), limit)?;
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

    /// Deletes users in bulk; without `force`, enabled ones stay.
    ///
    /// # Errors
    /// [`Error::Invalid`] for none or more than 1000.
    pub async fn delete_users(
        self: &Arc<Self>,
        pool: &Pool,
        uids: Vec<String>,
        force: bool,
    ) -> Result<Vec<BatchDeleteFault>, Error> {
        if uids.is_empty() || uids.len() > BATCH_DELETE_MAX {
            return Err(Error::Invalid("LOCAL_ID_LIST_EXCEEDS_LIMIT".to_owned()));
        }
        let pool = pool.clone();
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
