//! The OAuth token endpoint, for administrators. Source: auth specification, section 17.1; RFC 7523.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use firekeep_api::{Core, Error};
use firekeep_wire_http::{Incoming, json};
use serde_json::json;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Exchanges a signed assertion for an access token.
pub(crate) fn handle(core: &Arc<Core>, request: &mut Incoming) -> Response {
    let Ok(fields) = request.form_or_json(&["grantType", "assertion"]) else {
        return refuse("invalid_request", "The request is malformed.");
    };
    let text = |key| fields.string(key).ok().flatten();
    if text("grantType").as_deref() != Some(GRANT) {
        return refuse("unsupported_grant_type", "Invalid grant_type.");
    }
    let Some(assertion) = text("assertion") else {
        return refuse("invalid_request", "Missing required parameter: assertion");
    };
    match core.access_token(&assertion) {
        Ok((access_token, expires_in)) => json(
            StatusCode::OK,
            &json!({
                "access_token": access_token,
                "expires_in": expires_in,
                "token_type": "Bearer",
            }),
        ),
        Err(Error::Assertion(cause)) => refuse("invalid_grant", &cause.to_string()),
        Err(_) => refuse("invalid_grant", "Invalid JWT."),
    }
}

fn refuse(error: &str, description: &str) -> Response {
    json(
        StatusCode::BAD_REQUEST,
        &json!({ "error": error, "error_description": description }),
    )
}
