//! `POST v1/projects/{p}/accounts:batchDelete`. Source: auth specification, section 17.2.

use firekeep_wire_http::Envelope;
use serde_json::{Value, json};

use super::Call;
use crate::error::envelope;

pub(crate) async fn handle(call: &Call<'_>) -> Result<Value, Envelope> {
    call.require_admin()?;
    let pool = call.pool()?;
    let uids = call.fields.strings("localIds")?;
    let force = call.fields.bool("force")?.unwrap_or(false);
    let faults = call
        .core
        .delete_users(&pool, uids, force)
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
