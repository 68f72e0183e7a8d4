//! Names of databases, documents and parents. Source: Firestore specification, section 1.1.

use firekeep_model::{
    CollectionId, DatabaseName, DocumentId, DocumentName, DocumentPath, ParentName,
};

use super::Fault;

/// The name of a database.
///
/// # Errors
/// [`Fault::Name`].
pub fn read_database(name: &str) -> Result<DatabaseName, Fault> {
    Ok(DatabaseName::parse(name)?)
}

/// The name of a document of any database.
///
/// # Errors
/// [`Fault::Name`].
pub fn read_document_name(name: &str) -> Result<DocumentName, Fault> {
    Ok(DocumentName::parse(name)?)
}

/// What collections are below of.
///
/// # Errors
/// [`Fault::Name`].
pub fn read_parent(name: &str) -> Result<ParentName, Fault> {
    Ok(ParentName::parse(name)?)
}

/// Names of documents of one database.
///
/// # Errors
/// [`Fault::Name`].
pub fn read_paths(database: &DatabaseName, names: &[String]) -> Result<Vec<DocumentPath>, Fault> {
    let path = |name: &String| Ok(database.parse_document(name)?);
    names.iter().map(path).collect()
}

/// The id of a collection; `None` for an empty text.
///
/// # Errors
/// [`Fault::Path`].
pub fn read_collection_id(id: &str) -> Result<Option<CollectionId>, Fault> {
    match id {
        "" => Ok(None),
        id => Ok(Some(CollectionId::parse(id)?)),
    }
}

/// The id of a document; `None` for an empty text.
///
/// # Errors
/// [`Fault::Path`].
pub fn read_document_id(id: &str) -> Result<Option<DocumentId>, Fault> {
    match id {
        "" => Ok(None),
        id => Ok(Some(DocumentId::parse(id)?)),
    }
}
