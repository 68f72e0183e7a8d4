//! Reads a body into memory, within limits that hold for one body and for all of them together.

use axum::body::{Body, HttpBody as _};
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{Envelope, limits};

/// A large body's place among [`limits::BODIES_LARGE_MAX`].
pub(super) type Place = SemaphorePermit<'static>;

/// One for the process, as its memory is one.
static LARGE: Semaphore = Semaphore::const_new(limits::BODIES_LARGE_MAX);

/// Reads a body whole. One that is refused is still read to its end, within a limit: a client that sends does not
/// listen, and a connection closed on it takes the answer along.
pub(super) async fn read(
    headers: &HeaderMap,
    mut body: Body,
) -> Result<(Bytes, Option<Place>), Envelope> {
    // A client that asks first hears it at once, and sends nothing; nor is there a use in reading without an end.
    let announced = body.size_hint().lower();
    let asks = headers.contains_key(header::EXPECT);
    let too_large = || Envelope::too_large(limits::BODY_BYTES_MAX);
    if announced > limits::BODY_BYTES_DISCARDED_MAX || (asks && is_too_large(announced)) {
        return Err(too_large());
    }
    let mut kept = Kept::default();
    let mut place = None;
    let mut refused = None;
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Envelope::parse_error("The body ended early."))?;
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        seen += bytes.len() as u64;
        if seen > limits::BODY_BYTES_DISCARDED_MAX {
            break;
        }
        if is_too_large(seen) {
            refused = Some(too_large());
        } else if place.is_none() && seen > limits::BODY_BYTES_SMALL as u64 {
            match LARGE.try_acquire() {
                Ok(free) => place = Some(free),
                Err(_) => refused = Some(Envelope::unavailable("The server is busy. Try again.")),
            }
        }
        match refused {
            None => kept.push(bytes),
            Some(_) => (kept, place) = (Kept::default(), None),
        }
    }
    match refused {
        None => Ok((kept.into_bytes(), place)),
        Some(refusal) => Err(refusal),
    }
}

fn is_too_large(bytes: u64) -> bool {
    bytes > limits::BODY_BYTES_MAX as u64
}

/// What has come. The usual body comes in one piece and is not copied; pieces are, since each, however small, would
/// keep the buffer that it came in.
#[derive(Default)]
enum Kept {
    #[default]
    Nothing,
    Whole(Bytes),
    Pieces(BytesMut),
}

impl Kept {
    fn push(&mut self, bytes: Bytes) {
        *self = match std::mem::take(self) {
            Self::Nothing => Self::Whole(bytes),
            Self::Whole(first) => {
                let mut pieces = BytesMut::with_capacity(first.len() + bytes.len());
                pieces.extend_from_slice(&first);
                pieces.extend_from_slice(&bytes);
                Self::Pieces(pieces)
            }
            Self::Pieces(mut pieces) => {
                pieces.extend_from_slice(&bytes);
                Self::Pieces(pieces)
            }
        };
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::Whole(bytes) => bytes,
            Self::Pieces(pieces) => pieces.freeze(),
        }
    }
}
