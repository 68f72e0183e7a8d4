//! Where in a document a field is: paths of names, and masks of paths.
//!
//! The text of a path quotes names that are no identifiers with backticks. Getting and setting by path is `map.rs`.
//! Firestore specification, section 1.3.

use std::fmt::{self, Write as _};

use crate::limits::{FIELD_NAME_BYTES_MAX, FIELD_PATH_BYTES_MAX};
use crate::path::is_reserved;

/// Why a text is not a field name or a field path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldPathError {
    /// A name without characters, or a path without names.
    #[error("a field name is empty")]
    Empty,
    /// A name of more than [`FIELD_NAME_BYTES_MAX`].
    #[error("a field name is longer than {FIELD_NAME_BYTES_MAX} bytes")]
    NameTooLong,
    /// A path of more than [`FIELD_PATH_BYTES_MAX`].
    #[error("a field path is longer than {FIELD_PATH_BYTES_MAX} bytes")]
    TooLong,
    /// `__…__`.
    #[error("the field name `{0}` is reserved")]
    Reserved(Box<str>),
    /// A backtick that nothing closes, or something between the closing one and the dot.
    #[error("a quoted field name does not end in a backtick before the next dot")]
    Quote,
    /// A backtick or backslash in a name that is not quoted.
    #[error("a field name with a backtick or backslash must be quoted")]
    Unquoted,
}

/// Checks the name of a field at any depth.
pub(crate) fn check_field_name(name: &str) -> Result<(), FieldPathError> {
    match name {
        "" => Err(FieldPathError::Empty),
        _ if name.len() > FIELD_NAME_BYTES_MAX => Err(FieldPathError::NameTooLong),
        _ if is_reserved(name) => Err(FieldPathError::Reserved(name.into())),
        _ => Ok(()),
    }
}

/// A path to a field: one or more field names. Sorts name by name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldPath(Box<[Box<str>]>); // INVARIANT: see `new`, the only constructor.

impl FieldPath {
    /// The path of these names.
    ///
    /// # Errors
    /// [`FieldPathError`], but for those about quotes.
    pub fn new(
        names: impl IntoIterator<Item = impl Into<Box<str>>>,
    ) -> Result<Self, FieldPathError> {
        let names: Box<[Box<str>]> = names.into_iter().map(Into::into).collect();
        let mut bytes = 0;
        for name in &names {
            check_field_name(name)?;
            bytes += name.len() + 1;
        }
        match bytes {
            0 => Err(FieldPathError::Empty),
            // One dot less than names.
            _ if bytes - 1 > FIELD_PATH_BYTES_MAX => Err(FieldPathError::TooLong),
            _ => Ok(Self(names)),
        }
    }

    /// Reads a path such as ``a.`b.c`.d``.
    ///
    /// COMPAT: names that should be quoted are read without quotes too, such as `a-b` or `1a`: hand-written REST
    /// calls send them. The official emulator refuses them. As there, a backslash in quotes takes any character.
    ///
    /// # Errors
    /// Every [`FieldPathError`].
    pub fn parse(text: &str) -> Result<Self, FieldPathError> {
        // Escapes and quotes add to a text, by less than this.
        if text.len() > 4 * FIELD_PATH_BYTES_MAX {
            return Err(FieldPathError::TooLong);
        }
        let mut names = Vec::new();
        let mut rest = Some(text);
        while let Some(text) = rest {
            let (name, behind) = match text.strip_prefix('`') {
                Some(quoted) => parse_quoted(quoted)?,
                None => parse_unquoted(text)?,
            };
            names.push(name);
            rest = behind;
        }
        Self::new(names)
    }

    /// The names, outermost first.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.0.iter().map(|name| &**name)
    }

    /// Goes on with the text of a path: for whoever walks through all fields, and makes the paths' texts on the way.
    pub fn append_name(text: &mut String, name: &str) {
        if !text.is_empty() {
            text.push('.');
        }
        // A String takes everything.
        let _ = write_name(text, name);
    }

    /// The last name, and those before it.
    pub(crate) fn split_last(&self) -> (&str, &[Box<str>]) {
        self.0
            .split_last()
            .map_or(("", &[]), |(last, parents)| (last, parents))
    }

    /// If this is `other`, or leads to it: `a.b` covers `a.b` and `a.b.c`.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

/// The name up to the next dot, and what follows the dot.
fn parse_unquoted(text: &str) -> Result<(Box<str>, Option<&str>), FieldPathError> {
    let (name, rest) = match text.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (text, None),
    };
    if name.contains(['`', '\\']) {
        return Err(FieldPathError::Unquoted);
    }
    Ok((name.into(), rest))
}

/// The name up to the closing backtick, and what follows the dot behind it.
fn parse_quoted(text: &str) -> Result<(Box<str>, Option<&str>), FieldPathError> {
    let mut name = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next().ok_or(FieldPathError::Quote)? {
            '`' => break,
            '\\' => name.push(characters.next().ok_or(FieldPathError::Quote)?),
            character => name.push(character),
        }
    }
    let rest = match characters.as_str() {
        "" => None,
        rest => Some(rest.strip_prefix('.').ok_or(FieldPathError::Quote)?),
    };
    Ok((name.into(), rest))
}

fn is_identifier(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_char('.')?;
            }
            write_name(f, name)?;
        }
        Ok(())
    }
}

/// A name as texts of paths have it.
fn write_name(f: &mut impl fmt::Write, name: &str) -> fmt::Result {
    if is_identifier(name) {
        return f.write_str(name);
    }
    f.write_char('`')?;
    for character in name.chars() {
        if matches!(character, '`' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(character)?;
    }
    f.write_char('`')
}

impl fmt::Debug for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldPath({self})")
    }
}

/// What filters, orders and projections name: a field, or the document's own name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FieldRef {
    /// `__name__`: the document's name, which is no field.
    DocumentName,
    /// A field.
    Field(FieldPath),
}

impl FieldRef {
    /// How the document's name is written.
    pub const DOCUMENT_NAME: &'static str = "__name__";

    /// Reads a field path or `__name__`.
    ///
    /// # Errors
    /// Every [`FieldPathError`].
    pub fn parse(text: &str) -> Result<Self, FieldPathError> {
        if text == Self::DOCUMENT_NAME
            || text
                .strip_prefix('`')
                .and_then(|text| text.strip_suffix('`'))
                == Some(Self::DOCUMENT_NAME)
        {
            return Ok(Self::DocumentName);
        }
        FieldPath::parse(text).map(Self::Field)
    }
}

impl fmt::Display for FieldRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DocumentName => f.write_str(Self::DOCUMENT_NAME),
            Self::Field(path) => path.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
