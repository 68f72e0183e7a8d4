//! PEM text around DER bytes (RFC 7468), in the shape Google's key files have: 64 columns, `\n`, a final line end.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Characters per line. Source: RFC 7468, section 2.
const COLUMNS: usize = 64;

/// Wraps `der` between the `BEGIN` and `END` lines of `label`.
pub(crate) fn encode(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = STANDARD.encode(der);
    while rest.len() > COLUMNS {
        let tail = rest.split_off(COLUMNS);
        text.push_str(&rest);
        text.push('\n');
        rest = tail;
    }
    text.push_str(&rest);
    text.push_str(&format!("\n-----END {label}-----\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_at_most_64_columns() {
        let line = "QUJD".repeat(16);
        let whole = format!("-----BEGIN X-----\n{line}\n-----END X-----\n");
        assert_eq!(encode("X", "ABC".repeat(16).as_bytes()), whole);
        let more = format!("-----BEGIN X-----\n{line}\nRA==\n-----END X-----\n");
        assert_eq!(
            encode("X", format!("{}D", "ABC".repeat(16)).as_bytes()),
            more
        );
    }
}
