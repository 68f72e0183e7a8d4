//! `GET v1/projects/{p}/accounts:batchGet`. Source: auth specification, section 17.2.

use firekeep_wire_http::{Envelope, Fields};
use serde_json::Value;

use super::{Call, of_kind};
use crate::error::envelope;
use crate::record::{self, Hash};

/// How many users a page has when nobody says.
const PAGE_DEFAULT: usize = 20;
/// The most users of a page.
const PAGE_MAX: usize = 1000;

pub(crate) async fn handle(call: &Call<'_>, fields: Fields) -> Result<Value, Envelope> {
    let wanted = fields.int("maxResults")?.map(usize::try_from).transpose();
    let wanted = wanted
        .map_err(|_| Envelope::invalid_argument("`maxResults` must not be negative."))?
        .unwrap_or(PAGE_DEFAULT);
    let limit = wanted.clamp(1, PAGE_MAX);
    let after = fields.text("nextPageToken")?;
    drop(fields);
    let page = call
        .core
        .list_users(&call.caller, call.place(), after.as_deref(), limit)
        .await
        .map_err(envelope)?;
    let mut body = of_kind("DownloadAccountResponse");
    if !page.users.is_empty() {
        let users = page
            .users
            .iter()
            .map(|user| record::user(user, Hash::Exported))
            .collect();
        body.insert("users".to_owned(), Value::Array(users));
    }
    if let Some(next) = page.next {
        body.insert("nextPageToken".to_owned(), next.into());
    }
    Ok(Value::Object(body))
}
