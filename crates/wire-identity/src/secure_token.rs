//! `POST securetoken.googleapis.com/v1/token`: refresh. Source: auth specification, section 15.2.

use std::sync::Arc;

use firekeep_api::{Core, Error};
use firekeep_model::Caller;
use firekeep_wire_http::{Envelope, Incoming};
use serde_json::{Value, json};

use crate::error::envelope;

/// Continues a session.
pub(crate) fn handle(core: &Arc<Core>, request: &mut Incoming) -> Result<Value, Envelope> {
    let credentials = request.credentials();
    // An API key is what this endpoint takes; a bearer credential is not looked at.
    let caller = core
        .caller(None, credentials.api_key.as_deref())
        .map_err(envelope)?;
    if caller == Caller::Anonymous {
        return Err(envelope(Error::ApiKeyMissing));
    }
    let fields = request.form_or_json(&["grantType", "refreshToken", "tenantId"])?;
    let grant = fields.text("grantType")?;
    let grant = grant.ok_or_else(|| Envelope::business("MISSING_GRANT_TYPE"))?;
    if grant != "refresh_token" {
        return Err(Envelope::business("INVALID_GRANT_TYPE"));
    }
    let token = fields.text("refreshToken")?;
    let token = token.ok_or_else(|| Envelope::business("MISSING_REFRESH_TOKEN"))?;
    let pool = core
        .pool_of(&caller, None, fields.text("tenantId")?.as_deref())
        .map_err(envelope)?;
    let tokens = core.refresh(&pool, &token).map_err(envelope)?;
    Ok(json!({
        "id_token": tokens.id_token,
        "access_token": tokens.id_token,
        "expires_in": tokens.expires_in_secs.to_string(),
        "refresh_token": tokens.refresh_token.0,
        "token_type": "Bearer",
        "user_id": tokens.user.uid.as_str(),
        "project_id": core.project_summary().project_number,
    }))
}
