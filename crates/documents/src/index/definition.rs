//! What an index is declared as: composite indexes, and which single-field indexes a field has.
//!
//! Firestore specification, section 13, and the `Index` and `Field` messages of its administration service.

use std::collections::BTreeSet;
use std::fmt;

use firekeep_model::{CollectionId, FieldPath, FieldRef};

use crate::index::key::{Component, IndexId};
use crate::limits::INDEX_FIELDS_MAX;
use crate::query::Direction;

/// Which queries an index is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum QueryScope {
    /// Those of one collection.
    Collection,
    /// Those of a group of collections.
    CollectionGroup,
}

/// How an index holds a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IndexOrder {
    /// Its values, the smallest first.
    Ascending,
    /// Its values, the largest first.
    Descending,
    /// The elements of its arrays.
    Contains,
    /// Its vectors of this dimension.
    Vector(u32),
}

/// A field of a composite index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IndexField {
    /// Which field.
    pub field: FieldPath,
    /// How the index holds it.
    pub order: IndexOrder,
}

/// A composite index as it was declared: `(a ASC, b DESC, __name__ DESC)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Definition {
    collection: CollectionId,
    scope: QueryScope,
    fields: Vec<IndexField>, // INVARIANT: see `new`, the only constructor.
    name: Direction,
}

/// Which single-field indexes a field has, instead of those that all have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldOverride {
    /// The collections' id; `None` for all that have no such rule of their own.
    pub collection: Option<CollectionId>,
    /// The field, and those in it that have no rule of their own; `None` for all fields.
    pub field: Option<FieldPath>,
    /// Its indexes. None at all is an exemption.
    pub indexes: Vec<(QueryScope, IndexOrder)>,
}

/// Why an index cannot be declared, or not now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIndex {
    /// Single fields are indexed without being asked.
    #[error("a composite index has two fields or more; single fields have field overrides")]
    OneField,
    /// More than [`INDEX_FIELDS_MAX`].
    #[error("an index has at most {INDEX_FIELDS_MAX} fields")]
    TooManyFields,
    /// One field twice.
    #[error("the field `{0}` is in the index twice")]
    FieldTwice(FieldRef),
    /// The entries of two would be all pairs of elements.
    #[error("an index holds the elements of one array at most")]
    TwoArrays,
    /// A vector is not sorted by: nothing can be behind it.
    #[error("a vector is the last field of an index")]
    VectorNotLast,
    /// The name is what sorts documents with equal values.
    #[error("`__name__` is the last field of an index, and in ascending or descending order")]
    NameNotLast,
    /// A rule for one field in all collections.
    #[error("a field override for all collections is for all fields")]
    FieldOfAllCollections,
    /// Vectors of a single field.
    #[error("a vector index is a composite index")]
    SingleVector,
    /// There is no such index.
    #[error("there is no index `{}`", .0.0)]
    NoSuchIndex(IndexId),
    /// Another field of these collections says already when their documents expire.
    #[error(
        "the documents of the collection group `{0}` expire by another field, `{1}`; take that back first"
    )]
    OtherExpiry(String, FieldPath),
    /// What was asked for before is not done yet.
    #[error("the indexes of these collections are being changed; try again when that is done")]
    Busy,
}

