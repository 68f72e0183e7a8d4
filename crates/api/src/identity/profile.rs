//! A change of the caller's own record, and the session that continues.

use std::sync::Arc;

use firekeep_accounts::sign_in::SignedIn;
use firekeep_accounts::users::{self, Change};
use firekeep_accounts::{Pool, Session, User};

use super::{Authenticated, Tokens};
use crate::{Core, Error};

impl Core {
    /// Changes the caller's own record. Where that ends the user's sessions, the caller's continues with new tokens
    /// (auth specification, sections 11 and 15.5).
    ///
    /// # Errors
    /// Those of [`users::update`]; those of [`Authenticated::load_again`].
    pub(crate) async fn change_and_continue(
        self: &Arc<Self>,
        pool: &Pool,
        who: &Authenticated,
        change: Change,
        provider: Option<&str>,
    ) -> Result<(User, Option<Tokens>), Error> {
        let provider = provider.unwrap_or(&who.claims.provider).to_owned();
        let (who, in_pool) = (who.clone(), pool.clone());
        let (user, session, now) = self
            .write(move |tx, cx| {
                let before = who.load_again(tx, &in_pool)?;
                let user = users::update(tx, cx, &in_pool, &before.uid, change.clone())?;
                let ended = (user.generation, user.valid_since_secs)
                    != (before.generation, before.valid_since_secs);
                let claims = &who.claims.session_claims;
                let session = ended.then(|| Session::start(cx, &user, &provider, claims.clone()));
                Ok((user, session, cx.now))
            })
            .await?;
        let Some(session) = session else {
            return Ok((user, None));
        };
        let signed_in = SignedIn {
            user: user.clone(),
            session,
            is_new_user: false,
        };
        Ok((user, Some(self.tokens(pool, signed_in, now, false)?)))
    }
}

#[cfg(test)]
mod tests;
