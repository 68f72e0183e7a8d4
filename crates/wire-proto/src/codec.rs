//! How messages stand in gRPC frames. As `tonic_prost::ProstCodec`, but for what a client sent that is no such message:
//! that is the client's fault and not ours, and a code that says so is not tried again.

use std::marker::PhantomData;

use prost::Message;
use prost::bytes::Buf as _;
use tonic::Status;
use tonic::codec::{DecodeBuf, Decoder};
use tonic_prost::ProstEncoder;

use crate::elements;
use crate::limits::ELEMENTS_MAX;

/// The codec of generated services and clients.
#[derive(Clone, Copy, Debug)]
pub struct Codec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> tonic::codec::Codec for Codec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = MessageDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::default()
    }

    fn decoder(&mut self) -> Self::Decoder {
        MessageDecoder(PhantomData)
    }
}

/// Reads messages.
#[derive(Clone, Copy, Debug)]
pub struct MessageDecoder<U>(PhantomData<U>);

impl<U: Message + Default> Decoder for MessageDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        // A message stands in one piece.
        if !elements::are_few(bytes.chunk()) {
            return Err(Status::invalid_argument(format!(
                "The message has more than {ELEMENTS_MAX} elements."
            )));
        }
        let message = U::decode(bytes).map_err(|error| Status::invalid_argument(error.to_string()));
        message.map(Some)
    }
}
