//! What a request's head must be before anybody reads on. Where two servers in a row read a head differently, one
//! request hides within another; so what is read two ways is refused, and its connection closed.

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Request, Version, header};

/// Why the head is refused; `None` when it is right.
pub(super) fn fault<B>(request: &Request<B>) -> Option<&'static str> {
    let headers = request.headers();
    if !names_one_host(headers, request.version()) {
        return Some("The request must have one Host header, with the name of a host.");
    }
    if !names_one_coding(headers) {
        return Some("The only transfer coding here is chunked.");
    }
    None
}

/// RFC 9112, section 3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message
/// that lacks a Host header field and to any request message that contains more than one Host header field line or a
/// Host header field with an invalid field value". An empty value is valid.
fn names_one_host(headers: &HeaderMap, version: Version) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => version != Version::HTTP_11,
        (Some(host), None) => host.is_empty() || is_host(host),
        _ => false,
    }
}

fn is_host(value: &HeaderValue) -> bool {
    // Credentials before the name are of URLs only.
    Authority::try_from(value.as_bytes()).is_ok_and(|host| !host.as_str().contains('@'))
}

/// Hyper reads any list of codings that ends with chunked, and undoes the last one only (RFC 9112, section 6.1: "A
/// sender MUST NOT apply the chunked transfer coding more than once").
fn names_one_coding(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: (&str, &str) = ("host", "localhost:7070");

    #[track_caller]
    fn check(headers: &[(&str, &str)], right: bool) {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let found = fault(&request.body(()).unwrap());
        assert_eq!(found.is_none(), right, "{headers:?} {found:?}");
    }

    #[test]
    fn one_host_is_named() {
        for host in [
            "localhost",
            "my_host:80",
            "192.0.2.1:7070",
            "[::1]:7070",
            "b\u{fc}cher.example",
            "",
        ] {
            check(&[("host", host)], host.is_ascii());
        }
        for host in [
            "a b",
            "a/b",
            "user@host",
            "[::1",
            "http://host",
            "a,b@c",
            "\t",
        ] {
            check(&[("host", host)], false);
        }
        check(&[], false);
        check(&[HOST, HOST], false);
    }

    #[test]
    fn older_and_newer_versions_need_no_host_header() {
        for version in [Version::HTTP_10, Version::HTTP_2] {
            let request = Request::builder().version(version).body(()).unwrap();
            assert_eq!(fault(&request), None);
        }
    }

    #[test]
    fn chunked_is_the_only_coding() {
        let coded = |coding| [HOST, ("transfer-encoding", coding)];
        check(&coded("chunked"), true);
        check(&coded("Chunked"), true);
        check(&coded("chunked, chunked"), false);
        check(&coded("gzip, chunked"), false);
        check(&coded(""), false);
        let chunked = ("transfer-encoding", "chunked");
        check(&[HOST, chunked, chunked], false);
    }
}
