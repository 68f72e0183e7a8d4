//! When users last signed in: kept in memory and written in groups, so that no sign-in writes to disk.
//!
//! A crash may lose the last group; a clean stop does not. Nothing but the shown times depends on it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use firekeep_accounts::{Pool, User};
use firekeep_model::{Timestamp, Uid};

use crate::limits::ACTIVITY_USERS_MAX;

/// What happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) login: Option<Timestamp>,
    pub(crate) refresh: Option<Timestamp>,
}

/// The times that are not written yet.
#[derive(Default)]
pub(crate) struct Activity(Mutex<HashMap<(Pool, Uid), Times>>);

impl Activity {
    /// Notes a sign-in (`login`) or a refresh at `now`.
    pub(crate) fn note(&self, pool: &Pool, uid: &Uid, now: Timestamp, login: bool) {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (pool.clone(), uid.clone());
        if pending.len() >= ACTIVITY_USERS_MAX && !pending.contains_key(&key) {
            return;
        }
        let times = pending.entry(key).or_default();
        times.refresh = Some(now);
        if login {
            times.login = Some(now);
        }
    }

    /// Lays the unwritten times over a record that was read.
    pub(crate) fn show(&self, pool: &Pool, user: &mut User) {
        let pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(times) = pending.get(&(pool.clone(), user.uid.clone())) {
            user.last_login_at = user.last_login_at.max(times.login);
            user.last_refresh_at = user.last_refresh_at.max(times.refresh);
        }
    }

    /// The users whose times wait to be written.
    pub(crate) fn pending(&self) -> Vec<(Pool, Uid)> {
        let pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pending.keys().cloned().collect()
    }

    /// Takes these users' times, to be written.
    pub(crate) fn take(&self, users: &[(Pool, Uid)]) -> Vec<((Pool, Uid), Times)> {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        users
            .iter()
            .filter_map(|user| pending.remove_entry(user))
            .collect()
    }
}
