//! The body of a POST: messages with their map ids, and in a handshake the headers that no browser sends as such.
//!
//! Source: WebChannel specification, sections 2.2 and 3.

use crate::Malformed;
use crate::encoding::{decode, number, pairs};
use crate::limits::{HEADERS_MAX, MESSAGES_PER_POST_MAX};

/// The body of a handshake or forward POST.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// The field `headers`; in handshakes only.
    pub headers: Headers,
    /// The messages with their map ids, in the order of the form.
    pub messages: Vec<(u64, String)>,
}

impl Form {
    /// Reads a body. Fields that are not the protocol's are nobody's.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut form = Self::default();
        let (mut offset, mut count) = (None, 0);
        for (name, value) in pairs(body) {
            match name {
                b"headers" => form.headers = Headers::parse(&decode(value, "headers")?)?,
                b"count" => count = number(value).ok_or(Malformed::Number("count"))?,
                b"ofs" => offset = Some(number(value).ok_or(Malformed::Number("ofs"))?),
                _ => {
                    let Some(index) = index(name) else {
                        continue;
                    };
                    if form.messages.len() == MESSAGES_PER_POST_MAX {
                        return Err(Malformed::TooManyMessages);
                    }
                    form.messages.push((index, decode(value, "req___data__")?));
                }
            }
        }
        if count > MESSAGES_PER_POST_MAX as u64 {
            return Err(Malformed::TooManyMessages);
        }
        form.number_from(offset)?;
        Ok(form)
    }

    /// Makes map ids of the indexes.
    fn number_from(&mut self, offset: Option<u64>) -> Result<(), Malformed> {
        for (id, _) in &mut self.messages {
            let offset = offset.ok_or(Malformed::Missing("ofs"))?;
            *id = id.checked_add(offset).ok_or(Malformed::Number("ofs"))?;
        }
        Ok(())
    }
}

/// The index in `req<I>___data__`: three underscores before, of which one ends the index, and two behind.
fn index(name: &[u8]) -> Option<u64> {
    let digits = name.strip_prefix(b"req")?.strip_suffix(b"___data__")?;
    number(digits).filter(|_| !digits.is_empty())
}

/// Lines of `Name:Value`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Reads lines, each ended by CR LF. A value may hold colons.
    ///
    /// # Errors
    /// [`Malformed`] for a line without a colon, and for more lines than anybody needs.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut headers = Vec::new();
        for line in text.split("\r\n").filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').ok_or(Malformed::HeaderLine)?;
            if headers.len() == HEADERS_MAX {
                return Err(Malformed::TooManyHeaders);
            }
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        Ok(Self(headers))
    }

    /// The first value of that name, upper and lower case being equal.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&str> {
        let mut headers = self.0.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields of the captured handshake.
    const CAPTURED: &str = include_str!("../tests/data/handshake.form");

    #[test]
    fn a_captured_handshake() {
        let form = Form::parse(CAPTURED.trim_end().as_bytes()).unwrap();
        for (name, value) in [
            ("X-Goog-Api-Client", "gl-js/ fire/12.19.0"),
            ("content-type", "text/plain"),
            ("X-FIREBASE-GMPID", "1:2:web:3"),
            ("authorization", "Bearer h.p.s"),
            ("x-goog-api-key", "fake-key"),
        ] {
            assert_eq!(form.headers.find(name), Some(value));
        }
        assert_eq!(form.headers.find("x-firebase-appcheck"), None);
        let [(0, message)] = form.messages.as_slice() else {
            panic!("one message: {:?}", form.messages);
        };
        let message: serde_json::Value = serde_json::from_str(message).unwrap();
        assert_eq!(message["addTarget"]["targetId"], 1002);
    }

    #[track_caller]
    fn check(body: &str, expected: &[(u64, &str)]) {
        let form = Form::parse(body.as_bytes()).unwrap();
        let found: Vec<_> = form
            .messages
            .iter()
            .map(|(id, text)| (*id, text.as_str()))
            .collect();
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn map_ids_are_offset_and_index() {
        check("count=0", &[]);
        check("", &[]);
        check(
            "count=2&ofs=7&req0___data__=a&req1___data__=b",
            &[(7, "a"), (8, "b")],
        );
        // Not dense, in any order, behind the offset or before it.
        check(
            "req12___data__=c&req3___data__=a+b%20c&count=2&ofs=1",
            &[(13, "c"), (4, "a b c")],
        );
        check("count=1&ofs=0&req0___data__=%F0%9F%98%80", &[(0, "😀")]);
        // What `JSON.stringify` makes of half a surrogate pair.
        check(
            "count=1&ofs=0&req0___data__=%22%5Cud83d%22",
            &[(0, "\"\\ud83d\"")],
        );
    }

    #[test]
    fn unknown_fields_are_ignored() {
        let unknown = "type=_badmap&req0_data=x&req___data__=x&req-1___data__=x&reqa___data__=x&req0__data__=x";
        check(
            &format!("{unknown}&count=1&ofs=3&req0___data__=a"),
            &[(3, "a")],
        );
        check(unknown, &[]);
    }

    #[test]
    fn what_is_no_form_is_refused() {
        let many = "&req0___data__=".repeat(MESSAGES_PER_POST_MAX + 1);
        for (body, fault) in [
            ("req0___data__=a", Malformed::Missing("ofs")),
            ("ofs=x", Malformed::Number("ofs")),
            (
                "ofs=18446744073709551615&req1___data__=",
                Malformed::Number("ofs"),
            ),
            ("count=-1", Malformed::Number("count")),
            ("count=1001", Malformed::TooManyMessages),
            (many.as_str(), Malformed::TooManyMessages),
            (
                "ofs=0&req0___data__=%FF",
                Malformed::NotUtf8("req___data__"),
            ),
            ("headers=%FF", Malformed::NotUtf8("headers")),
            ("headers=a", Malformed::HeaderLine),
        ] {
            assert_eq!(Form::parse(body.as_bytes()), Err(fault));
        }
        assert_eq!(
            Headers::parse(&"a:b\r\n".repeat(65)),
            Err(Malformed::TooManyHeaders)
        );
    }
}