impl Definition {
    /// A composite index of fields, of which the last may be `__name__`. Where it is not, names sort as the last field
    /// that is sorted.
    ///
    /// # Errors
    /// Every [`InvalidIndex`] about composite indexes.
    pub fn new(
        collection: CollectionId,
        scope: QueryScope,
        fields: Vec<(FieldRef, IndexOrder)>,
    ) -> Result<Self, InvalidIndex> {
        if fields.len() > INDEX_FIELDS_MAX {
            return Err(InvalidIndex::TooManyFields);
        }
        let has_vector =
            |(_, order): &(FieldRef, IndexOrder)| matches!(order, IndexOrder::Vector(_));
        if fields.len() < 2 && !fields.iter().any(has_vector) {
            return Err(InvalidIndex::OneField);
        }
        let mut known = BTreeSet::new();
        let mut name = None;
        let mut declared = Vec::with_capacity(fields.len());
        for (field, order) in fields {
            if !known.insert(field.clone()) {
                return Err(InvalidIndex::FieldTwice(field));
            }
            if name.is_some() {
                return Err(InvalidIndex::NameNotLast);
            }
            match (field, order) {
                (FieldRef::Field(field), order) => declared.push(IndexField { field, order }),
                (FieldRef::DocumentName, order) => {
                    name = Some(order.direction().ok_or(InvalidIndex::NameNotLast)?);
                }
            }
        }
        let arrays = declared
            .iter()
            .filter(|field| field.order == IndexOrder::Contains);
        if arrays.count() > 1 {
            return Err(InvalidIndex::TwoArrays);
        }
        let mut before_last = declared.iter().rev().skip(1);
        if before_last.any(|field| matches!(field.order, IndexOrder::Vector(_))) {
            return Err(InvalidIndex::VectorNotLast);
        }
        let directions = declared.iter().rev();
        let last = directions
            .filter_map(|field| field.order.direction())
            .next();
        Ok(Self {
            collection,
            scope,
            fields: declared,
            name: name.or(last).unwrap_or_default(),
        })
    }

    /// The id of the collections that it is for.
    #[must_use]
    pub const fn collection(&self) -> &CollectionId {
        &self.collection
    }

    /// Which queries it is for.
    #[must_use]
    pub const fn scope(&self) -> QueryScope {
        self.scope
    }

    /// Its fields, without the name.
    #[must_use]
    pub fn fields(&self) -> &[IndexField] {
        &self.fields
    }

    /// How it sorts the names of documents with equal values.
    #[must_use]
    pub const fn name(&self) -> Direction {
        self.name
    }

    /// How its entries hold its fields.
    ///
    /// In keys, names always ascend. An index whose names descend is kept the other way round, and read backwards:
    /// `(a ASC, b DESC, __name__ DESC)` as `(a DESC, b ASC, __name__ ASC)`. So two declarations that are each other's
    /// reverse have the same entries.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let count = self.fields.len();
        let part = |IndexField { field, order }: &IndexField| {
            let turned = |direction| match direction == self.name {
                true => Direction::Ascending,
                false => Direction::Descending,
            };
            let component = match order {
                IndexOrder::Vector(_) => Component::VECTOR,
                order => {
                    let direction = order.direction().map(turned);
                    Component::of(count, direction.unwrap_or_default())
                }
            };
            Part {
                field: field.clone(),
                holds: match order {
                    IndexOrder::Ascending | IndexOrder::Descending => Holds::Value,
                    IndexOrder::Contains => Holds::Element,
                    IndexOrder::Vector(dimension) => Holds::Vector(*dimension),
                },
                component,
            }
        };
        self.fields.iter().map(part).collect()
    }
}

/// A field as the entries of a composite index hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which field.
    pub field: FieldPath,
    /// What of it.
    pub holds: Holds,
    /// How that is written, where names ascend.
    pub component: Component,
}

/// What of a field an entry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Its value.
    Value,
    /// One element of the array that it is. Documents have an entry for each.
    Element,
    /// The dimension of the vector that it is: this one.
    Vector(u32),
}

impl IndexOrder {
    /// The direction, if it sorts values.
    #[must_use]
    pub const fn direction(self) -> Option<Direction> {
        match self {
            Self::Ascending => Some(Direction::Ascending),
            Self::Descending => Some(Direction::Descending),
            Self::Contains | Self::Vector(_) => None,
        }
    }
}

impl fmt::Display for QueryScope {
    /// As explanations of queries have it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Collection => "Collection",
            Self::CollectionGroup => "Collection group",
        })
    }
}

impl fmt::Display for IndexOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ascending => f.write_str("ASC"),
            Self::Descending => f.write_str("DESC"),
            Self::Contains => f.write_str("CONTAINS"),
            Self::Vector(dimension) => write!(f, "VECTOR<{dimension}>"),
        }
    }
}

