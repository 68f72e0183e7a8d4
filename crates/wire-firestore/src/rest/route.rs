//! Which operation a method and path name. Source: Firestore specification, sections 8.1 and 14.
//!
//! Paths come raw: a segment is percent-decoded after splitting, so that ids may hold encoded colons. A raw colon in the
//! last segment begins a verb only when the verb is known there; else it is the id's.

use axum::http::Method;
use percent_encoding::percent_decode_str;

use crate::Refusal;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// An operation on documents.
    Documents {
        /// Which.
        operation: Operation,
        /// On what: a document, the parent of a collection or of a query (`documents` itself is the root), or a
        /// database.
        name: String,
        /// The collection, where the path has one behind the parent.
        collection_id: String,
    },
    /// An operation of administrators.
    Admin {
        /// Which.
        operation: AdminOperation,
        /// On what.
        name: String,
    },
    /// `DELETE emulator/v1/{database}/documents`: deletes all documents of the database.
    Clear {
        /// The database's name.
        database: String,
    },
    /// `POST emulator/v1/projects/{P}:export` and `:import`: has the server write and read files.
    Files {
        /// Which.
        way: Way,
        /// The project.
        project: String,
    },
    /// What the emulator has and this server has not: its name.
    EmulatorOnly(String),
}

/// Which way documents go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Into files.
    Export,
    /// Out of files.
    Import,
}

/// An operation on documents, named as the protocol names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    BatchGetDocuments,
    BatchWrite,
    BeginTransaction,
    Commit,
    CreateDocument,
    DeleteDocument,
    ExecutePipeline,
    GetDocument,
    ListCollectionIds,
    ListDocuments,
    Listen,
    PartitionQuery,
    Rollback,
    RunAggregationQuery,
    RunQuery,
    UpdateDocument,
    Write,
}

/// An operation of the service `FirestoreAdmin` or of `Operations`, named as the protocol names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AdminOperation {
    BulkDeleteDocuments,
    CancelOperation,
    CreateDatabase,
    CreateIndex,
    DeleteDatabase,
    DeleteIndex,
    DeleteOperation,
    ExportDocuments,
    GetDatabase,
    GetField,
    GetIndex,
    GetOperation,
    ImportDocuments,
    ListDatabases,
    ListFields,
    ListIndexes,
    ListOperations,
    UpdateDatabase,
    UpdateField,
}

/// Verbs behind `documents` only: the operation is the database's.
const DATABASE_VERBS: &[(&str, Operation)] = &[
    ("batchGet", Operation::BatchGetDocuments),
    ("batchWrite", Operation::BatchWrite),
    ("beginTransaction", Operation::BeginTransaction),
    ("commit", Operation::Commit),
    ("executePipeline", Operation::ExecutePipeline),
    ("listen", Operation::Listen),
    ("rollback", Operation::Rollback),
    ("write", Operation::Write),
];

/// Verbs behind `documents` or any document: the operation is on what is below.
const PARENT_VERBS: &[(&str, Operation)] = &[
    ("listCollectionIds", Operation::ListCollectionIds),
    ("partitionQuery", Operation::PartitionQuery),
    ("runAggregationQuery", Operation::RunAggregationQuery),
    ("runQuery", Operation::RunQuery),
];

/// Verbs behind a database.
const ADMIN_VERBS: &[(&str, AdminOperation)] = &[
    ("bulkDeleteDocuments", AdminOperation::BulkDeleteDocuments),
    ("exportDocuments", AdminOperation::ExportDocuments),
    ("importDocuments", AdminOperation::ImportDocuments),
];

/// Whether a decoded path is one of this edge's, wherever it leads. The host `firestore.googleapis.com` has no others;
/// on our own, every edge must tell its paths.
pub(super) fn is_ours(path: &str) -> bool {
    let (path, emulator) = match path.strip_prefix("emulator/") {
        Some(rest) => (rest, true),
        None => (path, false),
    };
    let Some(rest) = path.strip_prefix("v1/projects/") else {
        return false;
    };
    match rest.split_once('/') {
        Some((_, rest)) => rest == "databases" || rest.starts_with("databases/"),
        None => emulator && emulator_verb(rest).is_some(),
    }
}

