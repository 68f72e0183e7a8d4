//! What holds for every call: protocol, limits, deadlines, health, reflection.

use std::time::Duration;

use admin::firestore_admin_client::FirestoreAdminClient;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, Version};
use firekeep_wire_firestore::Code;
use firekeep_wire_firestore::limits::{
    MESSAGE_BYTES_MAX, MESSAGE_TIME_MAX, REFLECTION_TIME_MAX, REQUEST_BYTES_MAX,
};
use firekeep_wire_proto::google::firestore::admin::v1 as admin;
use firekeep_wire_proto::google::longrunning;
use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use longrunning::operations_client::OperationsClient;
use serde_json::json;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::{v1, v1alpha};

use crate::harness::{DATABASE, Server, refused};

/// The header of an administrator: [`crate::harness::ADMIN`].
const BEARER: &str = "Bearer the secret of the command line";
const GET: &str = "/google.firestore.v1.Firestore/GetDocument";

/// A call of an administrator, unless the headers say otherwise, with this body: its HTTP code, and its status from headers or trailers.
async fn raw(
    server: &Server,
    path: &str,
    headers: &[(&str, &str)],
    body: Body,
) -> (StatusCode, Option<String>, String) {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .version(Version::HTTP_2);
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/grpc");
    }
    if !headers.iter().any(|(name, _)| *name == "authorization") {
        request = request.header("authorization", BEARER);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = server.handle(request.body(body).unwrap()).await;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap();
    let trailers = body.trailers().cloned().unwrap_or_default();
    let text = |map: &HeaderMap, name: &str| {
        let value = map.get(name)?.to_str().ok()?;
        let decoded = percent_encoding::percent_decode_str(value)
            .decode_utf8()
            .ok()?;
        Some(decoded.into_owned())
    };
    let find = |name| text(&parts.headers, name).or_else(|| text(&trailers, name));
    (
        parts.status,
        find("grpc-status"),
        find("grpc-message").unwrap_or_default(),
    )
}

/// A message in its frame.
fn frame(flag: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[flag], &length[..], message].concat()
}

