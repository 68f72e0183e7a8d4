//! Clients signing up and in. Source: auth specification, sections 4.3, 4.4, 15.4 and 15.7.

use firekeep_api::Mode;
use serde_json::{Value, json};

use crate::harness::{As, Row, Server, business, error, form, key_required, ok, row};

const SIGN_UP: &str = "POST v1/accounts:signUp";
const SIGN_IN: &str = "POST v1/accounts:signInWithPassword";
const WEAK: &str = "WEAK_PASSWORD : Password should be at least 6 characters";

fn client(request: &'static str, body: Value, answer: (u16, Value)) -> Row {
    row(As::Client, request, body, answer)
}

fn new_user(members: Value) -> (u16, Value) {
    let mut body = json!({
        "kind": "identitytoolkit#SignupNewUserResponse",
        "localId": "*",
        "idToken": "*",
        "refreshToken": "*",
        "expiresIn": "3600",
    });
    if let (Value::Object(body), Value::Object(members)) = (&mut body, members) {
        body.extend(members);
    }
    ok(body)
}

#[test]
fn sign_up_makes_an_account_and_signs_in() {
    let server = Server::new(Mode::Safe);
    let ada = json!({ "email": "Ada@Example.com", "password": "secret1", "displayName": "Ada" });
    server.check([
        client(SIGN_UP, json!({}), new_user(json!({}))),
        client(
            SIGN_UP,
            ada,
            new_user(json!({ "email": "ada@example.com", "displayName": "Ada" })),
        ),
        row(As::Nobody, SIGN_UP, json!({}), key_required()),
    ]);
}

#[test]
fn json_is_json_whatever_the_content_type_says() {
    let server = Server::new(Mode::Safe);
    // As `curl -d` sends it.
    let named = r#"{"email":"form@example.com","password":"secret1"}"#;
    let answer = new_user(json!({ "email": "form@example.com" }));
    server.check([form(As::Client, SIGN_UP, named, answer)]);
    let message = "Invalid JSON payload received. Expected an object.";
    let entry = json!({ "message": message, "reason": "parseError", "domain": "global" });
    let refused = error(400, message, "INVALID_ARGUMENT", entry);
    server.check([form(
        As::Client,
        SIGN_UP,
        "email=a%40b.c&password=secret1",
        refused,
    )]);
}

#[test]
fn sign_up_refuses_in_the_specifications_order() {
    let server = Server::new(Mode::Safe);
    server.create(json!({ "email": "taken@example.com", "password": "secret1" }));
    let anonymous = server.take(&client(SIGN_UP, json!({}), ok(Value::Null)), "idToken");
    let link = |email: &str, password: &str, token: &str| json!({ "email": email, "password": password, "idToken": token });
    server.check([
        client(
            SIGN_UP,
            json!({ "localId": "x" }),
            business("UNEXPECTED_PARAMETER : User ID"),
        ),
        client(
            SIGN_UP,
            json!({ "password": "secret1" }),
            business("MISSING_EMAIL"),
        ),
        client(SIGN_UP, json!({ "email": "" }), business("INVALID_EMAIL")),
        client(
            SIGN_UP,
            json!({ "email": "", "password": "secret1" }),
            business("MISSING_EMAIL"),
        ),
        client(
            SIGN_UP,
            json!({ "email": "not one" }),
            business("MISSING_PASSWORD"),
        ),
        client(
            SIGN_UP,
            json!({ "email": "not one", "password": "1" }),
            business("INVALID_EMAIL"),
        ),
        client(
            SIGN_UP,
            json!({ "email": "taken@example.com", "password": "1" }),
            business("EMAIL_EXISTS"),
        ),
        client(
            SIGN_UP,
            json!({ "email": "free@example.com", "password": "1" }),
            business(WEAK),
        ),
        // Linking: whose address it would be decides what may be said of it, so the ID token comes first.
        client(
            SIGN_UP,
            link("not one", "1", &anonymous),
            business("INVALID_EMAIL"),
        ),
        client(
            SIGN_UP,
            link("taken@example.com", "1", &anonymous),
            business("EMAIL_EXISTS"),
        ),
        client(
            SIGN_UP,
            link("free@example.com", "1", &anonymous),
            business(WEAK),
        ),
        client(
            SIGN_UP,
            link("free@example.com", "secret1", &anonymous),
            new_user(json!({ "email": "free@example.com" })),
        ),
    ]);
}

#[test]
fn sign_in_refuses_in_the_specifications_order() {
    let rows = |unknown: &str, wrong: &str| {
        let named = |email: &str, password: &str| json!({ "email": email, "password": password });
        [
            client(
                SIGN_IN,
                json!({ "password": "secret1" }),
                business("MISSING_EMAIL"),
            ),
            client(
                SIGN_IN,
                json!({ "email": "not one" }),
                business("INVALID_EMAIL"),
            ),
            client(SIGN_IN, json!({ "email": "" }), business("INVALID_EMAIL")),
            client(
                SIGN_IN,
                json!({ "email": "ada@example.com" }),
                business("MISSING_PASSWORD"),
            ),
            client(
                SIGN_IN,
                named("nobody@example.com", "secret1"),
                business(unknown),
            ),
            client(SIGN_IN, named("ada@example.com", "wrong1"), business(wrong)),
            client(
                SIGN_IN,
                named("Ada@example.com", "secret1"),
                ok(json!({
                    "kind": "identitytoolkit#VerifyPasswordResponse",
                    "registered": true,
                    "localId": "ada",
                    "email": "ada@example.com",
                    "idToken": "*",
                    "refreshToken": "*",
                    "expiresIn": "3600",
                })),
            ),
        ]
    };
    let hidden = "INVALID_LOGIN_CREDENTIALS";
    for (mode, unknown, wrong) in [
        (Mode::Safe, hidden, hidden),
        (Mode::Dev, "EMAIL_NOT_FOUND", "INVALID_PASSWORD"),
    ] {
        let server = Server::new(mode);
        server
            .create(json!({ "localId": "ada", "email": "ada@example.com", "password": "secret1" }));
        server.check(rows(unknown, wrong));
    }
}
