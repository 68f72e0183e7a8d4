//! Indexes, as administrators declare them, and as they are built in the background.
//!
//! Firestore specification, sections 13 and 14; storage design, section 5.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use firekeep_documents::Error as DocumentError;
use firekeep_documents::index::backfill::{self, Progress, Task};
use firekeep_documents::index::change::{self, Declared};
use firekeep_documents::index::{Catalog, Definition, FieldOverride, IndexId, Mode, State};
use firekeep_documents::plan::{RequiredIndex, missing_index};
use firekeep_documents::query::Strictness;
use firekeep_model::{Caller, CollectionId, DatabaseName, FieldPath, FieldRef};
use firekeep_store::WriteTx;

use super::database::{Database, off_async};
use super::{Firestore, Query};
use crate::Error;
use crate::limits::{INDEX_HINTS_MAX, INDEXED_GROUPS_MAX};

/// How far an index is that is being built or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexProgress {
    /// Documents, or entries of a removed index, that are done.
    pub done: u64,
    /// How many there are in all: a guess, once there is one.
    pub estimate: Option<u64>,
    /// Why it did not get on when it was tried last.
    pub failure: Option<String>,
}

impl Firestore {
    /// Which indexes there are, and how far they are.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`], [`Error::DatabaseNotFound`].
    pub async fn index_catalog(
        &self,
        caller: &Caller,
        database: &DatabaseName,
    ) -> Result<Arc<Catalog>, Error> {
        let open = self.administered(caller, database).await?;
        off_async(move || open.catalog()).await
    }

    /// How far one is that is being built or removed.
    ///
    /// # Errors
    /// As [`index_catalog`](Self::index_catalog).
    pub async fn index_progress(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        task: Task,
    ) -> Result<IndexProgress, Error> {
        let open = self.administered(caller, database).await?;
        off_async(move || open.progress(&task)).await
    }

    /// Everything that is being built or removed, for people: what it is, and how far.
    ///
    /// # Errors
    /// As [`index_catalog`](Self::index_catalog).
    pub async fn index_work(
        &self,
        caller: &Caller,
        database: &DatabaseName,
    ) -> Result<Vec<(String, IndexProgress)>, Error> {
        let open = self.administered(caller, database).await?;
        off_async(move || {
            let catalog = open.catalog()?;
            let tasks = catalog.tasks().into_iter();
            let work = tasks.map(|task| Ok((describe(&catalog, &task), open.progress(&task)?)));
            work.collect()
        })
        .await
    }

    /// Declares a composite index, and has it built.
    ///
    /// # Errors
    /// As [`index_catalog`](Self::index_catalog).
    pub async fn create_index(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        definition: Definition,
    ) -> Result<Declared, Error> {
        self.change_indexes(caller, database, move |tx| {
            change::add_composite(tx, definition.clone())
        })
        .await
    }

    /// Removes a composite index.
    ///
    /// # Errors
    /// [`InvalidIndex::NoSuchIndex`](super::InvalidIndex::NoSuchIndex); as [`index_catalog`](Self::index_catalog).
    pub async fn delete_index(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        id: IndexId,
    ) -> Result<(), Error> {
        self.change_indexes(caller, database, move |tx| change::remove_composite(tx, id))
            .await
    }

    /// Declares which single-field indexes a field has.
    ///
    /// # Errors
    /// Every [`InvalidIndex`](super::InvalidIndex) about rules; as [`index_catalog`](Self::index_catalog).
    pub async fn set_field_override(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        declared: FieldOverride,
    ) -> Result<(), Error> {
        self.change_indexes(caller, database, move |tx| {
            change::set_override(tx, declared.clone())
        })
        .await
    }

    /// Takes such a rule back.
    ///
    /// # Errors
    /// [`InvalidIndex::Busy`](super::InvalidIndex::Busy); as [`index_catalog`](Self::index_catalog).
    pub async fn remove_field_override(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        collection: Option<CollectionId>,
        field: Option<FieldPath>,
    ) -> Result<(), Error> {
        self.change_indexes(caller, database, move |tx| {
            change::remove_override(tx, collection.as_ref(), field.as_ref())
        })
        .await
    }

    /// Says what becomes of queries that want an index.
    ///
    /// # Errors
    /// As [`index_catalog`](Self::index_catalog).
    pub async fn set_index_mode(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        mode: Mode,
    ) -> Result<(), Error> {
        self.change_indexes(caller, database, move |tx| change::set_mode(tx, mode))
            .await
    }

    async fn administered(
        &self,
        caller: &Caller,
        database: &DatabaseName,
    ) -> Result<Arc<Database>, Error> {
        self.check_administrator(caller, database.project())?;
        self.0.database(database).await
    }

