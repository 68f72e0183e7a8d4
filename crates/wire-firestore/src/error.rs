//! How an error looks on the wire: one table for gRPC and REST.
//!
//! Source: Firestore specification, sections 4.2, 5, 6.2 and 9. What clients make of a code decides which one it is: they
//! repeat UNAVAILABLE and INTERNAL, writes for ever, and drop what they wrote at INVALID_ARGUMENT.

use firekeep_api::firestore::{DocumentError, Invalid, InvalidIndex};
use firekeep_api::{Error as ApiError, StoreError};
use firekeep_model::{DatabaseName, DocumentName, DocumentPath};
use firekeep_wire_proto::google::rpc::Status;

use crate::convert::Fault;

/// Declares the codes with their names, numbers and HTTP codes.
macro_rules! codes {
    ($($code:ident $name:literal $number:literal $http:literal,)*) => {
        /// A code of `google.rpc.Code`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "named as in the published protocol")]
        pub enum Code {
            $($code = $number,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// The name, as in JSON bodies.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }

            /// The number, as in `grpc-status`.
            #[must_use]
            pub const fn number(self) -> i32 {
                match self { $(Self::$code => $number,)* }
            }

            /// The HTTP code that REST answers with.
            #[must_use]
            pub const fn http(self) -> u16 {
                match self { $(Self::$code => $http,)* }
            }
        }
    };
}

codes! {
    Ok "OK" 0 200,
    Cancelled "CANCELLED" 1 499,
    Unknown "UNKNOWN" 2 500,
    InvalidArgument "INVALID_ARGUMENT" 3 400,
    DeadlineExceeded "DEADLINE_EXCEEDED" 4 504,
    NotFound "NOT_FOUND" 5 404,
    AlreadyExists "ALREADY_EXISTS" 6 409,
    PermissionDenied "PERMISSION_DENIED" 7 403,
    ResourceExhausted "RESOURCE_EXHAUSTED" 8 429,
    FailedPrecondition "FAILED_PRECONDITION" 9 400,
    Aborted "ABORTED" 10 409,
    OutOfRange "OUT_OF_RANGE" 11 400,
    Unimplemented "UNIMPLEMENTED" 12 501,
    Internal "INTERNAL" 13 500,
    Unavailable "UNAVAILABLE" 14 503,
    DataLoss "DATA_LOSS" 15 500,
    Unauthenticated "UNAUTHENTICATED" 16 401,
}

/// Why a request is not answered, as its client reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of refusal.
    pub code: Code,
    /// For people; some texts are compared by clients.
    pub message: String,
}

/// The text of every refusal for want of rights: it tells nothing.
const DENIED: &str = "Missing or insufficient permissions.";
/// The text for a credential that is not good.
const UNAUTHENTICATED: &str = "Request had invalid authentication credentials. Expected OAuth 2 access token, login \
                               cookie or other valid authentication credential.";

