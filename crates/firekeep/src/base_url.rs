//! Where clients reach the server.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use axum::http::uri::Authority;

/// `http://` or `https://`, a host, maybe a port; no slash after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseUrl(String); // INVARIANT: see `from_str`, the only constructor.

impl BaseUrl {
    /// Whether nobody can read along on the way.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// Whether it leads to the machine that asks.
    pub(crate) fn is_loopback(&self) -> bool {
        let authority = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let Ok(authority) = Authority::try_from(authority) else {
            return false;
        };
        let host = authority.host().trim_matches(['[', ']']);
        let address: Option<IpAddr> = host.parse().ok();
        address.map_or(host == "localhost", |address| address.is_loopback())
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no base URL.
#[derive(Debug)]
pub(crate) struct NotABaseUrl;

impl fmt::Display for NotABaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "it must be http:// or https:// and a host, maybe a port, and no path, such as https://fk.example.com",
        )
    }
}

impl std::error::Error for NotABaseUrl {}

impl FromStr for BaseUrl {
    type Err = NotABaseUrl;

    fn from_str(text: &str) -> Result<Self, NotABaseUrl> {
        let text = text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
        let (scheme, rest) = text.split_once("://").ok_or(NotABaseUrl)?;
        let authority = Authority::try_from(rest).map_err(|_| NotABaseUrl)?;
        let port = rest.rsplit_once(':').map(|(_, port)| port);
        let has_port = port.is_some_and(|port| !port.ends_with(']'));
        let right = matches!(scheme, "http" | "https")
            && !rest.contains('@')
            && !authority.host().is_empty()
            && has_port == authority.port_u16().is_some();
        if right {
            Ok(Self(text))
        } else {
            Err(NotABaseUrl)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_base_url() {
        for (text, found) in [
            ("https://fk.example.com", "https://fk.example.com"),
            ("https://FK.example.com/", "https://fk.example.com"),
            ("http://127.0.0.1:7070", "http://127.0.0.1:7070"),
            ("http://[::1]:7070", "http://[::1]:7070"),
            ("http://[::1]", "http://[::1]"),
        ] {
            assert_eq!(text.parse::<BaseUrl>().unwrap().to_string(), found);
        }
    }

    #[test]
    fn nothing_else_is() {
        for text in [
            "",
            "fk.example.com",
            "fk.example.com:443",
            "ftp://fk.example.com",
            "https://",
            "https://fk.example.com/path",
            "https://fk.example.com//",
            "https://fk.example.com?a=b",
            "https://fk.example.com#a",
            "https://user@fk.example.com",
            "https://fk.example.com:",
            "https://fk.example.com:99999",
            "https://fk .example.com",
        ] {
            assert!(text.parse::<BaseUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn this_machine_is_known() {
        for (text, loopback) in [
            ("http://127.0.0.1:7070", true),
            ("http://[::1]:7070", true),
            ("http://localhost", true),
            ("http://192.0.2.1", false),
            ("http://localhost.example.com", false),
        ] {
            let url: BaseUrl = text.parse().unwrap();
            assert_eq!(url.is_loopback(), loopback, "{text}");
        }
    }
}
