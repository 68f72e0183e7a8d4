//! Sessions: custom token in, ID token out, refreshed, verified, ended.

use std::sync::Arc;

use firekeep_accounts::sign_in::{self, SignedIn};
use firekeep_accounts::{Pool, SessionId, User, sessions, users};
use firekeep_crypto::digest::sha256;
use firekeep_model::{OpContext, Timestamp, Uid};
use firekeep_token::custom::Verified;
use firekeep_token::id::{self, IdClaims, Subject};
use serde_json::Map;

use crate::{AccountError, Core, Error, SystemRng};

/// How many users' sign-in times one commit writes.
const ACTIVITY_BATCH: usize = 1000;

/// What a signed-in device holds.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The ID token.
    pub id_token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// How long the ID token lives.
    pub expires_in_secs: i64,
    /// Whose they are.
    pub user: User,
    /// Whether this sign-in created the user.
    pub is_new_user: bool,
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
        let verified = self.custom_token(pool, token)?;
        let known = {
            let (now, mut rng) = (self.now(), SystemRng);
            let mut cx = OpContext { now, rng: &mut rng };
            sign_in::custom_token_of_known_user(&self.read()?, &mut cx, pool, &verified)?
        };
        let signed_in = match known {
            Some(signed_in) => signed_in,
            None => {
                let pool = pool.clone();
                self.write(move |tx, cx| Ok(sign_in::custom_token(tx, cx, &pool, &verified)?))
                    .await?
            }
        };
        self.tokens(pool, signed_in, true)
    }

    /// Verifies a custom token, by memory where it was seen before.
    pub(crate) fn custom_token(&self, pool: &Pool, token: &str) -> Result<Arc<Verified>, Error> {
        let (now, accounts) = (self.now(), self.accounts());
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
            refresh_token: refresh_token.to_owned(),
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
        let mut user = users::find(&tx, pool, &claims.sub)?.ok_or(AccountError::UserNotFound)?;
        let before = user.valid_since_secs.is_some_and(|secs| claims.iat < secs);
        let session = claims.session_id.as_deref().and_then(SessionId::from_hex);
        let ended = match session {
            Some(session) => sessions::has_ended(&tx, pool, &user, &session)?,
            None => false,
        };
        drop(tx);
        if before || ended {
            return Err(Error::IdTokenRevoked);
        }
        if user.disabled {
            return Err(AccountError::UserDisabled.into());
        }
        self.activity.show(pool, &mut user);
        Ok(Authenticated { user, claims })
    }

    /// Verifies a token's form, signature and times, by memory where it was seen before.
    fn claims(&self, pool: &Pool, token: &str) -> Result<Arc<IdClaims>, Error> {
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
        login: bool,
    ) -> Result<Tokens, Error> {
        let now = self.now();
        let mut rng = SystemRng;
        let mut cx = OpContext { now, rng: &mut rng };
        let refresh = self.session_keys.seal(&mut cx, pool, &signed_in.session)?;
        let id_token = self.mint(pool, &signed_in, now)?;
        self.activity.note(pool, &signed_in.user.uid, now, login);
        Ok(Tokens {
            id_token,
            refresh_token: refresh.0,
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
            session_id: Some(&session_id),
        };
        let keys = self.keys();
        id::mint(keys.signing()?, &pool.project, &subject, now).map_err(Error::IdToken)
    }

    /// Writes the sign-in times that are only in memory.
    pub(crate) async fn write_activity(self: &Arc<Self>) -> Result<(), Error> {
        loop {
            let batch = self.activity.take(ACTIVITY_BATCH);
            if batch.is_empty() {
                return Ok(());
            }
            self.write(move |tx, _| {
                for ((pool, uid), times) in &batch {
                    users::note_times(tx, pool, uid, times.login, times.refresh)?;
                }
                Ok(())
            })
            .await?;
        }
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
