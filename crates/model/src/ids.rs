//! Project ids and uids.

use std::fmt;

/// The most characters a uid may have. Source: auth specification, section 2.
pub const UID_CHARS_MAX: usize = 128;

/// Why a string is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The id is empty.
    #[error("the id is empty")]
    Empty,
    /// The id is longer than its limit.
    #[error("the id is too long")]
    TooLong,
    /// The id has a character that its kind does not allow.
    #[error("the id has a character that is not allowed")]
    Character,
}

/// A user's id: 1 to 128 characters, any characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid(Box<str>); // INVARIANT: see `parse`, the only constructor.

impl Uid {
    /// Reads a uid.
    ///
    /// # Errors
    /// [`IdError::Empty`] and [`IdError::TooLong`].
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        if text.chars().count() > UID_CHARS_MAX {
            return Err(IdError::TooLong);
        }
        Ok(Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A project's id, such as `my-app`: 1 to 63 bytes, any characters but `/` and control characters.
///
/// COMPAT: Google allows 6 to 30 of `a-z 0-9 -`, and domain-scoped ids with `:` and `.`; emulator users write anything
/// (Firestore specification, section 1.1), but nothing that splits a resource name or a line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProjectId(Box<str>); // INVARIANT: see `parse`, the only constructor.

impl ProjectId {
    /// The most bytes of a project id.
    pub const CHARS_MAX: usize = 63;

    /// Reads a project id.
    ///
    /// # Errors
    /// Every [`IdError`].
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        if text.len() > Self::CHARS_MAX {
            return Err(IdError::TooLong);
        }
        if text.contains(|c: char| c == '/' || c.is_control()) {
            return Err(IdError::Character);
        }
        Ok(Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_has_1_to_128_characters() {
        assert_eq!(Uid::parse(""), Err(IdError::Empty));
        assert!(Uid::parse(&"ü".repeat(128)).is_ok());
        assert_eq!(Uid::parse(&"a".repeat(129)), Err(IdError::TooLong));
    }

    #[test]
    fn a_project_id_has_no_slash() {
        for id in ["demo-firekeep", "example.com:app", "Anything else", "é"] {
            assert!(ProjectId::parse(id).is_ok(), "{id}");
        }
        assert_eq!(ProjectId::parse("a\nb"), Err(IdError::Character));
        assert_eq!(ProjectId::parse("a/b"), Err(IdError::Character));
        assert_eq!(ProjectId::parse(&"a".repeat(64)), Err(IdError::TooLong));
    }
}