#[tokio::test]
async fn what_is_no_grpc_is_refused_in_http() {
    let server = Server::new();
    for (method, version, kind, code) in [
        (
            Method::GET,
            Version::HTTP_2,
            "application/grpc",
            StatusCode::METHOD_NOT_ALLOWED,
        ),
        (
            Method::POST,
            Version::HTTP_11,
            "application/grpc",
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        ),
        (
            Method::POST,
            Version::HTTP_2,
            "application/grpc-web",
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            Method::POST,
            Version::HTTP_2,
            "application/grpc+json",
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
    ] {
        let request = Request::builder()
            .method(method)
            .version(version)
            .uri(GET)
            .header("content-type", kind)
            .body(Body::empty());
        let response = server.handle(request.unwrap()).await;
        assert_eq!(response.status(), code);
        assert_eq!(server.take_ended(), [Code::Internal]);
        assert!(
            !to_bytes(response.into_body(), 1_000)
                .await
                .unwrap()
                .is_empty()
        );
    }
}

#[tokio::test]
async fn calls_that_cannot_be_read_are_the_clients_fault() {
    let server = Server::new();
    let long = |length: usize| {
        let mut frame = frame(0, &[]);
        frame.truncate(1);
        frame.extend(u32::try_from(length).unwrap().to_be_bytes());
        frame
    };
    for (path, headers, body, code, text) in [
        (
            "/a.B/C",
            &[][..],
            frame(0, &[]),
            "12",
            "The method /a.B/C is not known to this server.",
        ),
        (
            "/google.firestore.v1.Firestore/Nope",
            &[],
            frame(0, &[]),
            "12",
            "",
        ),
        (
            GET,
            &[],
            frame(0, &[0xff]),
            "3",
            "failed to decode Protobuf message: invalid varint",
        ),
        (
            GET,
            &[],
            frame(0, &[0x0a, 2, 0xff, 0xfe]),
            "3",
            "failed to decode Protobuf message: \
            GetDocumentRequest.name: invalid string value: data is not UTF-8 encoded",
        ),
        (
            GET,
            &[],
            frame(0, &[]),
            "3",
            "the resource name lacks `projects/`",
        ),
        (
            GET,
            &[("grpc-timeout", "x")],
            frame(0, &[]),
            "3",
            "`grpc-timeout` is no duration.",
        ),
        (
            GET,
            &[("grpc-encoding", "gzip")],
            frame(1, &[]),
            "12",
            "Content is compressed with `gzip` which isn't supported",
        ),
        (
            GET,
            &[("authorization", "Basic abc")],
            frame(0, b"\x0a\x2cprojects/p/databases/(default)/documents/c/a"),
            "16",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other \
             valid authentication credential.",
        ),
        (
            GET,
            &[],
            long(REQUEST_BYTES_MAX + 1),
            "3",
            "Request payload size exceeds the limit: 10485760 bytes.",
        ),
        (
            GET,
            &[],
            long(MESSAGE_BYTES_MAX + 1),
            "8",
            "The message has 12582913 bytes, more than 12582912.",
        ),
    ] {
        let found = raw(&server, path, headers, Body::from(body)).await;
        let expected = (StatusCode::OK, Some(code.to_owned()), text.to_owned());
        assert_eq!(found, expected, "{path} {headers:?}");
        assert_eq!(server.take_ended().len(), 1);
    }
}

/// The body never comes, and is not waited for.
#[tokio::test(start_paused = true)]
async fn who_cannot_be_let_in_is_refused_before_the_message() {
    let server = Server::new();
    let denied = Code::PermissionDenied;
    for (bearer, path, code) in [
        (None, GET, denied),
        (None, "/google.firestore.v1.Firestore/Commit", denied),
        (Some("Bearer owner"), GET, Code::Unauthenticated),
        (Some("Basic abc"), GET, Code::Unauthenticated),
        // Read, to its end in time.
        (Some(BEARER), GET, Code::DeadlineExceeded),
        (None, "/grpc.health.v1.Health/Check", Code::DeadlineExceeded),
    ] {
        let mut request = Request::builder()
            .method(Method::POST)
            .version(Version::HTTP_2)
            .uri(path)
            .header("content-type", "application/grpc");
        if let Some(bearer) = bearer {
            request = request.header("authorization", bearer);
        }
        let body = Body::from_stream(futures_util::stream::pending::<
            Result<Vec<u8>, std::io::Error>,
        >());
        let response = server.handle(request.body(body).unwrap()).await;
        let _ = response.into_body().collect().await;
        assert_eq!(server.take_ended(), [code], "{bearer:?} {path}");
    }
}

#[tokio::test]
async fn messages_of_too_many_parts_are_refused() {
    let server = Server::new();
    let commit = "/google.firestore.v1.Firestore/Commit";
    let body = Body::from(frame(0, &b"\x12\0".repeat(1_000_001)));
    let (_, code, text) = raw(&server, commit, &[], body).await;
    assert_eq!(code.as_deref(), Some("3"));
    assert_eq!(text, "The message has more than 1000000 elements.");
}

#[tokio::test]
async fn long_texts_are_shortened() {
    let server = Server::new();
    let name = format!("~/documents/c/{}", "é".repeat(700));
    let found = server
        .call("GetDocument", &json!({ "name": name.repeat(3) }))
        .await;
    assert!(found["message"].as_str().unwrap().len() <= 2_051, "{found}");
    let found = server.call("GetDocument", &json!({ "name": name })).await;
    assert!(found["message"].as_str().unwrap().ends_with("not found."));
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_at_its_deadline() {
    let server = Server::new();
    let body = Body::from_stream(futures_util::stream::pending::<
        Result<Vec<u8>, std::io::Error>,
    >());
    let began = tokio::time::Instant::now();
    let (_, code, _) = raw(&server, GET, &[("grpc-timeout", "5S")], body).await;
    assert_eq!(code.as_deref(), Some("4"));
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    assert_eq!(server.take_ended(), [Code::DeadlineExceeded]);
}

/// It would keep its message, and the memory claimed for that, for as long as its client likes.
#[tokio::test(start_paused = true)]
async fn a_call_whose_body_does_not_end_is_given_up() {
    let server = Server::new();
    let message = futures_util::stream::iter([Ok::<_, std::io::Error>(frame(0, &[]))]);
    let body = Body::from_stream(message.chain(futures_util::stream::pending()));
    let began = tokio::time::Instant::now();
    let found = raw(&server, GET, &[], body).await;
    assert_eq!(found.1.as_deref(), Some("4"));
    assert_eq!(found.2, "The message took too long to arrive.");
    assert_eq!(began.elapsed(), MESSAGE_TIME_MAX);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_at_its_deadline_and_with_its_client() {
    let server = Server::new();
    let watch = "/grpc.health.v1.Health/Watch";
    let body = || Body::from(frame(0, &[]));
    let (_, code, _) = raw(&server, watch, &[("grpc-timeout", "5S")], body()).await;
    assert_eq!(code.as_deref(), Some("4"));
    assert_eq!(server.take_ended(), [Code::DeadlineExceeded]);

    let request = Request::builder()
        .method(Method::POST)
        .version(Version::HTTP_2)
        .uri(watch)
        .header("content-type", "application/grpc");
    let response = server.handle(request.body(body()).unwrap()).await;
    let mut body = response.into_body();
    assert!(body.frame().await.unwrap().unwrap().is_data());
    assert_eq!(server.take_ended(), []);
    drop(body);
    assert_eq!(server.take_ended(), [Code::Cancelled]);
}

#[tokio::test(start_paused = true)]
async fn health_is_told_until_the_server_stops() {
    let server = Server::new();
    let mut client = HealthClient::new(server.clone());
    let asked = |service: &str| HealthCheckRequest {
        service: service.to_owned(),
    };
    for service in ["", "google.firestore.v1.Firestore"] {
        let found = client.check(asked(service)).await.unwrap();
        assert_eq!(found.get_ref().status, 1);
    }
    let unknown = client.check(asked("a.B")).await.unwrap_err();
    assert_eq!(unknown.code(), tonic::Code::NotFound);

    let mut watched = client.watch(asked("")).await.unwrap().into_inner();
    assert_eq!(watched.message().await.unwrap().unwrap().status, 1);
    let waiting = tokio::time::timeout(Duration::from_secs(60), watched.message()).await;
    assert!(waiting.is_err(), "nothing changed");
    server.stop.send_replace(true);
    assert!(watched.message().await.unwrap().is_none());
}

#[tokio::test]
async fn services_are_listed() {
    let server = Server::new();
    let request = v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(server.clone());
    let asked = futures_util::stream::iter([request]);
    let mut answers = client
        .server_reflection_info(asked)
        .await
        .unwrap()
        .into_inner();
    let answer = answers.next().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}");
    };
    let mut names: Vec<_> = list.service.iter().map(|it| it.name.as_str()).collect();
    names.sort_unstable();
    assert!(
        names.contains(&"google.firestore.v1.Firestore"),
        "{names:?}"
    );
    assert!(names.contains(&"grpc.health.v1.Health"), "{names:?}");

    let request = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(
            v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(
                "google.firestore.v1.Document".to_owned(),
            ),
        ),
    };
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(server.clone());
    let asked = futures_util::stream::iter([request]);
    let mut answers = client
        .server_reflection_info(asked)
        .await
        .unwrap()
        .into_inner();
    assert!(
        answers
            .next()
            .await
            .unwrap()
            .unwrap()
            .message_response
            .is_some()
    );
}

