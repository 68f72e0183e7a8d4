//! What the tests of this crate share: a database in memory with a clock that is moved by hand, short ways to make
//! writes, and documents as short text.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use firekeep_model::{
    Clock, CollectionPath, Document, DocumentPath, FieldMask, FieldPath, Map, OpContext, Timestamp,
    Value,
};
use firekeep_store::{CommitTime, DbId, MemEngine, ReadTx, Store};
use firekeep_testkit::random::Seeded;

use crate::commit::{self, IndexMaintenance, NoIndexes};
use crate::index::Catalog;
use crate::{Error, Operation, Precondition, Transform, Write, WriteResult, read};

/// The time of the first commit of a world whose clock nobody moved: not a whole millisecond.
pub(crate) const BEGIN: Timestamp = Timestamp::from_micros(1_000_000_777);

struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// A database.
pub(crate) struct World {
    clock: Arc<HandClock>,
    pub(crate) store: Arc<Store>,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(HandClock(AtomicI64::new(BEGIN.micros() - 1)));
        let engine = Arc::new(MemEngine::new(Arc::clone(&clock) as Arc<dyn Clock>));
        let store = Store::open(engine, DbId(1), Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
        let world = Self { clock, store };
        // To open the database was a commit.
        world.pass(1);
        world
    }

    /// Moves the clock, also back.
    pub(crate) fn pass(&self, micros: i64) {
        self.clock.0.fetch_add(micros, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn read(&self) -> ReadTx<'_> {
        self.store.read().unwrap()
    }

    pub(crate) fn find(&self, path: &str) -> Option<Document> {
        read::find(&self.read(), &document(path)).unwrap()
    }

    /// Commits, with the time of the commit if anything changed.
    pub(crate) fn commit(
        &self,
        writes: &[Write],
    ) -> Result<(Vec<WriteResult>, Option<CommitTime>), Error> {
        self.commit_with(writes, &NoIndexes)
    }

    pub(crate) fn commit_with(
        &self,
        writes: &[Write],
        indexes: &dyn IndexMaintenance,
    ) -> Result<(Vec<WriteResult>, Option<CommitTime>), Error> {
        let mut rng = Seeded::new(1);
        let cx = OpContext {
            now: self.clock.now(),
            rng: &mut rng,
        };
        (self.store).write_timed(|tx| commit::apply(tx, &cx, writes, indexes))
    }

    pub(crate) fn commit_each(
        &self,
        writes: &[Write],
    ) -> Result<Vec<Result<WriteResult, Error>>, Error> {
        let mut rng = Seeded::new(1);
        let cx = OpContext {
            now: self.clock.now(),
            rng: &mut rng,
        };
        (self.store).write(|tx| commit::apply_each(tx, &cx, writes, &NoIndexes))
    }

    /// Writes documents, each with its path in the field `path`.
    pub(crate) fn fill(&self, paths: impl IntoIterator<Item = String>) {
        let writes: Vec<_> = paths
            .into_iter()
            .map(|path| set(&path, &[("path", path.as_str().into())]))
            .collect();
        for some in writes.chunks(500) {
            self.commit_with(some, &Catalog::default()).unwrap();
        }
    }
}

pub(crate) fn document(path: &str) -> DocumentPath {
    DocumentPath::parse(path).unwrap()
}

pub(crate) fn collection(path: &str) -> CollectionPath {
    CollectionPath::parse(path).unwrap()
}

pub(crate) fn field(path: &str) -> FieldPath {
    FieldPath::parse(path).unwrap()
}

/// Fields by their paths.
pub(crate) fn fields(entries: &[(&str, Value)]) -> Map {
    let mut fields = Map::new();
    for (path, value) in entries {
        fields.set_path(&field(path), value.clone());
    }
    fields
}

fn write(path: &str, operation: Operation) -> Write {
    Write {
        path: document(path),
        operation,
        transforms: Vec::new(),
        precondition: Precondition::None,
    }
}

/// Replaces a document.
pub(crate) fn set(path: &str, entries: &[(&str, Value)]) -> Write {
    let fields = fields(entries);
    write(path, Operation::Update { fields, mask: None })
}

/// Replaces a document by these fields.
pub(crate) fn replace(path: &str, fields: Map) -> Write {
    write(path, Operation::Update { fields, mask: None })
}

/// Changes the fields of a mask.
pub(crate) fn merge(path: &str, entries: &[(&str, Value)], mask: &[&str]) -> Write {
    let fields = fields(entries);
    let mask = Some(FieldMask::parse(mask).unwrap());
    write(path, Operation::Update { fields, mask })
}

/// Only transforms.
pub(crate) fn transform(path: &str, transforms: &[(&str, Transform)]) -> Write {
    merge(path, &[], &[]).with(transforms)
}

pub(crate) fn delete(path: &str) -> Write {
    write(path, Operation::Delete)
}

pub(crate) fn verify(path: &str) -> Write {
    write(path, Operation::Verify)
}

impl Write {
    pub(crate) fn with(mut self, transforms: &[(&str, Transform)]) -> Self {
        let transforms = transforms.iter();
        self.transforms
            .extend(transforms.map(|(path, transform)| (field(path), transform.clone())));
        self
    }

    pub(crate) fn if_exists(mut self, exists: bool) -> Self {
        self.precondition = Precondition::Exists(exists);
        self
    }

    pub(crate) fn if_updated_at(mut self, time: Timestamp) -> Self {
        self.precondition = Precondition::UpdateTime(time);
        self
    }
}

/// A value as short text: `{a: 1, b: [2.5, "x", null]}`. Times are `t` and their microseconds.
pub(crate) fn show(value: &Value) -> String {
    let list = |values: Vec<String>| values.join(", ");
    match value {
        Value::Null => "null".to_owned(),
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Double(value) => format!("{value:?}"),
        Value::Timestamp(value) => format!("t{}", value.micros()),
        Value::String(value) => format!("{value:?}"),
        Value::Array(array) => format!("[{}]", list(array.iter().map(show).collect())),
        Value::Map(map) => show_fields(map),
        other => format!("{other:?}"),
    }
}

/// Fields as short text.
pub(crate) fn show_fields(fields: &Map) -> String {
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{name}: {}", show(value)))
        .collect();
    format!("{{{}}}", fields.join(", "))
}
