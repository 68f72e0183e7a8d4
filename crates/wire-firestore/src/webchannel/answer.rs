//! The answers and their headers. Source: WebChannel specification, section 5.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, Version, header};
use bytes::Bytes;

use super::back::Back;

/// The charset matters where the text comes by XMLHttpRequest, as in React Native.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const NOT_KEPT: HeaderValue =
    HeaderValue::from_static("no-cache, no-store, max-age=0, must-revalidate");
const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");
/// Tells nginx to pass on what comes.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const ROUTING_TOKEN: HeaderName = HeaderName::from_static("x-http-session-id");
const WIRE_PROTOCOL: HeaderName = HeaderName::from_static("x-client-wire-protocol");

/// The answer to a handshake.
pub(super) fn handshake(
    chunk: Bytes,
    routing_token: Option<String>,
    version: Version,
) -> Response<Body> {
    let mut response = text(chunk.into());
    let headers = response.headers_mut();
    if let Some(Ok(token)) = routing_token.map(HeaderValue::try_from) {
        headers.insert(ROUTING_TOKEN, token);
    }
    if version == Version::HTTP_2 {
        // The client then has several POSTs on their way at once.
        headers.insert(WIRE_PROTOCOL, HeaderValue::from_static("h2"));
    }
    response
}

/// The answer to a forward POST.
pub(super) fn forward(chunk: Bytes) -> Response<Body> {
    text(chunk.into())
}

/// The answer to a back channel's GET. Never compressed: whatever compresses waits for more.
pub(super) fn back(back: Back) -> Response<Body> {
    text(Body::new(back))
}

fn text(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, TEXT);
    headers.insert(header::CACHE_CONTROL, NOT_KEPT);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    headers.insert(BUFFERING, HeaderValue::from_static("no"));
    response
}
