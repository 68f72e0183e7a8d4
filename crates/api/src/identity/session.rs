//! Sessions: custom token in, ID token out, refreshed, verified, ended.

use std::fmt;
use std::sync::Arc;

use firekeep_accounts::sign_in::{self, SignedIn};
use firekeep_accounts::{Pool, RefreshToken, SessionId, User, sessions, users};
use firekeep_crypto::digest::sha256;
use firekeep_model::{OpContext, Timestamp, Uid};
use firekeep_store::Read;
use firekeep_token::custom::Verified;
use firekeep_token::id::{self, IdClaims, Subject, SubjectSession};
use serde_json::Map;

use crate::{AccountError, Core, Error, SystemRng};

/// How many users' sign-in times one commit writes.
const ACTIVITY_BATCH: usize = 1000;

/// What a signed-in device holds. Its `Debug` shows no token.
#[derive(Clone)]
pub struct Tokens {
    /// The ID token.
    pub id_token: String,
    /// The refresh token.
    pub refresh_token: RefreshToken,
    /// How long the ID token lives.
    pub expires_in_secs: i64,
    /// Whose they are.
    pub user: User,
    /// Whether this sign-in created the user.
    pub is_new_user: bool,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Tokens");
        shown.field("uid", &self.user.uid).finish_non_exhaustive()
    }
}

/// A verified ID token and its user.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// The user as it is now.
    pub user: User,
    /// The token's claims.
    pub claims: Arc<IdClaims>,
}

impl Authenticated {
    /// The session that the token belongs to; a token that another server's emulator made has none.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.claims
            .session_id
            .as_deref()
            .and_then(SessionId::from_hex)
    }

    /// The user again, in the transaction that acts for it: since [`Core::authenticate`], a slow hash may have given
    /// somebody the time to end the session, and it must not continue itself then.
    ///
    /// # Errors
    /// Those of [`Core::authenticate`].
    pub(crate) fn load_again(&self, tx: &dyn Read, pool: &Pool) -> Result<User, Error> {
        let user = user_of(tx, pool, &self.claims)?;
        let now = (user.incarnation, user.generation);
        if now != (self.user.incarnation, self.user.generation) {
            return Err(Error::IdTokenRevoked);
        }
        Ok(user)
    }
}

/// The user of a verified ID token whose session still stands.
fn user_of(tx: &dyn Read, pool: &Pool, claims: &IdClaims) -> Result<User, Error> {
    let user = users::find(tx, pool, &claims.sub)?.ok_or(AccountError::UserNotFound)?;
    match sessions::check_id_token(tx, pool, &user, claims) {
        Ok(()) => Ok(user),
        Err(AccountError::SessionEnded) => Err(Error::IdTokenRevoked),
        Err(error) => Err(error.into()),
    }
}

impl Core {
    /// Signs a device in with a custom token.
    ///
    /// # Errors
    /// [`Error::CustomToken`]; [`AccountError::UserDisabled`].
    pub async fn sign_in_with_custom_token(
        self: &Arc<Self>,
        pool: &Pool,
        token: &str,
    ) -> Result<Tokens, Error> {
        let now = self.now();
        let verified = self.custom_token(pool, token, now)?;
        let known = {
            let mut rng = SystemRng;
            let mut cx = OpContext { now, rng: &mut rng };
            sign_in::custom_token_of_known_user(&self.read()?, &mut cx, pool, &verified)?
        };
        let signed_in = match known {
            Some(signed_in) => signed_in,
            None => {
                let pool = pool.clone();
                self.write_at(now, move |tx, cx| {
                    Ok(sign_in::custom_token(tx, cx, &pool, &verified)?)
                })
                .await?
            }
        };
        self.tokens(pool, signed_in, now, true)
    }

    /// Verifies a custom token, by memory where it was seen before.
    pub(crate) fn custom_token(
        &self,
        pool: &Pool,
        token: &str,
        now: Timestamp,
    ) -> Result<Arc<Verified>, Error> {
        let accounts = self.accounts();
        let tenant = pool.tenant.as_deref();
        let digest = sha256(token.as_bytes());
        let holds = |it: &Arc<Verified>| now.secs() < it.exp && it.tenant.as_deref() == tenant;
        if let Some(verified) = accounts.verified.find(&digest).filter(holds) {
            return Ok(verified);
        }
        let verified = self
            .policy
            .custom_token(token, accounts.as_ref(), now, tenant);
        let verified = Arc::new(verified.map_err(Error::CustomToken)?);
        accounts.verified.remember(digest, Arc::clone(&verified));
        Ok(verified)
    }

    /// Continues a session: a new ID token for the same refresh token.
    ///
    /// # Errors
    /// [`AccountError::InvalidRefreshToken`], [`AccountError::UserDisabled`], [`AccountError::SessionEnded`].
    pub fn refresh(&self, pool: &Pool, refresh_token: &str) -> Result<Tokens, Error> {
        let tx = self.read()?;
        let signed_in = sign_in::refresh(&tx, &self.session_keys, pool, refresh_token)?;
        drop(tx);
        let now = self.now();
        let id_token = self.mint(pool, &signed_in, now)?;
        self.activity.note(pool, &signed_in.user.uid, now, false);
        Ok(Tokens {
            id_token,
            refresh_token: RefreshToken(refresh_token.to_owned()),
            expires_in_secs: id::LIFETIME_SECS,
            user: signed_in.user,
            is_new_user: false,
        })
    }

