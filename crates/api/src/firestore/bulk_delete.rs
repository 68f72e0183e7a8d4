//! `BulkDeleteDocuments`: deletes the documents of groups of collections, in the background.
//!
//! Those are deleted that were there when it began. What becomes of one that is written meanwhile depends on which comes
//! first, as with any two writers. Source: Firestore specification, section 14.

use std::sync::Arc;

use firekeep_documents::Execution;
use firekeep_model::{Caller, CollectionId, DatabaseName, FieldRef, Timestamp};
use firekeep_store::CommitTime;

use super::clear::delete_of;
use super::database::Database;
use super::operations::{End, Running};
use super::{CollectionSelector, Firestore, LongOperation, OperationKind, Query, projection};
use crate::limits::QUERY_PAGE;
use crate::{Core, Error};

impl Firestore {
    /// Begins to delete all documents of some groups of collections.
    ///
    /// # Errors
    /// [`Error::Invalid`] where no collection is named; [`Error::PermissionDenied`], [`Error::DatabaseNotFound`];
    /// [`Error::Exhausted`].
    pub async fn bulk_delete(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        collections: Vec<CollectionId>,
    ) -> Result<LongOperation, Error> {
        self.check_administrator(caller, database.project())?;
        if collections.is_empty() {
            return Err(Error::Invalid(
                "name the collection groups to delete; to delete everything, delete the database"
                    .to_owned(),
            ));
        }
        let opened = self.0.database(database).await?;
        let names = collections.iter().map(|id| id.as_str().to_owned());
        let subject = (database, names.collect());
        let (_, clock) = self.0.databases.engine();
        let core = Arc::clone(&self.0);
        let work = move |running: &Running| delete_all(&core, &opened, &collections, running);
        let begun = (self.0.operations).begin(OperationKind::BulkDelete, subject, clock, work);
        Ok(begun?.show())
    }
}

fn delete_all(
    core: &Core,
    database: &Arc<Database>,
    collections: &[CollectionId],
    running: &Running,
) -> Result<End, Error> {
    let at = database.view(None)?.time();
    let _kept = database.keep(at);
    for collection in collections {
        delete_group(core, database, collection, at, running)?;
    }
    Ok(End::Done {
        read_time: Some(Timestamp::from_micros(at.0)),
        notes: Vec::new(),
    })
}

fn delete_group(
    core: &Core,
    database: &Database,
    collection: &CollectionId,
    at: CommitTime,
    running: &Running,
) -> Result<(), Error> {
    let query = Query {
        from: CollectionSelector {
            collection: Some(collection.clone()),
            all_descendants: true,
        },
        select: projection([FieldRef::DocumentName]),
        ..Query::default()
    };
    let mut all = Execution::new(query, database.catalog()?)?;
    loop {
        let page = all.next_page(&database.view(Some(at))?, QUERY_PAGE)?;
        let paths = page.documents.into_iter().map(|document| document.path);
        let writes: Vec<_> = paths.map(delete_of).collect();
        database.delete_some(&database.indexes(), core.now(), &writes)?;
        running.count(u64::try_from(writes.len()).unwrap_or(u64::MAX), 0)?;
        if page.done {
            return Ok(());
        }
    }
}