impl Route {
    /// The route of a raw path; `None` when there is none.
    ///
    /// # Errors
    /// A segment that holds a slash once it is decoded, which no id may.
    pub(super) fn find(method: &Method, raw_path: &str) -> Result<Option<Self>, Refusal> {
        if let Some(rest) = raw_path.strip_prefix("emulator/v1/") {
            return emulator(method, rest);
        }
        let Some(rest) = raw_path.strip_prefix("v1/") else {
            return Ok(None);
        };
        let (prefix, last) = rest.rsplit_once('/').unwrap_or(("", rest));
        // Only POST has verbs: everywhere else a colon is the id's.
        let split = match *method {
            Method::POST => last.rsplit_once(':'),
            _ => None,
        };
        if let Some((last, verb)) = split {
            let segments = segments(prefix, last)?;
            if let Some(route) = with_verb(&segments, verb) {
                return Ok(Some(route));
            }
        }
        Ok(plain(method, &segments(prefix, last)?))
    }
}

/// All segments of a path, decoded.
fn segments(prefix: &str, last: &str) -> Result<Vec<String>, Refusal> {
    let decode = |segment| {
        let decoded = percent_decode_str(segment).decode_utf8_lossy();
        match decoded.contains('/') {
            true => Err(Refusal::invalid(format!(
                "the path segment `{segment}` holds a slash, which no id may"
            ))),
            false => Ok(decoded.into_owned()),
        }
    };
    let before = prefix.split('/').filter(|_| !prefix.is_empty());
    before.chain([last]).map(decode).collect()
}

/// `projects/{P}/databases` and what is behind it.
fn behind_databases(segments: &[String]) -> Option<&[String]> {
    match segments {
        [projects, _, databases, rest @ ..]
            if projects == "projects" && databases == "databases" =>
        {
            Some(rest)
        }
        _ => None,
    }
}

