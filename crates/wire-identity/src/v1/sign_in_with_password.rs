//! `POST v1/accounts:signInWithPassword`. Source: auth specification, section 15.7.

use firekeep_wire_http::Envelope;
use serde_json::Value;

use super::{Call, of_kind, put_tokens};
use crate::error::envelope;

pub(crate) async fn handle(call: &Call<'_>) -> Result<Value, Envelope> {
    let pool = call.pool()?;
    let email = call.fields.string("email")?;
    let email = email.ok_or_else(|| Envelope::business("MISSING_EMAIL"))?;
    if email.is_empty() {
        return Err(Envelope::business("INVALID_EMAIL"));
    }
    let password = call.fields.text("password")?;
    let password = password.ok_or_else(|| Envelope::business("MISSING_PASSWORD"))?;
    if call.fields.has("idToken") || call.fields.has("pendingIdToken") {
        return Err(Envelope::not_implemented("Linking by signInWithPassword"));
    }
    let client = call.request.client;
    let tokens = call
        .core
        .sign_in_with_password(&pool, client, &email, password)
        .await
        .map_err(envelope)?;
    let mut body = of_kind("VerifyPasswordResponse");
    body.insert("registered".to_owned(), true.into());
    body.insert("localId".to_owned(), tokens.user.uid.as_str().into());
    body.insert("email".to_owned(), email.to_lowercase().into());
    if let Some(name) = &tokens.user.display_name {
        body.insert("displayName".to_owned(), name.as_str().into());
    }
    put_tokens(&mut body, &tokens);
    Ok(Value::Object(body))
}
