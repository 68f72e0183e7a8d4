//! Every form of a path, and what is not there. Source: auth specification, sections 4.1, 10, 17.1, 18 and 19.

use firekeep_api::Mode;
use serde_json::{Value, json};

use crate::harness::{
    As, Row, Server, business, form, key_required, no_route, not_found, not_implemented, ok, row,
};

fn get(request: &'static str, answer: (u16, Value)) -> Row {
    row(As::Nobody, request, Value::Null, answer)
}

#[test]
fn every_form_of_a_path_is_the_same_endpoint() {
    let server = Server::new(Mode::Safe);
    for request in [
        "POST v1/accounts:signInWithCustomToken",
        "POST identitytoolkit.googleapis.com/v1/accounts:signInWithCustomToken",
        "POST identitytoolkit/v3/relyingparty/verifyCustomToken",
        "POST www.googleapis.com/identitytoolkit/v3/relyingparty/verifyCustomToken",
    ] {
        let answer = business("MISSING_CUSTOM_TOKEN");
        server.check([row(As::Client, request, json!({}), answer)]);
    }
    for request in [
        "POST token",
        "POST oauth2/v4/token",
        "POST o/oauth2/token",
        "POST oauth2.googleapis.com/token",
        "POST www.googleapis.com/oauth2/v4/token",
        "POST accounts.google.com/o/oauth2/token",
    ] {
        let body = json!({
            "error": "unsupported_grant_type",
            "error_description": "Invalid grant_type.",
        });
        server.check([form(As::Nobody, request, "grant_type=x", (400, body))]);
    }
    for request in ["POST v1/token", "POST securetoken.googleapis.com/v1/token"] {
        let rows = [
            form(As::Nobody, request, "", key_required()),
            form(As::Client, request, "", business("MISSING_GRANT_TYPE")),
        ];
        server.check(rows);
    }
}

#[test]
fn public_keys_are_there_in_every_form_too() {
    let server = Server::new(Mode::Safe);
    for request in [
        "GET robot/v1/metadata/x509/nobody@example.com",
        "GET www.googleapis.com/robot/v1/metadata/x509/nobody%40example.com",
        "GET service_accounts/v1/jwk/nobody@example.com",
        "GET service_accounts/v1/metadata/jwk/nobody@example.com",
        "GET service_accounts/v1/metadata/x509/nobody@example.com",
    ] {
        server.check([get(request, not_found("There is no such account."))]);
    }
    for path in ["jwk", "metadata/jwk"] {
        let request = match path {
            "jwk" => "GET service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
            _ => "GET service_accounts/v1/metadata/jwk/securetoken@system.gserviceaccount.com",
        };
        let key = json!({ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "*", "n": "*", "e": "AQAB" });
        server.check([get(request, ok(json!({ "keys": [key] })))]);
    }
}

#[test]
fn discovery_is_of_the_projects_that_are_served() {
    let document = |project: &str| {
        ok(json!({
            "issuer": format!("https://securetoken.google.com/{project}"),
            "jwks_uri": "https://fk.example.com/.well-known/jwks.json",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }))
    };
    let unknown = || not_found("There is no such project.");
    Server::new(Mode::Safe).check([
        get(
            "GET demo/.well-known/openid-configuration",
            document("demo"),
        ),
        get(
            "GET securetoken.google.com/demo/.well-known/openid-configuration",
            document("demo"),
        ),
        get("GET other/.well-known/openid-configuration", unknown()),
        get(
            "GET securetoken.google.com/other/.well-known/openid-configuration",
            unknown(),
        ),
    ]);
    let other = "GET other/.well-known/openid-configuration";
    Server::new(Mode::Dev).check([get(other, document("other"))]);
}

#[test]
fn what_is_specified_but_not_here_says_so() {
    let post = |request, what| row(As::Client, request, json!({}), not_implemented(what));
    Server::new(Mode::Safe).check([
        post("POST v1/projects/demo:queryAccounts", "queryAccounts"),
        post("POST v1/projects/demo/accounts:query", "accounts:query"),
        post(
            "POST v1/projects/demo:createSessionCookie",
            "Session cookies",
        ),
        post("POST v1/accounts:sendOobCode", "accounts:sendOobCode"),
        row(
            As::Client,
            "POST v1/projects/demo:fly",
            json!({}),
            no_route(),
        ),
        row(As::Client, "GET token", json!({}), no_route()),
        row(As::Client, "GET v1/token", json!({}), no_route()),
    ]);
}

#[test]
fn the_emulators_own_endpoints_are_dev_modes_alone() {
    let requests = [
        (
            "DELETE emulator/v1/projects/demo/accounts",
            "emulator/v1/projects/demo/accounts",
        ),
        (
            "GET emulator/v1/projects/demo/config",
            "emulator/v1/projects/demo/config",
        ),
        (
            "PATCH emulator/v1/projects/demo/config",
            "emulator/v1/projects/demo/config",
        ),
        (
            "GET emulator/v1/projects/demo/oobCodes",
            "emulator/v1/projects/demo/oobCodes",
        ),
        (
            "GET emulator/v1/projects/demo/verificationCodes",
            "emulator/v1/projects/demo/verificationCodes",
        ),
        (
            "GET emulator/auth/handler?apiKey=x",
            "emulator/auth/handler",
        ),
        ("GET emulator/action", "emulator/action"),
    ];
    let (safe, dev) = (Server::new(Mode::Safe), Server::new(Mode::Dev));
    for (request, name) in requests {
        safe.check([get(request, no_route())]);
        dev.check([get(request, not_implemented(name))]);
    }
    dev.check([get("GET emulator/nothing", no_route())]);
}