/// Fields and their orders as explanations and messages have them: `(a ASC, b DESC, __name__ DESC)`.
#[must_use]
pub fn properties(fields: impl IntoIterator<Item = (FieldRef, IndexOrder)>) -> String {
    let fields: Vec<_> = fields
        .into_iter()
        .map(|(field, order)| format!("{field} {order}"))
        .collect();
    format!("({})", fields.join(", "))
}

impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.name {
            Direction::Ascending => IndexOrder::Ascending,
            Direction::Descending => IndexOrder::Descending,
        };
        let fields = self.fields.iter();
        let fields = fields.map(|field| (FieldRef::Field(field.field.clone()), field.order));
        f.write_str(&properties(fields.chain([(FieldRef::DocumentName, name)])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a ASC, b CONTAINS` and so on.
    pub(crate) fn define(text: &str) -> Result<Definition, InvalidIndex> {
        let fields = text.split(", ").filter(|field| !field.is_empty());
        let fields = fields.map(|field| {
            let (field, order) = field.split_once(' ').unwrap();
            let order = match order {
                "ASC" => IndexOrder::Ascending,
                "DESC" => IndexOrder::Descending,
                "CONTAINS" => IndexOrder::Contains,
                _ => IndexOrder::Vector(3),
            };
            (FieldRef::parse(field).unwrap(), order)
        });
        let collection = CollectionId::parse("c").unwrap();
        Definition::new(collection, QueryScope::Collection, fields.collect())
    }

    #[test]
    fn definitions_print_as_the_official_ones() {
        for (declared, text) in [
            ("foo ASC, bar ASC", "(foo ASC, bar ASC, __name__ ASC)"),
            ("foo ASC, __name__ ASC", "(foo ASC, __name__ ASC)"),
            (
                "a.b ASC, `a.b` DESC",
                "(a.b ASC, `a.b` DESC, __name__ DESC)",
            ),
            (
                "a ASC, b DESC, __name__ ASC",
                "(a ASC, b DESC, __name__ ASC)",
            ),
            ("a DESC, b CONTAINS", "(a DESC, b CONTAINS, __name__ DESC)"),
            ("v VECTOR", "(v VECTOR<3>, __name__ ASC)"),
            ("a ASC, v VECTOR", "(a ASC, v VECTOR<3>, __name__ ASC)"),
        ] {
            assert_eq!(define(declared).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_index_is_refused() {
        use InvalidIndex as E;
        let twice = |field: &str| E::FieldTwice(FieldRef::parse(field).unwrap());
        for (declared, error) in [
            ("", E::OneField),
            ("a ASC", E::OneField),
            ("a ASC, b ASC, a DESC", twice("a")),
            ("a CONTAINS, b CONTAINS", E::TwoArrays),
            ("v VECTOR, a ASC", E::VectorNotLast),
            ("__name__ ASC, a ASC", E::NameNotLast),
            ("a ASC, __name__ CONTAINS", E::NameNotLast),
        ] {
            assert_eq!(define(declared), Err(error), "{declared}");
        }
        let many: Vec<_> = (0..=INDEX_FIELDS_MAX)
            .map(|at| format!("f{at} ASC"))
            .collect();
        assert_eq!(define(&many.join(", ")), Err(E::TooManyFields));
    }

    #[test]
    fn entries_are_kept_so_that_names_ascend() {
        let kept = |declared: &str| {
            let parts = define(declared).unwrap().parts();
            let directions = parts.iter().map(|part| match part.component.direction {
                Direction::Ascending => '+',
                Direction::Descending => '-',
            });
            directions.collect::<String>()
        };
        for (declared, expected) in [
            ("a ASC, b ASC", "++"),
            ("a DESC, b DESC", "++"),
            ("a ASC, b DESC", "-+"),
            ("a ASC, b DESC, __name__ ASC", "+-"),
            ("a DESC, b CONTAINS", "++"),
        ] {
            assert_eq!(kept(declared), expected, "{declared}");
        }
    }
}
