//! `POST v1/accounts:signInWithPassword`. Source: auth specification, section 15.7.

use firekeep_api::{AccountError, Email};
use firekeep_wire_http::{Envelope, Fields};
use serde_json::Value;

use super::{Call, of_kind, put_tokens};
use crate::error::envelope;

/// The members that are read.
pub(crate) const MEMBERS: &[&str] = &[
    "targetProjectId",
    "tenantId",
    "email",
    "password",
    "idToken",
    "pendingIdToken",
];

pub(crate) async fn handle(call: &Call<'_>, fields: Fields) -> Result<Value, Envelope> {
    let pool = call.pool()?;
    let email = fields.string("email")?;
    let email = email.ok_or_else(|| Envelope::business("MISSING_EMAIL"))?;
    let email = Email::parse(&email).map_err(|error: AccountError| envelope(error.into()))?;
    let password = fields.text("password")?;
    let password = password.ok_or_else(|| Envelope::business("MISSING_PASSWORD"))?;
    if fields.has("idToken") || fields.has("pendingIdToken") {
        return Err(Envelope::not_implemented("Linking by signInWithPassword"));
    }
    drop(fields);
    let client = call.request.client;
    let tokens = call
        .core
        .sign_in_with_password(&pool, client, email.as_str(), password)
        .await
        .map_err(envelope)?;
    let mut body = of_kind("VerifyPasswordResponse");
    body.insert("registered".to_owned(), true.into());
    body.insert("localId".to_owned(), tokens.user.uid.as_str().into());
    body.insert("email".to_owned(), email.as_str().into());
    if let Some(name) = &tokens.user.display_name {
        body.insert("displayName".to_owned(), name.as_str().into());
    }
    put_tokens(&mut body, &tokens);
    Ok(Value::Object(body))
}
