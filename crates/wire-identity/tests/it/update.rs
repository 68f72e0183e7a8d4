//! Records changed, looked up and deleted. Source: auth specification, sections 15.3, 15.5 and 15.6.

use firekeep_api::Mode;
use serde_json::{Value, json};

use crate::harness::{As, Row, Server, business, invalid, not_implemented, ok, row};

const OWN: &str = "POST v1/accounts:update";
const NAMED: &str = "POST v1/projects/demo/accounts:update";
const WEAK: &str = "WEAK_PASSWORD : Password should be at least 6 characters";

fn own(body: Value, answer: (u16, Value)) -> Row {
    row(As::Client, OWN, body, answer)
}

fn named(body: Value, answer: (u16, Value)) -> Row {
    row(As::Admin, NAMED, body, answer)
}

fn ada(server: &Server) -> String {
    server.create(json!({ "localId": "ada", "email": "ada@example.com", "password": "secret1" }));
    server.sign_in("ada@example.com", "secret1")
}

fn changed(uid: &str, members: Value) -> (u16, Value) {
    let mut body = json!({ "kind": "identitytoolkit#SetAccountInfoResponse", "localId": uid });
    if let (Value::Object(body), Value::Object(members)) = (&mut body, members) {
        body.extend(members);
    }
    ok(body)
}

/// What a user with an email address and a password answers with.
fn of_ada(more: Value) -> (u16, Value) {
    let mut members = json!({
        "email": "ada@example.com",
        "emailVerified": false,
        "passwordHash": "UkVEQUNURUQ=",
        "providerUserInfo": [{
            "providerId": "password",
            "rawId": "ada@example.com",
            "federatedId": "ada@example.com",
            "email": "ada@example.com",
        }],
    });
    if let (Value::Object(members), Value::Object(more)) = (&mut members, more) {
        members.extend(more);
    }
    changed("ada", members)
}

#[test]
fn a_users_own_update_refuses_in_the_specifications_order() {
    let server = Server::new(Mode::Safe);
    let token = &ada(&server);
    server.create(json!({ "localId": "bob", "email": "bob@example.com" }));
    let verify = "OPERATION_NOT_ALLOWED : Please verify the new email before changing email.";
    server.check([
        own(
            json!({ "customAttributes": "{}", "provider": ["x"] }),
            business("INVALID_REQ_TYPE : Unsupported request parameters."),
        ),
        own(
            json!({ "idToken": "x", "customAttributes": "{}", "provider": ["x"] }),
            business("INSUFFICIENT_PERMISSION"),
        ),
        own(
            json!({ "idToken": "x", "deleteAttribute": ["PROVIDER"] }),
            not_implemented("This change"),
        ),
        own(
            json!({ "idToken": "", "email": "not one" }),
            business("INVALID_REQ_TYPE : Unsupported request parameters."),
        ),
        own(
            json!({ "idToken": token, "disableUser": true, "email": "not one" }),
            business("OPERATION_NOT_ALLOWED : A user cannot disable itself."),
        ),
        own(
            json!({ "idToken": token, "email": "not one", "password": "1" }),
            business("INVALID_EMAIL"),
        ),
        // Whether an address is taken is nobody's to learn.
        own(
            json!({ "idToken": token, "email": "bob@example.com", "password": "1" }),
            business(verify),
        ),
        own(json!({ "idToken": token, "password": "1" }), business(WEAK)),
        own(
            json!({ "idToken": token, "linkProviderUserInfo": { "providerId": "a", "rawId": "b" } }),
            business("INSUFFICIENT_PERMISSION"),
        ),
        // What only administrators may say changes nothing.
        own(
            json!({ "idToken": token, "emailVerified": true, "phoneNumber": "x", "createdAt": "1" }),
            of_ada(json!({})),
        ),
    ]);
}

#[test]
fn the_same_email_address_is_no_change() {
    for mode in [Mode::Safe, Mode::Dev] {
        let server = Server::new(mode);
        let token = &ada(&server);
        let same = json!({ "idToken": token, "email": "ADA@example.com" });
        server.check([own(same, of_ada(json!({})))]);
        let named_same = json!({ "localId": "ada", "email": "Ada@example.com" });
        server.check([named(named_same, of_ada(json!({})))]);
    }
    // Where it may be changed at once, the address of another one is refused.
    let server = Server::new(Mode::Dev);
    let token = &ada(&server);
    server.create(json!({ "localId": "bob", "email": "bob@example.com" }));
    let taken = json!({ "idToken": token, "email": "bob@example.com", "password": "1" });
    server.check([own(taken, business("EMAIL_EXISTS"))]);
}

