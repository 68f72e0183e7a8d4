//! The two methods that have a channel, and what they say as text.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use firekeep_webchannel::Text;
use firekeep_wire_http::Host;
use firekeep_wire_proto::json;
use futures_util::{Stream, StreamExt as _, stream};

use super::live::Live;
use super::requests::Requests;
use crate::grpc::Service;
use crate::limits::{LISTEN_FORM_BYTES_MAX, WRITE_FORM_BYTES_MAX};
use crate::rest::envelope;
use crate::{Refusal, streams};

/// The service whose methods they are.
pub(super) const SERVICE: &str = "google.firestore.v1.Firestore";

/// What the server says on a channel.
pub(super) type Answers = Pin<Box<dyn Stream<Item = Result<Text, Refusal>> + Send>>;

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rpc {
    Listen,
    Write,
}

impl Rpc {
    /// The method of a channel's path.
    pub(super) fn find(host: Host, path: &str) -> Option<Self> {
        if !matches!(host, Host::Firestore | Host::Own) {
            return None;
        }
        let method = path.strip_prefix(SERVICE)?.strip_prefix('/')?;
        match method.strip_suffix("/channel")? {
            "Listen" => Some(Self::Listen),
            "Write" => Some(Self::Write),
            _ => None,
        }
    }

    /// The most bytes of a form with its messages.
    pub(super) const fn form_bytes_max(self) -> usize {
        match self {
            Self::Listen => LISTEN_FORM_BYTES_MAX,
            Self::Write => WRITE_FORM_BYTES_MAX,
        }
    }

    /// Calls the method, for whom `bearer` proves, with the messages of a session.
    pub(super) fn open(
        self,
        service: &Service,
        bearer: Option<String>,
        live: &Arc<Live>,
    ) -> Answers {
        let live = Arc::clone(live);
        match self {
            Self::Listen => {
                let answers = streams::listen::listen(service, bearer, Requests::new(live));
                Box::pin(answers.map(|answer| answer.map(|message| text_of(message.json()))))
            }
            Self::Write => {
                let answers = streams::write::write(service, bearer, Requests::new(live));
                let text_of = |message| text_of([json::encode(&message).into()]);
                Box::pin(answers.map(move |answer| answer.map(text_of)))
            }
        }
    }
}

/// A method that says nothing.
pub(super) fn silence() -> Answers {
    Box::pin(stream::pending())
}

fn text_of(pieces: impl IntoIterator<Item = Bytes>) -> Text {
    let mut text = Text::default();
    for piece in pieces {
        text.push(piece);
    }
    text
}

/// How a stream's end looks as a message. Source: WebChannel specification, section 7.1.
pub(super) fn error_text(refusal: &Refusal) -> Text {
    Text::from(envelope::body(refusal).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (path, found) in [
            (
                "google.firestore.v1.Firestore/Listen/channel",
                Some(Rpc::Listen),
            ),
            (
                "google.firestore.v1.Firestore/Write/channel",
                Some(Rpc::Write),
            ),
            ("google.firestore.v1.Firestore/Listen", None),
            ("google.firestore.v1.Firestore/Commit/channel", None),
            ("google.firestore.v1.Firestore/Listen/channel/", None),
            ("google.firestore.v1.FirestoreX/Listen/channel", None),
            ("Listen/channel", None),
            ("", None),
        ] {
            assert_eq!(Rpc::find(Host::Own, path), found, "{path}");
            assert_eq!(Rpc::find(Host::Firestore, path), found, "{path}");
            assert_eq!(Rpc::find(Host::IdentityToolkit, path), None, "{path}");
        }
    }
}
