//! A request as the edges see it: logical host, path, query, credentials, body.

mod body;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, Version, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use firekeep_api::Client;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::{Envelope, Fields, limits};
pub use body::Place;

/// The Google host that a request is meant for. Source: auth specification, section 4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// `identitytoolkit.googleapis.com`
    IdentityToolkit,
    /// `securetoken.googleapis.com`
    SecureToken,
    /// `www.googleapis.com`
    Www,
    /// `oauth2.googleapis.com`, and its other name `accounts.google.com`
    OAuth2,
    /// `securetoken.google.com`: discovery.
    Discovery,
    /// `firestore.googleapis.com`
    Firestore,
    /// None of them: our own paths, and the bare form.
    Own,
}

/// The names of hosts.
const HOSTS: [(&str, Host); 7] = [
    ("identitytoolkit.googleapis.com", Host::IdentityToolkit),
    ("securetoken.googleapis.com", Host::SecureToken),
    ("www.googleapis.com", Host::Www),
    ("oauth2.googleapis.com", Host::OAuth2),
    ("accounts.google.com", Host::OAuth2),
    ("securetoken.google.com", Host::Discovery),
    ("firestore.googleapis.com", Host::Firestore),
];

impl Host {
    /// The host of a name, upper and lower case being equal as in all names of hosts.
    fn parse(name: &str) -> Option<Self> {
        let named = |(known, _): &&(&str, Self)| known.eq_ignore_ascii_case(name);
        HOSTS.iter().find(named).map(|(_, host)| *host)
    }
}

/// What a request proves or claims about its sender.
#[derive(Clone, Default)]
pub struct Credentials {
    /// The text after `Bearer `.
    pub bearer: Option<String>,
    /// The API key of the query or the header.
    pub api_key: Option<String>,
}

/// A request, read whole.
pub struct Incoming {
    /// The version of HTTP.
    pub version: Version,
    /// The method.
    pub method: Method,
    /// The host that it is meant for.
    pub host: Host,
    /// The path below that host, percent-decoded, without the first slash.
    pub path: String,
    /// The same as it came: for paths whose segments may hold encoded slashes and colons.
    pub raw_path: String,
    /// The query, decoded, in order; bytes that are no UTF-8 become the replacement character.
    pub query: Vec<(String, String)>,
    /// The same as it came.
    pub raw_query: String,
    /// If there were none: else the query does not say what the client meant.
    pub is_query_exact: bool,
    /// The headers.
    pub headers: HeaderMap,
    /// Where it comes from.
    pub client: Client,
    /// The body.
    body: Bytes,
    /// The body's claim to memory, while it is there.
    place: Option<Place>,
}

impl Incoming {
    /// Reads a request, within the limits of size and time.
    ///
    /// # Errors
    /// 400 for a path that is no UTF-8 or a body that ends early, 408, 413, 503.
    pub async fn read(request: Request<Body>, client: Client) -> Result<Self, Envelope> {
        Self::read_within(request, client, |_, _| limits::BODY_BYTES_MAX).await
    }

    /// The same, where some hosts and paths (percent-decoded) take larger bodies than the others.
    ///
    /// # Errors
    /// As [`Incoming::read`].
    pub async fn read_within(
        request: Request<Body>,
        client: Client,
        body_bytes_max: impl FnOnce(Host, &str) -> usize,
    ) -> Result<Self, Envelope> {
        let (parts, body) = request.into_parts();
        let Located {
            host,
            path,
            raw_path,
        } = locate(&parts.uri, &parts.headers)?;
        let raw_query = parts.uri.query().unwrap_or_default().to_owned();
        let query = pairs(&raw_query);
        let is_query_exact = percent_decode_str(&raw_query).decode_utf8().is_ok();
        let read = body::read(&parts.headers, body, body_bytes_max(host, &path));
        let (body, place) = match tokio::time::timeout(limits::BODY_TIME_MAX, read).await {
            Ok(read) => read?,
            Err(_) => return Err(Envelope::too_slow()),
        };
        Ok(Self {
            version: parts.version,
            method: parts.method,
            host,
            path,
            raw_path,
            query,
            raw_query,
            is_query_exact,
            headers: parts.headers,
            client,
            body,
            place,
        })
    }

