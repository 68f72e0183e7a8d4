//! Requests as gRPC brings them: any bytes that are a message are understood, or refused.

#![no_main]

use firekeep_fuzz::requests::{Decode, judge};
use firekeep_wire_proto::json::Json;
use libfuzzer_sys::fuzz_target;
use prost::Message;

fuzz_target!(|data: &[u8]| judge(data, Proto));

struct Proto;

impl Decode for Proto {
    fn decode<M: Json + Message + Default>(&self, body: &[u8]) -> Option<M> {
        M::decode(body).ok()
    }
}
