//! Identity Toolkit, v1: one file per operation, named as the protocol names it.

mod batch_delete;
mod batch_get;
mod config;
mod delete;
mod lookup;
mod sign_in_with_custom_token;
mod sign_in_with_password;
mod sign_up;
mod update;

use std::sync::Arc;

use firekeep_api::identity::{Authenticated, Tokens};
use firekeep_api::{AccountError, Core, TokenError};
use firekeep_model::{Caller, Uid};
use firekeep_wire_http::{Envelope, Fields, Incoming};
use serde_json::{Map, Value};

use crate::error::envelope;
use crate::route::Operation;

/// The project and tenant that a path names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) project: Option<&'a str>,
    pub(crate) tenant: Option<&'a str>,
}

/// What every operation is handed.
pub(crate) struct Call<'a> {
    pub(crate) core: &'a Arc<Core>,
    pub(crate) request: &'a Incoming,
    pub(crate) caller: Caller,
    pub(crate) fields: Fields,
    pub(crate) place: Place<'a>,
}

/// Answers one operation.
pub(crate) async fn handle(
    core: &Arc<Core>,
    request: &Incoming,
    operation: Operation,
    place: Place<'_>,
) -> Result<Value, Envelope> {
    let credentials = request.credentials();
    let (bearer, key) = (
        credentials.bearer.as_deref(),
        credentials.api_key.as_deref(),
    );
    let caller = core.caller(bearer, key).map_err(envelope)?;
    // A GET has no body, whatever it carries.
    let reads = matches!(
        operation,
        Operation::BatchGet
            | Operation::Projects
            | Operation::PasswordPolicy
            | Operation::RecaptchaConfig
            | Operation::RecaptchaParams
    );
    let fields = if reads {
        Fields::default()
    } else {
        request.fields()?
    };
    let call = Call {
        core,
        request,
        caller,
        fields,
        place,
    };
    match operation {
        Operation::BatchDelete => batch_delete::handle(&call).await,
        Operation::BatchGet => batch_get::handle(&call),
        Operation::Delete => delete::handle(&call).await,
        Operation::Lookup => lookup::handle(&call),
        Operation::Projects => config::projects(&call),
        Operation::PasswordPolicy => config::password_policy(&call),
        Operation::RecaptchaConfig => config::recaptcha_config(&call),
        Operation::RecaptchaParams => config::recaptcha_params(&call),
        Operation::SignInWithCustomToken => sign_in_with_custom_token::handle(&call).await,
        Operation::SignInWithPassword => sign_in_with_password::handle(&call).await,
        Operation::SignUp => sign_up::handle(&call).await,
        Operation::Update => update::handle(&call).await,
    }
}

impl Call<'_> {
    pub(crate) fn is_privileged(&self) -> bool {
        matches!(self.caller, Caller::Privileged { .. })
    }

    /// Refuses all but administrators.
    pub(crate) fn require_admin(&self) -> Result<(), Envelope> {
        self.core.require_admin(&self.caller).map_err(envelope)
    }

    /// The pool of users that the request is about.
    pub(crate) fn pool(&self) -> Result<firekeep_api::Pool, Envelope> {
        let named = self.fields.text("targetProjectId")?;
        let project = self.place.project.or(named.as_deref());
        let tenant = match self.place.tenant {
            Some(tenant) => Some(tenant.to_owned()),
            None => self.fields.text("tenantId")?,
        };
        self.core
            .pool_of(&self.caller, project, tenant.as_deref())
            .map_err(envelope)
    }

    /// The verified ID token of the body, or `None` when there is none.
    pub(crate) fn id_token(
        &self,
        pool: &firekeep_api::Pool,
    ) -> Result<Option<Authenticated>, Envelope> {
        let Some(token) = self.fields.text("idToken")? else {
            return Ok(None);
        };
        self.core
            .authenticate(pool, &token)
            .map(Some)
            .map_err(envelope)
    }

    /// The verified ID token of the body.
    pub(crate) fn require_id_token(
        &self,
        pool: &firekeep_api::Pool,
    ) -> Result<Authenticated, Envelope> {
        let missing = || envelope(firekeep_api::Error::IdToken(TokenError::Missing));
        self.id_token(pool)?.ok_or_else(missing)
    }

    /// The uid that an administrator names by `localId`.
    pub(crate) fn local_id(&self) -> Result<Uid, Envelope> {
        let text = self.fields.text("localId")?;
        let text = text.ok_or_else(|| Envelope::business("MISSING_LOCAL_ID"))?;
        // No user can have a uid of another form.
        Uid::parse(&text).map_err(|_| envelope(AccountError::UserNotFound.into()))
    }
}

/// The members that hold tokens.
pub(crate) fn put_tokens(body: &mut Map<String, Value>, tokens: &Tokens) {
    body.insert("idToken".to_owned(), tokens.id_token.as_str().into());
    body.insert(
        "refreshToken".to_owned(),
        tokens.refresh_token.as_str().into(),
    );
    body.insert(
        "expiresIn".to_owned(),
        tokens.expires_in_secs.to_string().into(),
    );
}

/// A body that begins with its kind.
pub(crate) fn of_kind(kind: &str) -> Map<String, Value> {
    let kind = format!("identitytoolkit#{kind}");
    Map::from_iter([("kind".to_owned(), Value::from(kind))])
}
