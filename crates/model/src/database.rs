//! Databases, and the resource names that requests carry: `projects/p/databases/d/documents/rooms/r1`.
//!
//! Names arrive decoded: percent signs are REST's matter. Firestore specification, section 1.1.

use std::fmt;
use std::sync::Arc;

use crate::limits::{DATABASE_ID_CHARS_MAX, DATABASE_ID_CHARS_MIN};
use crate::{CollectionPath, DocumentPath, IdError, PathError, ProjectId};

/// The text is not a database id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a database id is `(default)`, or {DATABASE_ID_CHARS_MIN} to {DATABASE_ID_CHARS_MAX} of `a-z0-9-`, the first a \
     letter, the last no hyphen"
)]
pub struct DatabaseIdError;

/// Why a text is not the resource name that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A fixed part is not there, such as `projects` or `documents`.
    #[error("the resource name lacks `{0}`")]
    Lacks(&'static str),
    /// Something follows where the name should end.
    #[error("the resource name does not end behind the database id")]
    Longer,
    /// The project id is none.
    #[error("the resource name has no valid project: {0}")]
    Project(#[from] IdError),
    /// The database id is none.
    #[error("the resource name has no valid database: {0}")]
    Database(#[from] DatabaseIdError),
    /// The part behind `documents` is not the path that is wanted.
    #[error("the resource name has no valid path: {0}")]
    Path(#[from] PathError),
    /// The name is of another database than its request.
    #[error("the resource name is of another database than the request")]
    OtherDatabase,
}

/// The id of a database in its project: `(default)`, or 4 to 63 of `a-z 0-9 -`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DatabaseId(Box<str>); // INVARIANT: see `parse`; `default` keeps its rule.

impl DatabaseId {
    /// The id of the database that every project has.
    pub const DEFAULT: &'static str = "(default)";

    /// Reads a database id.
    ///
    /// # Errors
    /// [`DatabaseIdError`].
    pub fn parse(text: &str) -> Result<Self, DatabaseIdError> {
        let named = (DATABASE_ID_CHARS_MIN..=DATABASE_ID_CHARS_MAX).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && !text.ends_with('-')
            && (text.bytes()).all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if named || text == Self::DEFAULT {
            Ok(Self(text.into()))
        } else {
            Err(DatabaseIdError)
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for DatabaseId {
    fn default() -> Self {
        Self(Self::DEFAULT.into())
    }
}

impl fmt::Display for DatabaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A database: `projects/p/databases/d`. Cloning is cheap: a document name holds one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DatabaseName(Arc<Parts>);

#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Parts {
    project: ProjectId,
    database: DatabaseId,
}

impl DatabaseName {
    /// A database of a project.
    #[must_use]
    pub fn new(project: ProjectId, database: DatabaseId) -> Self {
        Self(Arc::new(Parts { project, database }))
    }

    /// Reads `projects/p/databases/d`.
    ///
    /// # Errors
    /// [`NameError`], but for its last two.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        match Self::split(text)? {
            (name, None) => Ok(name),
            (_, Some(_)) => Err(NameError::Longer),
        }
    }

    /// The project.
    #[must_use]
    pub fn project(&self) -> &ProjectId {
        &self.0.project
    }

    /// The database's id in its project.
    #[must_use]
    pub fn database(&self) -> &DatabaseId {
        &self.0.database
    }

    /// Reads the name of a document of this database.
    ///
    /// # Errors
    /// Every [`NameError`]; [`NameError::OtherDatabase`] for the good name of another database.
    pub fn parse_document(&self, name: &str) -> Result<DocumentPath, NameError> {
        match self.strip(name).and_then(|rest| rest.strip_prefix('/')) {
            Some(path) => Ok(DocumentPath::parse(path)?),
            None => {
                DocumentName::parse(name)?;
                Err(NameError::OtherDatabase)
            }
        }
    }

    /// Reads the parent of collections in this database: a document, or `None` for the root.
    ///
    /// # Errors
    /// Every [`NameError`]; [`NameError::OtherDatabase`] for the good name of another database.
    pub fn parse_parent(&self, name: &str) -> Result<Option<DocumentPath>, NameError> {
        if self.strip(name) == Some("") {
            return Ok(None);
        }
        let parent = ParentName::parse(name)?;
        if parent.database != *self {
            return Err(NameError::OtherDatabase);
        }
        Ok(parent.document)
    }

    /// What follows `…/documents` in a name of this database. Without allocation: each write of a commit has a name.
    fn strip<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix("projects/")?
            .strip_prefix(self.0.project.as_str())?
            .strip_prefix("/databases/")?
            .strip_prefix(self.0.database.as_str())?
            .strip_prefix("/documents")
    }

    /// Reads a database, and gives what follows the slash behind it.
    fn split(text: &str) -> Result<(Self, Option<&str>), NameError> {
        let rest = text
            .strip_prefix("projects/")
            .ok_or(NameError::Lacks("projects/"))?;
        let (project, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let project = ProjectId::parse(project)?;
        let rest = rest
            .strip_prefix("databases/")
            .ok_or(NameError::Lacks("databases/"))?;
        let (database, rest) = match rest.split_once('/') {
            Some((database, rest)) => (database, Some(rest)),
            None => (rest, None),
        };
        Ok((Self::new(project, DatabaseId::parse(database)?), rest))
    }

    /// Reads a database and `documents`, and gives what follows the slash behind them.
    fn split_documents(text: &str) -> Result<(Self, Option<&str>), NameError> {
        const LACKS: NameError = NameError::Lacks("documents");
        let (name, rest) = Self::split(text)?;
        match rest.ok_or(LACKS)?.strip_prefix("documents") {
            Some("") => Ok((name, None)),
            Some(rest) => Ok((name, Some(rest.strip_prefix('/').ok_or(LACKS)?))),
            None => Err(LACKS),
        }
    }
}

impl fmt::Display for DatabaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { project, database } = &*self.0;
        write!(f, "projects/{project}/databases/{database}")
    }
}

/// A document anywhere: `projects/p/databases/d/documents/rooms/r1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentName {
    /// Its database.
    pub database: DatabaseName,
    /// Its path there.
    pub path: DocumentPath,
}

