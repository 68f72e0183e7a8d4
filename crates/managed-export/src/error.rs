//! Why a managed export cannot be read or written.

use std::io;
use std::path::PathBuf;

use firekeep_model::{
    DatabaseIdError, FieldPathError, IdError, PathError, TimestampError, ValueError,
};

/// Why a managed export cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder has no metadata file, or several.
    #[error(
        "`{0}` is no managed export: it must hold one file `*.overall_export_metadata`, as the export made it"
    )]
    NotAnExport(PathBuf),
    /// A file that the metadata name is not there.
    #[error("the export is not complete: its metadata name `{0}`, which is not there")]
    Missing(PathBuf),
    /// A metadata file is not understood.
    #[error("the metadata file `{file}` cannot be read: {what}")]
    Metadata {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// The records of a file are damaged.
    #[error("`{file}`: {cause}")]
    Record {
        /// The file.
        file: PathBuf,
        /// What is wrong, and where.
        cause: RecordError,
    },
    /// A record is no document that can be taken over.
    #[error("record {number} of `{file}` cannot be taken over: {cause}")]
    Entity {
        /// The file.
        file: PathBuf,
        /// The record's number in it, from 1.
        number: u64,
        /// Why.
        cause: EntityError,
    },
    /// The file system refused.
    #[error("`{file}` cannot be read or written")]
    Io {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
}

/// What is wrong with a file of records.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It ends within a record.
    #[error("it is cut off in the record at byte {at}")]
    CutOff {
        /// Where the part of the record begins.
        at: u64,
    },
    /// Its bytes are not those that were written.
    #[error("it is damaged at byte {at}: {what}")]
    Damaged {
        /// Where the part of the record begins.
        at: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The file system refused.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
}

/// Why an entity is no document.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EntityError {
    /// It is no message, or lacks what every entity has.
    #[error("it is no entity: {0}")]
    Malformed(&'static str),
    /// Its key is not that of a document.
    #[error("its key names no document: {0}")]
    Path(#[from] PathError),
    /// Its project is none.
    #[error("its key has no valid project: {0}")]
    Project(#[from] IdError),
    /// Its database is none.
    #[error("its key has no valid database: {0}")]
    Database(#[from] DatabaseIdError),
    /// It belongs to Datastore, not to Firestore.
    #[error("its key is in the namespace `{0}`, and Firestore has none")]
    Namespace(String),
    /// A field of it is refused.
    #[error("the field `{field}`: {cause}")]
    Field {
        /// The field, with those that it is in: `a > b`.
        field: String,
        /// Why.
        cause: FieldError,
    },
}

/// Why a field of an entity is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FieldError {
    /// Nobody says what such a value is in Firestore.
    #[error("{what} with the meaning {meaning} is not known as a value of Firestore")]
    Unknown {
        /// The type of the value.
        what: &'static str,
        /// Datastore's number.
        meaning: u64,
    },
    /// Its parts contradict each other.
    #[error("{0}")]
    Contradiction(&'static str),
    /// It is no value of a document.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// Its name is none.
    #[error(transparent)]
    Name(#[from] FieldPathError),
    /// It is outside of the years that documents can hold.
    #[error(transparent)]
    Time(#[from] TimestampError),
    /// It refers to something that is no document.
    #[error("the reference: {0}")]
    Reference(Box<EntityError>),
    /// A map in it is no entity.
    #[error("the map: {0}")]
    Map(Box<EntityError>),
}
