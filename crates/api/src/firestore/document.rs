//! `CreateDocument`, `UpdateDocument` and `DeleteDocument`: one write, answered with the document.

use firekeep_documents::query::InvalidQuery;
use firekeep_documents::{commit, keys, read};
use firekeep_model::{
    Caller, CollectionId, CollectionPath, DatabaseName, Document, DocumentId, DocumentPath,
    FieldMask, Map, OpContext, PathError,
};
use firekeep_store::WriteTx;

use super::commit::is_small;
use super::get_document::masked;
use super::{Firestore, Operation, Precondition, Write};
use crate::{Error, SystemRng};

impl Firestore {
    /// Makes a document, with an id of ours when none is given.
    ///
    /// # Errors
    /// [`DocumentError::AlreadyExists`](super::DocumentError::AlreadyExists); those of a commit.
    #[expect(
        clippy::too_many_arguments,
        reason = "the fields of the protocol's request"
    )]
    pub async fn create_document(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        parent: Option<DocumentPath>,
        collection: CollectionId,
        id: Option<DocumentId>,
        fields: Map,
        mask: Option<FieldMask>,
    ) -> Result<Document, Error> {
        let refused = |error: PathError| Error::from(InvalidQuery::from(error));
        let collection = CollectionPath::below(parent.as_ref(), &collection).map_err(refused)?;
        let id = match id {
            Some(id) => id,
            None => {
                let (mut rng, now) = (SystemRng, self.0.now());
                keys::generate_id(&mut OpContext { now, rng: &mut rng }).map_err(refused)?
            }
        };
        let write = Write {
            path: collection.document(&id).map_err(refused)?,
            operation: Operation::Update { fields, mask: None },
            transforms: Vec::new(),
            precondition: Precondition::Exists(false),
        };
        self.write_one(caller, database, write, mask).await
    }

    /// Changes the fields of a mask, or all, and makes the document where it is missing and may be.
    ///
    /// # Errors
    /// Those of a commit.
    #[expect(
        clippy::too_many_arguments,
        reason = "the fields of the protocol's request"
    )]
    pub async fn update_document(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        path: DocumentPath,
        fields: Map,
        update_mask: Option<FieldMask>,
        mask: Option<FieldMask>,
        precondition: Precondition,
    ) -> Result<Document, Error> {
        let write = Write {
            path,
            operation: Operation::Update {
                fields,
                mask: update_mask,
            },
            transforms: Vec::new(),
            precondition,
        };
        self.write_one(caller, database, write, mask).await
    }

    /// Removes a document, which need not be there.
    ///
    /// # Errors
    /// Those of a commit.
    pub async fn delete_document(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        path: DocumentPath,
        precondition: Precondition,
    ) -> Result<(), Error> {
        let write = Write {
            path,
            operation: Operation::Delete,
            transforms: Vec::new(),
            precondition,
        };
        self.commit(caller, database, vec![write], None).await?;
        Ok(())
    }

    /// Commits one update, and gives the document that it leaves.
    async fn write_one(
        &self,
        caller: &Caller,
        database: &DatabaseName,
        write: Write,
        mask: Option<FieldMask>,
    ) -> Result<Document, Error> {
        write.check()?;
        let database = self.admit(caller, database).await?;
        let (now, indexes) = (self.0.now(), database.indexes());
        let is_small = is_small(std::slice::from_ref(&write));
        let work = move |tx: &mut WriteTx<'_>| {
            let mut rng = SystemRng;
            let cx = OpContext { now, rng: &mut rng };
            let catalog = indexes.catalog(tx)?;
            commit::apply(tx, &cx, std::slice::from_ref(&write), catalog.as_ref())?;
            read::find(tx, &write.path)
        };
        let (document, commit_time) = match is_small {
            true => database.commit_small(now, work).await?,
            false => database.commit(now, work).await?,
        };
        let document =
            document.ok_or_else(|| Error::Internal("an update left no document".to_owned()))?;
        let at = |time| match time {
            read::THIS_COMMIT => commit_time,
            time => time,
        };
        let document = Document {
            create_time: at(document.create_time),
            update_time: at(document.update_time),
            ..document
        };
        Ok(masked(document, mask.as_ref()))
    }
}
