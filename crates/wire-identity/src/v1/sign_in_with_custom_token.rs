//! `POST v1/accounts:signInWithCustomToken`. Source: auth specification, section 15.1.

use firekeep_wire_http::{Envelope, Fields};
use serde_json::Value;

use super::{Call, of_kind, put_tokens};
use crate::error::envelope;

/// The members that are read.
pub(crate) const MEMBERS: &[&str] = &["targetProjectId", "tenantId", "token"];

pub(crate) async fn handle(call: &Call<'_>, fields: Fields) -> Result<Value, Envelope> {
    let pool = call.pool()?;
    let token = fields.text("token")?;
    drop(fields);
    let token = token.ok_or_else(|| Envelope::business("MISSING_CUSTOM_TOKEN"))?;
    let tokens = call
        .core
        .sign_in_with_custom_token(&pool, &token)
        .await
        .map_err(envelope)?;
    let mut body = of_kind("VerifyCustomTokenResponse");
    body.insert("isNewUser".to_owned(), tokens.is_new_user.into());
    put_tokens(&mut body, &tokens);
    Ok(Value::Object(body))
}
