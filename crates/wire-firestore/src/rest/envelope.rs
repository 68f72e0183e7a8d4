//! The error envelope. Source: Firestore specification, sections 8.3 and 9.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use firekeep_wire_http::Envelope;
use serde_json::{Value, json};

use crate::{Code, Refusal};

/// The content type of every answer.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=UTF-8");

/// The body of a refusal; also the last element of a list that breaks off.
pub(crate) fn body(refusal: &Refusal) -> Value {
    json!({ "error": {
        "code": refusal.code.http(),
        "message": refusal.message,
        "status": refusal.code.name(),
        "details": [],
    } })
}

/// The answer to a request that is refused.
pub(crate) fn response(refusal: &Refusal) -> Response<Body> {
    let mut response = answer(body(refusal).to_string().into());
    // INVARIANT: every code's HTTP code is one.
    *response.status_mut() =
        StatusCode::from_u16(refusal.code.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if refusal.code == Code::Unavailable {
        let soon = HeaderValue::from_static("1");
        response.headers_mut().insert(header::RETRY_AFTER, soon);
    }
    response
}

/// A good answer.
pub(super) fn answer(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, JSON);
    let private = HeaderValue::from_static("private, no-store");
    headers.insert(header::CACHE_CONTROL, private);
    response
}

/// What is wrong with a request that could not be read.
pub(crate) fn unread(envelope: &Envelope) -> Refusal {
    let code = match envelope.code() {
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::REQUEST_TIMEOUT => Code::DeadlineExceeded,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        code if code.is_client_error() => Code::InvalidArgument,
        _ => Code::Internal,
    };
    Refusal::new(code, envelope.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_its_code_twice() {
        let refusal = Refusal::new(Code::Aborted, "Too much.");
        assert_eq!(
            body(&refusal),
            json!({"error": {"code": 409, "message": "Too much.", "status": "ABORTED", "details": []}})
        );
        let response = response(&refusal);
        assert_eq!(response.status(), StatusCode::CONFLICT);
        assert_eq!(response.headers()[header::CONTENT_TYPE], JSON);
    }

    #[test]
    fn every_code_is_an_http_code() {
        for code in Code::ALL {
            let found = response(&Refusal::new(*code, "")).status().as_u16();
            assert_eq!(found, code.http());
        }
    }

    #[test]
    fn what_could_not_be_read_is_refused_in_the_same_words() {
        for (envelope, code) in [
            (Envelope::invalid_argument("x"), Code::InvalidArgument),
            (Envelope::too_large(1), Code::InvalidArgument),
            (Envelope::too_slow(), Code::DeadlineExceeded),
            (Envelope::unavailable("x"), Code::Unavailable),
            (Envelope::not_found("x"), Code::NotFound),
            (Envelope::internal(), Code::Internal),
        ] {
            let refusal = unread(&envelope);
            assert_eq!(refusal.code, code);
            assert_eq!(refusal.message, envelope.message());
        }
    }
}
