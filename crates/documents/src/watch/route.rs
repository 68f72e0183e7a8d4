//! Which queries a changed document may matter to, without asking every one.
//!
//! Queries stand where their documents are: under a collection, under the id of a group of collections, or under
//! everything. Of those in one place, a query all of whose conjunctions ask for an equality, or for an element of an
//! array, stands under these values; a document is looked up by its own values, so that a thousand queries for different
//! owners cost it one look-up. The others are asked about every document of the place.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use firekeep_model::{DocumentPath, FieldRef, Value};
use firekeep_store::Key;
use firekeep_store::tuple::Encoder;

use crate::dnf::Dnf;
use crate::filter::{Comparison, Filter, Term, Test};
use crate::query::Query;
use crate::{Error, Fields, keys};

/// A shared query, to the hub.
pub(super) type QueryId = u64;

/// Bytes of a value under which queries stand. Longer values with the same front meet: they are only candidates.
const VALUE_BYTES_MAX: usize = 256;

/// Where queries stand.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// By the collection's path.
    collections: HashMap<Box<str>, Bucket>,
    /// By the collections' id.
    groups: HashMap<Box<str>, Bucket>,
    everything: Bucket,
}

/// Where one query stands: for taking it away again.
#[derive(Debug)]
pub(super) struct Route {
    place: Place,
    /// `None` for a query that is asked about every document of the place.
    anchors: Option<Vec<Anchor>>,
}

#[derive(Clone, Debug)]
enum Place {
    Collection(Box<str>),
    Group(Box<str>),
    Everything,
}

/// A value that a document must have to be in a conjunction.
#[derive(Clone, Debug)]
struct Anchor {
    field: FieldRef,
    kind: Kind,
    value: Key,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// The field itself.
    Equal,
    /// An element of it.
    Contains,
}

/// The queries of one place.
#[derive(Debug, Default)]
struct Bucket {
    anchored: BTreeMap<FieldRef, Anchored>,
    rest: BTreeSet<QueryId>,
}

/// The queries of one field, by the value that they ask for.
#[derive(Debug, Default)]
struct Anchored {
    equal: ByValue,
    contains: ByValue,
}

type ByValue = HashMap<Key, BTreeSet<QueryId>>;

impl Routes {
    /// Adds a query; `None` where no document can be in its answer.
    pub(super) fn add(&mut self, id: QueryId, query: &Query) -> Option<Route> {
        if query.limit == Some(0) {
            return None;
        }
        let place = Place::of(query)?;
        let bucket = self.bucket_mut(&place);
        let anchors = (query.filter.as_ref()).and_then(|filter| bucket.anchors(filter));
        bucket.add(id, anchors.as_deref());
        Some(Route { place, anchors })
    }

    /// Takes a query away.
    pub(super) fn remove(&mut self, id: QueryId, route: &Route) {
        let bucket = self.bucket_mut(&route.place);
        bucket.remove(id, route.anchors.as_deref());
        if bucket.is_empty() {
            match &route.place {
                Place::Collection(path) => drop(self.collections.remove(path)),
                Place::Group(id) => drop(self.groups.remove(id)),
                Place::Everything => {}
            }
        }
    }

    /// If there are queries where a document is.
    pub(super) fn reach(&self, path: &DocumentPath) -> bool {
        self.buckets(path).next().is_some()
    }

    /// The queries that may have a document, as it is or was: more than do. Some may be named several times.
    pub(super) fn candidates(
        &self,
        document: &impl Fields,
        into: &mut Vec<QueryId>,
    ) -> Result<(), Error> {
        for bucket in self.buckets(document.path()) {
            into.extend(&bucket.rest);
            for (field, anchored) in &bucket.anchored {
                anchored.candidates(field, document, into)?;
            }
        }
        Ok(())
    }

    /// If what a document was decides about candidates.
    pub(super) fn ask_values(&self, path: &DocumentPath) -> bool {
        self.buckets(path).any(|bucket| !bucket.anchored.is_empty())
    }

    fn buckets(&self, path: &DocumentPath) -> impl Iterator<Item = &Bucket> {
        let (collection, _) = path.as_str().rsplit_once('/').unwrap_or_default();
        let everything = Some(&self.everything);
        let found = [
            self.collections.get(collection),
            self.groups.get(path.collection_id()),
            everything.filter(|bucket| !bucket.is_empty()),
        ];
        found.into_iter().flatten()
    }

    fn bucket_mut(&mut self, place: &Place) -> &mut Bucket {
        match place {
            Place::Collection(path) => self.collections.entry(path.clone()).or_default(),
            Place::Group(id) => self.groups.entry(id.clone()).or_default(),
            Place::Everything => &mut self.everything,
        }
    }
}

