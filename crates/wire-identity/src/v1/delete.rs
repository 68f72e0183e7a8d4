//! `POST v1/accounts:delete`. Source: auth specification, section 15.6.

use firekeep_wire_http::{Envelope, Fields};
use serde_json::Value;

use super::{Call, of_kind, target};
use crate::error::envelope;

/// The members that are read.
pub(crate) const MEMBERS: &[&str] = &["targetProjectId", "tenantId", "idToken", "localId"];

pub(crate) async fn handle(call: &Call<'_>, fields: Fields) -> Result<Value, Envelope> {
    let target = target(&fields)?;
    drop(fields);
    call.core
        .delete_user(&call.caller, call.place(), target)
        .await
        .map_err(envelope)?;
    Ok(Value::Object(of_kind("DeleteAccountResponse")))
}