fn with_verb(segments: &[String], verb: &str) -> Option<Route> {
    let name = || segments.join("/");
    match behind_databases(segments)? {
        [_] => {
            let operation = find(ADMIN_VERBS, verb)?;
            Some(Route::admin(operation, name()))
        }
        [_, operations, _] if operations == "operations" && verb == "cancel" => {
            Some(Route::admin(AdminOperation::CancelOperation, name()))
        }
        [_, documents, below @ ..] if documents == "documents" => {
            if let Some(operation) = find(PARENT_VERBS, verb) {
                return Some(Route::documents(operation, name()));
            }
            match below {
                [] => {
                    let operation = find(DATABASE_VERBS, verb)?;
                    Some(Route::documents(operation, without_last(segments)))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn plain(method: &Method, segments: &[String]) -> Option<Route> {
    match behind_databases(segments)? {
        [_, documents, below @ ..] if documents == "documents" => {
            document(method, segments, below.len())
        }
        rest => admin(method, segments, rest),
    }
}

/// Which operation a document or collection gets, by the number of segments behind `documents`.
fn document(method: &Method, segments: &[String], below: usize) -> Option<Route> {
    let is_collection = below % 2 == 1;
    let operation = match *method {
        _ if below == 0 => return None,
        Method::GET | Method::HEAD if is_collection => Operation::ListDocuments,
        Method::GET | Method::HEAD => Operation::GetDocument,
        Method::POST => Operation::CreateDocument,
        Method::PATCH => Operation::UpdateDocument,
        Method::DELETE => Operation::DeleteDocument,
        _ => return None,
    };
    match operation {
        Operation::ListDocuments | Operation::CreateDocument => Some(Route::Documents {
            operation,
            name: without_last(segments),
            collection_id: segments.last().cloned().unwrap_or_default(),
        }),
        _ => Some(Route::documents(operation, segments.join("/"))),
    }
}

/// What is behind `projects/{P}/databases` other than documents.
fn admin(method: &Method, segments: &[String], rest: &[String]) -> Option<Route> {
    use AdminOperation as Is;
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let get = matches!(*method, Method::GET | Method::HEAD);
    let whole = || segments.join("/");
    let (operation, name) = match (method, rest.as_slice()) {
        (_, []) if get => (Is::ListDatabases, without_last(segments)),
        (&Method::POST, []) => (Is::CreateDatabase, without_last(segments)),
        (_, [_]) if get => (Is::GetDatabase, whole()),
        (&Method::PATCH, [_]) => (Is::UpdateDatabase, whole()),
        (&Method::DELETE, [_]) => (Is::DeleteDatabase, whole()),
        (_, [_, "collectionGroups", _, "indexes"]) if get => {
            (Is::ListIndexes, without_last(segments))
        }
        (&Method::POST, [_, "collectionGroups", _, "indexes"]) => {
            (Is::CreateIndex, without_last(segments))
        }
        (_, [_, "collectionGroups", _, "indexes", _]) if get => (Is::GetIndex, whole()),
        (&Method::DELETE, [_, "collectionGroups", _, "indexes", _]) => (Is::DeleteIndex, whole()),
        (_, [_, "collectionGroups", _, "fields"]) if get => {
            (Is::ListFields, without_last(segments))
        }
        (_, [_, "collectionGroups", _, "fields", _]) if get => (Is::GetField, whole()),
        (&Method::PATCH, [_, "collectionGroups", _, "fields", _]) => (Is::UpdateField, whole()),
        (_, [_, "operations"]) if get => (Is::ListOperations, without_last(segments)),
        (_, [_, "operations", _]) if get => (Is::GetOperation, whole()),
        (&Method::DELETE, [_, "operations", _]) => (Is::DeleteOperation, whole()),
        _ => return None,
    };
    Some(Route::admin(operation, name))
}

/// Source: specification, section 14.
fn emulator(method: &Method, rest: &str) -> Result<Option<Route>, Refusal> {
    let (prefix, last) = rest.rsplit_once('/').unwrap_or(("", rest));
    let segments = segments(prefix, last)?;
    let is_clear = matches!(behind_databases(&segments),
        Some([_, documents]) if documents == "documents" && *method == Method::DELETE);
    if is_clear {
        let database = without_last(&segments);
        return Ok(Some(Route::Clear { database }));
    }
    Ok(match segments.as_slice() {
        [projects, last] if projects == "projects" => emulator_verb(last)
            .filter(|(_, allowed)| *allowed == method)
            .map(|(verb, _)| of_emulator(last, verb)),
        _ => None,
    })
}

fn of_emulator(last: &str, verb: &str) -> Route {
    let project = last
        .strip_suffix(verb)
        .and_then(|last| last.strip_suffix(':'));
    let project = project.unwrap_or_default().to_owned();
    match verb {
        "export" => Route::Files {
            way: Way::Export,
            project,
        },
        "import" => Route::Files {
            way: Way::Import,
            project,
        },
        verb => Route::EmulatorOnly(format!("emulator/v1/projects:{verb}")),
    }
}

/// The emulator's verbs behind a project, with their methods.
fn emulator_verb(segment: &str) -> Option<(&'static str, &'static Method)> {
    const VERBS: &[(&str, &Method)] = &[
        ("securityRules", &Method::PUT),
        ("export", &Method::POST),
        ("import", &Method::POST),
        ("ruleCoverage", &Method::GET),
        ("ruleCoverage.html", &Method::GET),
    ];
    let (_, verb) = segment.rsplit_once(':')?;
    VERBS.iter().find(|(known, _)| *known == verb).copied()
}

impl Route {
    fn documents(operation: Operation, name: String) -> Self {
        Self::Documents {
            operation,
            name,
            collection_id: String::new(),
        }
    }

    fn admin(operation: AdminOperation, name: String) -> Self {
        Self::Admin { operation, name }
    }
}

fn find<T: Copy>(verbs: &[(&str, T)], verb: &str) -> Option<T> {
    let found = verbs.iter().find(|(known, _)| *known == verb);
    found.map(|(_, operation)| *operation)
}

fn without_last(segments: &[String]) -> String {
    match segments {
        [before @ .., _] => before.join("/"),
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests;