#[tokio::test(start_paused = true)]
async fn reflection_ends_with_the_server_and_at_its_age() {
    for stops in [true, false] {
        let server = Server::new();
        let request = v1::ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let asked = futures_util::stream::iter([request]).chain(futures_util::stream::pending());
        let mut client = ServerReflectionClient::new(server.clone());
        let answers = client.server_reflection_info(asked).await.unwrap();
        let mut answers = answers.into_inner();
        assert!(answers.next().await.unwrap().is_ok());
        let began = tokio::time::Instant::now();
        if stops {
            server.stop.send_replace(true);
        }
        assert!(answers.next().await.is_none());
        let expected = if stops {
            Duration::ZERO
        } else {
            REFLECTION_TIME_MAX
        };
        assert_eq!(began.elapsed(), expected, "{stops}");
    }
}

#[tokio::test]
async fn administrators_have_services_of_their_own() {
    let server = Server::new();
    let mut admin = FirestoreAdminClient::new(server.clone());
    let name = DATABASE.to_owned();
    let get = admin::GetDatabaseRequest { name: name.clone() };
    let found = admin.get_database(server.authorized(get.clone())).await;
    assert_eq!(found.unwrap().get_ref().name, name);
    let nobody = server.with_bearer(None);
    let denied = admin.get_database(nobody.authorized(get)).await;
    assert_eq!(denied.unwrap_err().code(), tonic::Code::PermissionDenied);
    let list = longrunning::ListOperationsRequest {
        name,
        ..longrunning::ListOperationsRequest::default()
    };
    let mut operations = OperationsClient::new(server.clone());
    let listed = operations.list_operations(server.authorized(list)).await;
    assert!(listed.unwrap().get_ref().operations.is_empty());
}

#[tokio::test]
async fn what_is_not_here_says_what_to_do_instead() {
    let server = Server::new();
    let found = server
        .call("ExecutePipeline", &json!({ "database": "~" }))
        .await;
    let text = "Pipelines are not implemented by this server; use structured queries (RunQuery).";
    assert_eq!(found, refused("UNIMPLEMENTED", text));
}
