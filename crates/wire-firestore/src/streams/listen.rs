//! `Listen`: targets come and go, and what there is to tell of them. Source: Firestore specification, section 11.

use std::collections::VecDeque;
use std::pin::Pin;

use firekeep_api::firestore::{
    AddTarget, Lasts, ListenRequest, Listening, Resume, Target, TargetId,
};
use firekeep_model::DatabaseName;
use firekeep_wire_proto::google::firestore::v1 as proto;
use futures_util::{Stream, StreamExt as _};
use prost::Message as _;
use proto::listen_request::TargetChange;
use proto::target::query_target::QueryType;
use proto::target::{QueryTarget, ResumeType, TargetType};

use super::answer::{ListenAnswer, answer};
use super::{Answering, answers, prove};
use crate::Refusal;
use crate::convert::Fault;
use crate::convert::name::{read_database, read_parent, read_paths};
use crate::convert::query::read_query;
use crate::convert::value::read_timestamp;
use crate::grpc::Service;

/// Requests as they come.
type Requests = Pin<Box<dyn Stream<Item = Result<proto::ListenRequest, Refusal>> + Send>>;

/// `Listen`, for whom `bearer` proves. Ends behind a refusal, and when the requests do.
pub(crate) fn listen(
    service: &Service,
    bearer: Option<String>,
    requests: impl Stream<Item = Result<proto::ListenRequest, Refusal>> + Send + 'static,
) -> impl Stream<Item = Result<ListenAnswer, Refusal>> + Send + 'static {
    answers(State {
        service: service.clone(),
        bearer,
        requests: Box::pin(requests),
        open: None,
        ready: VecDeque::new(),
    })
}

struct State {
    service: Service,
    bearer: Option<String>,
    requests: Requests,
    /// `None` before the first request.
    open: Option<(DatabaseName, Listening)>,
    ready: VecDeque<ListenAnswer>,
}

impl Answering for State {
    type Answer = ListenAnswer;

    async fn next(&mut self) -> Result<Option<ListenAnswer>, Refusal> {
        loop {
            if let Some(answer) = self.ready.pop_front() {
                return Ok(Some(answer));
            }
            let request = match &mut self.open {
                None => self.requests.next().await,
                // Either has its chance: answers of requests are in memory until they are taken.
                Some((database, listening)) => tokio::select! {
                    request = self.requests.next() => request,
                    events = listening.next() => {
                        let events = events.map_err(|error| Refusal::of(error, database))?;
                        let events = events.into_iter();
                        self.ready = events.map(|event| answer(listening, database, event)).collect();
                        continue;
                    }
                },
            };
            match request.transpose()? {
                None => return Ok(None),
                Some(request) => self.take(request).await?,
            }
        }
    }
}

impl State {
    async fn take(&mut self, request: proto::ListenRequest) -> Result<(), Refusal> {
        let (database, listening) = match &mut self.open {
            Some(open) => {
                if request.database != open.0.to_string() {
                    return Err(Refusal::invalid("A stream is about one database."));
                }
                open
            }
            None => {
                let database = read_database(&request.database)?;
                let credential = prove(&self.service, self.bearer.take(), &database)?;
                let opened = self.service.firestore.listen(credential, &database).await;
                let listening = opened.map_err(|error| Refusal::of(error, &database))?;
                self.open.insert((database, listening))
            }
        };
        let request = read_request(database, request)?;
        let taken = listening.request(request).await;
        taken.map_err(|error| Refusal::of(error, database))
    }
}

/// A request as a client sent it.
///
/// # Errors
/// Whatever is wrong with the request itself, and not with what is to be listened to.
fn read_request(
    database: &DatabaseName,
    request: proto::ListenRequest,
) -> Result<ListenRequest, Fault> {
    let change = request.target_change;
    Ok(match change.ok_or(Fault::Missing("target_change"))? {
        TargetChange::RemoveTarget(id) => {
            let id = TargetId::new(id).ok_or(Fault::NotPositive("remove_target"))?;
            ListenRequest::Remove(id)
        }
        TargetChange::AddTarget(sent) => ListenRequest::Add(Box::new(AddTarget {
            bytes: sent.encoded_len(),
            id: match sent.target_id {
                0 => None,
                id => Some(TargetId::new(id).ok_or(Fault::Negative("target_id"))?),
            },
            resume: match sent.resume_type {
                None => None,
                Some(ResumeType::ResumeToken(token)) if token.is_empty() => None,
                Some(ResumeType::ResumeToken(token)) => Some(Resume::Token(token)),
                Some(ResumeType::ReadTime(time)) => Some(Resume::At(read_timestamp(time)?)),
            },
            expected_count: sent
                .expected_count
                .and_then(|count| u32::try_from(count).ok()),
            lasts: match sent.once {
                true => Lasts::Once,
                false => Lasts::Open,
            },
            target: read_target(database, sent.target_type).map_err(Into::into),
        })),
    })
}

fn read_target(database: &DatabaseName, sent: Option<TargetType>) -> Result<Target, Fault> {
    match sent.ok_or(Fault::Missing("target_type"))? {
        TargetType::Documents(sent) => {
            Ok(Target::Documents(read_paths(database, &sent.documents)?))
        }
        TargetType::Query(QueryTarget { parent, query_type }) => {
            let parent = read_parent(&parent)?;
            if parent.database != *database {
                return Err(Fault::OtherDatabase);
            }
            let QueryType::StructuredQuery(query) =
                query_type.ok_or(Fault::Missing("structured_query"))?;
            Ok(Target::Query(read_query(parent.document, query)?))
        }
    }
}
