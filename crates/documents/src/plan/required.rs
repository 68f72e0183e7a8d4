//! Which index the cloud would demand for a query.
//!
//! Firekeep answers without; databases that warn or enforce want to know. In the cloud, single fields of a collection
//! are indexed, and equalities are merged; equalities beside an order or a range of another field, several such fields,
//! and everything in a group of collections need an index that was declared. Firestore specification, sections 7.6 and
//! 13.

use std::collections::BTreeSet;
use std::fmt;

use firekeep_model::{CollectionId, FieldPath, FieldRef};

use crate::dnf::Dnf;
use crate::filter::{Comparison, Term, Test};
use crate::index::catalog::{Catalog, Composite, Kind, State};
use crate::index::definition::{Definition, IndexField, IndexOrder, QueryScope};
use crate::query::{Direction, Order, Query};

/// An index that a query needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequiredIndex {
    /// A composite one.
    Composite(Definition),
    /// That of a single field: in a group of collections, or one that is exempt.
    Field {
        /// The collections' id.
        collection: CollectionId,
        /// For which queries.
        scope: QueryScope,
        /// The field.
        field: FieldPath,
        /// How the index holds it.
        order: IndexOrder,
    },
}

/// COMPAT: the texts of the cloud, without the link to its console that follows there.
impl fmt::Display for RequiredIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Composite(_) => f.write_str("The query requires an index."),
            Self::Field {
                collection,
                scope,
                field,
                order,
            } => {
                let scope = match scope {
                    QueryScope::Collection => "COLLECTION",
                    QueryScope::CollectionGroup => "COLLECTION_GROUP",
                };
                write!(
                    f,
                    "The query requires a {scope}_{order} index for collection {collection} and field {field}."
                )
            }
        }
    }
}

