//! What commands say: on the standard output for whoever reads on, on the standard error for people.
//!
//! Texts of users and tokens of strangers pass through here, and a terminal obeys control characters: they are shown,
//! never sent.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write as _};

use anyhow::{Context as _, Result};
use serde_json::Value;

/// Writes to the standard output. A reader that has gone away is no fault: `firekeep user list | head -1`.
pub(crate) fn print(text: &str) -> Result<()> {
    match try_print(text) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("write to the standard output"),
    }
}

/// The same, for what must not be lost.
pub(crate) fn try_print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes lines for people, without their control characters.
pub(crate) fn print_lines(text: &str) -> Result<()> {
    print(&lines(text))
}

/// Writes one line of JSON.
pub(crate) fn print_json(value: &Value) -> Result<()> {
    let mut text = String::new();
    // JSON escapes control characters of ASCII only.
    for c in value.to_string().chars() {
        if is_unsafe(c) {
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    text.push('\n');
    print(&text)
}

/// A remark on the standard error, where nobody need listen.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{}", lines(text));
}

/// A text that stays on its line: control characters, line ends too, as Rust writes them.
pub(crate) fn line(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
}

fn lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(line).collect();
    lines.join("\n")
}

/// Control characters, and those that turn the direction of a line.
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown() {
        for (text, shown) in [
            ("Zoë ﷺ 🔥", "Zoë ﷺ 🔥"),
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone"),
            ("a\r\nuid: root\tb", "a\\r\\nuid: root\\tb"),
            ("\u{9b}31m\u{7f}\u{202e}", "\\u{9b}31m\\u{7f}\\u{202e}"),
        ] {
            assert_eq!(line(text), shown);
        }
        assert_eq!(lines("one\ntwo\u{7}\n"), "one\ntwo\\u{7}\n");
    }
}
