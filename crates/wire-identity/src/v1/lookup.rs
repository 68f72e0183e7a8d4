//! `POST v1/accounts:lookup`. Source: auth specification, section 15.3.

use firekeep_api::User;
use firekeep_api::identity::Selector;
use firekeep_wire_http::Envelope;
use serde_json::Value;

use super::{Call, of_kind};
use crate::error::envelope;
use crate::record::{self, Hash};

pub(crate) fn handle(call: &Call<'_>) -> Result<Value, Envelope> {
    let pool = call.pool()?;
    if !call.is_privileged() {
        let who = call.require_id_token(&pool)?;
        return Ok(body(&[who.user]));
    }
    let fields = &call.fields;
    let mut selectors: Vec<Selector> = fields
        .strings("localId")?
        .into_iter()
        .map(Selector::Uid)
        .collect();
    selectors.extend(fields.strings("email")?.into_iter().map(Selector::Email));
    selectors.extend(
        fields
            .strings("phoneNumber")?
            .into_iter()
            .map(Selector::Phone),
    );
    for entry in fields.objects("federatedUserId")? {
        if let (Some(provider), Some(raw_id)) = (entry.text("providerId")?, entry.text("rawId")?) {
            selectors.push(Selector::Federated(provider, raw_id));
        }
    }
    let users = call.core.lookup(&pool, &selectors).map_err(envelope)?;
    Ok(body(&users))
}

/// COMPAT: no match is a body without `users`; an empty array would be taken for a user by some SDKs.
fn body(users: &[User]) -> Value {
    let mut body = of_kind("GetAccountInfoResponse");
    if !users.is_empty() {
        let users = users
            .iter()
            .map(|user| record::user(user, Hash::Redacted))
            .collect();
        body.insert("users".to_owned(), Value::Array(users));
    }
    Value::Object(body)
}
