//! `POST v1/accounts:signUp`, and `POST v1/projects/{p}/accounts`. Source: auth specification, section 15.4.

use firekeep_api::identity::SignUp;
use firekeep_api::{Change, Edit, Email, Phone, User};
use firekeep_model::Uid;
use firekeep_wire_http::Envelope;
use serde_json::Value;

use super::{Call, of_kind, put_tokens};
use crate::error::envelope;

pub(crate) async fn handle(call: &Call<'_>) -> Result<Value, Envelope> {
    if call.is_privileged() {
        by_admin(call).await
    } else {
        by_client(call).await
    }
}

async fn by_admin(call: &Call<'_>) -> Result<Value, Envelope> {
    let pool = call.pool()?;
    let fields = &call.fields;
    if fields.has("idToken") && fields.has("localId") {
        return Err(Envelope::business("UNEXPECTED_PARAMETER : User ID"));
    }
    if fields.has("mfaInfo") {
        return Err(Envelope::not_implemented("Second factors"));
    }
    let uid = fields.text("localId")?;
    let uid = uid.as_deref().map(Uid::parse).transpose();
    let uid = uid.map_err(|error| Envelope::invalid_argument(format!("localId: {error}")))?;
    let phone = fields.text("phoneNumber")?;
    let email = fields.text("email")?;
    let refuse = |error: firekeep_api::AccountError| envelope(error.into());
    let change = Change {
        phone_number: edit(
            phone
                .as_deref()
                .map(Phone::parse)
                .transpose()
                .map_err(refuse)?,
        ),
        email: edit(
            email
                .as_deref()
                .map(Email::parse)
                .transpose()
                .map_err(refuse)?,
        ),
        display_name: edit(fields.text("displayName")?),
        photo_url: edit(fields.text("photoUrl")?),
        email_verified: fields.bool("emailVerified")?,
        disabled: fields.bool("disabled")?,
        ..Change::default()
    };
    let password = fields.text("password")?;
    let user = call
        .core
        .create_user(&pool, uid, change, password)
        .await
        .map_err(envelope)?;
    Ok(Value::Object(body(&user)))
}

async fn by_client(call: &Call<'_>) -> Result<Value, Envelope> {
    let pool = call.pool()?;
    let fields = &call.fields;
    if fields.has("localId") {
        return Err(Envelope::business("UNEXPECTED_PARAMETER : User ID"));
    }
    let anonymous = ["idToken", "email", "password"]
        .iter()
        .all(|key| !fields.has(key));
    let display_name = fields.text("displayName")?;
    let client = call.request.client;
    if anonymous {
        let signed_up = call
            .core
            .sign_up(&pool, client, SignUp::Anonymous, display_name)
            .await;
        let tokens = signed_up.map_err(envelope)?;
        let mut body = body(&tokens.user);
        put_tokens(&mut body, &tokens);
        return Ok(Value::Object(body));
    }
    let password = fields.text("password")?;
    let email = match (fields.string("email")?, &password) {
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
    let tokens = match call.id_token(&pool)? {
        Some(who) => call.core.link_password(&pool, &who, &email, password).await,
        None => {
            let sign_up = SignUp::Password { email, password };
            call.core
                .sign_up(&pool, client, sign_up, display_name)
                .await
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

/// A member that is given sets the field; an absent one keeps it.
pub(crate) fn edit<T>(given: Option<T>) -> Edit<T> {
    given.map_or(Edit::Keep, Edit::Set)
}
