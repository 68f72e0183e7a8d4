//! One request on its way to a method: its parameters, its body, and what gRPC would have as metadata.

use axum::http::{HeaderValue, header};
use firekeep_wire_http::Incoming;
use firekeep_wire_proto::json::Json;
use tonic::metadata::MetadataMap;

use super::request;
use crate::Refusal;

/// One request.
pub(super) struct Call<'a>(pub(super) &'a mut Incoming);

impl Call<'_> {
    /// The message whose fields are parameters.
    pub(super) fn query<M: Json + Default>(&self) -> Result<M, Refusal> {
        request::from_query(&self.0.query)
    }

    /// The message that the body is. The body is gone then.
    pub(super) fn body<M: Json + Default>(&mut self) -> Result<M, Refusal> {
        let message = request::from_body(self.0.body());
        self.0.take_body();
        message
    }

    /// The call of a method: the message, and the headers with whatever credential came.
    pub(super) fn with<M>(&self, message: M) -> Result<tonic::Request<M>, Refusal> {
        let mut headers = self.0.headers.clone();
        if !headers.contains_key(header::AUTHORIZATION)
            && let Some(bearer) = request::bearer(self.0)
        {
            let value = HeaderValue::try_from(format!("Bearer {bearer}"));
            let value = value.map_err(|_| Refusal::invalid("`access_token` is no token"))?;
            headers.insert(header::AUTHORIZATION, value);
        }
        let mut call = tonic::Request::new(message);
        *call.metadata_mut() = MetadataMap::from_headers(headers);
        Ok(call)
    }
}
