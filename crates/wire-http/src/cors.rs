//! CORS: browsers on any origin may call. Source: auth specification, section 4.2.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};

const METHODS: HeaderValue = HeaderValue::from_static("GET,HEAD,PUT,PATCH,POST,DELETE");
const ASKS_PRIVATE: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOWS_PRIVATE: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// The answer to a preflight request, if this is one.
#[must_use]
pub fn answer_preflight<B: Default>(method: &Method, headers: &HeaderMap) -> Option<Response<B>> {
    if method != Method::OPTIONS {
        return None;
    }
    let mut response = Response::new(B::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    apply(headers, response.headers_mut());
    let answer = response.headers_mut();
    answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    answer.insert(
        header::ACCESS_CONTROL_MAX_AGE,
        HeaderValue::from_static("3600"),
    );
    if let Some(asked) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    if headers.contains_key(ASKS_PRIVATE) {
        answer.insert(ALLOWS_PRIVATE, HeaderValue::from_static("true"));
    }
    Some(response)
}

/// Lets the origin of the request read the answer: reflected, since some clients refuse `*`.
pub fn apply(request: &HeaderMap, response: &mut HeaderMap) {
    response.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = request.get(header::ORIGIN) {
        response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
}

/// The same, and also where the browser sends along whatever it keeps for us, which is nothing. `exposed` are headers
/// that a page may read.
///
/// Only for requests that are made so: where others keep something for us, such as the cookies of a proxy that asks for a
/// password, any page could use it.
pub fn apply_with_credentials(
    request: &HeaderMap,
    response: &mut HeaderMap,
    exposed: &'static str,
) {
    apply(request, response);
    if request.contains_key(header::ORIGIN) {
        let yes = HeaderValue::from_static("true");
        response.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        let exposed = HeaderValue::from_static(exposed);
        response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}
