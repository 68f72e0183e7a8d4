//! Identity on the wire: Identity Toolkit, Secure Token, public keys, OAuth tokens, the account server.
//!
//! Decodes, calls `api`, encodes. Whether an operation is allowed is never decided here.

mod account;
mod admin;
mod error;
mod keys;
mod oauth;
mod openapi;
mod record;
mod route;
mod secure_token;
mod v1;

use std::sync::Arc;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use firekeep_api::Core;
use firekeep_api::identity::Place;
use firekeep_wire_http::{Envelope, Incoming};

use crate::account::endpoints::PREFIX;
use crate::route::Route;

/// Answers a request of this crate's, or `None` when its path is not one. Takes the body, so that it is not kept while
/// the operation waits.
pub async fn handle(core: &Arc<Core>, request: &mut Incoming) -> Option<Response> {
    let route = Route::find(request)?;
    let mut response = match route {
        Route::Account(endpoint) => account::handle(core, request, endpoint).await,
        Route::AccountMail => account::no_mail(),
        Route::Admin => admin::handle(core, request).await,
        Route::Keys(which) => keys::handle(core, which),
        Route::OAuthToken => oauth::handle(core, request),
        Route::OpenApi => openapi::handle(core),
        Route::SecureToken => or_envelope(secure_token::handle(core, request)),
        Route::V1 {
            operation,
            project,
            tenant,
        } => {
            let named = Place {
                project: project.as_deref(),
                tenant: tenant.as_deref(),
            };
            or_envelope(v1::handle(core, request, operation, named).await)
        }
        Route::EmulatorOnly(_) if !core.has_emulator_endpoints() => return None,
        Route::EmulatorOnly(what) | Route::NotEnabled(what) => {
            Envelope::not_implemented(&what).into_response()
        }
    };
    let headers = response.headers_mut();
    // Only public keys say how long they may be kept.
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    }
    Some(response)
}

/// Refuses a request that could not be read, or whose path is nobody's, in the form of those it is meant for.
#[must_use]
pub fn refuse(path: &str, envelope: Envelope) -> Response {
    if path.trim_start_matches('/').starts_with(PREFIX) {
        return account::refuse_unread(&envelope);
    }
    envelope.into_response()
}

fn or_envelope(result: Result<serde_json::Value, Envelope>) -> Response {
    match result {
        Ok(body) => firekeep_wire_http::json(axum::http::StatusCode::OK, &body),
        Err(envelope) => envelope.into_response(),
    }
}
