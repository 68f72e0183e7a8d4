//! Identity: signing in, sessions, and users, as the Identity Toolkit offers them.

mod admin;
mod password;
mod profile;
mod session;

pub use admin::{BatchDeleteFault, Page, Selector};
pub use password::SignUp;
pub(crate) use password::{HASH_PLACES, check_password};
pub use profile::{Updated, WhoUpdates};
pub use session::{Authenticated, Tokens};
