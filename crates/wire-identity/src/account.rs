//! The account server, `/account/v1`. Source: auth specification, section 14; its errors have a form of their own.

pub(crate) mod bodies;
pub(crate) mod endpoints;

use std::sync::Arc;

use axum::http::{HeaderValue, header};
use axum::response::Response;
use firekeep_api::account::NewAccount;
use firekeep_api::identity::Authenticated;
use firekeep_api::{Core, Error, TokenError};
use firekeep_wire_http::{Envelope, Incoming, empty, json};
use serde::de::DeserializeOwned;
use serde_json::json;

use self::bodies::{
    ChangePasswordRequest, ErrorResponse, LoginRequest, LoginResponse, LogoutRequest, Profile,
    SignUpRequest,
};
use self::endpoints::{Endpoint, OpenOperation, Operation, UserOperation};
use crate::error::{Code, code_of, of_account_server};

/// Answers a request to an endpoint.
pub(crate) async fn handle(
    core: &Arc<Core>,
    request: &mut Incoming,
    endpoint: &'static Endpoint,
) -> Response {
    let answer = match endpoint.operation {
        Operation::Open(operation) => open(core, request, endpoint, operation).await,
        Operation::User(operation) => of_user(core, request, endpoint, operation).await,
    };
    answer.unwrap_or_else(refuse)
}

/// Answers a request for what needs mail, which is not enabled.
pub(crate) fn no_mail() -> Response {
    refusal(
        Code::NotImplemented,
        "password reset by mail is not enabled on this server",
    )
}

/// Answers a request that never came to an endpoint.
pub(crate) fn refuse_unread(envelope: &Envelope) -> Response {
    let body = ErrorResponse::new(code_of(envelope), envelope.message());
    json(envelope.code(), &json!(body))
}

async fn open(
    core: &Arc<Core>,
    request: &mut Incoming,
    endpoint: &'static Endpoint,
    operation: OpenOperation,
) -> Result<Response, Error> {
    let client = request.client;
    let login = match operation {
        OpenOperation::SignUp => {
            let given: SignUpRequest = body(request)?;
            let new = NewAccount {
                email: given.email,
                username: given.username,
                password: given.password,
                display_name: given.display_name,
                photo_url: given.photo_url,
                attributes: given.attributes,
            };
            core.account_sign_up(client, new).await?
        }
        OpenOperation::Login => {
            let given: LoginRequest = body(request)?;
            let name = given
                .login
                .or(given.email)
                .or(given.username)
                .ok_or_else(|| {
                    Error::Invalid("give `login`, `email` or `username`, and `password`".to_owned())
                })?;
            core.account_login(client, &name, given.password).await?
        }
    };
    Ok(json(endpoint.success, &json!(LoginResponse::of(&login))))
}

async fn of_user(
    core: &Arc<Core>,
    request: &mut Incoming,
    endpoint: &'static Endpoint,
    operation: UserOperation,
) -> Result<Response, Error> {
    let who = authenticate(core, request)?;
    let success = endpoint.success;
    Ok(match operation {
        UserOperation::ChangePassword => {
            let given: ChangePasswordRequest = body(request)?;
            let (old, new) = (given.old_password, given.new_password);
            let login = core
                .account_change_password(request.client, &who, old, new)
                .await?;
            json(success, &json!(LoginResponse::of(&login)))
        }
        UserOperation::Logout => {
            let given: Option<LogoutRequest> = optional_body(request)?;
            let given = given.unwrap_or_default();
            core.sign_out(&core.default_pool(), &who, given.everywhere)
                .await?;
            empty(success)
        }
        UserOperation::Token => {
            let login = core.account_token(&who)?;
            json(success, &json!(LoginResponse::of(&login)))
        }
        UserOperation::Me => json(success, &json!(Profile::of(&who.user))),
    })
}

fn body<T: DeserializeOwned>(request: &mut Incoming) -> Result<T, Error> {
    read(&request.take_body())
}

fn optional_body<T: DeserializeOwned>(request: &mut Incoming) -> Result<Option<T>, Error> {
    let body = request.take_body();
    (!body.is_empty()).then(|| read(&body)).transpose()
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body)
        .map_err(|error| Error::Invalid(format!("the body is not the JSON expected here: {error}")))
}

fn authenticate(core: &Arc<Core>, request: &Incoming) -> Result<Authenticated, Error> {
    let token = request
        .credentials()
        .bearer
        .ok_or(Error::IdToken(TokenError::Missing))?;
    core.authenticate(&core.default_pool(), &token)
}

fn refuse(error: Error) -> Response {
    let retry = match &error {
        Error::TooManyAttempts { retry_after_secs } => Some(*retry_after_secs),
        Error::Busy => Some(1),
        _ => None,
    };
    let (code, message) = of_account_server(error);
    let mut response = refusal(code, &message);
    if let Some(value) = retry.and_then(|secs| HeaderValue::from_str(&secs.to_string()).ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

fn refusal(code: Code, message: &str) -> Response {
    json(code.status(), &json!(ErrorResponse::new(code, message)))
}
