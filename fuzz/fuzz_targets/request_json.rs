//! Requests as REST brings them: any text that is a message is understood, or refused.

#![no_main]

use firekeep_fuzz::requests::{Decode, judge};
use firekeep_wire_proto::json::{self, Json};
use libfuzzer_sys::fuzz_target;
use prost::Message;

fuzz_target!(|data: &[u8]| judge(data, Text));

struct Text;

impl Decode for Text {
    fn decode<M: Json + Message + Default>(&self, body: &[u8]) -> Option<M> {
        json::decode(body).ok()
    }
}
