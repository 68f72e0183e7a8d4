//! Firestore over REST: paths, parameters and JSON become the messages of gRPC, and its answers JSON.
//!
//! Nothing here knows what an operation means: each is the gRPC method of its name. Source: Firestore specification,
//! sections 8 and 14.

mod admin;
mod array;
mod call;
mod documents;
pub(crate) mod envelope;
mod files;
#[doc(hidden)]
pub mod fuzzing;
mod request;
mod route;

use std::sync::Arc;

use axum::body::Body;
use axum::http::Response;
use firekeep_api::Core;
use firekeep_api::firestore::Firestore;
use firekeep_model::DatabaseName;
use firekeep_wire_http::{Envelope, Host, Incoming};

use crate::admin::Admin;
use crate::convert::Fault;
use crate::grpc::Service;
pub use crate::limits::REQUEST_BYTES_MAX as BODY_BYTES_MAX;
use crate::{Code, Refusal, credential};
use call::Call;
use route::Route;

/// Whether a request to that host and (decoded) path is for this edge, wherever it leads.
#[must_use]
pub fn is_ours(host: Host, path: &str) -> bool {
    match host {
        Host::Firestore => true,
        Host::Own => route::is_ours(path),
        Host::IdentityToolkit | Host::SecureToken | Host::Www | Host::OAuth2 | Host::Discovery => {
            false
        }
    }
}

/// Refuses a request that could not be read.
#[must_use]
pub fn refuse(fault: &Envelope) -> Response<Body> {
    envelope::response(&envelope::unread(fault))
}

/// Everything that REST offers.
pub struct Rest {
    core: Arc<Core>,
    firestore: Firestore,
    documents: Service,
    admin: Admin,
}

impl Rest {
    /// The documents of a server.
    #[must_use]
    pub fn new(core: &Arc<Core>) -> Self {
        Self {
            core: Arc::clone(core),
            firestore: Firestore::new(Arc::clone(core)),
            documents: Service::new(Arc::clone(core)),
            admin: Admin::new(core),
        }
    }

    /// Answers a request that [`is_ours`]. Takes the body, so that it is not kept while the operation waits.
    pub async fn handle(&self, request: &mut Incoming) -> Response<Body> {
        let answer = self.answer(request).await;
        answer.unwrap_or_else(|refusal| envelope::response(&refusal))
    }

    async fn answer(&self, request: &mut Incoming) -> Result<Response<Body>, Refusal> {
        if !request.is_query_exact {
            // A document would get another id than its client gave it.
            return Err(Refusal::invalid("The query is not UTF-8."));
        }
        match Route::find(&request.method, &request.raw_path)? {
            Some(Route::Documents {
                operation,
                name,
                collection_id,
            }) => {
                self.check(request)?;
                let call = Call(request);
                documents::answer(&self.documents, operation, name, collection_id, call).await
            }
            Some(Route::Admin { operation, name }) => {
                self.check(request)?;
                admin::answer(&self.admin, operation, name, Call(request)).await
            }
            Some(Route::Clear { database }) => self.clear(&database, request).await,
            Some(Route::Files { way, project }) if self.core.has_emulator_endpoints() => {
                let owner = self.core.owner();
                files::answer(&self.firestore, &owner, way, &project, request).await
            }
            Some(Route::EmulatorOnly(what)) if self.core.has_emulator_endpoints() => Err(
                Refusal::unimplemented(format!("{what} is not implemented by this server.")),
            ),
            Some(Route::Files { .. } | Route::EmulatorOnly(_)) | None => Err(Refusal::new(
                Code::NotFound,
                "The requested URL was not found on this server.",
            )),
        }
    }

    /// Refuses who can never be let in, before the body is decoded.
    fn check(&self, request: &Incoming) -> Result<(), Refusal> {
        credential::bearer(&request.headers)?;
        credential::check(&self.core, request::bearer(request).as_deref())
    }

    /// Deletes all documents of a database: for administrators, and for everybody where the emulator's own endpoints
    /// are, as test tools send no credential.
    async fn clear(&self, database: &str, request: &Incoming) -> Result<Response<Body>, Refusal> {
        let database = DatabaseName::parse(database).map_err(Fault::from)?;
        let bearer = request::bearer(request);
        let caller = match self.core.has_emulator_endpoints() {
            true => Ok(self.core.owner()),
            false => self.core.documents_caller(bearer.as_deref(), &database),
        };
        let refused = |error| Refusal::of(error, &database);
        let caller = caller.map_err(refused)?;
        self.firestore
            .clear(&caller, &database)
            .await
            .map_err(refused)?;
        Ok(envelope::answer("{}".into()))
    }
}
