//! What a listen stream says, on its way to bytes: documents are encoded once for all who listen, and each gets its own
//! targets around them. Source: Firestore specification, sections 11.3, 11.5 and 12.

use std::sync::Arc;

use bytes::{BufMut, Bytes};
use firekeep_api::firestore::{
    BloomFilter, Delivered, Event, ListenEvent, Listening, TargetChange, TargetId,
};
use firekeep_model::{DatabaseName, Timestamp};
use firekeep_wire_proto::google::firestore::v1 as proto;
use firekeep_wire_proto::json;
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};
use proto::listen_response::ResponseType;
use proto::target_change::TargetChangeType;

use crate::Refusal;
use crate::convert::document::{write_document, write_name};
use crate::convert::value::write_timestamp;

/// The fields of `ListenResponse` and `DocumentChange`. Source: `firestore.proto`, `write.proto`.
const DOCUMENT_CHANGE: u32 = 3;
const DOCUMENT: u32 = 1;
const TARGET_IDS: u32 = 5;
const REMOVED_TARGET_IDS: u32 = 6;

/// An answer of a listen stream.
#[derive(Clone, Debug)]
pub(crate) enum ListenAnswer {
    /// Any but a changed document.
    Message(proto::ListenResponse),
    /// A changed document.
    Change(DocumentChange),
}

/// A changed document, whose bytes others may have made already.
#[derive(Clone, Debug)]
pub(crate) struct DocumentChange {
    database: DatabaseName,
    document: Arc<Delivered>,
    targets: Vec<i32>,
    removed: Vec<i32>,
}

/// What a client reads of an event of its stream.
pub(super) fn answer(
    listening: &Listening,
    database: &DatabaseName,
    event: ListenEvent,
) -> ListenAnswer {
    let event = match event {
        ListenEvent::Event(event) => event,
        ListenEvent::Rejected { target, cause } => {
            return message(ResponseType::TargetChange(proto::TargetChange {
                target_change_type: TargetChangeType::Remove.into(),
                target_ids: vec![target.get()],
                cause: Some(Refusal::of(cause, database).into()),
                ..proto::TargetChange::default()
            }));
        }
    };
    message(match event {
        Event::Changed {
            document,
            targets,
            removed,
        } => {
            return ListenAnswer::Change(DocumentChange {
                database: database.clone(),
                document,
                targets: numbers(&targets),
                removed: numbers(&removed),
            });
        }
        Event::Target {
            change,
            targets,
            at,
        } => ResponseType::TargetChange(proto::TargetChange {
            target_change_type: kind(change).into(),
            target_ids: numbers(&targets),
            cause: None,
            resume_token: at.map(|at| listening.token(at)).unwrap_or_default(),
            read_time: at.map(|at| write_timestamp(Timestamp::from_micros(at.0))),
        }),
        Event::Deleted { path, removed, at } => {
            ResponseType::DocumentDelete(proto::DocumentDelete {
                document: write_name(database, &path),
                removed_target_ids: numbers(&removed),
                read_time: Some(write_timestamp(Timestamp::from_micros(at.0))),
            })
        }
        Event::Removed { path, removed, at } => {
            ResponseType::DocumentRemove(proto::DocumentRemove {
                document: write_name(database, &path),
                removed_target_ids: numbers(&removed),
                read_time: Some(write_timestamp(Timestamp::from_micros(at.0))),
            })
        }
        Event::Filter {
            target,
            count,
            unchanged,
        } => ResponseType::Filter(proto::ExistenceFilter {
            target_id: target.get(),
            count: i32::try_from(count).unwrap_or(i32::MAX),
            unchanged_names: unchanged.map(write_filter),
        }),
    })
}

fn message(answer: ResponseType) -> ListenAnswer {
    ListenAnswer::Message(proto::ListenResponse {
        response_type: Some(answer),
    })
}

fn kind(change: TargetChange) -> TargetChangeType {
    match change {
        TargetChange::NoChange => TargetChangeType::NoChange,
        TargetChange::Add => TargetChangeType::Add,
        TargetChange::Remove => TargetChangeType::Remove,
        TargetChange::Current => TargetChangeType::Current,
        TargetChange::Reset => TargetChangeType::Reset,
    }
}

fn numbers(targets: &[TargetId]) -> Vec<i32> {
    targets.iter().map(|target| target.get()).collect()
}

