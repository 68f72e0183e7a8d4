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

use firekeep_api::identity::{Place, Target, Tokens};
use firekeep_api::{Core, Pool};
use firekeep_model::Caller;
use firekeep_wire_http::{Envelope, Fields, Incoming};
use serde_json::{Map, Value};

use crate::error::envelope;
use crate::route::Operation;

/// What every operation is handed, beside the members of its request.
pub(crate) struct Call<'a> {
    pub(crate) core: &'a Arc<Core>,
    pub(crate) request: &'a Incoming,
    pub(crate) caller: Caller,
    project: Option<String>,
    tenant: Option<String>,
}

/// Answers one operation. `named` is what the path names.
pub(crate) async fn handle(
    core: &Arc<Core>,
    request: &mut Incoming,
    operation: Operation,
    named: Place<'_>,
) -> Result<Value, Envelope> {
    let credentials = request.credentials();
    let (bearer, key) = (
        credentials.bearer.as_deref(),
        credentials.api_key.as_deref(),
    );
    let caller = core.caller(bearer, key).map_err(envelope)?;
    let fields = match operation {
        // A GET has no body, whatever it carries.
        Operation::BatchGet
        | Operation::Projects
        | Operation::PasswordPolicy
        | Operation::RecaptchaConfig
        | Operation::RecaptchaParams => Fields::from_pairs(&request.query),
        Operation::BatchDelete => request.fields(batch_delete::MEMBERS)?,
        Operation::Delete => request.fields(delete::MEMBERS)?,
        Operation::Lookup => request.fields(lookup::MEMBERS)?,
        Operation::SignInWithCustomToken => request.fields(sign_in_with_custom_token::MEMBERS)?,
        Operation::SignInWithPassword => request.fields(sign_in_with_password::MEMBERS)?,
        Operation::SignUp => request.fields(sign_up::MEMBERS)?,
        Operation::Update => request.fields(update::MEMBERS)?,
    };
    let project = fields.text("targetProjectId")?;
    let tenant = match (named.tenant, fields.text("tenantId")?) {
        (Some(path), Some(body)) if path != body => {
            return Err(Envelope::business("TENANT_ID_MISMATCH"));
        }
        (path, body) => path.map(str::to_owned).or(body),
    };
    let call = Call {
        core,
        request,
        caller,
        project: named.project.map(str::to_owned).or(project),
        tenant,
    };
    match operation {
        Operation::BatchDelete => batch_delete::handle(&call, fields).await,
        Operation::BatchGet => batch_get::handle(&call, fields).await,
        Operation::Delete => delete::handle(&call, fields).await,
        Operation::Lookup => lookup::handle(&call, &fields),
        Operation::Projects => config::projects(&call),
        Operation::PasswordPolicy => config::password_policy(&call),
        Operation::RecaptchaConfig => config::recaptcha_config(&call),
        Operation::RecaptchaParams => config::recaptcha_params(&call),
        Operation::SignInWithCustomToken => sign_in_with_custom_token::handle(&call, fields).await,
        Operation::SignInWithPassword => sign_in_with_password::handle(&call, fields).await,
        Operation::SignUp => sign_up::handle(&call, fields).await,
        Operation::Update => update::handle(&call, fields).await,
    }
}

impl Call<'_> {
    /// The pool that the request names.
    pub(crate) fn place(&self) -> Place<'_> {
        Place {
            project: self.project.as_deref(),
            tenant: self.tenant.as_deref(),
        }
    }

    /// The pool of users that a client's request is about.
    pub(crate) fn pool(&self) -> Result<Pool, Envelope> {
        let Place { project, tenant } = self.place();
        let pool = self.core.pool_of(&self.caller, project, tenant);
        pool.map_err(envelope)
    }
}

/// Whom a request is about.
pub(crate) fn target(fields: &Fields) -> Result<Target, Envelope> {
    Ok(Target {
        id_token: fields.text("idToken")?,
        uid: fields.text("localId")?,
    })
}

/// The members that hold tokens.
pub(crate) fn put_tokens(body: &mut Map<String, Value>, tokens: &Tokens) {
    body.insert("idToken".to_owned(), tokens.id_token.as_str().into());
    body.insert(
        "refreshToken".to_owned(),
        tokens.refresh_token.0.as_str().into(),
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
