//! How chunks stand in an answer: `<length> LF <text>`, the length in UTF-16 code units, since a browser cuts its text
//! into JavaScript strings. Source: WebChannel specification, section 4.

use std::time::Duration;

use bytes::Bytes;

use crate::text::units;

/// The version that both sides speak. Source: section 2.3.
const VERSION: u64 = 8;
/// What this server can; the number that the cloud's sends. Source: section 2.3.
const SERVER_VERSION: u64 = 12;

/// A chunk of that text.
#[must_use]
pub fn frame(text: &str) -> Bytes {
    format!("{}\n{text}", units(text.as_bytes())).into()
}

/// The answer to a handshake.
pub(crate) fn handshake(sid: &str, keep_alive: Duration) -> Bytes {
    let millis = keep_alive.as_millis();
    frame(&format!(
        r#"[[0,["c","{sid}","",{VERSION},{SERVER_VERSION},{millis}]]]"#
    ))
}

/// The answer to a forward POST.
pub(crate) fn forward(has_back: bool, last: u64, outstanding: usize) -> Bytes {
    frame(&format!("[{},{last},{outstanding}]", u8::from(has_back)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_utf_16_code_units() {
        for (text, framed) in [
            ("", "0\n"),
            ("[1,5,0]", "7\n[1,5,0]"),
            ("\"é\"", "3\n\"é\""),
            ("\"漢字\"", "4\n\"漢字\""),
            ("\"é漢😀\"", "6\n\"é漢😀\""),
            ("\"\\ud83d\"", "8\n\"\\ud83d\""),
        ] {
            assert_eq!(frame(text), framed);
        }
    }
}
