//! A server on the in-memory engine at a fixed time, and the rows that are asked of it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, header};
use firekeep_api::{Access, Client, Core, Mode, Options};
use firekeep_model::{Clock, Timestamp};
use firekeep_store::{DbId, MemEngine, Store};
use firekeep_wire_http::Incoming;
use serde_json::{Value, json};

/// The time of every test: 2027-01-15 08:00 UTC.
pub(crate) const NOW_SECS: i64 = 1_800_000_000;
/// The bearer credential of an administrator.
const ADMIN: &str = "the secret of the command line";

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(NOW_SECS)
    }
}

/// A server. Its project is `demo`.
pub(crate) struct Server {
    core: Arc<Core>,
    key: String,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum As {
    /// Nobody known.
    Nobody,
    /// A client, by the API key in the header.
    Client,
    /// An administrator, by a bearer credential.
    Admin,
}

/// One request and its answer. The request is `METHOD path`, then the body, of the content type `application/json`
/// unless the row is made by [`form`].
pub(crate) struct Row {
    by: As,
    request: &'static str,
    kind: &'static str,
    body: String,
    status: u16,
    answer: Value,
}

/// A row with a JSON body.
pub(crate) fn row(
    by: As,
    request: &'static str,
    body: Value,
    (status, answer): (u16, Value),
) -> Row {
    Row {
        by,
        request,
        kind: "application/json",
        body: body.to_string(),
        status,
        answer,
    }
}

/// A row whose body claims to be a form.
pub(crate) fn form(
    by: As,
    request: &'static str,
    body: &str,
    (status, answer): (u16, Value),
) -> Row {
    Row {
        by,
        request,
        kind: "application/x-www-form-urlencoded; charset=utf-8",
        body: body.to_owned(),
        status,
        answer,
    }
}

/// A good answer. `"*"` stands for any text: ids and tokens are random.
pub(crate) fn ok(body: Value) -> (u16, Value) {
    (200, body)
}

/// The answer of a business error.
pub(crate) fn business(message: &str) -> (u16, Value) {
    (
        400,
        json!({ "error": { "code": 400, "message": message, "errors": [
        { "message": message, "reason": "invalid", "domain": "global" },
    ] } }),
    )
}

/// The answer of an error that has a `status`.
pub(crate) fn error(code: u16, message: &str, status: &str, entry: Value) -> (u16, Value) {
    (
        code,
        json!({ "error": { "code": code, "message": message, "status": status, "errors": [entry] } }),
    )
}

/// 400 with `INVALID_ARGUMENT`.
pub(crate) fn invalid(message: &str) -> (u16, Value) {
    let entry = json!({ "message": message, "reason": "invalid", "domain": "global" });
    error(400, message, "INVALID_ARGUMENT", entry)
}

/// 401 without a credential.
pub(crate) fn login_required() -> (u16, Value) {
    let message = "Request is missing required authentication credential. Expected OAuth 2 access token, login \
                   cookie or other valid authentication credential.";
    let entry = json!({
        "message": "Login Required.",
        "reason": "required",
        "domain": "global",
        "location": "Authorization",
        "locationType": "header",
    });
    error(401, message, "UNAUTHENTICATED", entry)
}

/// 403 without an API key.
pub(crate) fn key_required() -> (u16, Value) {
    let message = "The request is missing a valid API key.";
    let entry = json!({ "message": message, "reason": "forbidden", "domain": "global" });
    error(403, message, "PERMISSION_DENIED", entry)
}

/// 501.
pub(crate) fn not_implemented(what: &str) -> (u16, Value) {
    let message = format!("{what} is not implemented by this server.");
    let entry = json!({ "message": message, "reason": "unimplemented", "domain": "global" });
    error(501, &message, "NOT_IMPLEMENTED", entry)
}

/// 404 of a thing that does not exist.
pub(crate) fn not_found(message: &str) -> (u16, Value) {
    let entry = json!({ "message": message, "reason": "notFound" });
    error(404, message, "NOT_FOUND", entry)
}

/// The path is nobody's; the program itself answers.
pub(crate) fn no_route() -> (u16, Value) {
    (404, Value::Null)
}

impl Server {
    pub(crate) fn new(mode: Mode) -> Self {
        let engine = Arc::new(MemEngine::new(Arc::new(Fixed)));
        let store = Store::open(engine.clone(), DbId(0), Arc::new(Fixed)).unwrap();
        let options = Options {
            project: Some(firekeep_model::ProjectId::parse("demo").unwrap()),
            mode,
            base_url: Some("https://fk.example.com".to_owned()),
            bridge: None,
            documents: Access::Open,
        };
        let core = Core::open(engine, store, Arc::new(Fixed), options).unwrap();
        core.set_local_secret(ADMIN);
        let key = core.project_summary().api_keys.remove(0);
        Self { core, key }
    }

