//! Lines of REST requests: any path and query lead to one operation, nowhere, or to a refusal.
//!
//! Input: a method's first letter, the path with its query, a line's end, and the body.

#![no_main]

use axum::http::Method;
use firekeep_wire_firestore::Code;
use firekeep_wire_firestore::rest::fuzzing::{Led, is_ours, transcode};
use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode_str;

fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (line, body) = data.split_at(end.unwrap_or(data.len()));
    let Ok(line) = str::from_utf8(line) else {
        return;
    };
    let mut line = line.chars();
    let method = match line.next() {
        Some('P') => Method::POST,
        Some('U') => Method::PATCH,
        Some('D') => Method::DELETE,
        Some('T') => Method::PUT,
        _ => Method::GET,
    };
    let (path, query) = line.as_str().split_once('?').unwrap_or((line.as_str(), ""));
    let body = body.get(1..).unwrap_or_default();
    check(&method, path, &pairs(query), body);
});

fn check(method: &Method, path: &str, query: &[(String, String)], body: &[u8]) {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    match transcode(method, path, query, body) {
        Ok(Led::Nowhere) => {}
        Ok(led) => {
            assert!(is_ours(&decoded), "{path} leads to {led:?} and is not ours");
            if let Led::Documents(name, collection_id) = led {
                assert!(name.starts_with("projects/"), "{name}");
                assert!(!collection_id.contains('/'), "{collection_id}");
            }
        }
        Err(refusal) => {
            assert_eq!(refusal.code, Code::InvalidArgument);
            assert!(!refusal.message.is_empty());
        }
    }
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    };
    pairs.map(pair).collect()
}
