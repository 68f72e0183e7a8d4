//! Identity: signing in, sessions, and users, as the Identity Toolkit offers them.

mod admin;
mod password;
mod profile;
mod session;
mod update;

pub use admin::{BatchDeleteFault, Lookup, NewUser, Page, Selector};
pub use password::SignUp;
pub(crate) use password::{HASH_PLACES, Tried, check_password};
pub use session::{Authenticated, Tokens};
pub use update::{Target, Update, Updated};

/// The pool of users that a request names. What it leaves out, the caller's credential says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place<'a> {
    /// The project; an administrator's to name.
    pub project: Option<&'a str>,
    /// The tenant.
    pub tenant: Option<&'a str>,
}
