//! Who asks.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{ProjectId, Uid};

/// Who asks, as the credentials of the request prove it. Source: auth specification, section 4.3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// No credential at all.
    Anonymous,
    /// A registered API key: names a project, proves nothing.
    ApiKey {
        /// The key's project.
        project: ProjectId,
    },
    /// A signed-in user, by a verified ID token.
    User {
        /// The project that the user is of.
        project: ProjectId,
        /// The user.
        uid: Uid,
        /// The whole payload of the token: what security rules call `request.auth.token`.
        claims: Arc<Map<String, Value>>,
    },
    /// A verified administrator credential.
    Privileged {
        /// The project that the credential administers.
        project: ProjectId,
    },
}
