//! `POST v1/projects/{p}/accounts:batchDelete`. Source: auth specification, section 17.2.

use firekeep_wire_http::{Envelope, Fields};
use serde_json::{Value, json};

use super::Call;
use crate::error::envelope;

/// The members that are read.
pub(crate) const MEMBERS: &[&str] = &["targetProjectId", "tenantId", "localIds", "force"];

pub(crate) async fn handle(call: &Call<'_>, fields: Fields) -> Result<Value, Envelope> {
    let uids = fields.strings("localIds")?;
    let force = fields.bool("force")?.unwrap_or(false);
    drop(fields);
    let faults = call
        .core
        .delete_users(&call.caller, call.place(), uids, force)
        .await
        .map_err(envelope)?;
    if faults.is_empty() {
        return Ok(json!({}));
    }
    let errors: Vec<Value> = faults
        .iter()
        .map(|fault| {
            json!({
                "index": fault.index,
                "localId": fault.uid,
                "message": "NOT_DISABLED : Disable the account before batch deletion.",
            })
        })
        .collect();
    Ok(json!({ "errors": errors }))
}
