//! Documents that have expired: which they are, and the writes that delete them.
//!
//! When that is done, and for how many at a time, is for others to say. Firestore specification, section 13.

use firekeep_model::{Document, FieldRef, Timestamp, Value};

use crate::filter::{Comparison, Condition, FieldFilter, Filter};
use crate::index::Expiry;
use crate::query::{CollectionSelector, Query, projection};
use crate::{Operation, Precondition, Write};

/// The query that gives the documents of a group that have expired: without fields.
#[must_use]
pub fn expired(expiry: &Expiry, now: Timestamp) -> Query {
    let condition = Condition::Compare(Comparison::LessOrEqual, Value::Timestamp(now));
    Query {
        from: CollectionSelector {
            collection: Some(expiry.collection.clone()),
            all_descendants: true,
        },
        filter: Some(Filter::Field(FieldFilter {
            field: FieldRef::Field(expiry.field.clone()),
            condition,
        })),
        select: projection([FieldRef::DocumentName]),
        ..Query::default()
    }
}

/// Deletes a document as it was found: one that was written since may live on.
#[must_use]
pub fn delete(document: Document) -> Write {
    Write {
        path: document.path,
        operation: Operation::Delete,
        transforms: Vec::new(),
        precondition: Precondition::UpdateTime(document.update_time),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::exec::tests::AMPLE;
    use crate::fixture::{World, field, set};
    use crate::index::fixture::id;
    use crate::index::{Indexes, InvalidIndex, change};
    use crate::{Error, Execution, Invalid};

    fn expiry(of: &str) -> Expiry {
        Expiry {
            collection: id("c"),
            field: field(of),
        }
    }

    #[test]
    fn what_holds_an_earlier_time_has_expired() {
        let (world, indexes) = (World::new(), Indexes::new());
        let at = |micros: i64| Value::Timestamp(Timestamp::from_micros(micros));
        let now = Timestamp::from_micros(50);
        for (path, value) in [
            ("c/past", at(10)),
            ("c/now", at(50)),
            ("c/future", at(51)),
            ("a/b/c/below", at(1)),
            ("c/number", 1.into()),
            ("c/null", Value::Null),
            ("d/other", at(10)),
        ] {
            let write = set(path, &[("until.at", value)]);
            world.commit_with(&[write], &indexes).unwrap();
        }
        for is_indexed in [false, true] {
            if is_indexed {
                let declare = |tx: &mut firekeep_store::WriteTx<'_>| {
                    change::set_expiry(tx, expiry("until.at"))
                };
                world.store.write(declare).unwrap();
                let task = crate::index::backfill::Task::Group(id("c"));
                let step = || crate::index::backfill::step(&world.store, &task).unwrap();
                while step() == crate::index::backfill::Step::More {}
            }
            let catalog = indexes.catalog(&world.read()).unwrap();
            assert_eq!(catalog.finds_expired(&expiry("until.at")), is_indexed);
            let query = expired(&expiry("until.at"), now);
            let mut all = Execution::new(query, Arc::clone(&catalog)).unwrap();
            let page = all.next_page(&world.read(), AMPLE).unwrap();
            let mut paths: Vec<_> = page
                .documents
                .iter()
                .map(|it| it.path.to_string())
                .collect();
            paths.sort_unstable();
            assert_eq!(paths, ["a/b/c/below", "c/now", "c/past"]);
            assert_eq!(all.explain().documents_read > 3, !is_indexed);
        }
    }

    #[test]
    fn a_group_expires_by_one_field() {
        let world = World::new();
        let set = |of: &str| match world.store.write(|tx| change::set_expiry(tx, expiry(of))) {
            Err(Error::InvalidArgument(Invalid::Index(error))) => Err(error),
            other => {
                other.unwrap();
                Ok(())
            }
        };
        let known = || {
            Indexes::new()
                .catalog(&world.read())
                .unwrap()
                .expiries()
                .to_vec()
        };
        assert_eq!((set("a"), set("a")), (Ok(()), Ok(())));
        let other = InvalidIndex::OtherExpiry("c".to_owned(), field("a"));
        assert_eq!(set("b"), Err(other));
        let remove = |of: &str| {
            let removed = world
                .store
                .write(|tx| change::remove_expiry(tx, &expiry(of)));
            removed.unwrap();
        };
        remove("b");
        assert_eq!(known(), [expiry("a")]);
        remove("a");
        assert_eq!(known(), []);
        assert_eq!(set("b"), Ok(()));
    }
}
