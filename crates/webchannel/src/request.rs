//! What a request is, by its method and query. Source: WebChannel specification, section 1.

use std::time::Duration;

use crate::encoding::{decode, number, pairs};
use crate::limits::{POLL_TIME, POLL_TIME_MIN};
use crate::{Headers, Malformed};

/// The method of a request; there are no others here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
}

/// A request, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Begins a session. The body is a form with the credentials and the first messages.
    Handshake(Handshake),
    /// Messages of the client. The body is a form.
    Forward {
        /// The session.
        sid: String,
        /// The highest array that the client has processed.
        aid: Option<u64>,
    },
    /// Waits for messages of the server.
    Back {
        /// The session.
        sid: String,
        /// The highest array that the client has processed.
        aid: u64,
        /// How the answer ends.
        mode: Mode,
    },
    /// Ends a session.
    Terminate {
        /// The session, if the client names one.
        sid: Option<String>,
    },
}

/// What a handshake's query asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handshake {
    /// Whether the answer's header `X-HTTP-Session-Id` is to hold a routing token.
    pub wants_routing_token: bool,
    /// Headers in the query, `$httpHeaders`; Firestore's clients have them in the form.
    pub headers: Headers,
}

/// How the answer to a back channel's GET ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Late: arrays leave as they are made.
    Streaming,
    /// With the first arrays, or after this time.
    Polling(Duration),
}

/// The parameters that mean something, decoded. Of several with one name the first counts.
#[derive(Default)]
struct Parameters {
    version: Option<String>,
    sid: Option<String>,
    aid: Option<String>,
    rid: Option<String>,
    kind: Option<String>,
    ci: Option<String>,
    timeout: Option<String>,
    session_header: Option<String>,
    headers: Option<String>,
}

impl Parameters {
    fn parse(query: &str) -> Result<Self, Malformed> {
        let mut found = Self::default();
        for (name, value) in pairs(query.as_bytes()) {
            let (place, name) = match name {
                b"VER" => (&mut found.version, "VER"),
                b"SID" => (&mut found.sid, "SID"),
                b"AID" => (&mut found.aid, "AID"),
                b"RID" => (&mut found.rid, "RID"),
                b"TYPE" => (&mut found.kind, "TYPE"),
                b"CI" => (&mut found.ci, "CI"),
                b"TO" => (&mut found.timeout, "TO"),
                b"X-HTTP-Session-Id" => (&mut found.session_header, "X-HTTP-Session-Id"),
                b"$httpHeaders" | b"%24httpHeaders" => (&mut found.headers, "$httpHeaders"),
                _ => continue,
            };
            if place.is_none() {
                *place = Some(decode(value, name)?);
            }
        }
        Ok(found)
    }

    fn aid(&self) -> Result<Option<u64>, Malformed> {
        let parse = |text: &String| number(text.as_bytes()).ok_or(Malformed::Number("AID"));
        self.aid.as_ref().map(parse).transpose()
    }

    fn mode(&self) -> Result<Mode, Malformed> {
        match self.ci.as_deref() {
            None | Some("0") => Ok(Mode::Streaming),
            Some("1") => {
                let Some(text) = &self.timeout else {
                    return Ok(Mode::Polling(POLL_TIME));
                };
                let millis = number(text.as_bytes()).ok_or(Malformed::Number("TO"))?;
                let timeout = Duration::from_millis(millis);
                Ok(Mode::Polling(timeout.clamp(POLL_TIME_MIN, POLL_TIME)))
            }
            Some(_) => Err(Malformed::Unknown("CI")),
        }
    }

    fn handshake(self) -> Result<Request, Malformed> {
        let asked = self.session_header.as_deref();
        let headers = self.headers.as_deref().map(Headers::parse).transpose()?;
        Ok(Request::Handshake(Handshake {
            wants_routing_token: asked.is_some_and(|name| !name.is_empty()),
            headers: headers.unwrap_or_default(),
        }))
    }
}