/// What one conjunction asks of an index.
struct Demand<'q> {
    collection: &'q CollectionId,
    scope: QueryScope,
    /// Equal to something, or with an element that is.
    fixed: BTreeSet<(&'q FieldPath, IndexOrder)>,
    /// Sorted by, in this order. Without the name.
    sorted: Vec<(&'q FieldPath, IndexOrder)>,
    /// How the names are sorted.
    name: Direction,
}

/// The index that a query needs in a database where none was declared; `None` when the automatic ones do. `summed` are
/// the fields whose sums or averages are asked for.
///
/// Of a query with several alternatives, the first one that needs an index counts.
#[must_use]
pub fn required_index(query: &Query, summed: &[FieldPath]) -> Option<RequiredIndex> {
    missing_index(query, summed, &Catalog::default())
}

/// As [`required_index`], in a database with these indexes.
#[must_use]
pub fn missing_index(
    query: &Query,
    summed: &[FieldPath],
    catalog: &Catalog,
) -> Option<RequiredIndex> {
    let collection = query.from.collection.as_ref()?;
    let dnf = match &query.filter {
        // What is refused needs nothing.
        Some(filter) => Dnf::new(filter).ok()?,
        None => Dnf::default(),
    };
    let orders = query.normal_order();
    dnf.iter().find_map(|terms| {
        let mut demand = Demand::of(query, collection, terms, &orders);
        demand.add_summed(summed);
        demand.missing(query, catalog)
    })
}

impl<'q> Demand<'q> {
    fn of(
        query: &'q Query,
        collection: &'q CollectionId,
        terms: &[Term<'q>],
        orders: &'q [Order],
    ) -> Self {
        let fixed = terms
            .iter()
            .filter_map(|term| match (term.field, term.test) {
                (FieldRef::Field(field), Test::Compare(Comparison::Equal, _)) => {
                    Some((field, IndexOrder::Ascending))
                }
                (FieldRef::Field(field), Test::ArrayContains(_)) => {
                    Some((field, IndexOrder::Contains))
                }
                _ => None,
            });
        let fixed: BTreeSet<_> = fixed.collect();
        let mut name = Direction::Ascending;
        let mut sorted = Vec::new();
        for order in orders {
            match &order.field {
                FieldRef::DocumentName => {
                    name = order.direction;
                    break;
                }
                FieldRef::Field(field) if fixed.contains(&(field, IndexOrder::Ascending)) => {}
                FieldRef::Field(field) => sorted.push((field, index_order(order.direction))),
            }
        }
        Self {
            collection,
            scope: match query.from.all_descendants {
                true => QueryScope::CollectionGroup,
                false => QueryScope::Collection,
            },
            fixed,
            sorted,
            name,
        }
    }

    fn add_summed(&mut self, summed: &'q [FieldPath]) {
        for field in summed {
            let is_known = self.sorted.iter().any(|(own, _)| *own == field);
            if !is_known && !self.fixed.contains(&(field, IndexOrder::Ascending)) {
                self.sorted.push((field, index_order(self.name)));
            }
        }
    }

    fn missing(&self, query: &'q Query, catalog: &Catalog) -> Option<RequiredIndex> {
        let nearest = query.find_nearest.as_ref();
        let vector = nearest.map(|nearest| {
            let dimension = u32::try_from(nearest.vector.len()).unwrap_or(u32::MAX);
            (&nearest.field, IndexOrder::Vector(dimension))
        });
        let is_along = match self.sorted.as_slice() {
            [(_, order)] => *order == index_order(self.name),
            _ => true,
        };
        let merges = self.sorted.is_empty() || (self.sorted.len() == 1 && self.fixed.is_empty());
        if vector.is_none() && merges && is_along {
            let mut single = self.fixed.iter().chain(&self.sorted);
            return single.find_map(|(field, order)| self.missing_field(field, *order, catalog));
        }
        let usable = catalog.composites(self.collection);
        let usable = usable.filter(|composite| composite.state == State::Ready);
        let mut left = self.fixed.clone();
        let mut is_any = false;
        for composite in usable {
            if let Some(fixed) = self.serves(composite, vector) {
                is_any = true;
                left.retain(|own| !fixed.contains(own));
            }
        }
        if is_any && left.is_empty() {
            return None;
        }
        let fields = self.fixed.iter().chain(&self.sorted).copied().chain(vector);
        let fields = fields.map(|(field, order)| (FieldRef::Field(field.clone()), order));
        let mut fields: Vec<_> = fields.collect();
        let last = fields.iter().rev().find_map(|(_, order)| order.direction());
        if last != Some(self.name) && vector.is_none() {
            fields.push((FieldRef::DocumentName, index_order(self.name)));
        }
        let definition = Definition::new(self.collection.clone(), self.scope, fields);
        definition.ok().map(RequiredIndex::Composite)
    }

    fn missing_field(
        &self,
        field: &FieldPath,
        order: IndexOrder,
        catalog: &Catalog,
    ) -> Option<RequiredIndex> {
        let kind = match order {
            IndexOrder::Contains => Kind::Elements,
            _ => Kind::Values,
        };
        let is_there = match self.scope {
            QueryScope::Collection => true,
            QueryScope::CollectionGroup => catalog.group_state(self.collection) == State::Ready,
        };
        if is_there && !catalog.is_exempt(self.collection, field, kind) {
            return None;
        }
        Some(RequiredIndex::Field {
            collection: self.collection.clone(),
            scope: self.scope,
            field: field.clone(),
            order,
        })
    }

    /// The fixed fields that a composite index begins with, if it goes on with what is sorted by: then it serves, alone
    /// or merged with others that go on so.
    fn serves(
        &self,
        composite: &Composite,
        vector: Option<(&FieldPath, IndexOrder)>,
    ) -> Option<Vec<(&'q FieldPath, IndexOrder)>> {
        let definition = &composite.definition;
        if definition.scope() != self.scope {
            return None;
        }
        let behind = self.sorted.len() + usize::from(vector.is_some());
        let at = definition.fields().len().checked_sub(behind)?;
        let (front, sorted) = definition.fields().split_at_checked(at)?;
        let is_turned = definition.name() != self.name;
        let wanted = self.sorted.iter().copied().chain(vector);
        let fits = |(own, (field, order)): (&IndexField, (&FieldPath, IndexOrder))| {
            own.field == *field && own.order == if is_turned { turned(order) } else { order }
        };
        if !sorted.iter().zip(wanted).all(fits) {
            return None;
        }
        let fixed = |own: &IndexField| {
            self.fixed.iter().copied().find(|(field, order)| {
                let is_contains = own.order == IndexOrder::Contains;
                own.field == **field && is_contains == (*order == IndexOrder::Contains)
            })
        };
        front.iter().map(fixed).collect()
    }
}

const fn turned(order: IndexOrder) -> IndexOrder {
    match order {
        IndexOrder::Ascending => IndexOrder::Descending,
        IndexOrder::Descending => IndexOrder::Ascending,
        other => other,
    }
}

const fn index_order(direction: Direction) -> IndexOrder {
    match direction {
        Direction::Ascending => IndexOrder::Ascending,
        Direction::Descending => IndexOrder::Descending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::fixture::{and, f, field_path, l, or, orders, query};
    use crate::query::{CollectionSelector, DistanceMeasure, FindNearest};

    fn check(query: &Query, expected: &str) {
        let text = match required_index(query, &[]) {
            None => String::new(),
            Some(RequiredIndex::Composite(definition)) => definition.to_string(),
            Some(field @ RequiredIndex::Field { .. }) => field.to_string(),
        };
        assert_eq!(text, expected, "{query:?}");
    }

    #[test]
    fn what_the_cloud_demands() {
        let rows: [(_, &[&str], _); 16] = [
            (None, &[], ""),
            (None, &["a"], ""),
            (None, &["-a"], ""),
            (None, &["a", "-b"], "(a ASC, b DESC, __name__ DESC)"),
            (None, &["a", "-__name__"], "(a ASC, __name__ DESC)"),
            (Some(f("a", "==", 1)), &["a"], ""),
            (Some(f("a", ">", 1)), &["-a"], ""),
            (Some(and([f("a", "==", 1), f("b", "==", 1)])), &[], ""),
            (
                Some(and([f("a", "==", 1), f("b", "array-contains", 1)])),
                &[],
                "",
            ),
            (
                Some(and([f("b", "==", 1), f("a", ">", 1)])),
                &[],
                "(b ASC, a ASC, __name__ ASC)",
            ),
            (
                Some(f("a", "==", 1)),
                &["-b"],
                "(a ASC, b DESC, __name__ DESC)",
            ),
            (
                Some(f("a", "array-contains", 1)),
                &["b"],
                "(a CONTAINS, b ASC, __name__ ASC)",
            ),
            (
                Some(and([f("b", ">", 1), f("a", "<", 1)])),
                &[],
                "(a ASC, b ASC, __name__ ASC)",
            ),
            (Some(or([f("a", "==", 1), f("b", "==", 1)])), &[], ""),
            (
                Some(or([f("a", "==", 1), f("b", ">", 1)])),
                &[],
                "(a ASC, b ASC, __name__ ASC)",
            ),
            (
                Some(l("a", "in", [1.into(), 2.into()])),
                &["b"],
                "(a ASC, b ASC, __name__ ASC)",
            ),
        ];
        for (filter, order_by, expected) in rows {
            let query = Query {
                filter,
                order_by: orders(order_by),
                ..query("c")
            };
            check(&query, expected);
        }
    }

    #[test]
    fn groups_and_vectors_need_what_was_declared() {
        let group = |filter| Query {
            from: CollectionSelector {
                all_descendants: true,
                ..query("c").from
            },
            filter,
            ..Query::default()
        };
        check(&group(None), "");
        check(
            &group(Some(f("a", "==", 1))),
            "The query requires a COLLECTION_GROUP_ASC index for collection c and field a.",
        );
        check(
            &group(Some(f("a", "array-contains", 1))),
            "The query requires a COLLECTION_GROUP_CONTAINS index for collection c and field a.",
        );
        let nearest = Query {
            filter: Some(f("a", "==", 1)),
            find_nearest: Some(FindNearest {
                field: field_path("v"),
                vector: firekeep_model::Vector::new([1.0, 2.0]).unwrap(),
                measure: DistanceMeasure::Cosine,
                limit: 1,
                distance_threshold: None,
                distance_result_field: None,
            }),
            ..query("c")
        };
        check(&nearest, "(a ASC, v VECTOR<2>, __name__ ASC)");
    }

    #[test]
    fn sums_need_the_field_in_the_index() {
        let check = |filter, expected: Option<&str>| {
            let query = Query {
                filter,
                ..query("c")
            };
            let found = required_index(&query, &[field_path("p")]);
            let text = found.map(|found| match found {
                RequiredIndex::Composite(definition) => definition.to_string(),
                other => other.to_string(),
            });
            assert_eq!(text.as_deref(), expected);
        };
        check(None, None);
        check(Some(f("p", "==", 1)), None);
        check(Some(f("a", "==", 1)), Some("(a ASC, p ASC, __name__ ASC)"));
    }
}
