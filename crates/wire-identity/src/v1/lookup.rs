//! `POST v1/accounts:lookup`. Source: auth specification, section 15.3.

use firekeep_api::User;
use firekeep_api::identity::{Lookup, Selector};
use firekeep_wire_http::{Envelope, Fields};
use serde_json::Value;

use super::{Call, of_kind};
use crate::error::envelope;
use crate::record::{self, Hash};

/// The members that are read.
pub(crate) const MEMBERS: &[&str] = &[
    "targetProjectId",
    "tenantId",
    "idToken",
    "localId",
    "email",
    "phoneNumber",
    "federatedUserId",
    "initialEmail",
];

pub(crate) fn handle(call: &Call<'_>, fields: &Fields) -> Result<Value, Envelope> {
    let texts = |key| fields.strings(key).map(Vec::into_iter);
    // In the order of the answer.
    let mut selectors: Vec<_> = texts("localId")?.map(Selector::Uid).collect();
    selectors.extend(texts("email")?.map(Selector::Email));
    selectors.extend(texts("phoneNumber")?.map(Selector::Phone));
    for entry in fields.objects("federatedUserId")? {
        if let (Some(provider), Some(raw_id)) = (entry.text("providerId")?, entry.text("rawId")?) {
            selectors.push(Selector::Federated(provider, raw_id));
        }
    }
    selectors.extend(texts("initialEmail")?.map(Selector::InitialEmail));
    let lookup = Lookup {
        id_token: fields.text("idToken")?,
        selectors,
    };
    let users = call.core.lookup(&call.caller, call.place(), &lookup);
    Ok(body(&users.map_err(envelope)?))
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
