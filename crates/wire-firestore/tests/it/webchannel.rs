//! WebChannel: requests as a browser makes them; headers, chunks, and what becomes of sessions.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, Version, header};
use firekeep_api::firestore::Access;
use firekeep_api::{Client, Mode};
use firekeep_wire_firestore::webchannel::{self, Channels};
use firekeep_wire_http::Incoming;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::harness::{ADMIN, DATABASE, core, set, shown};

const SECOND: Duration = Duration::from_secs(1);

/// A server and a browser that has a channel to it.
struct Browser {
    channels: Channels,
    stop: watch::Sender<bool>,
    rpc: &'static str,
    version: Version,
    sid: String,
}

/// The answer to a GET that is open.
struct Get(Body);

/// An answer that is there whole.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Browser {
    fn new(mode: Mode, documents: Access) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self {
            channels: Channels::new(&core(mode, documents), stopped),
            stop,
            rpc: "Write",
            version: Version::HTTP_11,
            sid: String::new(),
        }
    }

    /// In dev mode, where everybody may.
    fn open() -> Self {
        Self::new(Mode::Dev, Access::Open)
    }

    /// With a session whose first message opened a stream of writes.
    async fn writing() -> Self {
        let mut browser = Self::open();
        let answer = browser.handshake("", &[hello()]).await;
        assert_eq!(answer.status, 200);
        browser
    }

    async fn send(&self, method: &str, query: &str, body: String) -> (u16, HeaderMap, Body) {
        let rpc = self.rpc;
        let uri = format!("http://127.0.0.1:7070/google.firestore.v1.Firestore/{rpc}/channel");
        let request = Request::builder()
            .method(method)
            .version(self.version)
            .uri(format!("{uri}?{query}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap();
        let client = Client { address: None };
        let bytes_max = |host, path: &str| webchannel::body_bytes_max(host, path).unwrap();
        let response = match Incoming::read_within(request, client, bytes_max).await {
            Ok(mut incoming) => self.channels.handle(&mut incoming).await,
            Err(envelope) => webchannel::refuse(&envelope),
        };
        let (parts, body) = response.into_parts();
        (parts.status.as_u16(), parts.headers, body)
    }

    async fn ask(&self, method: &str, query: &str, body: String) -> Answer {
        let (status, headers, body) = self.send(method, query, body).await;
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8(bytes.to_vec()).unwrap();
        Answer {
            status,
            headers,
            body,
        }
    }

    /// Opens a session with these header lines and messages, and remembers its name.
    async fn handshake(&mut self, headers: &str, messages: &[Value]) -> Answer {
        let database = encoded(DATABASE);
        let query = format!(
            "VER=8&database={database}&RID=97514&CVER=22&X-HTTP-Session-Id=gsessionid&zx=t1t6u5y46en4&t=1"
        );
        let form = format!("headers={}&{}", encoded(headers), form(0, messages));
        let answer = self.ask("POST", &query, form).await;
        if answer.status == 200 {
            let arrays = chunks(&answer.body);
            self.sid = arrays[0][1][1].as_str().unwrap().to_owned();
            assert_eq!(arrays, [json!([0, ["c", self.sid, "", 8, 12, 30000]])]);
            assert!(self.sid.len() >= 32);
        }
        answer
    }

    async fn post(&self, aid: u64, first: u64, messages: &[Value]) -> Answer {
        let query = format!("VER=8&SID={}&RID=97515&AID={aid}&zx=a&t=1", self.sid);
        self.ask("POST", &query, form(first, messages)).await
    }

    async fn get(&self, aid: u64, more: &str) -> Get {
        let sid = &self.sid;
        let query = format!("VER=8&RID=rpc&SID={sid}&AID={aid}&{more}&TYPE=xmlhttp&zx=a&t=1");
        let (status, headers, body) = self.send("GET", &query, String::new()).await;
        assert_eq!(status, 200);
        assert_eq!(headers[header::CONTENT_TYPE], "text/plain; charset=utf-8");
        assert!(!headers.contains_key(header::CONTENT_LENGTH));
        assert!(!headers.contains_key(header::CONTENT_ENCODING));
        Get(body)
    }
}

impl Get {
    /// The next arrays; nothing at the end.
    async fn arrays(&mut self) -> Vec<Value> {
        match self.0.frame().await {
            None => Vec::new(),
            Some(frame) => {
                let bytes = frame.unwrap().into_data().unwrap();
                chunks(str::from_utf8(&bytes).unwrap())
            }
        }
    }

    /// Arrays until there is one with that id, or the end.
    async fn until(&mut self, id: u64) -> Vec<Value> {
        let mut all = Vec::new();
        while all.last().is_none_or(|array: &Value| array[0] != id) {
            let arrays = self.arrays().await;
            if arrays.is_empty() {
                break;
            }
            all.extend(arrays);
        }
        all
    }
}

/// The arrays of whole chunks.
fn chunks(mut text: &str) -> Vec<Value> {
    let mut arrays = Vec::new();
    while let Some((length, rest)) = text.split_once('\n') {
        // These chunks are of the characters that JSON needs alone.
        let (chunk, rest) = rest.split_at(length.parse().unwrap());
        let chunk: Vec<Value> = serde_json::from_str(chunk).unwrap();
        arrays.extend(chunk);
        text = rest;
    }
    arrays
}

/// The first message of a stream of writes.
fn hello() -> Value {
    json!({ "database": DATABASE })
}

/// A message with a write that counts a field up.
fn count(token: &Value) -> Value {
    let mut write = set("c/n", 0);
    write["update"]["fields"] = json!({});
    write["updateMask"] = json!({ "fieldPaths": [] });
    write["updateTransforms"] = json!([{ "fieldPath": "n", "increment": { "integerValue": "1" } }]);
    let message = json!({ "streamToken": token, "writes": [write] });
    serde_json::from_str(&message.to_string().replace('~', DATABASE)).unwrap()
}

fn form(first: u64, messages: &[Value]) -> String {
    let mut form = format!("count={}", messages.len());
    if !messages.is_empty() {
        form += &format!("&ofs={first}");
    }
    for (index, message) in messages.iter().enumerate() {
        form += &format!("&req{index}___data__={}", encoded(&message.to_string()));
    }
    form
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// What a count's answer holds.
fn counted(array: &Value) -> &Value {
    &array[1][0]["writeResults"][0]["transformResults"][0]["integerValue"]
}

fn error(array: &Value) -> (u64, &str) {
    let error = &array[1][0]["error"];
    (
        error["code"].as_u64().unwrap(),
        error["status"].as_str().unwrap(),
    )
}

#[tokio::test]
async fn a_handshake_says_what_browsers_need() {
    let mut browser = Browser::open();
    for (version, protocol) in [(Version::HTTP_11, None), (Version::HTTP_2, Some("h2"))] {
        browser.version = version;
        let Answer { headers, .. } = browser.handshake("", &[hello()]).await;
        for (name, value) in [
            ("content-type", "text/plain; charset=utf-8"),
            (
                "cache-control",
                "no-cache, no-store, max-age=0, must-revalidate",
            ),
            ("x-content-type-options", "nosniff"),
            ("x-accel-buffering", "no"),
        ] {
            assert_eq!(headers[name], value);
        }
        assert_ne!(headers["x-http-session-id"], browser.sid);
        let found = headers.get("x-client-wire-protocol");
        assert_eq!(found.map(|value| value.to_str().unwrap()), protocol);
    }
    // A token is for who asks for it.
    let answer = browser.ask("POST", "VER=8", String::new()).await;
    assert_eq!(answer.status, 200);
    assert!(!answer.headers.contains_key("x-http-session-id"));
}

#[tokio::test]
async fn writes_are_answered() {
    let browser = Browser::writing().await;
    let mut get = browser.get(0, "CI=0").await;
    let arrays = get.until(2).await;
    assert_eq!(arrays[0], json!([1, ["noop"]]));
    let hello = &arrays[1][1][0];
    assert!(!hello["streamId"].as_str().unwrap().is_empty());
    let token = &hello["streamToken"];

    let answer = browser.post(2, 1, &[count(token), count(token)]).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "7\n[1,2,0]"));
    let arrays = get.until(4).await;
    assert_eq!(counted(&arrays[0]), "1");
    assert_eq!(counted(&arrays[1]), "2");
    let shown = shown(arrays[1][1][0].clone());
    assert_eq!(shown["commitTime"], "*");
    assert!(!shown["streamToken"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn a_message_counts_once_however_often_and_in_whichever_order_it_comes() {
    let browser = Browser::writing().await;
    let mut get = browser.get(0, "CI=0").await;
    let token = get.until(2).await[1][1][0]["streamToken"].clone();
    let one = count(&token);
    // 2 overtakes 1, and 1 comes twice.
    browser.post(2, 2, std::slice::from_ref(&one)).await;
    browser.post(2, 1, std::slice::from_ref(&one)).await;
    browser.post(2, 1, std::slice::from_ref(&one)).await;
    browser
        .post(2, 1, &[one.clone(), one.clone(), one.clone()])
        .await;
    let arrays = get.until(5).await;
    let numbers: Vec<_> = arrays.iter().map(counted).collect();
    assert_eq!(numbers, ["1", "2", "3"]);
}

#[tokio::test]
async fn arrays_come_again_when_a_get_is_lost() {
    let browser = Browser::writing().await;
    let mut first = browser.get(0, "CI=0").await;
    let arrays = first.until(2).await;
    drop(first);
    let answer = browser.post(0, 1, &[]).await.body;
    assert!(answer.contains("[0,2,"), "{answer}");
    let mut second = browser.get(0, "CI=0").await;
    assert_eq!(second.until(2).await, arrays);
    // The newest wins.
    let mut third = browser.get(1, "CI=0").await;
    assert_eq!(second.arrays().await, [] as [Value; 0]);
    assert_eq!(third.arrays().await, arrays[1..]);
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_ends_with_its_first_arrays_or_a_noop() {
    let browser = Browser::writing().await;
    tokio::time::sleep(SECOND).await;
    let mut get = browser.get(0, "CI=1").await;
    assert_eq!(get.until(2).await.len(), 2);
    assert_eq!(get.arrays().await, [] as [Value; 0]);
    for (aid, more, seconds) in [(2, "CI=1", 30), (3, "CI=1&TO=6000", 6)] {
        let began = tokio::time::Instant::now();
        let mut get = browser.get(aid, more).await;
        let arrays = get.arrays().await;
        assert_eq!(arrays[0][1], json!(["noop"]));
        assert_eq!(began.elapsed().as_secs(), seconds);
        assert_eq!(get.arrays().await, [] as [Value; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_has_noops_and_an_end() {
    let browser = Browser::writing().await;
    let mut get = browser.get(0, "CI=0").await;
    get.until(2).await;
    let began = tokio::time::Instant::now();
    for second in [30, 60, 90] {
        assert_eq!(get.arrays().await[0][1], json!(["noop"]));
        assert_eq!(began.elapsed().as_secs(), second);
    }
    get.until(u64::MAX).await;
    assert_eq!(began.elapsed().as_secs(), 120);
    assert_eq!(browser.channels.len(), 1);
}

#[tokio::test]
async fn an_unknown_session_is_said_to_be_one() {
    let mut browser = Browser::writing().await;
    let known = std::mem::replace(&mut browser.sid, "0".repeat(48));
    for rpc in ["Write", "Listen"] {
        // The session is the other method's.
        if rpc == "Listen" {
            browser.sid.clone_from(&known);
        }
        browser.rpc = rpc;
        for (method, query) in [("POST", "AID=0"), ("GET", "AID=0&RID=rpc&TYPE=xmlhttp")] {
            let query = format!("VER=8&SID={}&{query}", browser.sid);
            let answer = browser.ask(method, &query, String::new()).await;
            assert_eq!(answer.status, 400);
            assert!(answer.body.contains("\"Unknown SID\""), "{}", answer.body);
        }
        for method in ["POST", "GET"] {
            let query = format!("VER=8&SID={}&RID=9&TYPE=terminate", browser.sid);
            let answer = browser.ask(method, &query, String::new()).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, ""));
        }
    }
    assert_eq!(browser.channels.len(), 1);
}

#[tokio::test]
async fn a_session_ends_when_its_client_says_so() {
    let browser = Browser::writing().await;
    let mut get = browser.get(0, "CI=0").await;
    get.until(2).await;
    let query = format!("VER=8&SID={}&RID=9&TYPE=terminate", browser.sid);
    for _ in 0..2 {
        let answer = browser.ask("POST", &query, String::new()).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    }
    assert_eq!(get.arrays().await, [] as [Value; 0]);
    browser.channels.ended().await;
    assert_eq!(browser.post(2, 1, &[]).await.status, 400);
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let browser = Browser::writing().await;
    let known = format!("VER=8&SID={}", browser.sid);
    for (method, query, body, message) in [
        ("POST", "VER=7", "", "`VER` must be 8"),
        ("POST", "", "", "`VER` must be 8"),
        ("GET", "VER=8", "", "`SID` is missing"),
        ("PUT", "VER=8", "", "A channel takes GET and POST requests."),
        ("POST", "VER=8", "req0___data__=x", "`ofs` is missing"),
        (
            "POST",
            "VER=8",
            "headers=x",
            "a line of `headers` has no colon",
        ),
        ("POST", &known, "count=x", "`count` must be a whole number"),
    ] {
        let answer = browser.ask(method, query, body.to_owned()).await;
        assert_eq!(answer.status, 400, "{query} {body}");
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["error"]["message"], message);
        assert_eq!(body["error"]["status"], "INVALID_ARGUMENT");
    }
    assert_eq!(browser.channels.len(), 1);
}

#[tokio::test]
async fn bodies_have_an_end() {
    let mut browser = Browser::open();
    for (rpc, mib) in [("Listen", 2), ("Write", 40)] {
        browser.rpc = rpc;
        let body = |bytes| "x".repeat(bytes);
        let bytes = mib << 20;
        assert_eq!(browser.ask("POST", "VER=8", body(bytes)).await.status, 200);
        let answer = browser.ask("POST", "VER=8", body(bytes + 1)).await;
        assert_eq!(answer.status, 400);
        let expected = format!("Request payload size exceeds the limit: {bytes} bytes.");
        assert!(answer.body.contains(&expected), "{}", answer.body);
    }
}

/// What a session says that its handshake's headers, and its first messages, end at once.
async fn ends_with(
    browser: &mut Browser,
    headers: &str,
    messages: &[Value],
) -> (u64, String, String) {
    assert_eq!(browser.handshake(headers, messages).await.status, 200);
    let mut get = browser.get(0, "CI=0").await;
    let arrays = get.until(u64::MAX).await;
    let last = arrays.last().unwrap();
    let (code, status) = error(last);
    let message = last[1][0]["error"]["message"].as_str().unwrap();
    (code, status.to_owned(), message.to_owned())
}

#[tokio::test]
async fn a_refusal_is_the_last_message() {
    let mut browser = Browser::new(Mode::Safe, Access::Administrators);
    let bad = "Authorization:Bearer a.b.c\r\n";
    let admin =
        format!("X-Goog-Api-Client:gl-js/ fire/12.19.0\r\nauthorization:Bearer {ADMIN}\r\n");
    let no_json = Value::from("not a message");
    let too_long = json!({ "streamId": "x".repeat(12 << 20) });
    for (headers, messages, code, status) in [
        (bad, [hello()].as_slice(), 401, "UNAUTHENTICATED"),
        (
            "Authorization:Basic x\r\n",
            &[hello()],
            401,
            "UNAUTHENTICATED",
        ),
        (&admin, &[json!({})], 400, "INVALID_ARGUMENT"),
        (&admin, &[no_json], 400, "INVALID_ARGUMENT"),
        (&admin, &[too_long], 400, "INVALID_ARGUMENT"),
    ] {
        let found = ends_with(&mut browser, headers, messages).await;
        assert_eq!((found.0, found.1.as_str()), (code, status), "{}", found.2);
    }
    // Who is admitted is answered.
    browser.handshake(&admin, &[hello()]).await;
    let arrays = browser.get(0, "CI=0").await.until(2).await;
    assert!(arrays[1][1][0]["streamToken"].is_string(), "{arrays:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_vanishes_leaves_nothing() {
    let mut browser = Browser::open();
    browser.handshake("", &[hello()]).await;
    tokio::time::sleep(29 * SECOND).await;
    assert_eq!(browser.channels.len(), 1);
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(browser.channels.len(), 0, "nobody came for the answers");

    for _ in 0..100 {
        browser.handshake("", &[hello()]).await;
        drop(browser.get(0, "CI=0").await);
    }
    tokio::time::sleep(74 * SECOND).await;
    assert_eq!(browser.channels.len(), 100);
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(browser.channels.len(), 0);
    browser.channels.ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_says_so() {
    let mut browser = Browser::writing().await;
    let mut get = browser.get(0, "CI=0").await;
    get.until(2).await;
    // One that nobody listens to, and one whose client does not read.
    browser.handshake("", &[hello()]).await;
    browser.handshake("", &[hello()]).await;
    let stuck = browser.get(0, "CI=0").await;
    let began = tokio::time::Instant::now();
    browser.stop.send_replace(true);
    assert_eq!(get.arrays().await, [json!([3, ["close"]])]);
    assert_eq!(get.arrays().await, [] as [Value; 0]);
    browser.channels.ended().await;
    assert!(began.elapsed() <= 5 * SECOND);
    drop(stuck);
    assert_eq!(browser.handshake("", &[hello()]).await.status, 503);
}
