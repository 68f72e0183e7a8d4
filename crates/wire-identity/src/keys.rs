//! Public keys, in the forms that clients fetch. Source: auth specification, section 10.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use firekeep_api::Core;
use firekeep_wire_http::{Envelope, json};
use serde_json::json;

use crate::route::{Keys, KeysForm, KeysOf};

/// Answers with public keys; nobody needs a credential.
pub(crate) fn handle(core: &Arc<Core>, which: Keys) -> Response {
    if let KeysForm::Discovery { project } = &which.form
        && !core.serves(project)
    {
        return Envelope::not_found("There is no such project.").into_response();
    }
    let published = match &which.of {
        KeysOf::IdTokens => core.published_keys(),
        KeysOf::ServiceAccount(email) => match core.service_account_keys(email) {
            Some(published) => published,
            None => return Envelope::not_found("There is no such account.").into_response(),
        },
    };
    let body = match which.form {
        KeysForm::Certificates => published.certificates,
        KeysForm::Jwks => published.jwks,
        KeysForm::Discovery { project } => json!({
            "issuer": format!("https://securetoken.google.com/{project}"),
            "jwks_uri": format!("{}/.well-known/jwks.json", core.base_url()),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }),
    };
    let mut response = json(StatusCode::OK, &body);
    let seconds = published.max_age_secs;
    let lifetime = format!("public, max-age={seconds}, must-revalidate, no-transform");
    if let Ok(value) = HeaderValue::from_str(&lifetime) {
        response.headers_mut().insert(header::CACHE_CONTROL, value);
    }
    response
}
