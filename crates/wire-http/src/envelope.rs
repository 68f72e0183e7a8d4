//! The error envelope of Google's APIs. Source: auth specification, section 4.5.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// An error as clients read it. SDKs compare the HTTP code and the message, so both are exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    code: StatusCode,
    message: String,
    status: Option<&'static str>,
    reason: &'static str,
    /// The message of the `errors` entry, where it differs.
    entry: Option<&'static str>,
    /// Whether the entry says that the `Authorization` header is at fault.
    at_authorization: bool,
    /// Whether the entry has `domain: "global"`.
    global: bool,
}

impl Envelope {
    fn new(code: StatusCode, message: impl Into<String>, reason: &'static str) -> Self {
        Self {
            code,
            message: message.into(),
            status: None,
            reason,
            entry: None,
            at_authorization: false,
            global: true,
        }
    }

    /// 400 with a code that SDKs know, and no `status`.
    #[must_use]
    pub fn business(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message, "invalid")
    }

    /// 400: a member has the wrong type or value.
    #[must_use]
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        let status = Some("INVALID_ARGUMENT");
        Self {
            status,
            ..Self::new(StatusCode::BAD_REQUEST, message, "invalid")
        }
    }

    /// 400: the body is no JSON.
    #[must_use]
    pub fn parse_error(detail: &str) -> Self {
        let message = format!("Invalid JSON payload received. {detail}");
        Self {
            reason: "parseError",
            ..Self::invalid_argument(message)
        }
    }

    /// 401: the bearer credential is not valid.
    #[must_use]
    pub fn bad_credential() -> Self {
        let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie \
                       or other valid authentication credential.";
        Self {
            status: Some("UNAUTHENTICATED"),
            entry: Some("Invalid Credentials"),
            at_authorization: true,
            ..Self::new(StatusCode::UNAUTHORIZED, message, "authError")
        }
    }

    /// 401: an administrator's credential is missing.
    #[must_use]
    pub fn missing_credential() -> Self {
        let message = "Request is missing required authentication credential. Expected OAuth 2 access token, login \
                       cookie or other valid authentication credential.";
        Self {
            status: Some("UNAUTHENTICATED"),
            entry: Some("Login Required."),
            at_authorization: true,
            ..Self::new(StatusCode::UNAUTHORIZED, message, "required")
        }
    }

    /// 403.
    #[must_use]
    pub fn forbidden(message: impl Into<String>) -> Self {
        let status = Some("PERMISSION_DENIED");
        Self {
            status,
            ..Self::new(StatusCode::FORBIDDEN, message, "forbidden")
        }
    }

    /// 404: no such route, or no such thing.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self {
            status: Some("NOT_FOUND"),
            global: false,
            ..Self::new(StatusCode::NOT_FOUND, message, "notFound")
        }
    }

    /// 408: the client sends too slowly.
    #[must_use]
    pub fn too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "The request took too long to arrive.",
            "timeout",
        )
    }

    /// 413: the body is too large.
    #[must_use]
    pub fn too_large(bytes_max: usize) -> Self {
        let message = format!("Request payload size exceeds the limit: {bytes_max} bytes.");
        let status = Some("INVALID_ARGUMENT");
        Self {
            status,
            ..Self::new(StatusCode::PAYLOAD_TOO_LARGE, message, "uploadTooLarge")
        }
    }

    /// 500: something that should not happen. The cause is the log's, never the client's.
    #[must_use]
    pub fn internal() -> Self {
        let status = Some("INTERNAL");
        let message = "Internal error encountered.";
        Self {
            status,
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, message, "backendError")
        }
    }

    /// 501: in the protocol, but not here.
    #[must_use]
    pub fn not_implemented(what: &str) -> Self {
        let message = format!("{what} is not implemented by this server.");
        let status = Some("NOT_IMPLEMENTED");
        Self {
            status,
            ..Self::new(StatusCode::NOT_IMPLEMENTED, message, "unimplemented")
        }
    }

    /// 503: try again.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        let status = Some("UNAVAILABLE");
        Self {
            status,
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, message, "backendError")
        }
    }

    /// The message, as SDKs compare it.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The HTTP code.
    #[must_use]
    pub fn code(&self) -> StatusCode {
        self.code
    }

    fn body(&self) -> Value {
        let mut entry = Map::new();
        let message = self.entry.unwrap_or(&self.message);
        entry.insert("message".to_owned(), message.into());
        entry.insert("reason".to_owned(), self.reason.into());
        if self.global {
            entry.insert("domain".to_owned(), "global".into());
        }
        if self.at_authorization {
            entry.insert("location".to_owned(), "Authorization".into());
            entry.insert("locationType".to_owned(), "header".into());
        }
        let mut error = Map::new();
        error.insert("code".to_owned(), self.code.as_u16().into());
        error.insert("message".to_owned(), self.message.as_str().into());
        error.insert("errors".to_owned(), json!([entry]));
        if let Some(status) = self.status {
            error.insert("status".to_owned(), status.into());
        }
        json!({ "error": error })
    }
}

impl IntoResponse for Envelope {
    fn into_response(self) -> Response {
        let mut response = (self.code, self.body().to_string()).into_response();
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        if self.code == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(envelope: &Envelope, body: Value) {
        assert_eq!(envelope.body(), body);
    }

    #[test]
    fn a_business_error_has_no_status() {
        check(
            &Envelope::business("EMAIL_NOT_FOUND"),
            json!({"error": {"code": 400, "message": "EMAIL_NOT_FOUND", "errors": [
                {"message": "EMAIL_NOT_FOUND", "reason": "invalid", "domain": "global"}]}}),
        );
    }

    #[test]
    fn an_unknown_route_has_no_domain() {
        check(
            &Envelope::not_found("no"),
            json!({"error": {"code": 404, "message": "no", "status": "NOT_FOUND", "errors": [
                {"message": "no", "reason": "notFound"}]}}),
        );
    }

    #[test]
    fn a_bad_credential_names_its_header() {
        let body = Envelope::bad_credential().body();
        assert_eq!(
            body.pointer("/error/errors/0"),
            Some(
                &json!({"message": "Invalid Credentials", "reason": "authError", "domain": "global",
                "location": "Authorization", "locationType": "header"})
            )
        );
    }
}
