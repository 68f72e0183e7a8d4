//! `POST /firekeep/v1/admin`: the command line's commands, for administrators.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use firekeep_api::Core;
use firekeep_api::admin::Command;
use firekeep_wire_http::{Envelope, Incoming, json};

use crate::error::envelope;

/// Runs one command.
pub(crate) async fn handle(core: &Arc<Core>, request: &mut Incoming) -> Response {
    match run(core, request).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn run(core: &Arc<Core>, request: &mut Incoming) -> Result<Response, Envelope> {
    let bearer = request.credentials().bearer;
    let caller = core.caller(bearer.as_deref(), None).map_err(envelope)?;
    let command: Command = serde_json::from_slice(&request.take_body())
        .map_err(|error| Envelope::parse_error(&format!("{error}.")))?;
    core.check_place(bearer.as_deref(), &command)
        .map_err(envelope)?;
    match core.run(&caller, command).await {
        Ok(body) => Ok(json(StatusCode::OK, &body)),
        Err(error) => {
            // People read these: the sentence rather than the protocol's code.
            let (code, text) = crate::error::of_account_server(error);
            Ok(json(
                code.status(),
                &serde_json::json!({ "error": { "message": text } }),
            ))
        }
    }
}
