//! `firestore.indexes.json`: the indexes of a database as the official command line keeps them in a file.
//!
//! Read leniently: comments, the older names of members, and members that are nobody's. Written as it is written there.
//! Firestore specification, sections 13 and 14.

use firekeep_documents::index::{
    Catalog, Composite, Definition, Expiry, FieldOverride, IndexOrder, QueryScope, State,
};
use firekeep_documents::query::Direction;
use firekeep_model::{CollectionId, FieldPath, FieldRef};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Error;

/// The field of an override that is for all fields.
const ALL_FIELDS: &str = "*";
/// The collections of a rule for all of them.
const ALL_COLLECTIONS: &str = "__default__";

/// What a file declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexFile {
    /// Composite indexes.
    pub composites: Vec<Definition>,
    /// Which single-field indexes fields have.
    pub overrides: Vec<FieldOverride>,
    /// Which documents expire.
    pub expiring: Vec<Expiry>,
}

impl IndexFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Invalid`] with a sentence for people.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let unread = |error: &dyn std::fmt::Display| {
            Error::Invalid(format!("the index file cannot be read: {error}"))
        };
        let text = without_comments(text);
        // A list would pass for the members in their order.
        if !text.trim_start().starts_with('{') {
            return Err(unread(&"it is no JSON object"));
        }
        let file: File = serde_json::from_str(&text).map_err(|error| unread(&error))?;
        let mut read = Self::default();
        for (at, index) in file.indexes.into_iter().enumerate() {
            let place = format!("indexes[{at}]");
            read.composites.push(index.read(&place)?);
        }
        for (at, rule) in file.field_overrides.into_iter().enumerate() {
            let place = format!("fieldOverrides[{at}]");
            let expires = rule.ttl == Some(true);
            if expires {
                read.expiring.push(rule.read_expiry(&place)?);
            }
            // COMPAT: a field that has no rule of its own and expires stands there with what all fields have.
            let rule = rule.read(&place)?;
            read.overrides
                .extend(rule.filter(|rule| !expires || !is_automatic(rule)));
        }
        Ok(read)
    }

    /// The file that declares what a database has. An index that is not ready says so in a member of its own.
    ///
    /// # Errors
    /// None: what JSON there is can be written.
    pub fn of(catalog: &Catalog) -> Result<Value, Error> {
        let shown = |index: &&Composite| matches!(index.state, State::Building | State::Ready);
        let indexes = catalog.all_composites().iter().filter(shown);
        let rules = catalog.overrides().iter();
        let mut rules: Vec<_> = rules.filter_map(|rule| rule.declaration()).collect();
        for expiry in catalog.expiries() {
            let is_known = rules.iter().any(|rule| is_of(rule, expiry));
            if !is_known {
                rules.push(FieldOverride {
                    collection: Some(expiry.collection.clone()),
                    field: Some(expiry.field.clone()),
                    indexes: AUTOMATIC.to_vec(),
                });
            }
        }
        let expires = |rule: &FieldOverride| catalog.expiries().iter().any(|it| is_of(rule, it));
        let file = File {
            indexes: indexes.map(Index::write).collect(),
            field_overrides: rules
                .iter()
                .map(|rule| Rule::write(rule, expires(rule)))
                .collect(),
        };
        Ok(serde_json::to_value(file)?)
    }
}

/// What every field has that no rule is about.
pub const AUTOMATIC: [(QueryScope, IndexOrder); 3] = [
    (QueryScope::Collection, IndexOrder::Ascending),
    (QueryScope::Collection, IndexOrder::Descending),
    (QueryScope::Collection, IndexOrder::Contains),
];

fn is_automatic(rule: &FieldOverride) -> bool {
    rule.indexes.len() == AUTOMATIC.len()
        && AUTOMATIC.iter().all(|index| rule.indexes.contains(index))
}

fn is_of(rule: &FieldOverride, expiry: &Expiry) -> bool {
    rule.collection.as_ref() == Some(&expiry.collection)
        && rule.field.as_ref() == Some(&expiry.field)
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct File {
    indexes: Vec<Index>,
    field_overrides: Vec<Rule>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    #[serde(alias = "collectionId")]
    collection_group: String,
    #[serde(default)]
    query_scope: Scope,
    fields: Vec<Field>,
    /// Ours: `CREATING`, until it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Field {
    field_path: String,
    #[serde(flatten)]
    holds: Holds,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    collection_group: String,
    field_path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ttl: Option<bool>,
    #[serde(default)]
    indexes: Option<Vec<Single>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Single {
    #[serde(flatten)]
    holds: Holds,
    #[serde(default)]
    query_scope: Scope,
}

/// How an index holds a field: one of the three.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Holds {
    #[serde(alias = "mode", skip_serializing_if = "Option::is_none")]
    order: Option<Order>,
    #[serde(skip_serializing_if = "Option::is_none")]
    array_config: Option<ArrayConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vector_config: Option<VectorConfig>,
}

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Scope {
    #[default]
    #[serde(alias = "QUERY_SCOPE_UNSPECIFIED")]
    Collection,
    CollectionGroup,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Order {
    Ascending,
    Descending,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ArrayConfig {
    Contains,
}

#[derive(Clone, Serialize, Deserialize)]
struct VectorConfig {
    dimension: u32,
    #[serde(default)]
    flat: Flat,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Flat {}

impl Index {
    fn read(self, place: &str) -> Result<Definition, Error> {
        let mut fields = Vec::with_capacity(self.fields.len());
        for (at, field) in self.fields.into_iter().enumerate() {
            let place = format!("{place}.fields[{at}]");
            let path = FieldRef::parse(&field.field_path);
            let path = path.map_err(|error| invalid(&place, &error))?;
            fields.push((path, field.holds.read(&place)?));
        }
        let collection = CollectionId::parse(&self.collection_group);
        let collection = collection.map_err(|error| invalid(place, &error))?;
        Definition::new(collection, self.query_scope.into(), fields)
            .map_err(|error| invalid(place, &error))
    }

    fn write(index: &Composite) -> Self {
        let definition = &index.definition;
        let fields = definition.fields().iter();
        let mut fields: Vec<_> = fields
            .map(|field| Field {
                field_path: field.field.to_string(),
                holds: Holds::write(field.order),
            })
            .collect();
        let directions = definition.fields().iter().rev();
        let last = directions
            .filter_map(|field| field.order.direction())
            .next();
        // Names sort as the last field does unless it is said.
        if definition.name() != last.unwrap_or_default() {
            let order = match definition.name() {
                Direction::Ascending => IndexOrder::Ascending,
                Direction::Descending => IndexOrder::Descending,
            };
            fields.push(Field {
                field_path: FieldRef::DocumentName.to_string(),
                holds: Holds::write(order),
            });
        }
        Self {
            collection_group: definition.collection().as_str().to_owned(),
            query_scope: definition.scope().into(),
            fields,
            state: (index.state == State::Building).then(|| "CREATING".to_owned()),
        }
    }
}

impl Rule {
    /// `None`: it says nothing about indexes.
    fn read(self, place: &str) -> Result<Option<FieldOverride>, Error> {
        let Some(indexes) = self.indexes else {
            return Ok(None);
        };
        let mut read = Vec::with_capacity(indexes.len());
        for (at, index) in indexes.into_iter().enumerate() {
            let order = index.holds.read(&format!("{place}.indexes[{at}]"))?;
            read.push((index.query_scope.into(), order));
        }
        let collection = match self.collection_group.as_str() {
            ALL_COLLECTIONS => None,
            id => Some(CollectionId::parse(id).map_err(|error| invalid(place, &error))?),
        };
        let field = match self.field_path.as_str() {
            ALL_FIELDS => None,
            path => Some(FieldPath::parse(path).map_err(|error| invalid(place, &error))?),
        };
        Ok(Some(FieldOverride {
            collection,
            field,
            indexes: read,
        }))
    }

    /// When the documents expire that it is about.
    fn read_expiry(&self, place: &str) -> Result<Expiry, Error> {
        let collection = CollectionId::parse(&self.collection_group);
        let field = FieldPath::parse(&self.field_path);
        Ok(Expiry {
            collection: collection.map_err(|error| invalid(place, &error))?,
            field: field.map_err(|error| invalid(place, &error))?,
        })
    }

    fn write(rule: &FieldOverride, expires: bool) -> Self {
        let collection = rule.collection.as_ref().map(CollectionId::as_str);
        let field = rule.field.as_ref().map(ToString::to_string);
        let index = |(scope, order): &(QueryScope, IndexOrder)| Single {
            holds: Holds::write(*order),
            query_scope: (*scope).into(),
        };
        Self {
            collection_group: collection.unwrap_or(ALL_COLLECTIONS).to_owned(),
            field_path: field.unwrap_or_else(|| ALL_FIELDS.to_owned()),
            ttl: expires.then_some(true),
            indexes: Some(rule.indexes.iter().map(index).collect()),
        }
    }
}

impl Holds {
    fn read(self, place: &str) -> Result<IndexOrder, Error> {
        match (self.order, self.array_config, self.vector_config) {
            (Some(Order::Ascending), None, None) => Ok(IndexOrder::Ascending),
            (Some(Order::Descending), None, None) => Ok(IndexOrder::Descending),
            (None, Some(ArrayConfig::Contains), None) => Ok(IndexOrder::Contains),
            (None, None, Some(vector)) => Ok(IndexOrder::Vector(vector.dimension)),
            _ => Err(invalid(
                place,
                &"it has one of `order`, `arrayConfig` and `vectorConfig`",
            )),
        }
    }

    fn write(order: IndexOrder) -> Self {
        let holds = Self::default();
        match order {
            IndexOrder::Ascending => Self {
                order: Some(Order::Ascending),
                ..holds
            },
            IndexOrder::Descending => Self {
                order: Some(Order::Descending),
                ..holds
            },
            IndexOrder::Contains => Self {
                array_config: Some(ArrayConfig::Contains),
                ..holds
            },
            IndexOrder::Vector(dimension) => Self {
                vector_config: Some(VectorConfig {
                    dimension,
                    flat: Flat {},
                }),
                ..holds
            },
        }
    }
}

impl From<Scope> for QueryScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Collection => Self::Collection,
            Scope::CollectionGroup => Self::CollectionGroup,
        }
    }
}

impl From<QueryScope> for Scope {
    fn from(scope: QueryScope) -> Self {
        match scope {
            QueryScope::Collection => Self::Collection,
            QueryScope::CollectionGroup => Self::CollectionGroup,
        }
    }
}

fn invalid(place: &str, error: &dyn std::fmt::Display) -> Error {
    Error::Invalid(format!("the index file, at `{place}`: {error}"))
}

/// COMPAT: the official command line makes its first file full of comments, and reads such files.
fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '/']) {
        let (before, found) = rest.split_at(at);
        kept.push_str(before);
        let length = match found {
            _ if found.starts_with('"') => string_length(found),
            _ if found.starts_with("//") => {
                rest = found.find('\n').map_or("", |end| found.split_at(end).1);
                continue;
            }
            _ if found.starts_with("/*") => {
                rest = found.split_once("*/").map_or("", |(_, rest)| rest);
                continue;
            }
            _ => 1,
        };
        let (string, behind) = found.split_at(length);
        kept.push_str(string);
        rest = behind;
    }
    kept.push_str(rest);
    kept
}

/// How long the string is that a text begins with, quotes and all.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    // The first byte is the quote that opens it.
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        IndexFile::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_file_is_read() {
        let file = IndexFile::parse(
            r#"{
              // Composite indexes.
              "indexes": [
                { "collectionGroup": "posts", "queryScope": "COLLECTION", "density": "SPARSE_ALL", "fields": [
                    { "fieldPath": "author.name", "order": "ASCENDING" },
                    { "fieldPath": "`a // \"b`", "arrayConfig": "CONTAINS" }, /* none */
                    { "fieldPath": "time", "order": "DESCENDING" } ] },
                { "collectionId": "old", "fields": [
                    { "fieldPath": "a", "mode": "ASCENDING" }, { "fieldPath": "__name__", "mode": "DESCENDING" } ] },
                { "collectionGroup": "v", "queryScope": "COLLECTION_GROUP", "fields": [
                    { "fieldPath": "v", "vectorConfig": { "dimension": 3, "flat": {} } } ] }
              ],
              "fieldOverrides": [
                { "collectionGroup": "posts", "fieldPath": "text", "ttl": false, "indexes": [] },
                { "collectionGroup": "posts", "fieldPath": "*", "indexes": [
                    { "order": "ASCENDING", "queryScope": "COLLECTION_GROUP" },
                    { "arrayConfig": "CONTAINS", "queryScope": "COLLECTION" } ] },
                { "collectionGroup": "posts", "fieldPath": "until", "ttl": true }
              ]
            }"#,
        )
        .unwrap();
        let shown: Vec<_> = file.composites.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "(author.name ASC, `a // \"b` CONTAINS, time DESC, __name__ DESC)",
                "(a ASC, __name__ DESC)",
                "(v VECTOR<3>, __name__ ASC)",
            ]
        );
        assert_eq!(
            file.composites
                .iter()
                .map(Definition::scope)
                .collect::<Vec<_>>(),
            [
                QueryScope::Collection,
                QueryScope::Collection,
                QueryScope::CollectionGroup
            ]
        );
        let posts = || Some(CollectionId::parse("posts").unwrap());
        assert_eq!(
            file.overrides,
            [
                FieldOverride {
                    collection: posts(),
                    field: Some(FieldPath::parse("text").unwrap()),
                    indexes: Vec::new(),
                },
                FieldOverride {
                    collection: posts(),
                    field: None,
                    indexes: vec![
                        (QueryScope::CollectionGroup, IndexOrder::Ascending),
                        (QueryScope::Collection, IndexOrder::Contains),
                    ],
                },
            ]
        );
        let expiry = Expiry {
            collection: CollectionId::parse("posts").unwrap(),
            field: FieldPath::parse("until").unwrap(),
        };
        assert_eq!(file.expiring, [expiry]);
    }

    #[test]
    fn an_empty_file_declares_nothing() {
        for text in ["{}", "{ // nothing\n }", r#"{"indexes": [], "x": 1}"#] {
            assert_eq!(IndexFile::parse(text).unwrap(), IndexFile::default());
        }
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        for (text, place) in [
            ("", "the index file cannot be read"),
            ("[]", "the index file cannot be read"),
            (r#"{"indexes": [{}]}"#, "missing field `collectionGroup`"),
            (
                r#"{"indexes": [{"collectionGroup": "c", "fields": [{"fieldPath": "a"}]}]}"#,
                "at `indexes[0].fields[0]`: it has one of",
            ),
            (
                r#"{"indexes": [{"collectionGroup": "c", "fields": [{"fieldPath": "a", "order": "ASCENDING"}]}]}"#,
                "at `indexes[0]`: a composite index has two fields",
            ),
            (
                r#"{"indexes": [{"collectionGroup": "c/d", "fields": []}]}"#,
                "at `indexes[0]`: ",
            ),
            (
                r#"{"fieldOverrides": [{"collectionGroup": "c", "fieldPath": "a..b", "indexes": []}]}"#,
                "at `fieldOverrides[0]`: ",
            ),
        ] {
            assert!(refused(text).contains(place), "{text}: {}", refused(text));
        }
    }
}
