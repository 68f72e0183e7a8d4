//! Names of what administrators see: projects, collection groups, indexes, fields, operations.
//!
//! `projects/p/databases/d/collectionGroups/c/indexes/16` and so on. Source: Firestore specification, section 14.

use firekeep_api::firestore::IndexId;
use firekeep_model::{CollectionId, DatabaseId, DatabaseName, FieldPath, NameError, ProjectId};

use crate::Refusal;
use crate::convert::Fault;

/// The collections of a rule for all of them.
const ALL_COLLECTIONS: &str = "__default__";
/// The field of a rule for all of them.
const ALL_FIELDS: &str = "*";

/// Reads `projects/p`.
pub(super) fn read_project(name: &str) -> Result<ProjectId, Refusal> {
    let id = name.strip_prefix("projects/").unwrap_or_default();
    ProjectId::parse(id).map_err(invalid)
}

/// Reads `projects/p/databases/d`.
pub(super) fn read_database(name: &str) -> Result<DatabaseName, Refusal> {
    DatabaseName::parse(name).map_err(invalid)
}

/// A database of a project.
pub(super) fn database_of(project: ProjectId, id: &str) -> Result<DatabaseName, Refusal> {
    let id = DatabaseId::parse(id).map_err(invalid)?;
    Ok(DatabaseName::new(project, id))
}

/// Splits a name at a collection `…/{kind}/`, and reads the database before it.
fn split<'a>(name: &'a str, kind: &str) -> Result<(DatabaseName, &'a str), Refusal> {
    let (database, rest) = name
        .split_once(kind)
        .ok_or_else(|| Refusal::invalid(format!("the name `{name}` lacks `{kind}`")))?;
    Ok((read_database(database)?, rest))
}

/// Whose indexes or rules are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Collections {
    /// Those of one id.
    Of(CollectionId),
    /// All of them, in lists: `-`.
    All,
    /// Those that have no rule of their own: `__default__`.
    Default,
}

/// Reads `…/collectionGroups/c`.
pub(super) fn read_group(name: &str) -> Result<(DatabaseName, Collections), Refusal> {
    let (database, id) = split(name, "/collectionGroups/")?;
    Ok((database, read_collections(id)?))
}

fn read_collections(id: &str) -> Result<Collections, Refusal> {
    Ok(match id {
        "-" => Collections::All,
        ALL_COLLECTIONS => Collections::Default,
        id => Collections::Of(CollectionId::parse(id).map_err(Fault::from)?),
    })
}

/// Reads `…/collectionGroups/c/indexes/16`. The number alone finds it.
pub(super) fn read_index(name: &str) -> Result<(DatabaseName, IndexId), Refusal> {
    let (database, rest) = split(name, "/collectionGroups/")?;
    let number = rest.split_once("/indexes/").map(|(_, number)| number);
    let number = number.and_then(|number| number.parse().ok());
    let none = || {
        Refusal::new(
            crate::Code::NotFound,
            format!("There is no index `{name}`."),
        )
    };
    Ok((database, IndexId(number.ok_or_else(none)?)))
}

/// A field of a group of collections, as rules for single fields name them; `None` for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FieldName {
    pub(super) database: DatabaseName,
    pub(super) collection: Option<CollectionId>,
    pub(super) field: Option<FieldPath>,
}

impl FieldName {
    /// Reads `…/collectionGroups/c/fields/a.b`.
    pub(super) fn parse(name: &str) -> Result<Self, Refusal> {
        let (database, rest) = split(name, "/collectionGroups/")?;
        let (collection, field) = rest
            .split_once("/fields/")
            .ok_or_else(|| Refusal::invalid(format!("the name `{name}` lacks `/fields/`")))?;
        let collection = match read_collections(collection)? {
            Collections::Of(id) => Some(id),
            Collections::Default => None,
            // Only lists are of all collections; a rule is of one, or of those without one.
            Collections::All => {
                return Err(Refusal::invalid(format!(
                    "the name `{name}` must have a collection, or `{ALL_COLLECTIONS}`"
                )));
            }
        };
        let field = match field {
            ALL_FIELDS => None,
            path => Some(FieldPath::parse(path).map_err(Fault::from)?),
        };
        Ok(Self {
            database,
            collection,
            field,
        })
    }

    /// The rule that holds where there is no other.
    pub(super) fn ancestor(database: &DatabaseName) -> Self {
        Self {
            database: database.clone(),
            collection: None,
            field: None,
        }
    }
}

impl std::fmt::Display for FieldName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let database = &self.database;
        let collection = self.collection.as_ref().map(CollectionId::as_str);
        let collection = collection.unwrap_or(ALL_COLLECTIONS);
        write!(f, "{database}/collectionGroups/{collection}/fields/")?;
        match &self.field {
            Some(field) => write!(f, "{field}"),
            None => f.write_str(ALL_FIELDS),
        }
    }
}

/// The name of an index.
pub(super) fn index_name(
    database: &DatabaseName,
    collection: &CollectionId,
    id: IndexId,
) -> String {
    let (collection, id) = (collection.as_str(), id.0);
    format!("{database}/collectionGroups/{collection}/indexes/{id}")
}

/// The name of the operation that builds an index.
pub(super) fn building_name(database: &DatabaseName, id: IndexId) -> String {
    format!("{database}/operations/index-{}", id.0)
}

/// What an operation does, as its name says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OperationId {
    /// It builds an index.
    Index(IndexId),
    /// It is one of those that the server keeps a list of.
    Long(String),
}

/// The name of an operation that the server keeps a list of.
pub(super) fn long_name(database: &DatabaseName, id: &str) -> String {
    format!("{database}/operations/{id}")
}

/// Reads the name of an operation.
pub(super) fn read_operation(name: &str) -> Result<(DatabaseName, OperationId), Refusal> {
    let (database, id) = split(name, "/operations/")?;
    let number = id.strip_prefix("index-").and_then(|id| id.parse().ok());
    let id = match number {
        Some(number) => OperationId::Index(IndexId(number)),
        None => OperationId::Long(id.to_owned()),
    };
    Ok((database, id))
}

fn invalid(error: impl Into<NameError>) -> Refusal {
    Fault::from(error.into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_of_one_collection_or_of_those_without_a_rule() {
        for (collection, is_one) in [("c", true), ("__default__", true), ("-", false)] {
            let name =
                format!("projects/p/databases/(default)/collectionGroups/{collection}/fields/a");
            let read = FieldName::parse(&name);
            assert_eq!(read.is_ok(), is_one, "{name}: {read:?}");
        }
    }
}
