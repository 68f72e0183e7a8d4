//! What administrators ask, and who is none. Source: auth specification, sections 4.3, 15.4 and 17.2.

use firekeep_api::Mode;
use serde_json::{Value, json};

use crate::harness::{
    As, Row, Server, business, error, invalid, key_required, login_required, ok, row,
};

const CREATE: &str = "POST v1/projects/demo/accounts";
const LIST: &str = "GET v1/projects/demo/accounts:batchGet";
const DELETE: &str = "POST v1/projects/demo/accounts:batchDelete";
const WEAK: &str = "WEAK_PASSWORD : Password should be at least 6 characters";
const NOT_THEIRS: &str =
    "INSUFFICIENT_PERMISSION : Only authenticated requests can specify target_project_id.";

fn admin(request: &'static str, body: Value, answer: (u16, Value)) -> Row {
    row(As::Admin, request, body, answer)
}

#[test]
fn only_administrators_reach_a_projects_path() {
    let server = Server::new(Mode::Safe);
    server.create(json!({ "localId": "ada" }));
    for request in [
        CREATE,
        LIST,
        DELETE,
        "POST v1/projects/demo/accounts:lookup",
        "POST v1/projects/demo/accounts:update",
        "POST v1/projects/demo/accounts:delete",
        "POST v1/projects/demo/accounts:signUp",
    ] {
        // Each body would do for an administrator.
        let body = json!({ "localId": "ada", "localIds": ["ada"], "idToken": "x" });
        server.check([
            row(As::Client, request, body.clone(), business(NOT_THEIRS)),
            row(As::Nobody, request, body, login_required()),
        ]);
    }
    // Without a project in the path, an API key is no administrator's credential all the same.
    for by in [As::Client, As::Nobody] {
        let body = json!({ "localIds": ["ada"], "force": true });
        server.check([
            row(by, "POST v1/accounts:batchDelete", body, login_required()),
            row(
                by,
                "GET v1/accounts:batchGet",
                Value::Null,
                login_required(),
            ),
        ]);
    }
    let named = json!({ "targetProjectId": "demo", "idToken": "x" });
    let other = "The caller does not have permission.";
    let entry = json!({ "message": other, "reason": "forbidden", "domain": "global" });
    let forbidden = error(403, other, "PERMISSION_DENIED", entry);
    server.check([
        row(
            As::Client,
            "POST v1/accounts:lookup",
            named,
            business(NOT_THEIRS),
        ),
        row(
            As::Nobody,
            "POST v1/accounts:lookup",
            json!({}),
            key_required(),
        ),
        admin(
            "POST v1/projects/other/accounts:lookup",
            json!({}),
            forbidden,
        ),
    ]);
}

#[test]
fn the_command_lines_door_is_for_administrators() {
    let server = Server::new(Mode::Safe);
    let message = "the request needs an administrator's credential";
    let refused = || (401, json!({ "error": { "message": message } }));
    let list = || json!({ "command": "user-list", "after": null, "limit": 10 });
    let door = "POST firekeep/v1/admin";
    server.check([
        row(As::Nobody, door, list(), refused()),
        row(As::Client, door, list(), refused()),
        admin(door, list(), ok(json!({ "users": [], "next": null }))),
    ]);
}

#[test]
fn an_administrators_new_user_is_refused_in_the_specifications_order() {
    let server = Server::new(Mode::Safe);
    server.create(
        json!({ "localId": "ada", "email": "ada@example.com", "phoneNumber": "+15555550100" }),
    );
    server.check([
        admin(
            CREATE,
            json!({ "localId": "ada", "idToken": "x" }),
            business("UNEXPECTED_PARAMETER : User ID"),
        ),
        admin(
            CREATE,
            json!({ "localId": "ada", "phoneNumber": "1", "email": "not one", "password": "1" }),
            business("DUPLICATE_LOCAL_ID"),
        ),
        admin(
            CREATE,
            json!({ "phoneNumber": "1", "email": "not one", "password": "1" }),
            business("INVALID_PHONE_NUMBER : Invalid format."),
        ),
        admin(
            CREATE,
            json!({ "phoneNumber": "+15555550100", "email": "not one", "password": "1" }),
            business("PHONE_NUMBER_EXISTS"),
        ),
        admin(
            CREATE,
            json!({ "email": "not one", "password": "1" }),
            business("INVALID_EMAIL"),
        ),
        admin(
            CREATE,
            json!({ "email": "Ada@example.com", "password": "1" }),
            business("EMAIL_EXISTS"),
        ),
        admin(
            CREATE,
            json!({ "email": "bob@example.com", "password": "1" }),
            business(WEAK),
        ),
        admin(
            CREATE,
            json!({ "localId": "x".repeat(129) }),
            invalid("localId: the id is too long"),
        ),
        admin(
            CREATE,
            json!({ "localId": "bob", "email": "Bob@example.com", "displayName": "Bob" }),
            ok(json!({
                "kind": "identitytoolkit#SignupNewUserResponse",
                "localId": "bob",
                "email": "bob@example.com",
                "displayName": "Bob",
            })),
        ),
    ]);
}