fn write_filter(filter: BloomFilter) -> proto::BloomFilter {
    proto::BloomFilter {
        bits: Some(proto::BitSequence {
            bitmap: filter.bits,
            padding: filter.padding.into(),
        }),
        hash_count: i32::try_from(filter.hash_count).unwrap_or(i32::MAX),
    }
}

impl ListenAnswer {
    /// Appends the `google.firestore.v1.ListenResponse`.
    pub(crate) fn encode(&self, out: &mut impl BufMut) {
        match self {
            // Grows as it needs to, so it cannot be too short.
            Self::Message(message) => drop(message.encode(out)),
            Self::Change(change) => change.encode(out),
        }
    }

    /// The same as JSON, in pieces: the document's is everybody's.
    pub(crate) fn json(&self) -> Vec<Bytes> {
        match self {
            Self::Message(message) => vec![json::encode(message).into()],
            Self::Change(change) => change.json().into(),
        }
    }
}

impl DocumentChange {
    fn encode(&self, out: &mut impl BufMut) {
        let document = self.document.grpc.get_or_init(|| {
            let message = write_document(&self.database, &self.document.document);
            message.encode_to_vec().into()
        });
        let ids = |field, ids: &[i32]| prost::encoding::int32::encoded_len_packed(field, ids);
        let length = delimited_len(DOCUMENT, document.len())
            + ids(TARGET_IDS, &self.targets)
            + ids(REMOVED_TARGET_IDS, &self.removed);
        delimited(DOCUMENT_CHANGE, length, out);
        delimited(DOCUMENT, document.len(), out);
        out.put_slice(document);
        prost::encoding::int32::encode_packed(TARGET_IDS, &self.targets, out);
        prost::encoding::int32::encode_packed(REMOVED_TARGET_IDS, &self.removed, out);
    }

    fn json(&self) -> [Bytes; 3] {
        let document = self.document.json.get_or_init(|| {
            let message = write_document(&self.database, &self.document.document);
            json::encode(&message).into()
        });
        let ids = proto::DocumentChange {
            document: None,
            target_ids: self.targets.clone(),
            removed_target_ids: self.removed.clone(),
        };
        let mut ids = json::encode(&ids);
        // The ids are members behind the document, or there are none.
        match ids.as_mut_slice() {
            [brace, _, _, ..] => *brace = b',',
            _ => ids = b"}".to_vec(),
        }
        ids.push(b'}');
        let begin = Bytes::from_static(br#"{"documentChange":{"document":"#);
        [begin, document.clone(), ids.into()]
    }
}

/// What a field of so many bytes takes.
fn delimited_len(field: u32, bytes: usize) -> usize {
    key_len(field) + encoded_len_varint(wide(bytes)) + bytes
}

/// The beginning of a field of so many bytes.
fn delimited(field: u32, bytes: usize, out: &mut impl BufMut) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(wide(bytes), out);
}

const fn wide(bytes: usize) -> u64 {
    bytes as u64
}

#[cfg(test)]
mod tests {
    use firekeep_model::{Document, DocumentPath, Map};

    use super::*;

    /// The splice is what the generated code makes of the whole message.
    #[test]
    fn documents_are_encoded_as_everybody_does() {
        let database = DatabaseName::parse("projects/p/databases/(default)").unwrap();
        let mut fields = Map::new();
        fields.insert("n", 1.into()).unwrap();
        for (fields, targets, removed) in [
            (fields.clone(), vec![1, 300], vec![]),
            (fields, vec![], vec![i32::MAX]),
            (Map::new(), vec![7], vec![8, 9]),
            (Map::new(), vec![], vec![]),
        ] {
            let document = Document {
                path: DocumentPath::parse("c/a").unwrap(),
                fields,
                create_time: Timestamp::from_secs(1),
                update_time: Timestamp::from_secs(2),
            };
            let whole = proto::ListenResponse {
                response_type: Some(ResponseType::DocumentChange(proto::DocumentChange {
                    document: Some(write_document(&database, &document)),
                    target_ids: targets.clone(),
                    removed_target_ids: removed.clone(),
                })),
            };
            let change = ListenAnswer::Change(DocumentChange {
                database: database.clone(),
                document: Delivered::new(document),
                targets,
                removed,
            });
            let mut bytes = Vec::new();
            change.encode(&mut bytes);
            assert_eq!(bytes, whole.encode_to_vec());
            assert_eq!(change.json().concat(), json::encode(&whole));
        }
    }
}