impl Request {
    /// The request of a method and a query, as it came: the order of parameters means nothing, and unknown ones are
    /// nobody's.
    ///
    /// # Errors
    /// [`Malformed`], for any but the last request of a session, which a client sends without looking at its answer.
    pub fn parse(method: Method, query: &str) -> Result<Self, Malformed> {
        let parameters = Parameters::parse(query)?;
        if parameters.kind.as_deref() == Some("terminate") {
            let sid = parameters.sid;
            return Ok(Self::Terminate { sid });
        }
        if parameters.version.as_deref() != Some("8") {
            return Err(Malformed::Version);
        }
        match (method, &parameters.sid) {
            (Method::Post, None) => match parameters.kind.as_deref() {
                None | Some("init") => parameters.handshake(),
                Some(_) => Err(Malformed::Missing("SID")),
            },
            (Method::Get, None) => Err(Malformed::Missing("SID")),
            (Method::Post, Some(sid)) => match parameters.kind {
                None => Ok(Self::Forward {
                    sid: sid.clone(),
                    aid: parameters.aid()?,
                }),
                Some(_) => Err(Malformed::Unknown("TYPE")),
            },
            (Method::Get, Some(sid)) => {
                if parameters.kind.as_deref() != Some("xmlhttp") {
                    return Err(Malformed::Unknown("TYPE"));
                }
                if parameters.rid.as_deref() != Some("rpc") {
                    return Err(Malformed::Unknown("RID"));
                }
                Ok(Self::Back {
                    sid: sid.clone(),
                    aid: parameters.aid()?.unwrap_or_default(),
                    mode: parameters.mode()?,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: Method, query: &str, expected: Result<Request, Malformed>) {
        assert_eq!(Request::parse(method, query), expected, "{query}");
    }

    fn back(aid: u64, mode: Mode) -> Result<Request, Malformed> {
        let sid = "S1abc".to_owned();
        Ok(Request::Back { sid, aid, mode })
    }

    fn forward(aid: Option<u64>) -> Result<Request, Malformed> {
        let sid = "S1abc".to_owned();
        Ok(Request::Forward { sid, aid })
    }

    fn terminate(sid: Option<&str>) -> Result<Request, Malformed> {
        let sid = sid.map(str::to_owned);
        Ok(Request::Terminate { sid })
    }

    #[test]
    fn captured_requests() {
        let database = "database=projects%2Fdemo-p%2Fdatabases%2F(default)";
        check(
            Method::Post,
            &format!(
                "VER=8&{database}&RID=97514&CVER=22&X-HTTP-Session-Id=gsessionid&zx=t1t6u5y46en4&t=1"
            ),
            Ok(Request::Handshake(Handshake {
                wants_routing_token: true,
                headers: Headers::default(),
            })),
        );
        check(
            Method::Get,
            &format!(
                "gsessionid=GSS1abc&VER=8&{database}&RID=rpc&SID=S1abc&AID=0&CI=0&TYPE=xmlhttp&zx=btjdedm4apw2&t=1"
            ),
            back(0, Mode::Streaming),
        );
        check(
            Method::Post,
            &format!(
                "VER=8&{database}&gsessionid=GSS1abc&SID=S1abc&RID=97515&AID=5&zx=gr6dqujreuxn&t=1"
            ),
            forward(Some(5)),
        );
        check(
            Method::Post,
            &format!(
                "VER=8&{database}&gsessionid=GSS1abc&SID=S1abc&RID=97516&TYPE=terminate&zx=xfri4lytlgp7"
            ),
            terminate(Some("S1abc")),
        );
    }

    #[test]
    fn the_order_of_parameters_means_nothing() {
        check(
            Method::Get,
            "TYPE=xmlhttp&AID=7&SID=S1abc&RID=rpc&VER=8",
            back(7, Mode::Streaming),
        );
        check(Method::Post, "&SID=S1abc&=&VER=8&VER=9&x", forward(None));
    }

    #[test]
    fn the_time_of_a_long_poll_is_between_5_and_30_seconds() {
        for (timeout, seconds) in [
            ("", 30),
            ("&TO=6000", 6),
            ("&TO=0", 5),
            ("&TO=4999", 5),
            ("&TO=31000", 30),
            ("&TO=18446744073709551615", 30),
        ] {
            let query = format!("VER=8&RID=rpc&SID=S1abc&AID=5&CI=1&TYPE=xmlhttp{timeout}");
            let mode = Mode::Polling(Duration::from_secs(seconds));
            check(Method::Get, &query, back(5, mode));
        }
    }

    #[test]
    fn a_session_is_ended_whatever_else_is_said() {
        check(Method::Post, "TYPE=terminate", terminate(None));
        check(
            Method::Get,
            "TYPE=terminate&VER=7&SID=x",
            terminate(Some("x")),
        );
    }

    #[test]
    fn headers_may_be_in_the_query() {
        let query = "VER=8&$httpHeaders=Authorization%3ABearer%20a%3Ab%0D%0A";
        let Ok(Request::Handshake(found)) = Request::parse(Method::Post, query) else {
            panic!("a handshake");
        };
        assert_eq!(found.headers.find("authorization"), Some("Bearer a:b"));
        assert!(!found.wants_routing_token);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        use Malformed::{Missing, NotUtf8, Number, Unknown, Version};
        for (method, query, fault) in [
            (Method::Post, "", Version),
            (Method::Post, "VER=9", Version),
            (Method::Post, "ver=8", Version),
            (Method::Post, "VER=8&TYPE=xmlhttp", Missing("SID")),
            (Method::Post, "VER=8&SID=a&TYPE=xmlhttp", Unknown("TYPE")),
            (Method::Post, "VER=8&SID=a&AID=-1", Number("AID")),
            (Method::Post, "VER=8&SID=%FF", NotUtf8("SID")),
            (Method::Get, "VER=8&RID=rpc&TYPE=xmlhttp", Missing("SID")),
            (Method::Get, "VER=8&SID=a&RID=rpc", Unknown("TYPE")),
            (
                Method::Get,
                "VER=8&SID=a&TYPE=html&RID=rpc",
                Unknown("TYPE"),
            ),
            (Method::Get, "VER=8&SID=a&TYPE=xmlhttp", Unknown("RID")),
            (
                Method::Get,
                "VER=8&SID=a&TYPE=xmlhttp&RID=rpc&CI=2",
                Unknown("CI"),
            ),
            (
                Method::Get,
                "VER=8&SID=a&TYPE=xmlhttp&RID=rpc&AID=x",
                Number("AID"),
            ),
            (
                Method::Get,
                "VER=8&SID=a&TYPE=xmlhttp&RID=rpc&CI=1&TO=x",
                Number("TO"),
            ),
        ] {
            check(method, query, Err(fault));
        }
    }
}
