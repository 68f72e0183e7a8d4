//! What is in the protocol and not here yet.

use crate::Refusal;

/// `Listen`
pub(super) fn listen() -> Refusal {
    Refusal::unimplemented(
        "Listening to documents is not implemented by this server yet; read them with RunQuery or \
         BatchGetDocuments (in SDKs: get() instead of onSnapshot()).",
    )
}

/// `Write`
pub(super) fn write() -> Refusal {
    Refusal::unimplemented(
        "The stream of writes is not implemented by this server yet; use Commit (server SDKs do).",
    )
}

/// `ExecutePipeline`
pub(super) fn execute_pipeline() -> Refusal {
    Refusal::unimplemented(
        "Pipelines are not implemented by this server; use structured queries (RunQuery).",
    )
}
