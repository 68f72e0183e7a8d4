//! `POST v1/accounts:delete`. Source: auth specification, section 15.6.

use firekeep_wire_http::Envelope;
use serde_json::Value;

use super::{Call, of_kind};
use crate::error::envelope;

pub(crate) async fn handle(call: &Call<'_>) -> Result<Value, Envelope> {
    let pool = call.pool()?;
    let uid = if call.is_privileged() && !call.fields.has("idToken") {
        call.local_id()?
    } else {
        call.require_id_token(&pool)?.user.uid
    };
    call.core.delete_user(&pool, uid).await.map_err(envelope)?;
    Ok(Value::Object(of_kind("DeleteAccountResponse")))
}
