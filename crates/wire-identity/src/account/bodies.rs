//! What requests to the account server and its answers hold. The OpenAPI document is made from these structs: their
//! documentation is its text, their attributes its rules, their examples its examples.

use firekeep_api::account::Login;
use firekeep_api::{Email, PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, USERNAME_CHARS, User, Username};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::error::Code;

/// What the custom token is.
const TOKEN_TYPE: &str = "firebase-custom-token";

/// A new account: an email address, a username or both, and a password.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "email": "ada@example.com",
    "username": "ada",
    "password": "correct horse battery staple",
    "displayName": "Ada Lovelace",
}))]
pub(crate) struct SignUpRequest {
    /// The email address; no other account may have it.
    #[schemars(email)]
    pub(crate) email: Option<String>,
    /// The username, unique without regard to case.
    #[schemars(regex(pattern = "^[A-Za-z0-9._-]+$"))]
    #[schemars(length(min = *USERNAME_CHARS.start(), max = *USERNAME_CHARS.end()))]
    pub(crate) username: Option<String>,
    /// The password.
    #[schemars(length(min = PASSWORD_CHARS_MIN, max = PASSWORD_BYTES_MAX))]
    pub(crate) password: String,
    /// The name that apps show.
    pub(crate) display_name: Option<String>,
    /// Where the account's picture is.
    pub(crate) photo_url: Option<String>,
    /// What the app keeps with the account.
    pub(crate) attributes: Option<Map<String, Value>>,
}

/// A login: `login`, `email` or `username`, and the password.
#[derive(Deserialize, JsonSchema)]
#[schemars(example = json!({ "login": "ada", "password": "correct horse battery staple" }))]
pub(crate) struct LoginRequest {
    /// The email address or the username.
    pub(crate) login: Option<String>,
    /// The email address, instead of `login`.
    pub(crate) email: Option<String>,
    /// The username, instead of `login`.
    pub(crate) username: Option<String>,
    /// The password.
    pub(crate) password: String,
}

/// The password as it is, and as it is to be.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "oldPassword": "correct horse battery staple",
    "newPassword": "an even better password",
}))]
pub(crate) struct ChangePasswordRequest {
    /// The password that the account has.
    pub(crate) old_password: String,
    /// The password that it gets.
    #[schemars(length(min = PASSWORD_CHARS_MIN, max = PASSWORD_BYTES_MAX))]
    pub(crate) new_password: String,
}

/// Which sessions end.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(example = json!({ "everywhere": true }))]
pub(crate) struct LogoutRequest {
    /// Whether all sessions of the account end, not only the one that asks.
    #[serde(default)]
    pub(crate) everywhere: bool,
}

/// A login's answer: a custom token, with which a Firebase SDK signs in.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = json!({
    "customToken": EXAMPLE_TOKEN,
    "token": EXAMPLE_TOKEN,
    "jwt_token": EXAMPLE_TOKEN,
    "expiresIn": 300,
    "uid": EXAMPLE_UID,
    "tokenType": TOKEN_TYPE,
    "user": example_profile(),
}))]
pub(crate) struct LoginResponse<'a> {
    /// The custom token, for `signInWithCustomToken`.
    custom_token: &'a str,
    // COMPAT: no-code tools pick the token by JSON path, so it goes by several names.
    /// The custom token again.
    token: &'a str,
    /// The custom token again.
    #[serde(rename = "jwt_token")]
    jwt_token: &'a str,
    /// How many seconds the custom token can be exchanged for a session.
    expires_in: i64,
    /// The account's id: `uid` in the SDKs.
    uid: &'a str,
    /// What the custom token is.
    #[schemars(extend("enum" = [TOKEN_TYPE]))]
    token_type: &'static str,
    /// The account's profile.
    user: Profile<'a>,
}

/// An account's profile.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = example_profile())]
pub(crate) struct Profile<'a> {
    /// The account's id: `uid` in the SDKs.
    uid: &'a str,
    /// The username.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    /// The email address, in lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    /// Whether the account's owner has proved that the address is theirs.
    email_verified: bool,
    /// The name that apps show.
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
    /// Where the account's picture is.
    #[serde(skip_serializing_if = "Option::is_none")]
    photo_url: Option<&'a str>,
    /// What the app keeps with the account.
    attributes: &'a Map<String, Value>,
    /// When the account was made, in milliseconds since 1970.
    created_at: i64,
}

/// Why the server refused.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ErrorResponse<'a> {
    /// The reason.
    error: Refusal<'a>,
}

/// A reason, for programs and for people.
#[derive(Serialize, JsonSchema)]
struct Refusal<'a> {
    /// The reason, for programs.
    code: Code,
    /// The reason, for people.
    message: &'a str,
}

impl<'a> LoginResponse<'a> {
    pub(crate) fn of(login: &'a Login) -> Self {
        let token = login.custom_token.as_str();
        Self {
            custom_token: token,
            token,
            jwt_token: token,
            expires_in: login.expires_in_secs,
            uid: login.user.uid.as_str(),
            token_type: TOKEN_TYPE,
            user: Profile::of(&login.user),
        }
    }
}

impl<'a> Profile<'a> {
    pub(crate) fn of(user: &'a User) -> Self {
        Self {
            uid: user.uid.as_str(),
            username: user.username.as_ref().map(Username::as_str),
            email: user.email.as_ref().map(Email::as_str),
            email_verified: user.email_verified,
            display_name: user.display_name.as_deref(),
            photo_url: user.photo_url.as_deref(),
            attributes: &user.attributes,
            created_at: user.created_at.millis(),
        }
    }
}

impl<'a> ErrorResponse<'a> {
    pub(crate) fn new(code: Code, message: &'a str) -> Self {
        Self {
            error: Refusal { code, message },
        }
    }
}

/// A token's beginning: enough for a tool to see its form.
const EXAMPLE_TOKEN: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.e30.c2lnbmF0dXJl";
const EXAMPLE_UID: &str = "Zq3vN8sKcXb1TfR5mYw2HdJ7LpGe";

fn example_profile() -> Value {
    json!({
        "uid": EXAMPLE_UID,
        "username": "ada",
        "email": "ada@example.com",
        "emailVerified": false,
        "displayName": "Ada Lovelace",
        "attributes": {},
        "createdAt": 1_767_225_600_000_i64,
    })
}
