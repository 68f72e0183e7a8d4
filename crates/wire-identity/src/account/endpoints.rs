//! The operations of the account server, one table: requests are routed by it, answered with its codes, and the OpenAPI
//! document is made from it. Source: auth specification, section 14.

use axum::http::{Method, StatusCode};
use schemars::{Schema, SchemaGenerator};

use super::bodies::{
    ChangePasswordRequest, LoginRequest, LoginResponse, LogoutRequest, Profile, SignUpRequest,
};
use crate::error::Code;

/// What the paths of all operations begin with, after the first slash.
pub(crate) const PREFIX: &str = "account/v1/";

/// An operation, as it is called and as it answers.
pub(crate) struct Endpoint {
    /// What it does, and who may call it.
    pub(crate) operation: Operation,
    /// The method.
    pub(crate) method: Method,
    /// The path after [`PREFIX`].
    pub(crate) path: &'static str,
    /// Its name in clients that tools generate.
    pub(crate) id: &'static str,
    /// What it does, in one line.
    pub(crate) summary: &'static str,
    /// The body that it reads.
    pub(crate) request: RequestBody,
    /// The code of its answer.
    pub(crate) success: StatusCode,
    /// The answer's body.
    pub(crate) response: Option<SchemaOf>,
    /// Why it may refuse, beyond what is wrong with the server itself.
    pub(crate) refusals: &'static [Code],
}

/// The work of an endpoint, by who may ask for it.
#[derive(Clone, Copy)]
pub(crate) enum Operation {
    /// Anybody.
    Open(OpenOperation),
    /// Who sends an ID token as the bearer credential.
    User(UserOperation),
}

/// An operation for anybody.
#[derive(Clone, Copy)]
pub(crate) enum OpenOperation {
    SignUp,
    Login,
}

/// An operation for a user who is signed in.
#[derive(Clone, Copy)]
pub(crate) enum UserOperation {
    ChangePassword,
    Logout,
    Token,
    Me,
}

/// The body that an endpoint reads.
pub(crate) enum RequestBody {
    None,
    Optional(SchemaOf),
    Required(SchemaOf),
}

/// Describes one type.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

const LOGIN: SchemaOf = SchemaGenerator::subschema_for::<LoginResponse<'static>>;
const PROFILE: SchemaOf = SchemaGenerator::subschema_for::<Profile<'static>>;

/// All operations.
pub(crate) static ENDPOINTS: [Endpoint; 6] = [
    Endpoint {
        operation: Operation::Open(OpenOperation::SignUp),
        method: Method::POST,
        path: "signup",
        id: "signup",
        summary: "Create an account and log in",
        request: RequestBody::Required(SchemaGenerator::subschema_for::<SignUpRequest>),
        success: StatusCode::CREATED,
        response: Some(LOGIN),
        refusals: &[
            Code::InvalidRequest,
            Code::WeakPassword,
            Code::AlreadyExists,
            Code::TooManyAttempts,
            Code::Busy,
        ],
    },
    Endpoint {
        operation: Operation::Open(OpenOperation::Login),
        method: Method::POST,
        path: "login",
        id: "login",
        summary: "Log in by email address or username",
        request: RequestBody::Required(SchemaGenerator::subschema_for::<LoginRequest>),
        success: StatusCode::OK,
        response: Some(LOGIN),
        refusals: &[
            Code::InvalidRequest,
            Code::InvalidCredentials,
            Code::UserDisabled,
            Code::TooManyAttempts,
            Code::Busy,
        ],
    },
    Endpoint {
        operation: Operation::User(UserOperation::ChangePassword),
        method: Method::POST,
        path: "password/change",
        id: "changePassword",
        summary: "Change the password; ends all sessions, and the answer begins a new one",
        request: RequestBody::Required(SchemaGenerator::subschema_for::<ChangePasswordRequest>),
        success: StatusCode::OK,
        response: Some(LOGIN),
        refusals: &[
            Code::InvalidRequest,
            Code::WeakPassword,
            Code::Unauthenticated,
            Code::InvalidCredentials,
            Code::UserDisabled,
            Code::TooManyAttempts,
            Code::Busy,
        ],
    },
    Endpoint {
        operation: Operation::User(UserOperation::Logout),
        method: Method::POST,
        path: "logout",
        id: "logout",
        summary: "End this session, or all sessions of the account",
        request: RequestBody::Optional(SchemaGenerator::subschema_for::<LogoutRequest>),
        success: StatusCode::NO_CONTENT,
        response: None,
        refusals: &[
            Code::InvalidRequest,
            Code::Unauthenticated,
            Code::UserDisabled,
        ],
    },
    Endpoint {
        operation: Operation::User(UserOperation::Token),
        method: Method::POST,
        path: "token",
        id: "token",
        summary: "A fresh custom token for the caller",
        request: RequestBody::None,
        success: StatusCode::OK,
        response: Some(LOGIN),
        refusals: &[Code::Unauthenticated, Code::UserDisabled],
    },
    Endpoint {
        operation: Operation::User(UserOperation::Me),
        method: Method::GET,
        path: "me",
        id: "me",
        summary: "The caller's profile",
        request: RequestBody::None,
        success: StatusCode::OK,
        response: Some(PROFILE),
        refusals: &[Code::Unauthenticated, Code::UserDisabled],
    },
];

impl Endpoint {
    /// The endpoint of a method and a path after [`PREFIX`].
    pub(crate) fn find(method: &Method, path: &str) -> Option<&'static Self> {
        ENDPOINTS
            .iter()
            .find(|endpoint| endpoint.path == path && endpoint.method == method)
    }
}
