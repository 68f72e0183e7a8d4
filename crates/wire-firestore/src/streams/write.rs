//! `Write`: a handshake, then batches of writes, each answered in its turn. Source: Firestore specification, section 10.

use std::pin::Pin;

use firekeep_api::firestore::Writing;
use firekeep_model::DatabaseName;
use firekeep_wire_proto::google::firestore::v1 as proto;
use futures_util::{Stream, StreamExt as _};

use super::{Answering, answers, prove};
use crate::convert::name::read_database;
use crate::convert::value::write_timestamp;
use crate::convert::write::{read_writes, write_result};
use crate::grpc::Service;
use crate::{Code, Refusal};

/// Requests as they come.
type Requests = Pin<Box<dyn Stream<Item = Result<proto::WriteRequest, Refusal>> + Send>>;

/// `Write`, for whom `bearer` proves. Ends behind a refusal, and when the requests do.
pub(crate) fn write(
    service: &Service,
    bearer: Option<String>,
    requests: impl Stream<Item = Result<proto::WriteRequest, Refusal>> + Send + 'static,
) -> impl Stream<Item = Result<proto::WriteResponse, Refusal>> + Send + 'static {
    answers(State {
        service: service.clone(),
        bearer,
        requests: Box::pin(requests),
        open: None,
    })
}

struct State {
    service: Service,
    bearer: Option<String>,
    requests: Requests,
    /// `None` before the handshake.
    open: Option<(DatabaseName, Writing)>,
}

impl Answering for State {
    type Answer = proto::WriteResponse;

    async fn next(&mut self) -> Result<Option<proto::WriteResponse>, Refusal> {
        loop {
            let Some((database, writing)) = &mut self.open else {
                let Some(request) = self.requests.next().await.transpose()? else {
                    return Ok(None);
                };
                return self.open(request).await.map(Some);
            };
            let request = tokio::select! {
                request = self.requests.next() => request,
                error = writing.ended() => return Err(Refusal::of(error, database)),
            };
            let Some(request) = request.transpose()? else {
                return Ok(None);
            };
            if let Some(answer) = apply(database, writing, request).await? {
                return Ok(Some(answer));
            }
        }
    }
}

impl State {
    async fn open(
        &mut self,
        request: proto::WriteRequest,
    ) -> Result<proto::WriteResponse, Refusal> {
        let database = read_database(&request.database)?;
        if !request.stream_id.is_empty() || !request.stream_token.is_empty() {
            // No SDK does; it would send again what has no answer.
            let text = "A stream of writes cannot be resumed. Open a new one.";
            return Err(Refusal::new(Code::Aborted, text));
        }
        if !request.writes.is_empty() {
            return Err(Refusal::invalid(
                "The first message of a stream of writes has no writes.",
            ));
        }
        let credential = prove(&self.service, self.bearer.take(), &database)?;
        let opened = self.service.firestore.write_stream(credential, &database);
        let mut writing = (opened.await).map_err(|error| Refusal::of(error, &database))?;
        let (stream_id, stream_token) = writing.open();
        self.open = Some((database, writing));
        Ok(proto::WriteResponse {
            stream_id,
            stream_token,
            ..proto::WriteResponse::default()
        })
    }
}

async fn apply(
    database: &DatabaseName,
    writing: &mut Writing,
    request: proto::WriteRequest,
) -> Result<Option<proto::WriteResponse>, Refusal> {
    let writes = read_writes(database, request.writes)?;
    let applied = writing.write(&request.stream_token, writes).await;
    let applied = applied.map_err(|error| Refusal::of(error, database))?;
    Ok(applied.map(|applied| proto::WriteResponse {
        stream_id: String::new(),
        stream_token: applied.token,
        write_results: applied.committed.results.iter().map(write_result).collect(),
        commit_time: Some(write_timestamp(applied.committed.commit_time)),
    }))
}