impl DocumentName {
    /// Reads a document's name.
    ///
    /// # Errors
    /// Every [`NameError`] but [`NameError::OtherDatabase`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (database, path) = DatabaseName::split_documents(text)?;
        let path = DocumentPath::parse(path.unwrap_or_default())?;
        Ok(Self { database, path })
    }
}

impl fmt::Display for DocumentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/documents/{}", self.database, self.path)
    }
}

/// A collection anywhere: `projects/p/databases/d/documents/rooms`. Requests carry it in REST only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CollectionName {
    /// Its database.
    pub database: DatabaseName,
    /// Its path there.
    pub path: CollectionPath,
}

impl CollectionName {
    /// Reads a collection's name.
    ///
    /// # Errors
    /// Every [`NameError`] but [`NameError::OtherDatabase`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (database, path) = DatabaseName::split_documents(text)?;
        let path = CollectionPath::parse(path.unwrap_or_default())?;
        Ok(Self { database, path })
    }
}

impl fmt::Display for CollectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/documents/{}", self.database, self.path)
    }
}

/// What collections are below of: the root `projects/p/databases/d/documents`, or a document.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParentName {
    /// The database.
    pub database: DatabaseName,
    /// The document; `None` is the root.
    pub document: Option<DocumentPath>,
}

impl ParentName {
    /// Reads a parent's name.
    ///
    /// # Errors
    /// Every [`NameError`] but [`NameError::OtherDatabase`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (database, path) = DatabaseName::split_documents(text)?;
        let document = path.map(DocumentPath::parse).transpose()?;
        Ok(Self { database, document })
    }
}

impl fmt::Display for ParentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/documents", self.database)?;
        match &self.document {
            Some(path) => write!(f, "/{path}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
