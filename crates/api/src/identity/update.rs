//! A user's record changed or deleted, by the user or by an administrator.

use std::sync::Arc;

use firekeep_accounts::users::{self, Change, Edit};
use firekeep_accounts::{Email, Phone, Pool, ProviderInfo, User};
use firekeep_model::{Caller, Timestamp, Uid};

use super::{Authenticated, Place, Tokens, check_password};
use crate::{AccountError, Client, Core, Error, TokenError};

/// The user that a request is about, as it names it.
#[derive(Clone, Default)]
pub struct Target {
    /// The user's own ID token.
    pub id_token: Option<String>,
    /// The uid; an administrator's way.
    pub uid: Option<String>,
}

/// What a request wants changed, as it says so: texts are judged here, in the order of the specification.
#[derive(Clone, Default)]
pub struct Update {
    /// Whose record.
    pub target: Target,
    /// The email address.
    pub email: Edit<String>,
    /// The password.
    pub password: Edit<String>,
    /// The display name.
    pub display_name: Edit<String>,
    /// The photo's URL.
    pub photo_url: Edit<String>,
    /// Tokens issued before this second no longer count. From a user, whatever it says means now.
    pub valid_since_secs: Option<i64>,
    /// The providers to remove; `password` and `phone` too.
    pub delete_providers: Vec<String>,
    /// The identity to link; an absent id is an empty one. Administrators only.
    pub link_provider: Option<ProviderInfo>,
    /// The JSON text of the custom claims; an empty text changes nothing. Administrators only.
    pub custom_attributes: Option<String>,
    /// Whether the user may not sign in. Administrators only, by uid.
    pub disabled: Option<bool>,
    /// Whether the address is verified. Ignored from users, as all that follows.
    pub email_verified: Option<bool>,
    /// The phone number.
    pub phone_number: Option<String>,
    /// When the user was created.
    pub created_at: Option<Timestamp>,
    /// The last sign-in.
    pub last_login_at: Option<Timestamp>,
    /// What of the request is not enabled on this server.
    pub not_enabled: Option<&'static str>,
}

/// A changed record, with new tokens when the change ended the user's sessions.
#[derive(Clone, Debug)]
pub struct Updated {
    /// The record.
    pub user: User,
    /// The continued session (auth specification, section 11).
    pub tokens: Option<Tokens>,
}

/// Whose record, and by whose right.
enum Subject {
    /// The user's own, by an ID token.
    Own(Box<Authenticated>),
    /// By an administrator.
    Named(Box<User>),
}

impl Subject {
    fn user(&self) -> &User {
        match self {
            Self::Own(who) => &who.user,
            Self::Named(user) => user,
        }
    }
}

impl Core {
    /// Changes a user.
    ///
    /// # Errors
    /// In this order: [`Error::NothingSelected`], [`Error::AdminOnly`], [`Error::UidMissing`]; those of custom claims;
    /// [`Error::NotEnabled`]; those of [`Core::authenticate`], or [`AccountError::UserNotFound`]; then those of each
    /// field, and [`Error::NotAllowed`] when a client changes an email address that should be verified first.
    ///
    /// Source: auth specification, section 15.5.
    pub async fn update_user(
        self: &Arc<Self>,
        caller: &Caller,
        place: Place<'_>,
        client: Client,
        update: Update,
    ) -> Result<Updated, Error> {
        let pool = self.pool_of(caller, place.project, place.tenant)?;
        let (subject, mut change) = self.judge_update(&pool, caller, &update)?;
        let mut provider = None;
        if let Edit::Set(password) = update.password {
            if let Subject::Own(_) = &subject {
                self.count_password_change(client)?;
            }
            change.password_hash = Edit::Set(self.hash(password).await?);
            provider = Some("password");
        }
        match subject {
            Subject::Own(who) => {
                let (user, tokens) = self
                    .change_and_continue(&pool, &who, change, provider)
                    .await?;
                Ok(Updated { user, tokens })
            }
            Subject::Named(user) => {
                let uid = user.uid;
                let user = self
                    .write(move |tx, cx| Ok(users::update(tx, cx, &pool, &uid, change.clone())?))
                    .await?;
                Ok(Updated { user, tokens: None })
            }
        }
    }

