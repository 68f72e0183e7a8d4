//! The two methods that are streams in both directions, without what carries them: gRPC and WebChannel bring requests and
//! take answers, both in order, and a refusal is the end.
//!
//! Requests are taken one by one, and only while answers are taken: who does not read stops being read. Firestore
//! specification, sections 10 and 11.

pub(crate) mod answer;
pub(crate) mod listen;
pub(crate) mod write;

use firekeep_api::firestore::StreamCredential;
use firekeep_model::DatabaseName;
use futures_util::{Stream, stream};

use crate::Refusal;
use crate::grpc::Service;

/// Whom a stream is for, by the bearer credential that it was opened with.
fn prove(
    service: &Service,
    bearer: Option<String>,
    database: &DatabaseName,
) -> Result<StreamCredential, Refusal> {
    let caller = service.prove(bearer.as_deref(), database)?;
    Ok(StreamCredential { bearer, caller })
}

/// What answers the requests of a stream.
trait Answering: Send + 'static {
    /// What it says.
    type Answer: Send + 'static;

    /// The next answer; `None` at the end of the requests.
    fn next(&mut self) -> impl Future<Output = Result<Option<Self::Answer>, Refusal>> + Send;
}

/// All that it says, up to the end of the requests or a refusal.
fn answers<A: Answering>(
    begin: A,
) -> impl Stream<Item = Result<A::Answer, Refusal>> + Send + 'static {
    stream::unfold(Some(begin), |state| async {
        let mut state = state?;
        match state.next().await {
            Ok(answer) => Some((Ok(answer?), Some(state))),
            Err(refusal) => Some((Err(refusal), None)),
        }
    })
}