impl Refusal {
    /// A refusal.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message }
    }

    /// The request is wrong whatever is stored.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    /// In the protocol, but not here.
    #[must_use]
    pub fn unimplemented(message: impl Into<String>) -> Self {
        Self::new(Code::Unimplemented, message)
    }

    /// A document to read is not there.
    #[must_use]
    pub fn document_not_found(database: &DatabaseName, path: &DocumentPath) -> Self {
        let name = name_of(database, path);
        Self::new(Code::NotFound, format!("Document \"{name}\" not found."))
    }

    /// Something that should not happen. The cause is the log's, never the client's.
    #[must_use]
    pub fn internal(cause: &dyn std::error::Error) -> Self {
        log(cause);
        Self::new(Code::Internal, "Internal error encountered.")
    }

    /// Nothing is wrong with the request; it may work later.
    fn unavailable(cause: &dyn std::error::Error) -> Self {
        log(cause);
        Self::new(
            Code::Unavailable,
            "The service is temporarily unavailable. Please retry with exponential backoff.",
        )
    }

    /// Others changed what was read. Clients begin again.
    fn aborted() -> Self {
        Self::new(
            Code::Aborted,
            "Too much contention on these documents. Please try again.",
        )
    }

    fn read_time_too_old() -> Self {
        Self::new(
            Code::FailedPrecondition,
            "The requested snapshot version is too old.",
        )
    }

    /// The credential is not good.
    pub(crate) fn unauthenticated() -> Self {
        Self::new(Code::Unauthenticated, UNAUTHENTICATED)
    }

    /// What an error of a request about `database` is to its client.
    #[must_use]
    pub fn of(error: ApiError, database: &DatabaseName) -> Self {
        match error {
            ApiError::Documents(error) => Self::of_documents(error, database),
            ApiError::Store(error) => Self::of_store(error),
            error @ (ApiError::Invalid(_)
            | ApiError::TransactionExpired
            | ApiError::InvalidTransaction
            | ApiError::ReadOnlyTransaction
            | ApiError::TooLarge(_)) => Self::invalid(error.to_string()),
            error @ (ApiError::DatabaseNotFound(_) | ApiError::NotFound(_)) => {
                Self::new(Code::NotFound, error.to_string())
            }
            error @ ApiError::Exists(_) => Self::new(Code::AlreadyExists, error.to_string()),
            error @ ApiError::Aborted => Self::new(Code::Aborted, error.to_string()),
            error @ (ApiError::IndexRequired(_) | ApiError::DatabaseProtected(_)) => {
                Self::new(Code::FailedPrecondition, error.to_string())
            }
            ApiError::ReadTimeTooOld => Self::read_time_too_old(),
            error
            @ (ApiError::Busy | ApiError::TooManyAttempts { .. } | ApiError::Exhausted(_)) => {
                Self::new(Code::ResourceExhausted, error.to_string())
            }
            error @ ApiError::Unavailable(_) => Self::new(Code::Unavailable, error.to_string()),
            error @ ApiError::NotEnabled(_) => Self::unimplemented(error.to_string()),
            ApiError::PermissionDenied
            | ApiError::CredentialMissing
            | ApiError::ApiKeyMissing
            | ApiError::Forbidden
            | ApiError::AdminOnly(_)
            | ApiError::ProjectNotTheirs
            | ApiError::NotAllowed(_) => Self::new(Code::PermissionDenied, DENIED),
            ApiError::IdToken(_)
            | ApiError::IdTokenRevoked
            | ApiError::Assertion(_)
            | ApiError::Unauthenticated
            | ApiError::UnknownApiKey => Self::unauthenticated(),
            // What follows are answers of other services; none of them is one to a request for documents.
            error @ (ApiError::Account(_)
            | ApiError::CustomToken(_)
            | ApiError::KeyFile(_)
            | ApiError::Signing(_)
            | ApiError::WrongPassword
            | ApiError::InvalidPassword
            | ApiError::EmailNotFound
            | ApiError::TenantNotFound
            | ApiError::NothingSelected
            | ApiError::UidMissing
            | ApiError::InvalidUid(_)
            | ApiError::UidsOutOfRange
            | ApiError::PageSelection
            | ApiError::MadeInDevMode
            | ApiError::Internal(_)) => Self::internal(&error),
        }
    }

    fn of_documents(error: DocumentError, database: &DatabaseName) -> Self {
        use DocumentError as Error;
        match error {
            Error::NotFound { path } => Self::new(
                Code::NotFound,
                format!("No document to update: {}", name_of(database, &path)),
            ),
            Error::AlreadyExists { path } => Self::new(
                Code::AlreadyExists,
                format!("Document already exists: {}", name_of(database, &path)),
            ),
            error @ Error::StaleVersion { .. } => {
                Self::new(Code::FailedPrecondition, error.to_string())
            }
            Error::InvalidArgument(Invalid::Index(error @ InvalidIndex::NoSuchIndex(_))) => {
                Self::new(Code::NotFound, error.to_string())
            }
            Error::InvalidArgument(Invalid::Index(error @ InvalidIndex::Busy)) => {
                Self::new(Code::FailedPrecondition, error.to_string())
            }
            Error::InvalidArgument(invalid) => Self::invalid(invalid.to_string()),
            error @ Error::Corrupt(_) => Self::internal(&error),
            Error::Store(error) => Self::of_store(error),
        }
    }

    fn of_store(error: StoreError) -> Self {
        match error {
            StoreError::Contended | StoreError::Changed | StoreError::SnapshotExpired => {
                Self::aborted()
            }
            StoreError::ReadTimeTooOld => Self::read_time_too_old(),
            error @ StoreError::TooLarge(_) => Self::invalid(error.to_string()),
            // The process stops after `Fatal`: the next one may answer.
            error @ (StoreError::Unavailable(_) | StoreError::Fatal(_) | StoreError::Closed) => {
                Self::unavailable(&error)
            }
            error @ (StoreError::Reserved(_)
            | StoreError::Corrupt(_)
            | StoreError::NewerFormat { .. }
            | StoreError::Unsupported(_)
            | StoreError::Io(_)) => Self::internal(&error),
        }
    }
}

/// As an answer has it that is not refused as a whole.
impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.code.number(),
            message: refusal.message,
            details: Vec::new(),
        }
    }
}