    /// Everything that can be refused before the slow hash. What other users have is asked again in the transaction.
    fn judge_update(
        &self,
        pool: &Pool,
        caller: &Caller,
        update: &Update,
    ) -> Result<(Subject, Change), Error> {
        let privileged = is_privileged(caller);
        let Target { id_token, uid } = &update.target;
        match (privileged, id_token) {
            (false, None) => return Err(Error::NothingSelected),
            (false, Some(_)) if update.custom_attributes.is_some() => {
                return Err(Error::AdminOnly("customAttributes"));
            }
            (true, None) if uid.is_none() => return Err(Error::UidMissing),
            _ => {}
        }
        let claims = update.custom_attributes.as_deref();
        if let Some(text) = claims.filter(|text| !text.is_empty()) {
            users::parse_claims(text)?;
        }
        if let Some(what) = update.not_enabled {
            return Err(Error::NotEnabled(what));
        }
        let subject = match id_token {
            Some(token) => {
                let who = self.authenticate(pool, token)?;
                if update.disabled.is_some() {
                    return Err(Error::NotAllowed("A user cannot disable itself."));
                }
                Subject::Own(Box::new(who))
            }
            None => Subject::Named(Box::new(self.user_named(pool, uid.as_deref())?)),
        };
        let user = subject.user();
        let tx = self.read()?;
        let is_other = |found: Option<User>| found.is_some_and(|other| other.uid != user.uid);

        let email = parse(&update.email, Email::parse)?;
        if let Edit::Set(email) = &email
            && user.email.as_ref() != Some(email)
        {
            // Before the next question, whose answer would tell who has an account.
            if !privileged && self.policy.hides_accounts() {
                return Err(Error::NotAllowed(
                    "Please verify the new email before changing email.",
                ));
            }
            if is_other(users::find_by_email(&tx, pool, email)?) {
                return Err(AccountError::EmailExists.into());
            }
        }
        if let Edit::Set(password) = &update.password {
            check_password(password)?;
        }
        let mut change = Change {
            email,
            password_hash: match update.password {
                Edit::Clear => Edit::Clear,
                Edit::Keep | Edit::Set(_) => Edit::Keep,
            },
            display_name: update.display_name.clone(),
            photo_url: update.photo_url.clone(),
            delete_providers: update.delete_providers.clone(),
            ..Change::default()
        };
        if privileged {
            change
                .custom_attributes
                .clone_from(&update.custom_attributes);
            change.disabled = update.disabled;
            change.email_verified = update.email_verified;
            change.valid_since_secs = update.valid_since_secs;
            change.created_at = update.created_at;
            change.last_login_at = update.last_login_at;
            if let Some(text) = &update.phone_number {
                let phone = Phone::parse(text)?;
                if is_other(users::find_by_phone(&tx, pool, &phone)?) {
                    return Err(AccountError::PhoneExists.into());
                }
                change.phone_number = Edit::Set(phone);
            }
        } else {
            let now = self.now().secs();
            change.valid_since_secs = update.valid_since_secs.map(|_| now);
        }
        if let Some(entry) = &update.link_provider {
            if !privileged {
                return Err(Error::AdminOnly("linkProviderUserInfo"));
            }
            users::check_link(entry)?;
            let found = users::find_by_federated(&tx, pool, &entry.provider_id, &entry.raw_id)?;
            if is_other(found) {
                return Err(AccountError::FederatedLinked.into());
            }
            change.link_provider = Some(entry.clone());
        }
        drop(tx);
        Ok((subject, change))
    }

    /// Deletes a user with its sessions.
    ///
    /// # Errors
    /// Those of [`Core::authenticate`]; from an administrator without an ID token [`Error::UidMissing`],
    /// [`AccountError::UserNotFound`].
    ///
    /// Source: auth specification, section 15.6.
    pub async fn delete_user(
        self: &Arc<Self>,
        caller: &Caller,
        place: Place<'_>,
        target: Target,
    ) -> Result<(), Error> {
        let pool = self.pool_of(caller, place.project, place.tenant)?;
        let Target { id_token, uid } = target;
        let user = match (is_privileged(caller), &id_token, &uid) {
            (true, None, None) => return Err(Error::UidMissing),
            (true, None, Some(_)) => self.user_named(&pool, uid.as_deref())?,
            (false, _, _) | (true, Some(_), _) => {
                self.require_own(&pool, id_token.as_deref())?.user
            }
        };
        let existed = self
            .write(move |tx, _| Ok(users::delete(tx, &pool, &user.uid)?))
            .await?;
        match existed {
            true => Ok(()),
            false => Err(AccountError::UserNotFound.into()),
        }
    }

    /// The user of an ID token that must be there.
    pub(crate) fn require_own(
        &self,
        pool: &Pool,
        id_token: Option<&str>,
    ) -> Result<Authenticated, Error> {
        let token = id_token.ok_or(Error::IdToken(TokenError::Missing))?;
        self.authenticate(pool, token)
    }

    /// The user that an administrator names.
    fn user_named(&self, pool: &Pool, uid: Option<&str>) -> Result<User, Error> {
        // No user can have a uid of another form.
        let uid = uid.and_then(|text| Uid::parse(text).ok());
        let uid = uid.ok_or(AccountError::UserNotFound)?;
        Ok(users::load(&self.read()?, pool, &uid)?)
    }
}

pub(super) fn is_privileged(caller: &Caller) -> bool {
    match caller {
        Caller::Privileged { .. } => true,
        Caller::Anonymous | Caller::ApiKey { .. } | Caller::User { .. } => false,
    }
}

fn parse<T>(
    edit: &Edit<String>,
    with: impl Fn(&str) -> Result<T, AccountError>,
) -> Result<Edit<T>, AccountError> {
    Ok(match edit {
        Edit::Keep => Edit::Keep,
        Edit::Set(text) => Edit::Set(with(text)?),
        Edit::Clear => Edit::Clear,
    })
}
