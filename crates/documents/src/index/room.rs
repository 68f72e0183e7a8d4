//! Whether the index entries of a document are as few and as short as they must be.
//!
//! A write is refused that would leave more, and so is a new index that would need more: whatever is stored can be replaced
//! and deleted by one commit. The entries in the scope of a group of collections do not count: they double those of single
//! fields, and come by themselves where somebody queries the group. Firestore specification, section 1.4.

use firekeep_model::{DocumentPath, Map, Value};

use crate::index::catalog::{Catalog, State};
use crate::index::entries::{self, Change};
use crate::index::key::{self, IndexId};
use crate::limits::{INDEX_ENTRIES_BYTES_MAX, INDEX_ENTRIES_MAX};
use crate::{Error, Invalid};

/// Refuses the fields of a document whose entries would be too many or too long.
///
/// # Errors
/// [`Invalid::TooManyIndexEntries`], [`Invalid::IndexEntriesTooLarge`].
pub(crate) fn check(catalog: &Catalog, document: &DocumentPath, fields: &Map) -> Result<(), Error> {
    if is_small(catalog, document, fields) {
        return Ok(());
    }
    let (mut count, mut bytes) = (0usize, 0usize);
    let group = key::index_prefix(IndexId::GROUP_FIELDS);
    let mut add = |change| {
        let Change::Add(key, row) = change else {
            return Ok(());
        };
        if key.starts_with(&group) {
            return Ok(());
        }
        count += 1;
        bytes += key.len() + row.len();
        if count > INDEX_ENTRIES_MAX {
            return Err(Invalid::TooManyIndexEntries(document.clone()).into());
        }
        if bytes > INDEX_ENTRIES_BYTES_MAX {
            return Err(Invalid::IndexEntriesTooLarge(document.clone()).into());
        }
        Ok(())
    };
    let policy = entries::maintain;
    entries::differences(catalog, policy, document, None, Some(fields), &mut add)
}

/// If that is plain without making the entries, as it is for nearly every document.
fn is_small(catalog: &Catalog, document: &DocumentPath, fields: &Map) -> bool {
    let rules = catalog.rules(document.collection_id());
    let composites = catalog.composites_of(rules);
    let kept = composites.filter(|one| matches!(one.state, State::Building | State::Ready));
    // A composite index has an entry for each element of one array, at most.
    let most = values(fields)
        .saturating_mul(1 + kept.count())
        .saturating_add(1);
    let bytes = most.saturating_mul(key::entry_bytes_max(document));
    most <= INDEX_ENTRIES_MAX && bytes <= INDEX_ENTRIES_BYTES_MAX
}

/// How many values have an entry of their own: fields at every depth, and elements of arrays.
fn values(fields: &Map) -> usize {
    let count = |value: &Value| match value {
        Value::Map(inner) => 1 + values(inner),
        Value::Array(array) => 1 + array.len(),
        _ => 1,
    };
    fields.iter().map(|(_, value)| count(value)).sum()
}

#[cfg(test)]
mod tests {
    use firekeep_model::Array;

    use super::*;
    use crate::fixture::{World, delete, set};
    use crate::index::fixture::{define, entries, id};
    use crate::index::{Indexes, QueryScope, backfill, change};

    fn numbers(count: i64) -> Value {
        Array::new((0..count).map(Value::from).collect())
            .unwrap()
            .into()
    }

    fn long(count: i64) -> Value {
        let element = |at| Value::from(format!("{at:0>1000}").as_str());
        Array::new((0..count).map(element).collect())
            .unwrap()
            .into()
    }

    #[derive(Debug, PartialEq)]
    enum Answer {
        Fits,
        TooMany,
        TooLarge,
    }
    use Answer::{Fits, TooLarge, TooMany};

    fn answer<T: std::fmt::Debug>(result: Result<T, Error>) -> Answer {
        match result {
            Ok(_) => Fits,
            Err(Error::InvalidArgument(Invalid::TooManyIndexEntries(_))) => TooMany,
            Err(Error::InvalidArgument(Invalid::IndexEntriesTooLarge(_))) => TooLarge,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_document_has_so_many_entries() {
        let long_id = "x".repeat(1_000);
        for (path, value, expected) in [
            // The name, the array, and its elements.
            ("c/a", numbers(39_998), Fits),
            ("c/a", numbers(39_999), TooMany),
            ("c/a", long(900), Fits),
            (&format!("c/{long_id}"), numbers(7_000), Fits),
            (&format!("c/{long_id}"), numbers(8_300), TooLarge),
        ] {
            let (world, indexes) = (World::new(), Indexes::new());
            let write = set(path, &[("a", value)]);
            let written = world.commit_with(std::slice::from_ref(&write), &indexes);
            assert_eq!(answer(written), expected, "{}", path.len());
            let is_there = world.find(path).is_some();
            assert_eq!(is_there, expected == Fits);
            if is_there {
                // Whatever is there can be replaced and deleted, in a group that is indexed, too.
                world
                    .store
                    .write(|tx| change::enable_group(tx, &id("c")))
                    .unwrap();
                let task = backfill::Task::Group(id("c"));
                while backfill::step(&world.store, &task).unwrap() == backfill::Step::More {}
                let other = set(path, &[("b", numbers(5_000))]);
                world.commit_with(&[other], &indexes).unwrap();
                world.commit_with(&[write], &indexes).unwrap();
                world.commit_with(&[delete(path)], &indexes).unwrap();
                assert_eq!(entries(&world.read()).len(), 0);
            }
        }
    }

    #[test]
    fn an_index_for_which_there_is_no_room_is_not_built_and_takes_no_writes() {
        let (world, indexes) = (World::new(), Indexes::new());
        let write = |n: i64| set("c/a", &[("a", numbers(30_000)), ("n", n.into())]);
        world.commit_with(&[write(1)], &indexes).unwrap();
        let definition = define("c", QueryScope::Collection, "n ASC, a CONTAINS");
        let declared =
            |tx: &mut firekeep_store::WriteTx<'_>| change::add_composite(tx, definition.clone());
        let change::Declared::New(index) = world.store.write(declared).unwrap() else {
            panic!("there before");
        };
        let task = backfill::Task::Composite(index);
        assert_eq!(answer(backfill::step(&world.store, &task)), TooMany);
        assert_eq!(answer(world.commit_with(&[write(2)], &indexes)), TooMany);
        world
            .store
            .write(|tx| change::remove_composite(tx, index))
            .unwrap();
        world.commit_with(&[write(2)], &indexes).unwrap();
    }
}
