//! Where accounts are stored.
//!
//! `sys_users`: pool · uid → user. `sys_user_index`: pool · kind (1 byte) · value → uid, and for an ended session
//! pool · `s` · uid length (2 bytes) · uid · session id → empty, and for the first email address of a user
//! pool · `i` · address · `00` · uid → uid, as it need not be unique. A pool is project id · `00` · tenant id · `00`; neither
//! id contains a zero byte, so no pool is a prefix of another one.

use firekeep_model::{ProjectId, Uid};
use firekeep_store::{Key, Space};

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

    /// Whose sessions a stored row is about: a user's own row, or that of a session that ended. `None` for every other
    /// row, and for keys that are none of ours.
    #[must_use]
    pub fn of_row(space: Space, key: &[u8]) -> Option<(Self, Uid)> {
        let mut parts = key.splitn(3, |byte| *byte == 0);
        let (project, tenant) = (parts.next()?, str::from_utf8(parts.next()?).ok()?);
        let rest = parts.next()?;
        let uid = match space {
            Space::SysUsers => rest,
            Space::SysUserIndex => {
                let (length, rest) = rest.strip_prefix(b"s")?.split_first_chunk()?;
                rest.get(..usize::from(u16::from_be_bytes(*length)))?
            }
            _ => return None,
        };
        let pool = Self {
            project: ProjectId::parse(str::from_utf8(project).ok()?).ok()?,
            tenant: Some(tenant).filter(|id| !id.is_empty()).map(Into::into),
        };
        Some((pool, Uid::parse(str::from_utf8(uid).ok()?).ok()?))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_tell_whose_they_are() {
        let project = ProjectId::parse("demo").unwrap();
        let own = Pool::of(&project);
        let tenant = Some("t1".into());
        let tenants = Pool { project, tenant };
        let session = SessionId([7; 16]);
        for pool in [own, tenants] {
            for uid in ["a", "ü s", "s\0x"] {
                let uid = Uid::parse(uid).unwrap();
                let whose = Some((pool.clone(), uid.clone()));
                assert_eq!(Pool::of_row(Space::SysUsers, &pool.user(&uid)), whose);
                let ended = pool.ended_session(&uid, &session);
                assert_eq!(Pool::of_row(Space::SysUserIndex, &ended), whose);
                assert_eq!(Pool::of_row(Space::SysConfig, &ended), None);
                for length in 0..ended.len() - session.0.len() {
                    let half = ended.get(..length).unwrap();
                    assert_eq!(Pool::of_row(Space::SysUserIndex, half), None);
                }
            }
            let phone = pool.phone(&Phone::parse("+15551234567").unwrap());
            assert_eq!(Pool::of_row(Space::SysUserIndex, &phone), None);
        }
    }
}