/// What gRPC itself refuses, or a method of it has refused.
impl From<tonic::Status> for Refusal {
    fn from(status: tonic::Status) -> Self {
        let number = i32::from(status.code());
        let code = Code::ALL.iter().find(|code| code.number() == number);
        Self::new(code.copied().unwrap_or(Code::Unknown), status.message())
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::invalid(fault.to_string())
    }
}

/// For a fault that is told later, in the words of its stream.
impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        Self::Invalid(fault.to_string())
    }
}

fn name_of(database: &DatabaseName, path: &DocumentPath) -> DocumentName {
    DocumentName {
        database: database.clone(),
        path: path.clone(),
    }
}

/// An error and everything below it, for the log.
fn log(error: &dyn std::error::Error) {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(below) = cause {
        text = format!("{text}: {below}");
        cause = below.source();
    }
    tracing::error!(error = text, "a request for documents failed");
}

#[cfg(test)]
mod tests {
    use firekeep_api::firestore::InvalidQuery;
    use firekeep_model::Timestamp;

    use super::*;

    fn database() -> DatabaseName {
        DatabaseName::parse("projects/p/databases/(default)").unwrap()
    }

    fn path() -> DocumentPath {
        DocumentPath::parse("c/a").unwrap()
    }

    #[test]
    fn documents() {
        use DocumentError as Error;
        let stored = Timestamp::from_micros(1_641_498_227_413_898);
        let required = Timestamp::default();
        let rows = [
            (
                Error::NotFound { path: path() },
                Code::NotFound,
                "No document to update: projects/p/databases/(default)/documents/c/a",
            ),
            (
                Error::AlreadyExists { path: path() },
                Code::AlreadyExists,
                "Document already exists: projects/p/databases/(default)/documents/c/a",
            ),
            (
                Error::StaleVersion { stored, required },
                Code::FailedPrecondition,
                "the stored version (1641498227413898) does not match the required base version (0)",
            ),
            (
                Error::InvalidArgument(Invalid::VerifyWithoutPrecondition),
                Code::InvalidArgument,
                "a verify must contain a precondition",
            ),
            (
                Error::Corrupt("its key"),
                Code::Internal,
                "Internal error encountered.",
            ),
        ];
        for (error, code, message) in rows {
            let refusal = Refusal::of(ApiError::Documents(error), &database());
            assert_eq!(refusal, Refusal::new(code, message));
        }
    }

    #[test]
    fn other_errors() {
        let rows = [
            (
                ApiError::Unauthenticated,
                Code::Unauthenticated,
                UNAUTHENTICATED,
            ),
            (
                ApiError::DatabaseNotFound(database()),
                Code::NotFound,
                "The database (default) does not exist for project p. Create it with the command line or the \
                 administration API.",
            ),
            (
                ApiError::Documents(InvalidQuery::NegativeLimit.into()),
                Code::InvalidArgument,
                "limit is negative",
            ),
            (
                ApiError::Store(StoreError::Fatal("disk sda1 is full".to_owned())),
                Code::Unavailable,
                "The service is temporarily unavailable. Please retry with exponential backoff.",
            ),
            (
                ApiError::Store(StoreError::Contended),
                Code::Aborted,
                "Too much contention on these documents. Please try again.",
            ),
            (ApiError::PermissionDenied, Code::PermissionDenied, DENIED),
            (ApiError::AdminOnly("x"), Code::PermissionDenied, DENIED),
            (
                ApiError::Internal("a secret".to_owned()),
                Code::Internal,
                "Internal error encountered.",
            ),
            (
                ApiError::Store(StoreError::ReadTimeTooOld),
                Code::FailedPrecondition,
                "The requested snapshot version is too old.",
            ),
        ];
        for (error, code, message) in rows {
            assert_eq!(Refusal::of(error, &database()), Refusal::new(code, message));
        }
    }

    #[test]
    fn a_document_to_read() {
        assert_eq!(
            Refusal::document_not_found(&database(), &path()),
            Refusal::new(
                Code::NotFound,
                "Document \"projects/p/databases/(default)/documents/c/a\" not found.",
            )
        );
    }

    /// Node tries INVALID_ARGUMENT again only where it finds these words (specification, section 6.2).
    #[test]
    fn an_expired_transaction() {
        let refusal = Refusal::of(ApiError::TransactionExpired, &database());
        assert_eq!(refusal.code, Code::InvalidArgument);
        assert!(refusal.message.contains("transaction has expired"));
    }

    #[test]
    fn codes_are_numbered_in_order() {
        let numbers = Code::ALL.iter().map(|code| code.number());
        assert!(numbers.eq(0..=16));
    }
}