    /// The first value of a query parameter.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The credentials (auth specification, section 4.3).
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
        let bearer = self
            .headers
            .get(header::AUTHORIZATION)
            .and_then(text)
            .and_then(|value| {
                let (scheme, rest) = value.split_once(' ')?;
                scheme
                    .eq_ignore_ascii_case("bearer")
                    .then(|| rest.trim().to_owned())
            });
        let key = self.query("key").map(str::to_owned);
        let api_key = key.or_else(|| self.headers.get("x-goog-api-key").and_then(text));
        Credentials { bearer, api_key }
    }

    /// The body, to look at.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body. Whoever waits for something keeps what it needs of it, and not the whole: it is gone from here.
    pub fn take_body(&mut self) -> Bytes {
        self.place = None;
        std::mem::take(&mut self.body)
    }

    /// The body with its claim to memory, which whoever keeps the body holds on to.
    pub fn take_body_and_place(&mut self) -> (Bytes, Option<Place>) {
        let place = self.place.take();
        (self.take_body(), place)
    }

    /// The members of these names of the body, which is taken: JSON, whatever the content type says.
    ///
    /// # Errors
    /// The envelope of a malformed request.
    pub fn fields(&mut self, names: &'static [&'static str]) -> Result<Fields, Envelope> {
        Fields::from_json(&self.take_body(), names)
    }

    /// The same of a form where the content type says so, else JSON. For the token
    /// endpoints; elsewhere a form is no form (auth specification, section 4.4).
    ///
    /// # Errors
    /// The envelope of a malformed request.
    pub fn form_or_json(&mut self, names: &'static [&'static str]) -> Result<Fields, Envelope> {
        let kind = self
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let form = kind.is_some_and(|kind| {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
        if !form {
            return self.fields(names);
        }
        let body = self.take_body();
        let text = std::str::from_utf8(&body)
            .map_err(|_| Envelope::parse_error("The form is not UTF-8."))?;
        Ok(Fields::from_pairs(&pairs(text)))
    }
}

/// The host and the path (percent-decoded) that a request is meant for, before it is read; nothing, where that will fail.
#[must_use]
pub fn find_host<B>(request: &Request<B>) -> Option<(Host, String)> {
    let located = locate(request.uri(), request.headers()).ok()?;
    Some((located.host, located.path))
}

/// Where a request goes: see [`Incoming`].
struct Located {
    host: Host,
    path: String,
    raw_path: String,
}

/// The logical host and path, in any of the three forms.
fn locate(uri: &Uri, headers: &HeaderMap) -> Result<Located, Envelope> {
    let decode = |text| {
        let decoded = percent_decode_str(text).decode_utf8();
        decoded.map_err(|_| Envelope::invalid_argument("The path is not UTF-8."))
    };
    let whole = uri.path().trim_start_matches('/');
    let (first, rest) = whole.split_once('/').unwrap_or((whole, ""));
    let (host, raw_path) = match Host::parse(&decode(first)?) {
        Some(host) => (host, rest),
        None => (named_host(uri, headers).unwrap_or(Host::Own), whole),
    };
    Ok(Located {
        host,
        path: decode(raw_path)?.into_owned(),
        raw_path: raw_path.to_owned(),
    })
}

/// The host of the request's address, or of its header.
fn named_host(uri: &Uri, headers: &HeaderMap) -> Option<Host> {
    let header = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok());
    let name = uri.host().or(header)?;
    Host::parse(name.split_once(':').map_or(name, |(name, _)| name))
}

/// Decodes `a=b&c=d`; bytes that are no UTF-8 become the replacement character.
fn pairs(text: &str) -> Vec<(String, String)> {
    let decode = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    let pair = |part: &str| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        (decode(key), decode(value))
    };
    text.split('&')
        .filter(|part| !part.is_empty())
        .map(pair)
        .collect()
}

/// A JSON answer.
#[must_use]
pub fn json(code: StatusCode, body: &Value) -> Response {
    let mut response = (code, body.to_string()).into_response();
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// A text answer of that content type.
#[must_use]
pub fn text(content_type: &'static str, body: impl Into<String>) -> Response {
    let mut response = body.into().into_response();
    let kind = HeaderValue::from_static(content_type);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// An answer without a body.
#[must_use]
pub fn empty(code: StatusCode) -> Response {
    code.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(uri: &str, host: &str) -> (Host, String) {
        let request = Request::builder()
            .uri(uri)
            .header(header::HOST, host)
            .body(())
            .unwrap();
        let located = locate(request.uri(), request.headers()).unwrap();
        (located.host, located.path)
    }

    #[test]
    fn the_three_forms_are_equal() {
        let path = "v1/accounts:lookup".to_owned();
        let toolkit = Host::IdentityToolkit;
        for (uri, host, found) in [
            (
                "/identitytoolkit.googleapis.com/v1/accounts:lookup?key=a",
                "127.0.0.1:7070",
                toolkit,
            ),
            (
                "/v1/accounts:lookup",
                "identitytoolkit.googleapis.com",
                toolkit,
            ),
            (
                "/v1/accounts%3Alookup",
                "identitytoolkit.googleapis.com:443",
                toolkit,
            ),
            (
                "/v1/accounts:lookup",
                "IdentityToolkit.googleapis.COM",
                toolkit,
            ),
            ("/v1/accounts:lookup", "127.0.0.1:7070", Host::Own),
        ] {
            assert_eq!(located(uri, host), (found, path.clone()), "{uri} {host}");
        }
    }

    #[test]
    fn the_raw_path_keeps_what_was_encoded() {
        for uri in [
            "/firestore.googleapis.com/v1/a%2Fb/c%3Ad",
            "//v1/a%2Fb/c%3Ad?key=a",
        ] {
            let request = Request::builder()
                .uri(uri)
                .header(header::HOST, "firestore.googleapis.com")
                .body(())
                .unwrap();
            let located = locate(request.uri(), request.headers()).unwrap();
            assert_eq!(located.host, Host::Firestore);
            assert_eq!(located.path, "v1/a/b/c:d");
            assert_eq!(located.raw_path, "v1/a%2Fb/c%3Ad");
        }
    }

    #[test]
    fn pairs_are_decoded() {
        assert_eq!(
            pairs("a=b+c%21&d&=e"),
            [("a", "b c!"), ("d", ""), ("", "e")].map(|(k, v)| (k.to_owned(), v.to_owned()))
        );
    }
}