#[test]
fn users_come_in_pages_of_the_tenant_that_is_named() {
    let server = Server::new(Mode::Safe);
    for uid in ["a", "b", "c"] {
        server.create(json!({ "localId": uid }));
    }
    let user = |uid: &str| json!({ "localId": uid, "createdAt": "1800000000000" });
    let page = |mut body: Value, next: Option<&str>| {
        body["kind"] = "identitytoolkit#DownloadAccountResponse".into();
        if let Some(next) = next {
            body["nextPageToken"] = next.into();
        }
        ok(body)
    };
    let get = |request, answer| admin(request, Value::Null, answer);
    let all = json!({ "users": [user("a"), user("b"), user("c")] });
    server.check([
        get(LIST, page(all, None)),
        get(
            "GET v1/projects/demo/accounts:batchGet?maxResults=2",
            page(json!({ "users": [user("a"), user("b")] }), Some("b")),
        ),
        get(
            "GET v1/projects/demo/accounts:batchGet?maxResults=2&nextPageToken=b",
            page(json!({ "users": [user("c")] }), None),
        ),
        get(
            "GET v1/projects/demo/accounts:batchGet?nextPageToken=c",
            page(json!({}), None),
        ),
        get(
            "GET v1/projects/demo/accounts:batchGet?tenantId=nope",
            business("TENANT_NOT_FOUND"),
        ),
        get(
            "GET v1/projects/demo/tenants/nope/accounts:batchGet",
            business("TENANT_NOT_FOUND"),
        ),
        get(
            "GET v1/projects/demo/tenants/nope/accounts:batchGet?tenantId=other",
            business("TENANT_ID_MISMATCH"),
        ),
        get(
            "GET v1/projects/demo/accounts:batchGet?maxResults=-1",
            invalid("`maxResults` must not be negative."),
        ),
    ]);
    let long = format!(
        "GET v1/projects/demo/accounts:batchGet?nextPageToken={}",
        "x".repeat(129)
    );
    server.check([get(long.leak(), business("INVALID_PAGE_SELECTION"))]);
    let config = |request, answer| row(As::Client, request, Value::Null, answer);
    server.check([
        config(
            "GET v2/passwordPolicy?tenantId=nope",
            business("TENANT_NOT_FOUND"),
        ),
        config(
            "GET v1/projects?tenantId=nope",
            business("UNSUPPORTED_TENANT_OPERATION"),
        ),
    ]);
}

#[test]
fn users_are_deleted_in_bulk() {
    let server = Server::new(Mode::Safe);
    server.create(json!({ "localId": "on" }));
    server.create(json!({ "localId": "off", "disabled": true }));
    let range = || business("LOCAL_ID_LIST_EXCEEDS_LIMIT");
    let fault = json!({
        "index": 0,
        "localId": "on",
        "message": "NOT_DISABLED : Disable the account before batch deletion.",
    });
    server.check([
        admin(DELETE, json!({}), range()),
        admin(DELETE, json!({ "localIds": vec!["x"; 1001] }), range()),
        admin(
            DELETE,
            json!({ "localIds": ["on", "off", "nobody"] }),
            ok(json!({ "errors": [fault] })),
        ),
        admin(
            DELETE,
            json!({ "localIds": ["on"], "force": true }),
            ok(json!({})),
        ),
        admin(
            LIST,
            Value::Null,
            ok(json!({ "kind": "identitytoolkit#DownloadAccountResponse" })),
        ),
    ]);
}
