//! JSON of the published messages, on any bytes: what is read prints as JSON that reads as the same message, and so
//! does what protobuf reads from the same bytes.

#![no_main]

use firekeep_wire_proto::google::firestore::v1::{
    CommitRequest, ListenRequest, ListenResponse, RunAggregationQueryRequest, RunQueryRequest,
    Value, WriteRequest,
};
use firekeep_wire_proto::json::{self, Error, Json};
use firekeep_wire_proto::limits::{JSON_DEPTH_MAX, JSON_ELEMENTS_MAX};
use libfuzzer_sys::fuzz_target;
use prost::Message;

fuzz_target!(|data: &[u8]| {
    let Some((kind, body)) = data.split_first() else {
        return;
    };
    match kind % 8 {
        0 => check::<CommitRequest>(body),
        1 => check::<RunQueryRequest>(body),
        2 => check::<RunAggregationQueryRequest>(body),
        3 => check::<ListenRequest>(body),
        4 => check::<ListenResponse>(body),
        5 => check::<WriteRequest>(body),
        6 => check::<Value>(body),
        _ => check_parameter(body),
    }
});

fn check<M: Json + Message + Default>(body: &[u8]) {
    match json::decode::<M>(body) {
        Ok(message) => check_message(&message),
        Err(error) => check_error(&error),
    }
    if let Ok(message) = M::decode(body) {
        check_message(&message);
    }
}

fn check_message<M: Json + Message + Default>(message: &M) {
    let text = json::encode(message);
    assert!(serde_json::from_slice::<serde_json::Value>(&text).is_ok());
    match json::decode::<M>(&text) {
        Ok(again) => assert_eq!(json::encode(&again), text),
        // Protobuf nests a little deeper than JSON may, and knows types inside `Any` that we do not.
        Err(error) => assert!(
            [
                format!("nested deeper than {JSON_DEPTH_MAX} levels"),
                format!("more than {JSON_ELEMENTS_MAX} elements"),
                "unknown type".to_owned(),
            ]
            .contains(&error.message),
            "{error}"
        ),
    }
}

fn check_parameter(body: &[u8]) {
    let Ok(text) = str::from_utf8(body) else {
        return;
    };
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let mut message = RunQueryRequest::default();
    match json::set_parameter(&mut message, name, value) {
        Ok(true) => check_message(&message),
        Ok(false) => assert_eq!(message, RunQueryRequest::default()),
        Err(error) => check_error(&error),
    }
}

/// One line, and not much longer than the way to the fault.
fn check_error(error: &Error) {
    assert!(error.message.len() < 200, "{error}");
    assert!(error.path.len() <= (JSON_DEPTH_MAX + 1) * 300, "{error}");
}
