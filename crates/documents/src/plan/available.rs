//! The indexes that a query may use.

use firekeep_model::{CollectionId, FieldPath, FieldRef};
use firekeep_store::Key;

use crate::exec::entries::OwnScope;
use crate::index::catalog::{Catalog, Composite, Kind, State};
use crate::index::definition::{Holds, IndexOrder, Part, properties};
use crate::index::key::{self, Component};
use crate::query::Query;
use crate::{Error, keys};

/// An index, as it is for the collection or the group of a query.
#[derive(Clone, Debug)]
pub(crate) struct Available {
    pub(crate) scope: OwnScope,
    /// What all its entries begin with.
    pub(crate) prefix: Key,
    pub(crate) parts: Vec<Part>,
    /// How explanations call it, and how where it is read backwards.
    pub(crate) names: [String; 2],
}

/// The indexes of the collections of one query.
#[derive(Debug)]
pub(crate) struct Indexes<'c> {
    catalog: &'c Catalog,
    collection: CollectionId,
    scope: OwnScope,
    /// What the keys in `docs` begin with that are the query's: that of the collection, or of the parent.
    pub(crate) above: Key,
}

impl<'c> Indexes<'c> {
    /// `None` where the query reads collections of every id.
    pub(crate) fn of(query: &Query, catalog: &'c Catalog) -> Result<Option<Self>, Error> {
        let Some(collection) = query.from.collection.clone() else {
            return Ok(None);
        };
        let path = query
            .collection_path()
            .map_err(crate::query::InvalidQuery::from)?;
        let (scope, above) = match path {
            Some(path) => {
                let above = keys::collection(&path);
                (OwnScope::Collection(path), above)
            }
            None => {
                let above = keys::parent(query.parent.as_ref());
                (OwnScope::Group(collection.clone()), above)
            }
        };
        Ok(Some(Self {
            catalog,
            collection,
            scope,
            above,
        }))
    }

    /// The index of a field's values.
    pub(crate) fn values(&self, field: &FieldPath) -> Option<Available> {
        self.single(field, Kind::Values)
    }

    /// The index of the elements of a field's arrays.
    pub(crate) fn elements(&self, field: &FieldPath) -> Option<Available> {
        self.single(field, Kind::Elements)
    }

    fn single(&self, field: &FieldPath, kind: Kind) -> Option<Available> {
        let is_there = match self.scope {
            OwnScope::Collection(_) => true,
            OwnScope::Group(_) => self.catalog.group_state(&self.collection) == State::Ready,
        };
        if !is_there || self.catalog.is_exempt(&self.collection, field, kind) {
            return None;
        }
        let scope = self.scope.as_scope();
        let (prefix, holds, orders) = match kind {
            Kind::Values => (
                key::values(&scope, field),
                Holds::Value,
                [IndexOrder::Ascending, IndexOrder::Descending],
            ),
            Kind::Elements => (
                key::elements(&scope, field),
                Holds::Element,
                [IndexOrder::Contains, IndexOrder::Contains],
            ),
        };
        let names = [IndexOrder::Ascending, IndexOrder::Descending];
        let name_of = |order, name| {
            let field = FieldRef::Field(field.clone());
            properties([(field, order), (FieldRef::DocumentName, name)])
        };
        let [first, second] = orders;
        let [ascending, descending] = names;
        Some(Available {
            scope: self.scope.clone(),
            prefix,
            parts: vec![Part {
                field: field.clone(),
                holds,
                component: Component::SINGLE,
            }],
            names: [name_of(first, ascending), name_of(second, descending)],
        })
    }

    /// The composite indexes that are ready.
    pub(crate) fn composites(&self) -> impl Iterator<Item = Available> {
        let all = self.catalog.composites(&self.collection);
        let fits = |composite: &&Composite| {
            composite.state == State::Ready
                && composite.definition.scope() == self.scope.query_scope()
        };
        all.filter(fits).map(|composite| Available {
            scope: self.scope.clone(),
            prefix: key::composite(composite.id, &self.scope.as_scope()),
            parts: composite.parts.clone(),
            names: [
                composite.definition.to_string(),
                composite.definition.to_string(),
            ],
        })
    }
}
