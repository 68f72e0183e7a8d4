//! A user's record changed or deleted, by the user or by an administrator.

use std::sync::Arc;

use firekeep_accounts::sign_in::SignedIn;
use firekeep_accounts::users::{self, Change, Edit, NewUser};
use firekeep_accounts::{Pool, Session, User};
use firekeep_model::Uid;

use super::{Authenticated, Tokens, check_password};
use crate::{AccountError, Core, Error};

/// Who changes a record.
#[derive(Clone, Debug)]
pub enum WhoUpdates {
    /// The user, by an ID token.
    User(Box<Authenticated>),
    /// An administrator, naming the user.
    Admin(Uid),
}

/// A changed record, with new tokens when the change ended the user's sessions.
#[derive(Clone, Debug)]
pub struct Updated {
    /// The record.
    pub user: User,
    /// The continued session (auth specification, section 11).
    pub tokens: Option<Tokens>,
}

impl Core {
    /// Changes a user (auth specification, section 15.5). `password` is hashed here.
    ///
    /// # Errors
    /// Those of [`users::update`]; [`AccountError::WeakPassword`]; [`Error::NotAllowed`] when a client changes an
    /// email address that should be verified first.
    pub async fn update_user(
        self: &Arc<Self>,
        pool: &Pool,
        who: WhoUpdates,
        mut change: Change,
        password: Option<String>,
    ) -> Result<Updated, Error> {
        let own = matches!(who, WhoUpdates::User(_));
        if own && self.policy.hides_accounts() && matches!(change.email, Edit::Set(_)) {
            return Err(Error::NotAllowed(
                "Please verify the new email before changing email.",
            ));
        }
        let provider = password.is_some().then_some("password");
        if let Some(password) = password {
            check_password(&password)?;
            change.password_hash = Edit::Set(self.hash(password).await?);
        }
        match who {
            WhoUpdates::User(who) => {
                let ends = ends_sessions(&change, &who.user);
                let (user, tokens) = self
                    .change_and_continue(pool, &who, change, provider)
                    .await?;
                Ok(Updated {
                    user,
                    tokens: ends.then_some(tokens),
                })
            }
            WhoUpdates::Admin(uid) => {
                let pool = pool.clone();
                let user = self
                    .write(move |tx, cx| Ok(users::update(tx, cx, &pool, &uid, change.clone())?))
                    .await?;
                Ok(Updated { user, tokens: None })
            }
        }
    }

    /// Changes the caller's own record; a session continues with the record's new generation.
    pub(crate) async fn change_and_continue(
        self: &Arc<Self>,
        pool: &Pool,
        who: &Authenticated,
        change: Change,
        provider: Option<&str>,
    ) -> Result<(User, Tokens), Error> {
        let uid = who.user.uid.clone();
        let provider = provider.unwrap_or(&who.claims.provider).to_owned();
        let claims = who.claims.clone();
        let generation = who.user.generation;
        let in_pool = pool.clone();
        let (user, session) = self
            .write(move |tx, cx| {
                let user = users::update(tx, cx, &in_pool, &uid, change.clone())?;
                let mut session =
                    Session::start(cx, &user, &provider, claims.session_claims.clone());
                if user.generation == generation {
                    session.auth_time_secs = claims.auth_time;
                }
                Ok((user, session))
            })
            .await?;
        let signed_in = SignedIn {
            user: user.clone(),
            session,
            is_new_user: false,
        };
        Ok((user, self.tokens(pool, signed_in, false)?))
    }

    /// Creates a user for an administrator, without signing it in.
    ///
    /// # Errors
    /// [`AccountError::DuplicateUid`], those of [`users::update`], [`AccountError::WeakPassword`].
    pub async fn create_user(
        self: &Arc<Self>,
        pool: &Pool,
        uid: Option<Uid>,
        mut change: Change,
        password: Option<String>,
    ) -> Result<User, Error> {
        if let Some(password) = password {
            check_password(&password)?;
            change.password_hash = Edit::Set(self.hash(password).await?);
        }
        let pool = pool.clone();
        self.write(move |tx, cx| {
            let new = NewUser {
                uid: uid.clone(),
                change: change.clone(),
                custom_auth: false,
            };
            Ok(users::create(tx, cx, &pool, new)?)
        })
        .await
    }

    /// Deletes a user with its sessions.
    ///
    /// # Errors
    /// [`AccountError::UserNotFound`].
    pub async fn delete_user(self: &Arc<Self>, pool: &Pool, uid: Uid) -> Result<(), Error> {
        let pool = pool.clone();
        let existed = self
            .write(move |tx, _| Ok(users::delete(tx, &pool, &uid)?))
            .await?;
        if existed {
            Ok(())
        } else {
            Err(AccountError::UserNotFound.into())
        }
    }
}

fn ends_sessions(change: &Change, user: &User) -> bool {
    let email = match &change.email {
        Edit::Set(email) => user.email.as_ref() != Some(email),
        Edit::Keep | Edit::Clear => false,
    };
    email || matches!(change.password_hash, Edit::Set(_)) || change.valid_since_secs.is_some()
}
