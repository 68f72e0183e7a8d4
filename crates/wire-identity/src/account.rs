//! The account server, `/account/v1`. Source: auth specification, section 14; its errors have a form of their own.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use firekeep_api::account::{Login, NewAccount};
use firekeep_api::identity::Authenticated;
use firekeep_api::{Core, Email, Error, User, Username};
use firekeep_wire_http::{Incoming, empty, json};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::error::of_account_server;
use crate::route::AccountOperation;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignUp {
    username: Option<String>,
    email: Option<String>,
    #[serde(default)]
    password: String,
    display_name: Option<String>,
    photo_url: Option<String>,
    attributes: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct LoginRequest {
    login: Option<String>,
    email: Option<String>,
    username: Option<String>,
    #[serde(default)]
    password: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChangePassword {
    #[serde(default)]
    old_password: String,
    #[serde(default)]
    new_password: String,
}

#[derive(Default, Deserialize)]
struct Logout {
    #[serde(default)]
    everywhere: bool,
}

/// Answers one operation.
pub(crate) async fn handle(
    core: &Arc<Core>,
    request: &Incoming,
    operation: AccountOperation,
) -> Response {
    match run(core, request, operation).await {
        Ok(response) => response,
        Err(error) => refuse(error),
    }
}

async fn run(
    core: &Arc<Core>,
    request: &Incoming,
    operation: AccountOperation,
) -> Result<Response, Error> {
    let client = request.client;
    match operation {
        AccountOperation::SignUp => {
            let given: SignUp = body(request)?;
            let new = NewAccount {
                email: given.email,
                username: given.username,
                password: given.password,
                display_name: given.display_name,
                photo_url: given.photo_url,
                attributes: given.attributes,
            };
            let login = core.account_sign_up(client, new).await?;
            Ok(json(StatusCode::CREATED, &login_body(&login)))
        }
        AccountOperation::Login => {
            let given: LoginRequest = body(request)?;
            let name = given
                .login
                .or(given.email)
                .or(given.username)
                .ok_or_else(|| {
                    Error::Invalid("give `login`, `email` or `username`, and `password`".to_owned())
                })?;
            let login = core.account_login(client, &name, given.password).await?;
            Ok(json(StatusCode::OK, &login_body(&login)))
        }
        AccountOperation::ChangePassword => {
            let who = authenticate(core, request)?;
            let given: ChangePassword = body(request)?;
            let (old, new) = (given.old_password, given.new_password);
            let login = core.account_change_password(client, &who, old, new).await?;
            Ok(json(StatusCode::OK, &login_body(&login)))
        }
        AccountOperation::Logout => {
            let who = authenticate(core, request)?;
            let given: Logout = if request.body.is_empty() {
                Logout::default()
            } else {
                body(request)?
            };
            core.sign_out(&core.default_pool(), &who, given.everywhere)
                .await?;
            Ok(empty(StatusCode::NO_CONTENT))
        }
        AccountOperation::Token => {
            let who = authenticate(core, request)?;
            Ok(json(
                StatusCode::OK,
                &login_body(&core.account_token(&who)?),
            ))
        }
        AccountOperation::Me => {
            let who = authenticate(core, request)?;
            Ok(json(StatusCode::OK, &profile(&who.user)))
        }
        AccountOperation::ForgotPassword => Ok(json(
            StatusCode::NOT_IMPLEMENTED,
            &json!({ "error": {
                "code": "not_implemented",
                "message": "password reset by mail is not enabled on this server",
            } }),
        )),
    }
}

fn body<T: DeserializeOwned>(request: &Incoming) -> Result<T, Error> {
    serde_json::from_slice(&request.body)
        .map_err(|error| Error::Invalid(format!("the body is not the JSON expected here: {error}")))
}

fn authenticate(core: &Arc<Core>, request: &Incoming) -> Result<Authenticated, Error> {
    let token = request
        .credentials()
        .bearer
        .ok_or(Error::CredentialMissing)?;
    core.authenticate(&core.default_pool(), &token)
}

/// A login's answer. COMPAT: no-code tools pick the token by JSON path, so it goes by several names.
fn login_body(login: &Login) -> Value {
    json!({
        "customToken": login.custom_token,
        "token": login.custom_token,
        "jwt_token": login.custom_token,
        "expiresIn": login.expires_in_secs,
        "uid": login.user.uid.as_str(),
        "tokenType": "firebase-custom-token",
        "user": profile(&login.user),
    })
}

/// A profile, as `me` gives it.
fn profile(user: &User) -> Value {
    let mut members = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        members.extend(value.map(|value| (key.to_owned(), value)));
    };
    put("uid", Some(user.uid.as_str().into()));
    put(
        "username",
        user.username
            .as_ref()
            .map(Username::as_str)
            .map(Value::from),
    );
    put(
        "email",
        user.email.as_ref().map(Email::as_str).map(Value::from),
    );
    put("emailVerified", Some(user.email_verified.into()));
    put("displayName", user.display_name.as_deref().map(Value::from));
    put("photoUrl", user.photo_url.as_deref().map(Value::from));
    put("attributes", Some(Value::Object(user.attributes.clone())));
    put("createdAt", Some(user.created_at.millis().into()));
    Value::Object(members)
}

fn refuse(error: Error) -> Response {
    let retry = match &error {
        Error::TooManyAttempts { retry_after_secs } => Some(*retry_after_secs),
        Error::Busy => Some(1),
        _ => None,
    };
    let (status, code, message) = of_account_server(error);
    let mut response = json(
        status,
        &json!({ "error": { "code": code, "message": message } }),
    );
    if let Some(value) = retry.and_then(|secs| HeaderValue::from_str(&secs.to_string()).ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}
