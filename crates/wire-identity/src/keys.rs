//! Public keys, in the forms that clients fetch. Source: auth specification, section 10.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use firekeep_api::{Core, PublishedKeys};
use firekeep_wire_http::{Envelope, json};
use serde_json::json;

use crate::route::{Keys, KeysOf};

/// Answers with public keys; nobody needs a credential.
pub(crate) fn handle(core: &Arc<Core>, which: &Keys) -> Response {
    let (Keys::Certificates(whose) | Keys::Jwks(whose) | Keys::Discovery { whose, .. }) = which;
    let Some(published) = find(core, whose) else {
        return Envelope::not_found("There is no such account.").into_response();
    };
    let body = match which {
        Keys::Certificates(_) => published.certificates,
        Keys::Jwks(_) => published.jwks,
        Keys::Discovery(project) => json!({
            "issuer": format!("https://securetoken.google.com/{project}"),
            "jwks_uri": format!("{}/.well-known/jwks.json", core.base_url()),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }),
    };
}
