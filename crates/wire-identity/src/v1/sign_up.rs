//! `POST v1/accounts:signUp`, and `POST v1/projects/{p}/accounts`. Source: auth specification, section 15.4.

use firekeep_api::User;
use firekeep_api::identity::{NewUser, SignUp};
use firekeep_model::Caller;
use firekeep_wire_http::{Envelope, Fields};
use serde_json::Value;

use super::{Call, of_kind, put_tokens};
use crate::error::envelope;

/// The members that are read.
pub(crate) const MEMBERS: &[&str] = &[
    "targetProjectId",
    "tenantId",
    "idToken",
    "localId",
    "email",
    "emailVerified",
    "password",
    "displayName",
    "photoUrl",
    "phoneNumber",
    "disabled",
    "mfaInfo",
];

/// Two requests by one name: what an administrator's says is another thing than what a client's does.
pub(crate) async fn handle(call: &Call<'_>, fields: Fields) -> Result<Value, Envelope> {
    match &call.caller {
        Caller::Privileged { .. } => by_admin(call, fields).await,
        Caller::Anonymous | Caller::ApiKey { .. } | Caller::User { .. } => {
            by_client(call, fields).await
        }
    }
}

async fn by_admin(call: &Call<'_>, fields: Fields) -> Result<Value, Envelope> {
    if fields.has("idToken") && fields.has("localId") {
        return Err(Envelope::business("UNEXPECTED_PARAMETER : User ID"));
    }
    if fields.has("mfaInfo") {
        return Err(Envelope::not_implemented("Second factors"));
    }
    let new = NewUser {
        uid: fields.text("localId")?,
        phone_number: fields.text("phoneNumber")?,
        email: fields.text("email")?,
        email_verified: fields.bool("emailVerified")?,
        password: fields.text("password")?,
        display_name: fields.text("displayName")?,
        photo_url: fields.text("photoUrl")?,
        disabled: fields.bool("disabled")?,
        ..NewUser::default()
    };
    drop(fields);
    let created = call.core.create_user(&call.caller, call.place(), new).await;
    Ok(Value::Object(body(&created.map_err(envelope)?)))
}

async fn by_client(call: &Call<'_>, fields: Fields) -> Result<Value, Envelope> {
    let pool = call.pool()?;
    if fields.has("localId") {
        return Err(Envelope::business("UNEXPECTED_PARAMETER : User ID"));
    }
    let anonymous = ["idToken", "email", "password"]
        .iter()
        .all(|key| !fields.has(key));
    let display_name = fields.text("displayName")?;
    let password = fields.text("password")?;
    let email = fields.string("email")?;
    let id_token = fields.text("idToken")?;
    drop(fields);
    let client = call.request.client;
    let tokens = if anonymous {
        call.core
            .sign_up(&pool, client, SignUp::Anonymous, display_name)
            .await
    } else {
        let email = match (email, &password) {
            (None, _) => return Err(Envelope::business("MISSING_EMAIL")),
            (Some(email), None) if email.is_empty() => {
                return Err(Envelope::business("INVALID_EMAIL"));
            }
            (Some(email), Some(_)) if email.is_empty() => {
                return Err(Envelope::business("MISSING_EMAIL"));
            }
            (Some(email), _) => email,
        };
        let password = password.ok_or_else(|| Envelope::business("MISSING_PASSWORD"))?;
        match id_token {
            Some(token) => {
                call.core
                    .link_password(&pool, client, &token, &email, password)
                    .await
            }
            None => {
                let sign_up = SignUp::Password { email, password };
                call.core
                    .sign_up(&pool, client, sign_up, display_name)
                    .await
            }
        }
    };
    let tokens = tokens.map_err(envelope)?;
    let mut body = body(&tokens.user);
    put_tokens(&mut body, &tokens);
    Ok(Value::Object(body))
}

fn body(user: &User) -> serde_json::Map<String, Value> {
    let mut body = of_kind("SignupNewUserResponse");
    body.insert("localId".to_owned(), user.uid.as_str().into());
    if let Some(email) = &user.email {
        body.insert("email".to_owned(), email.as_str().into());
    }
    if let Some(name) = &user.display_name {
        body.insert("displayName".to_owned(), name.as_str().into());
    }
    body
}
