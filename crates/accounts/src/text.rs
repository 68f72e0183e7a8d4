//! The texts that name a user: email address, phone number, username. Parsed once, then carried as types.

use crate::{Error, limits};

/// An email address in canonical form: lower case, one `@` with something on both sides, no space or control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String); // INVARIANT: see `parse`, the only constructor.

impl Email {
    /// Reads and canonicalises an address. Source: auth specification, section 2.
    ///
    /// # Errors
    /// [`Error::InvalidEmail`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let lower = text.to_lowercase();
        let (local, domain) = lower.split_once('@').ok_or(Error::InvalidEmail)?;
        let fair = |c: char| !c.is_control() && !c.is_whitespace();
        let valid = !local.is_empty()
            && !domain.is_empty()
            && !domain.contains('@')
            && lower.chars().all(fair)
            && lower.chars().count() <= limits::EMAIL_CHARS_MAX;
        if valid {
            Ok(Self(lower))
        } else {
            Err(Error::InvalidEmail)
        }
    }

    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A phone number in E.164 form: `+` and 6 to 15 digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone(String); // INVARIANT: see `parse`, the only constructor.

impl Phone {
    /// Reads a number. Source: auth specification, section 2.
    ///
    /// # Errors
    /// [`Error::InvalidPhone`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let digits = text.strip_prefix('+').ok_or(Error::InvalidPhone)?;
        if (6..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::InvalidPhone)
        }
    }

    /// The number with its `+`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A username: 3 to 64 of `[A-Za-z0-9._-]`, kept as written, unique without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String); // INVARIANT: see `parse`, the only constructor.

impl Username {
    /// Reads a username. Source: auth specification, section 14.
    ///
    /// # Errors
    /// [`Error::InvalidUsername`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if limits::USERNAME_CHARS.contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::InvalidUsername)
        }
    }

    /// The name as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as it is compared: lower case.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails() {
        for (text, canonical) in [
            ("A@b.C", Some("a@b.c")),
            ("a@b", Some("a@b")),
            ("a", None),
            ("@b", None),
            ("a@", None),
            ("a@b@c", None),
            ("a b@c", None),
            ("a\0@c", None),
        ] {
            assert_eq!(
                Email::parse(text).ok().as_ref().map(Email::as_str),
                canonical,
                "{text}"
            );
        }
        assert!(Email::parse(&format!("{}@b", "a".repeat(252))).is_ok());
        assert!(Email::parse(&format!("{}@b", "a".repeat(253))).is_err());
    }

    #[test]
    fn phones() {
        for (text, valid) in [
            ("+15555550100", true),
            ("15555550100", false),
            ("+1", false),
            ("+1555a", false),
        ] {
            assert_eq!(Phone::parse(text).is_ok(), valid, "{text}");
        }
    }

    #[test]
    fn usernames() {
        for (text, valid) in [
            ("bob", true),
            ("bo", false),
            ("bob@x", false),
            ("B.o_b-1", true),
        ] {
            assert_eq!(Username::parse(text).is_ok(), valid, "{text}");
        }
    }
}