#[test]
fn an_administrators_update_refuses_in_the_specifications_order() {
    let server = Server::new(Mode::Safe);
    server.create(json!({ "localId": "ada" }));
    server.create(
        json!({ "localId": "bob", "email": "bob@example.com", "phoneNumber": "+15555550100" }),
    );
    let link = |link: Value| json!({ "localId": "ada", "linkProviderUserInfo": link });
    server.check([
        named(
            json!({ "customAttributes": "nonsense" }),
            business("MISSING_LOCAL_ID"),
        ),
        named(
            json!({ "localId": "nobody", "customAttributes": "nonsense", "provider": ["x"] }),
            business("INVALID_CLAIMS"),
        ),
        named(
            json!({ "localId": "nobody", "customAttributes": "{\"iss\":1}" }),
            business("FORBIDDEN_CLAIM : iss"),
        ),
        named(
            json!({ "localId": "nobody", "customAttributes": " ".repeat(1001) }),
            business("CLAIMS_TOO_LARGE"),
        ),
        named(
            json!({ "localId": "nobody", "provider": ["x"] }),
            not_implemented("This change"),
        ),
        named(
            json!({ "localId": "nobody", "email": "not one", "password": "1" }),
            business("USER_NOT_FOUND"),
        ),
        named(
            json!({ "localId": "ada", "email": "not one", "password": "1" }),
            business("INVALID_EMAIL"),
        ),
        named(
            json!({ "localId": "ada", "email": "bob@example.com", "password": "1" }),
            business("EMAIL_EXISTS"),
        ),
        named(
            json!({ "localId": "ada", "password": "1", "phoneNumber": "1" }),
            business(WEAK),
        ),
        named(
            json!({ "localId": "ada", "phoneNumber": "1" }),
            business("INVALID_PHONE_NUMBER : Invalid format."),
        ),
        named(
            json!({ "localId": "ada", "phoneNumber": "+15555550100", "linkProviderUserInfo": {} }),
            business("PHONE_NUMBER_EXISTS"),
        ),
        named(
            link(json!({ "rawId": "b" })),
            business("MISSING_PROVIDER_ID"),
        ),
        named(
            link(json!({ "providerId": "a" })),
            business("MISSING_RAW_ID"),
        ),
    ]);
}

#[test]
fn a_linked_identity_has_limits_and_a_name_of_its_own() {
    let server = Server::new(Mode::Safe);
    server.create(json!({ "localId": "ada" }));
    server.create(json!({ "localId": "bob" }));
    let link = |uid: &str, link: Value| json!({ "localId": uid, "linkProviderUserInfo": link });
    let google = json!({ "providerId": "google.com", "rawId": "7" });
    let entry = json!({ "providerId": "google.com", "rawId": "7", "federatedId": "7" });
    let linked = changed("ada", json!({ "providerUserInfo": [entry] }));
    server.check([
        named(link("ada", google.clone()), linked),
        named(
            link("bob", google),
            business("FEDERATED_USER_ID_ALREADY_LINKED"),
        ),
        named(
            link(
                "bob",
                json!({ "providerId": "oidc.a", "rawId": "x".repeat(9000) }),
            ),
            invalid("`rawId` is too long."),
        ),
        named(
            link(
                "bob",
                json!({ "providerId": "x".repeat(9000), "rawId": "x" }),
            ),
            invalid("`providerId` is too long."),
        ),
        named(
            link(
                "bob",
                json!({ "providerId": "a", "rawId": "x", "displayName": "x".repeat(1_000_000) }),
            ),
            invalid("`displayName` is too long."),
        ),
    ]);
    for name in ["password", "phone", "email", "anonymous", "custom"] {
        let body = link("bob", json!({ "providerId": name, "rawId": "x" }));
        let message = format!(
            "INVALID_PROVIDER_ID : `{name}` is not a provider whose identities can be linked"
        );
        server.check([named(body, business(&message))]);
    }
    for number in 1..20 {
        let name = format!("oidc.{number}");
        let body = link("ada", json!({ "providerId": name, "rawId": "x" }));
        server.take(&named(body, ok(Value::Null)), "localId");
    }
    let one_more = link("ada", json!({ "providerId": "oidc.20", "rawId": "x" }));
    server.check([named(one_more, invalid("`providerUserInfo` is too long."))]);
}