    pub(super) async fn change_indexes<T: Send + 'static>(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        work: impl Fn(&mut WriteTx<'_>) -> Result<T, DocumentError> + Send + 'static,
    ) -> Result<T, Error> {
        let open = self.administered(caller, database).await?;
        let (changed, _) = open.commit(self.0.now(), work).await?;
        open.build_indexes();
        Ok(changed)
    }

    /// Does what the database says about queries that want an index: refuses them, or says so in the log, or has a group
    /// of collections indexed that is asked for the first time, if the query `may_index` and there are not too many such
    /// groups. That query itself is answered without. In the mode `auto`, each index that would
    /// help is said once.
    ///
    /// # Errors
    /// [`Error::IndexRequired`]; [`Error::Documents`] for what only the cloud refuses; storage errors.
    pub(super) async fn look_for_index(
        &self,
        database: &Arc<Database>,
        query: &Query,
        summed: &[FieldPath],
        may_index: bool,
    ) -> Result<(), Error> {
        let catalog = match database.remote {
            false => database.catalog()?,
            true => {
                let database = Arc::clone(database);
                off_async(move || database.catalog()).await?
            }
        };
        match catalog.mode() {
            Mode::Auto => {
                let room = catalog.groups().len() < INDEXED_GROUPS_MAX;
                let group = wanted_group(query).filter(|_| may_index && room);
                let off = |id: &&CollectionId| catalog.group_state(id) == State::Off;
                if let Some(collection) = group.filter(off) {
                    self.index_group(database, collection).await;
                }
                // The indexes of single fields come by themselves here.
                let wanted = missing_index(query, summed, &catalog);
                let composite = wanted.filter(|index| matches!(index, RequiredIndex::Composite(_)));
                if let Some(index) = composite.filter(|index| database.hints.is_new(index)) {
                    tracing::info!(database = %database.name, ?index, "a query would be faster with an index");
                }
            }
            Mode::Warn => {
                if let Some(index) = missing_index(query, summed, &catalog) {
                    tracing::warn!(database = %database.name, "{index} {index:?}");
                }
            }
            Mode::Enforce => {
                // What is refused there is refused here.
                query.validate(&database.name, Strictness::Cloud)?;
                if let Some(index) = missing_index(query, summed, &catalog) {
                    return Err(Error::IndexRequired(Box::new(index)));
                }
            }
        }
        Ok(())
    }

    /// Whether a query of this caller may have a group indexed, which writes: administrators may, and in dev mode all.
    pub(super) fn may_index(&self, caller: &Caller, database: &DatabaseName) -> bool {
        self.0.policy.open() || self.0.administers(caller, database.project())
    }

    async fn index_group(&self, database: &Arc<Database>, collection: &CollectionId) {
        let id = collection.clone();
        let enabled = database.commit(self.0.now(), move |tx| change::enable_group(tx, &id));
        match enabled.await {
            Ok(_) => database.build_indexes(),
            Err(error) => {
                tracing::warn!(%error, database = %database.name, %collection, "a collection group is not indexed");
            }
        }
    }
}

impl Database {
    fn progress(&self, task: &Task) -> Result<IndexProgress, Error> {
        let tx = self.view(None)?;
        let progress: Progress = backfill::progress(&tx, task)?;
        let estimate = backfill::estimate(&tx, &progress)?;
        Ok(IndexProgress {
            done: progress.done,
            estimate,
            failure: self.building.failure(task),
        })
    }
}

/// What a task is about, for people.
fn describe(catalog: &Catalog, task: &Task) -> String {
    match task {
        Task::Composite(id) => {
            let mut all = catalog.all_composites().iter();
            match all.find(|index| index.id == *id) {
                Some(index) => {
                    let of = index.definition.collection();
                    format!("{} of `{}`", index.definition, of.as_str())
                }
                None => format!("index {}", id.0),
            }
        }
        Task::Group(collection) => {
            format!("fields of the collection group `{}`", collection.as_str())
        }
        Task::Fields { collection, field } => {
            let field = field.as_ref().map(|field| format!("the field `{field}`"));
            let field = field.unwrap_or_else(|| "all fields".to_owned());
            match collection {
                Some(collection) => format!("{field} of `{}`", collection.as_str()),
                None => format!("{field} of all collections"),
            }
        }
    }
}

/// The group whose entries would help a query.
fn wanted_group(query: &Query) -> Option<&CollectionId> {
    let by_name = query.filter.is_none()
        && (query.order_by.iter()).all(|order| order.field == FieldRef::DocumentName);
    (query.from.collection.as_ref()).filter(|_| query.from.all_descendants && !by_name)
}

/// Which indexes the log has named as helpful, so that it names each once.
#[derive(Default)]
pub(super) struct Hints(Mutex<HashSet<String>>);

impl Hints {
    /// Whether an index was not named yet. Never for one beyond [`INDEX_HINTS_MAX`]: queries are their senders' choice, and
    /// the log is not to grow by it without end.
    pub(super) fn is_new(&self, index: &RequiredIndex) -> bool {
        let mut named = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        named.len() < INDEX_HINTS_MAX && named.insert(format!("{index:?}"))
    }
}
