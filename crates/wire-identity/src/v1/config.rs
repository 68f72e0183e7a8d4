//! Configuration that clients read. Source: auth specification, sections 15.14 and 15.15.

use firekeep_wire_http::{Envelope, Incoming};
use serde_json::{Value, json};

use super::Call;

/// `GET v1/projects`
pub(crate) fn projects(call: &Call<'_>) -> Result<Value, Envelope> {
    if call.place().tenant.is_some() {
        return Err(Envelope::business("UNSUPPORTED_TENANT_OPERATION"));
    }
    require_key(call)?;
    let project = call.core.project_summary();
    let mut domains = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    domains.extend(own_name(call.request).filter(|name| !domains.contains(name)));
    Ok(json!({ "projectId": project.project_number, "authorizedDomains": domains }))
}

/// `GET v2/passwordPolicy`
pub(crate) fn password_policy(call: &Call<'_>) -> Result<Value, Envelope> {
    require_key(call)?;
    Ok(json!({
        "customStrengthOptions": { "minPasswordLength": 6, "maxPasswordLength": 4096 },
        "allowedNonAlphanumericCharacters": [],
        "enforcementState": "OFF",
        "schemaVersion": 1,
    }))
}

/// `GET v2/recaptchaConfig`
pub(crate) fn recaptcha_config(call: &Call<'_>) -> Result<Value, Envelope> {
    require_key(call)?;
    Ok(json!({ "recaptchaEnforcementState": [
        { "provider": "EMAIL_PASSWORD_PROVIDER", "enforcementState": "OFF" },
        { "provider": "PHONE_PROVIDER", "enforcementState": "OFF" },
    ] }))
}

/// `GET v1/recaptchaParams`
pub(crate) fn recaptcha_params(call: &Call<'_>) -> Result<Value, Envelope> {
    require_key(call)?;
    // No captcha is enforced, so the key that a client shows is of no consequence.
    Ok(json!({
        "kind": "identitytoolkit#GetRecaptchaParamResponse",
        "recaptchaSiteKey": "firekeep-has-no-recaptcha",
        "recaptchaStoken": "firekeep-has-no-recaptcha",
    }))
}

fn require_key(call: &Call<'_>) -> Result<(), Envelope> {
    call.pool().map(drop)
}

/// The name by which the client reaches this server.
fn own_name(request: &Incoming) -> Option<String> {
    let host = request.headers.get("host")?.to_str().ok()?;
    Some(
        host.rsplit_once(':')
            .map_or(host, |(name, _)| name)
            .to_owned(),
    )
}
