//! The account server's description, OpenAPI 3.1, for API tools and FlutterFlow.

use axum::http::StatusCode;
use axum::response::Response;
use firekeep_wire_http::json;
use serde_json::{Value, json};

/// Answers with the document.
pub(crate) fn handle() -> Response {
    json(StatusCode::OK, &document())
}

fn document() -> Value {
    let bearer = json!([{ "idToken": [] }]);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Firekeep account server",
            "version": "1",
            "description": "Accounts whose logins are answered with a Firebase custom token.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" }
        },
        "servers": [{ "url": "/" }],
        "paths": {
            "/account/v1/signup": { "post": operation("signup", "Create an account and log in", Some("SignUp"), "201", Some("Login"), &["400", "409", "429"], &json!([])) },
            "/account/v1/login": { "post": operation("login", "Log in by email or username", Some("LoginRequest"), "200", Some("Login"), &["400", "401", "403", "429"], &json!([])) },
            "/account/v1/password/change": { "post": operation("changePassword", "Change the password; ends all sessions", Some("ChangePassword"), "200", Some("Login"), &["400", "401", "429"], &bearer) },
            "/account/v1/logout": { "post": operation("logout", "End this session, or all of them", Some("Logout"), "204", None, &["401"], &bearer) },
            "/account/v1/token": { "post": operation("token", "A fresh custom token for the caller", None, "200", Some("Login"), &["401"], &bearer) },
            "/account/v1/me": { "get": operation("me", "The caller's profile", None, "200", Some("Profile"), &["401"], &bearer) }
        },
        "components": { "securitySchemes": {
            "idToken": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" }
        }, "schemas": schemas() }
    })
}

fn operation(
    id: &str,
    summary: &str,
    request: Option<&str>,
    success: &str,
    response: Option<&str>,
    failures: &[&str],
    security: &Value,
) -> Value {
    let content = |name: &str| json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{name}") } } });
    let mut responses = serde_json::Map::new();
    let mut good = json!({ "description": "Success" });
    if let (Some(name), Value::Object(members)) = (response, &mut good) {
        members.insert("content".to_owned(), content(name));
    }
    responses.insert(success.to_owned(), good);
    for code in failures {
        let bad = json!({ "description": "Refused", "content": content("Error") });
        responses.insert((*code).to_owned(), bad);
    }
    let mut operation = json!({
        "operationId": id, "summary": summary, "security": security, "responses": responses,
    });
    if let (Some(name), Value::Object(members)) = (request, &mut operation) {
        let body = json!({ "required": true, "content": content(name) });
        members.insert("requestBody".to_owned(), body);
    }
    operation
}

fn schemas() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "SignUp": { "type": "object", "required": ["password"], "properties": {
            "email": text, "username": { "type": "string", "pattern": "^[A-Za-z0-9._-]{3,64}$" },
            "password": { "type": "string", "minLength": 6, "maxLength": 4096 },
            "displayName": text, "photoUrl": text, "attributes": { "type": "object" } } },
        "LoginRequest": { "type": "object", "required": ["password"], "properties": {
            "login": { "type": "string", "description": "Email address or username" },
            "email": text, "username": text, "password": text } },
        "ChangePassword": { "type": "object", "required": ["oldPassword", "newPassword"],
            "properties": { "oldPassword": text, "newPassword": text } },
        "Logout": { "type": "object", "properties": { "everywhere": { "type": "boolean" } } },
        "Login": { "type": "object",
            "required": ["customToken", "token", "jwt_token", "expiresIn", "uid", "tokenType", "user"],
            "properties": {
                "customToken": text, "token": text, "jwt_token": text,
                "expiresIn": { "type": "integer" }, "uid": text, "tokenType": text,
                "user": { "$ref": "#/components/schemas/Profile" } } },
        "Profile": { "type": "object", "required": ["uid", "emailVerified", "createdAt"],
            "properties": {
                "uid": text, "username": text, "email": text,
                "emailVerified": { "type": "boolean" }, "displayName": text, "photoUrl": text,
                "attributes": { "type": "object" },
                "createdAt": { "type": "integer", "description": "Milliseconds since 1970" } } },
        "Error": { "type": "object", "required": ["error"], "properties": {
            "error": { "type": "object", "required": ["code", "message"],
                "properties": { "code": text, "message": text } } } }
    })
}