    /// Verifies an ID token and loads its user (auth specification, section 7).
    ///
    /// # Errors
    /// [`Error::IdToken`]; [`AccountError::UserNotFound`]; [`Error::IdTokenRevoked`];
    /// [`AccountError::UserDisabled`].
    pub fn authenticate(&self, pool: &Pool, token: &str) -> Result<Authenticated, Error> {
        let claims = self.claims(pool, token)?;
        let tx = self.read()?;
        let mut user = user_of(&tx, pool, &claims)?;
        drop(tx);
        self.activity.show(pool, &mut user);
        Ok(Authenticated { user, claims })
    }

    /// Verifies a token's form, signature and times, by memory where it was seen before.
    pub(crate) fn claims(&self, pool: &Pool, token: &str) -> Result<Arc<IdClaims>, Error> {
        let now = self.now();
        let context = [pool.project.as_str().as_bytes(), &[0], token.as_bytes()].concat();
        let (digest, keys) = (sha256(&context), self.keys());
        if let Some(claims) = keys.verified.find(&digest) {
            if claims.exp > now.secs() {
                return Ok(claims);
            }
            return Err(Error::IdToken(firekeep_token::Error::Expired));
        }
        let verified = self.policy.id_token(token, &pool.project, &keys, now);
        let claims = Arc::new(verified.map_err(Error::IdToken)?);
        keys.verified.remember(digest, Arc::clone(&claims));
        Ok(claims)
    }

    /// Ends the session of an ID token, or every session of its user.
    ///
    /// # Errors
    /// Storage errors.
    pub async fn sign_out(
        self: &Arc<Self>,
        pool: &Pool,
        who: &Authenticated,
        everywhere: bool,
    ) -> Result<(), Error> {
        let (pool, uid, session) = (pool.clone(), who.user.uid.clone(), who.session());
        self.write(move |tx, cx| {
            match session.filter(|_| !everywhere) {
                Some(session) => sessions::end(tx, &pool, &uid, &session)?,
                None => {
                    let valid_since_secs = Some(cx.now.secs());
                    let change = users::Change {
                        valid_since_secs,
                        ..users::Change::default()
                    };
                    users::update(tx, cx, &pool, &uid, change)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Mints both tokens of a session and notes the sign-in.
    pub(crate) fn tokens(
        &self,
        pool: &Pool,
        signed_in: SignedIn,
        now: Timestamp,
        login: bool,
    ) -> Result<Tokens, Error> {
        let mut rng = SystemRng;
        let mut cx = OpContext { now, rng: &mut rng };
        let refresh_token = self.session_keys.seal(&mut cx, pool, &signed_in.session)?;
        let id_token = self.mint(pool, &signed_in, now)?;
        self.activity.note(pool, &signed_in.user.uid, now, login);
        Ok(Tokens {
            id_token,
            refresh_token,
            expires_in_secs: id::LIFETIME_SECS,
            is_new_user: signed_in.is_new_user,
            user: signed_in.user,
        })
    }

    fn mint(&self, pool: &Pool, signed_in: &SignedIn, now: Timestamp) -> Result<String, Error> {
        let SignedIn { user, session, .. } = signed_in;
        let (identities, none) = (user.identities(), Map::new());
        let session_id = session.id.to_hex();
        let subject = Subject {
            uid: &user.uid,
            email: user.email.as_ref().map(firekeep_accounts::Email::as_str),
            email_verified: user.email_verified,
            phone: user
                .phone_number
                .as_ref()
                .map(firekeep_accounts::Phone::as_str),
            name: user.display_name.as_deref(),
            picture: user.photo_url.as_deref(),
            anonymous: session.provider == "anonymous",
            identities: &identities,
            provider: &session.provider,
            account_claims: user.custom_attributes.as_ref().unwrap_or(&none),
            session_claims: &session.claims,
            auth_time: session.auth_time_secs,
            session: Some(SubjectSession {
                id: &session_id,
                incarnation: session.incarnation,
            }),
        };
        let keys = self.keys();
        let minted = id::mint(keys.signing()?, &pool.project, &subject, now);
        minted.map_err(Error::of_signing)
    }

    /// Writes the sign-in times that are only in memory now; those that are noted meanwhile wait for the next time.
    pub(crate) async fn write_activity(self: &Arc<Self>) -> Result<(), Error> {
        for users in self.activity.pending().chunks(ACTIVITY_BATCH) {
            let batch = self.activity.take(users);
            self.write(move |tx, _| {
                for ((pool, uid), times) in &batch {
                    users::note_times(tx, pool, uid, times.login, times.refresh)?;
                }
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Loads a user by uid, with its latest times.
    ///
    /// # Errors
    /// [`AccountError::UserNotFound`].
    pub fn user(&self, pool: &Pool, uid: &Uid) -> Result<User, Error> {
        let mut user = users::load(&self.read()?, pool, uid)?;
        self.activity.show(pool, &mut user);
        Ok(user)
    }
}

#[cfg(test)]
mod tests;
