//! `application/x-www-form-urlencoded`, as it stands in queries and forms.

use crate::Malformed;

/// The pairs of a query or form, still encoded.
pub(crate) fn pairs(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    text.split(|byte| *byte == b'&').filter_map(|pair| {
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let name = parts.next().filter(|name| !name.is_empty())?;
        Some((name, parts.next().unwrap_or_default()))
    })
}

/// Decodes a value: `%XX` and `+`. A percent sign without two digits behind it stands for itself.
///
/// # Errors
/// [`Malformed::NotUtf8`] of that name.
pub(crate) fn decode(encoded: &[u8], name: &'static str) -> Result<String, Malformed> {
    let escapes = encoded.iter().filter(|byte| **byte == b'%').count();
    let mut decoded = Vec::with_capacity(encoded.len().saturating_sub(2 * escapes));
    let mut rest = encoded;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        decoded.push(match (first, behind) {
            (b'+', _) => b' ',
            (b'%', [high, low, behind @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = behind;
                    high << 4 | low
                }
                _ => b'%',
            },
            _ => *first,
        });
    }
    String::from_utf8(decoded).map_err(|_| Malformed::NotUtf8(name))
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// A number of decimal digits alone.
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    let digits = str::from_utf8(text).ok()?;
    // `parse` takes a plus sign.
    match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => digits.parse().ok(),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded() {
        for (encoded, decoded) in [
            ("", Ok("")),
            ("a+b%20c", Ok("a b c")),
            ("%C3%A9%e6%bc%a2%F0%9F%98%80", Ok("é漢😀")),
            ("é漢😀", Ok("é漢😀")),
            ("100%", Ok("100%")),
            ("%4", Ok("%4")),
            ("%zz%41", Ok("%zzA")),
            ("%2541", Ok("%41")),
            ("%FF", Err(Malformed::NotUtf8("x"))),
            ("%C3", Err(Malformed::NotUtf8("x"))),
        ] {
            assert_eq!(decode(encoded.as_bytes(), "x"), decoded.map(str::to_owned));
        }
    }

    #[test]
    fn pairs_are_split_at_the_first_equals_sign() {
        let found: Vec<_> = pairs(b"a=b=c&&d&=e&f=").collect();
        let expected: [(&[u8], &[u8]); 3] = [(b"a", b"b=c"), (b"d", b""), (b"f", b"")];
        assert_eq!(found, expected);
    }

    #[test]
    fn numbers_are_digits() {
        for (text, found) in [
            ("0", Some(0)),
            ("0097", Some(97)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.0", None),
        ] {
            assert_eq!(number(text.as_bytes()), found, "{text}");
        }
    }
}
