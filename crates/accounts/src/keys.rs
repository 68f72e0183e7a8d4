//! Where accounts are stored.
//!
//! `sys_users`: pool · uid → user. `sys_user_index`: pool · kind (1 byte) · value → uid, and for an ended session
//! pool · `s` · uid length (2 bytes) · uid · session id → empty, and for the first email address of a user
//! pool · `i` · address · `00` · uid → uid, as it need not be unique. A pool is project id · `00` · tenant id · `00`; neither
//! id contains a zero byte, so no pool is a prefix of another one.

use firekeep_model::{ProjectId, Uid};
use firekeep_store::Key;

use crate::{Email, Phone, SessionId, Username};

/// A pool of users: a project's own, or one of its tenants'.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pool {
    /// The project.
    pub project: ProjectId,
    /// The tenant, or `None` for the project's own users.
    pub tenant: Option<Box<str>>,
}

impl Pool {
    /// The pool of a project's own users.
    #[must_use]
    pub fn of(project: &ProjectId) -> Self {
        Self {
            project: project.clone(),
            tenant: None,
        }
    }

    pub(crate) fn prefix(&self) -> Key {
        let tenant = self.tenant.as_deref().unwrap_or_default();
        [
            self.project.as_str().as_bytes(),
            &[0],
            tenant.as_bytes(),
            &[0],
        ]
        .concat()
    }

    pub(crate) fn user(&self, uid: &Uid) -> Key {
        self.join(&[uid.as_str().as_bytes()])
    }

    pub(crate) fn email(&self, email: &Email) -> Key {
        self.join(&[b"e", email.as_str().as_bytes()])
    }

    /// The prefix of every user whose first address this was: an address contains no zero byte.
    pub(crate) fn initial_email(&self, email: &Email) -> Key {
        self.join(&[b"i", email.as_str().as_bytes(), &[0]])
    }

    pub(crate) fn initial_email_of(&self, email: &Email, uid: &Uid) -> Key {
        let uid = uid.as_str().as_bytes();
        self.join(&[b"i", email.as_str().as_bytes(), &[0], uid])
    }

    pub(crate) fn phone(&self, phone: &Phone) -> Key {
        self.join(&[b"p", phone.as_str().as_bytes()])
    }

    pub(crate) fn username(&self, username: &Username) -> Key {
        self.join(&[b"n", username.folded().as_bytes()])
    }

    pub(crate) fn federated(&self, provider_id: &str, raw_id: &str) -> Key {
        self.join(&[b"f", provider_id.as_bytes(), &[0], raw_id.as_bytes()])
    }

    pub(crate) fn ended_session(&self, uid: &Uid, session: &SessionId) -> Key {
        let mut key = self.ended_sessions(uid);
        key.extend_from_slice(&session.0);
        key
    }

    /// The prefix of every ended session of a user.
    pub(crate) fn ended_sessions(&self, uid: &Uid) -> Key {
        let bytes = uid.as_str().as_bytes();
        // A uid has at most 128 characters of at most 4 bytes, so its length fits.
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        self.join(&[b"s", &length.to_be_bytes(), bytes])
    }

    fn join(&self, parts: &[&[u8]]) -> Key {
        let mut key = self.prefix();
        for part in parts {
            key.extend_from_slice(part);
        }
        key
    }
}
