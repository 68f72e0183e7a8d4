//! Every operation on the engine in memory, with a clock that is moved by hand.

mod access;
mod bulk_delete;
mod databases;
mod indexes;
mod listen;
mod lists;
mod operations;
mod queries;
mod serial;
mod streams;
mod transactions;
mod verify;

use std::sync::Arc;

use firekeep_model::{
    Caller, CollectionId, DatabaseId, DatabaseName, DocumentPath, FieldPath, FieldRef, Map,
    ProjectId, Timestamp, Value,
};

use super::*;
use crate::testing::Server;
use crate::{Error, Mode};

/// A server and one of its databases.
pub(super) struct World {
    pub(super) server: Server,
    pub(super) firestore: Firestore,
    pub(super) database: DatabaseName,
    pub(super) owner: Caller,
}

impl World {
    pub(super) fn new() -> Self {
        Self::of(Server::new(Mode::Safe))
    }

    pub(super) fn of(server: Server) -> Self {
        Self {
            firestore: Firestore::new(Arc::clone(&server.core)),
            database: DatabaseName::new(server.core.project_id.clone(), DatabaseId::default()),
            owner: server.core.owner(),
            server,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.server.core.now()
    }

    pub(super) async fn commit(&self, writes: Vec<Write>) -> Result<Committed, Error> {
        self.commit_in(writes, None).await
    }

    pub(super) async fn commit_in(
        &self,
        writes: Vec<Write>,
        transaction: Option<&Bytes>,
    ) -> Result<Committed, Error> {
        self.firestore
            .commit(&self.owner, &self.database, writes, transaction.cloned())
            .await
    }

    pub(super) async fn set(&self, path: &str, n: i64) -> Timestamp {
        self.commit(vec![set(path, n)]).await.unwrap().commit_time
    }

    /// The field `n` of a document.
    pub(super) async fn n(&self, path: &str, at: Consistency) -> Result<Option<i64>, Error> {
        let (owner, database) = (&self.owner, &self.database);
        let path = document(path);
        let found = self.firestore.get_document(owner, database, path, None, at);
        match found.await {
            Ok(found) => Ok(Some(n_of(&found.fields))),
            Err(Error::Documents(DocumentError::NotFound { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn begin(&self, options: TransactionOptions) -> Result<Bytes, Error> {
        self.firestore
            .begin_transaction(&self.owner, &self.database, options)
            .await
    }

    /// The paths of a query's answer, and the read time.
    pub(super) async fn query(
        &self,
        query: Query,
        consistency: Consistency,
    ) -> Result<(Vec<String>, Timestamp), Error> {
        let answers =
            self.firestore
                .run_query(&self.owner, &self.database, query, consistency, None);
        let mut answers = answers.await?;
        let mut paths = Vec::new();
        while let Some(page) = answers.next_page().await? {
            paths.extend(page.documents.iter().map(|found| found.path().to_string()));
        }
        Ok((paths, answers.read_time))
    }
}

pub(super) const READ_WRITE: TransactionOptions = TransactionOptions::ReadWrite { retry: None };

pub(super) fn document(path: &str) -> DocumentPath {
    DocumentPath::parse(path).unwrap()
}

pub(super) fn collection(id: &str) -> CollectionId {
    CollectionId::parse(id).unwrap()
}

pub(super) fn database(project: &str, id: &str) -> DatabaseName {
    DatabaseName::new(
        ProjectId::parse(project).unwrap(),
        DatabaseId::parse(id).unwrap(),
    )
}

pub(super) fn fields(n: i64) -> Map {
    let mut fields = Map::new();
    fields.insert("n", n.into()).unwrap();
    fields
}

pub(super) fn n_of(fields: &Map) -> i64 {
    match fields.get("n") {
        Some(Value::Integer(n)) => *n,
        other => panic!("{other:?}"),
    }
}

pub(super) fn set(path: &str, n: i64) -> Write {
    let fields = fields(n);
    Write {
        path: document(path),
        operation: Operation::Update { fields, mask: None },
        transforms: Vec::new(),
        precondition: Precondition::None,
    }
}

pub(super) fn delete(path: &str) -> Write {
    Write {
        operation: Operation::Delete,
        ..set(path, 0)
    }
}

pub(super) fn increment(path: &str) -> Write {
    let mask = Some(firekeep_model::FieldMask::new([]));
    Write {
        operation: Operation::Update {
            fields: Map::new(),
            mask,
        },
        transforms: vec![(field("n"), Transform::Increment(1.into()))],
        ..set(path, 0)
    }
}

pub(super) fn field(path: &str) -> FieldPath {
    FieldPath::parse(path).unwrap()
}

/// All documents of a collection at the root.
pub(super) fn all(id: &str) -> Query {
    Query {
        from: CollectionSelector {
            collection: Some(collection(id)),
            all_descendants: false,
        },
        ..Query::default()
    }
}

/// Those whose `n` is at least so much.
pub(super) fn at_least(id: &str, n: i64) -> Query {
    Query {
        filter: Some(Filter::Field(FieldFilter {
            field: FieldRef::Field(field("n")),
            condition: Condition::Compare(Comparison::GreaterOrEqual, n.into()),
        })),
        ..all(id)
    }
}

/// An error in few words.
pub(super) fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(Error::Documents(error)) => match error {
            DocumentError::NotFound { .. } => "not found".to_owned(),
            DocumentError::AlreadyExists { .. } => "exists".to_owned(),
            DocumentError::StaleVersion { .. } => "stale".to_owned(),
            DocumentError::InvalidArgument(_) => "invalid".to_owned(),
            other => other.to_string(),
        },
        Err(Error::DatabaseNotFound(_)) => "no database".to_owned(),
        Err(Error::PermissionDenied) => "denied".to_owned(),
        Err(Error::TransactionExpired) => "expired".to_owned(),
        Err(Error::InvalidTransaction) => "foreign".to_owned(),
        Err(Error::ReadOnlyTransaction) => "read-only".to_owned(),
        Err(Error::Aborted) => "aborted".to_owned(),
        Err(Error::ReadTimeTooOld) => "too old".to_owned(),
        Err(Error::Invalid(_)) => "invalid".to_owned(),
        Err(Error::IndexRequired(_)) => "index".to_owned(),
        Err(Error::Unauthenticated) => "unauthenticated".to_owned(),
        Err(Error::Exists(_)) => "exists".to_owned(),
        Err(other) => other.to_string(),
    }
}