impl Place {
    fn of(query: &Query) -> Option<Self> {
        // No document is in a collection whose path is too long.
        let collection = query.collection_path().ok()?;
        Some(match (collection, &query.from.collection) {
            (Some(path), _) => Self::Collection(path.as_str().into()),
            (None, Some(id)) => Self::Group(id.as_str().into()),
            (None, None) => Self::Everything,
        })
    }
}

impl Bucket {
    fn is_empty(&self) -> bool {
        self.rest.is_empty() && self.anchored.is_empty()
    }

    /// One value for each conjunction of a filter: of several that would do, the one with the fewest queries, so that
    /// what all ask for (`open == true`) is not what they stand under. `None` where a conjunction has none.
    fn anchors(&self, filter: &Filter) -> Option<Vec<Anchor>> {
        let conjunctions = Dnf::new(filter).ok()?;
        let anchor = |terms: &[Term<'_>]| {
            let anchors = terms.iter().filter_map(Anchor::of);
            anchors.min_by_key(|anchor| self.queries_at(anchor))
        };
        conjunctions.iter().map(anchor).collect()
    }

    fn queries_at(&self, anchor: &Anchor) -> usize {
        let anchored = self.anchored.get(&anchor.field);
        let queries = anchored.and_then(|anchored| anchored.of(anchor.kind).get(&anchor.value));
        queries.map_or(0, BTreeSet::len)
    }

    fn add(&mut self, id: QueryId, anchors: Option<&[Anchor]>) {
        let Some(anchors) = anchors else {
            self.rest.insert(id);
            return;
        };
        for anchor in anchors {
            let anchored = self.anchored.entry(anchor.field.clone()).or_default();
            let queries = anchored.of_mut(anchor.kind);
            queries.entry(anchor.value.clone()).or_default().insert(id);
        }
    }

    fn remove(&mut self, id: QueryId, anchors: Option<&[Anchor]>) {
        let Some(anchors) = anchors else {
            self.rest.remove(&id);
            return;
        };
        for anchor in anchors {
            let Some(anchored) = self.anchored.get_mut(&anchor.field) else {
                continue;
            };
            let by_value = anchored.of_mut(anchor.kind);
            if let Some(queries) = by_value.get_mut(&anchor.value) {
                queries.remove(&id);
                if queries.is_empty() {
                    by_value.remove(&anchor.value);
                }
            }
            if anchored.equal.is_empty() && anchored.contains.is_empty() {
                self.anchored.remove(&anchor.field);
            }
        }
    }
}

impl Anchor {
    fn of(term: &Term<'_>) -> Option<Self> {
        let (kind, value) = match (term.field, term.test) {
            (FieldRef::DocumentName, Test::Compare(Comparison::Equal, Value::Reference(name))) => {
                (Kind::Equal, keys::document(&name.path))
            }
            (FieldRef::Field(_), Test::Compare(Comparison::Equal, value)) => {
                (Kind::Equal, value_key(value))
            }
            (FieldRef::Field(_), Test::ArrayContains(value)) => (Kind::Contains, value_key(value)),
            _ => return None,
        };
        Some(Self {
            field: term.field.clone(),
            kind,
            value,
        })
    }
}

impl Anchored {
    const fn of(&self, kind: Kind) -> &ByValue {
        match kind {
            Kind::Equal => &self.equal,
            Kind::Contains => &self.contains,
        }
    }

    const fn of_mut(&mut self, kind: Kind) -> &mut ByValue {
        match kind {
            Kind::Equal => &mut self.equal,
            Kind::Contains => &mut self.contains,
        }
    }

    fn candidates(
        &self,
        field: &FieldRef,
        document: &impl Fields,
        into: &mut Vec<QueryId>,
    ) -> Result<(), Error> {
        let mut look_up = |queries: &ByValue, value: Key| {
            into.extend(queries.get(&value).into_iter().flatten());
        };
        let path = match field {
            FieldRef::DocumentName => {
                look_up(&self.equal, keys::document(document.path()));
                return Ok(());
            }
            FieldRef::Field(path) => path,
        };
        let Some(value) = document.field(path)? else {
            return Ok(());
        };
        if !self.equal.is_empty() {
            look_up(&self.equal, value_key(&value));
        }
        if let Value::Array(elements) = &*value
            && !self.contains.is_empty()
        {
            for element in elements.iter() {
                look_up(&self.contains, value_key(element));
            }
        }
        Ok(())
    }
}

fn value_key(value: &Value) -> Key {
    let mut encoder = Encoder::new();
    encoder.value_front(value, VALUE_BYTES_MAX);
    encoder.finish()
}