#[test]
fn a_user_is_found_by_every_name() {
    let server = Server::new(Mode::Safe);
    let token = &ada(&server);
    server.create(json!({ "localId": "bob", "phoneNumber": "+15555550100" }));
    let ada = json!({
        "localId": "ada",
        "email": "ada@example.com",
        "emailVerified": false,
        "passwordHash": "UkVEQUNURUQ=",
        "passwordUpdatedAt": 1_800_000_000_000_i64,
        "validSince": "1800000000",
        "createdAt": "1800000000000",
        "lastLoginAt": "1800000000000",
        "lastRefreshAt": "2027-01-15T08:00:00Z",
        "providerUserInfo": [{
            "providerId": "password",
            "rawId": "ada@example.com",
            "federatedId": "ada@example.com",
            "email": "ada@example.com",
        }],
    });
    let bob = json!({
        "localId": "bob",
        "phoneNumber": "+15555550100",
        "createdAt": "1800000000000",
        "providerUserInfo": [{
            "providerId": "phone",
            "rawId": "+15555550100",
            "phoneNumber": "+15555550100",
        }],
    });
    let kind = "identitytoolkit#GetAccountInfoResponse";
    let found = |users: Value| ok(json!({ "kind": kind, "users": users }));
    let none = || ok(json!({ "kind": kind }));
    let by_client = |body, answer| row(As::Client, "POST v1/accounts:lookup", body, answer);
    let by_admin = |body, answer| {
        row(
            As::Admin,
            "POST v1/projects/demo/accounts:lookup",
            body,
            answer,
        )
    };
    let too_many = invalid("at most 100 users in one look-up");
    server.check([
        by_client(json!({ "idToken": token }), found(json!([ada]))),
        by_client(json!({}), business("MISSING_ID_TOKEN")),
        by_client(
            json!({ "localId": ["bob"] }),
            business("MISSING_ID_TOKEN"),
        ),
        by_admin(
            json!({ "phoneNumber": ["+15555550100"], "email": ["ADA@example.com"], "localId": ["ada"] }),
            found(json!([ada, bob])),
        ),
        by_admin(json!({ "localId": ["nobody"] }), none()),
        by_admin(json!({ "idToken": token }), none()),
        by_admin(json!({ "localId": vec!["x"; 101] }), too_many),
        by_admin(json!({ "initialEmail": ["ada@example.com"] }), none()),
    ]);
}

#[test]
fn a_user_is_found_by_the_first_email_address() {
    let server = Server::new(Mode::Safe);
    let lookup = |email: &str, answer| {
        let body = json!({ "initialEmail": [email] });
        row(
            As::Admin,
            "POST v1/projects/demo/accounts:lookup",
            body,
            answer,
        )
    };
    let kind = "identitytoolkit#GetAccountInfoResponse";
    let user = |uid: &str, email: &str| {
        json!({
            "localId": uid,
            "email": email,
            "emailVerified": false,
            "initialEmail": "first@example.com",
            "validSince": "1800000000",
            "createdAt": "1800000000000",
        })
    };
    // Two users had the same address, one after the other.
    for (uid, email) in [("a", "a@example.com"), ("b", "b@example.com")] {
        server.create(json!({ "localId": uid, "email": "first@example.com" }));
        let change = json!({ "localId": uid, "email": email });
        server.take(&named(change, ok(Value::Null)), "localId");
    }
    let both = json!([user("a", "a@example.com"), user("b", "b@example.com")]);
    server.check([
        lookup(
            "First@example.com",
            ok(json!({ "kind": kind, "users": both })),
        ),
        lookup("a@example.com", ok(json!({ "kind": kind }))),
        row(
            As::Admin,
            "POST v1/projects/demo/accounts:delete",
            json!({ "localId": "a" }),
            ok(json!({ "kind": "identitytoolkit#DeleteAccountResponse" })),
        ),
        lookup(
            "first@example.com",
            ok(json!({ "kind": kind, "users": [user("b", "b@example.com")] })),
        ),
    ]);
}

#[test]
fn a_user_is_deleted_by_itself_or_by_an_administrator() {
    let server = Server::new(Mode::Safe);
    let token = &ada(&server);
    server.create(json!({ "localId": "bob" }));
    let deleted = || ok(json!({ "kind": "identitytoolkit#DeleteAccountResponse" }));
    let by_client = |body, answer| row(As::Client, "POST v1/accounts:delete", body, answer);
    let by_admin = |body, answer| {
        row(
            As::Admin,
            "POST v1/projects/demo/accounts:delete",
            body,
            answer,
        )
    };
    server.check([
        by_client(json!({ "localId": "bob" }), business("MISSING_ID_TOKEN")),
        by_admin(json!({}), business("MISSING_LOCAL_ID")),
        by_admin(json!({ "localId": "nobody" }), business("USER_NOT_FOUND")),
        by_client(json!({ "idToken": token }), deleted()),
        by_client(json!({ "idToken": token }), business("USER_NOT_FOUND")),
        by_admin(json!({ "localId": "bob" }), deleted()),
        by_admin(json!({ "localId": "bob" }), business("USER_NOT_FOUND")),
    ]);
}