    /// Asks one thing after the other, and compares what comes.
    #[track_caller]
    pub(crate) fn check(&self, rows: impl IntoIterator<Item = Row>) {
        for row in rows {
            let (status, answer) = self.ask(&row);
            let asked = format!("{:?} {} {}", row.by, row.request, row.body);
            let same = matches(&row.answer, &answer);
            assert!(
                row.status == status && same,
                "{asked}\nexpected {} {}\n     got {status} {answer}",
                row.status,
                row.answer,
            );
        }
    }

    /// The member of an answer that is 200: for tokens, which later rows need.
    #[track_caller]
    pub(crate) fn take(&self, row: &Row, member: &str) -> String {
        let (status, answer) = self.ask(row);
        assert_eq!(status, 200, "{answer}");
        answer[member].as_str().unwrap().to_owned()
    }

    /// Makes a user as an administrator does.
    #[track_caller]
    pub(crate) fn create(&self, user: Value) {
        let asked = row(
            As::Admin,
            "POST v1/projects/demo/accounts",
            user,
            ok(Value::Null),
        );
        self.take(&asked, "localId");
    }

    /// Signs in with a password, and gives the ID token.
    #[track_caller]
    pub(crate) fn sign_in(&self, email: &str, password: &str) -> String {
        let body = json!({ "email": email, "password": password });
        let asked = row(
            As::Client,
            "POST v1/accounts:signInWithPassword",
            body,
            ok(Value::Null),
        );
        self.take(&asked, "idToken")
    }

    fn ask(&self, row: &Row) -> (u16, Value) {
        let (method, path) = row.request.split_once(' ').unwrap();
        let mut request = Request::builder()
            .method(method.parse::<Method>().unwrap())
            .uri(format!("http://127.0.0.1:7070/{path}"))
            .header(header::CONTENT_TYPE, row.kind);
        request = match row.by {
            As::Nobody => request,
            As::Client => request.header("x-goog-api-key", &self.key),
            As::Admin => request.header(header::AUTHORIZATION, format!("Bearer {ADMIN}")),
        };
        let request = request.body(Body::from(row.body.clone())).unwrap();
        let client = Client {
            address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut incoming = match Incoming::read(request, client).await {
                Ok(incoming) => incoming,
                Err(_) => panic!("{path} cannot be read"),
            };
            let Some(response) = firekeep_wire_identity::handle(&self.core, &mut incoming).await
            else {
                return no_route();
            };
            let status = response.status().as_u16();
            let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            (status, serde_json::from_slice(&bytes).unwrap())
        })
    }
}

/// Whether an answer is as expected: whole, but for texts that are any.
fn matches(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::String(any), Value::String(_)) if any == "*" => true,
        (Value::Object(expected), Value::Object(found)) => {
            let has = |(key, value): (&String, &Value)| {
                found.get(key).is_some_and(|it| matches(value, it))
            };
            expected.len() == found.len() && expected.iter().all(has)
        }
        (Value::Array(expected), Value::Array(found)) => {
            let pairs = expected.iter().zip(found);
            expected.len() == found.len() && pairs.fold(true, |all, (a, b)| all && matches(a, b))
        }
        (expected, found) => expected == found,
    }
}
