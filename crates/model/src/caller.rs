//! Who asks.

use crate::ProjectId;

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
    /// A verified administrator credential.
    Privileged {
        /// The project that the credential administers.
        project: ProjectId,
    },
}
