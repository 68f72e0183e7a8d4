//! Reads a body into memory, within limits that hold for one body and for all of them together.

use axum::body::{Body, HttpBody as _};
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{Envelope, limits};

/// A large body's claim to memory: one permit for each MiB that it has begun, among [`limits::BODIES_LARGE_MIB_MAX`]. Whoever
/// keeps what the body held keeps the claim with it.
#[derive(Debug)]
pub struct Place(SemaphorePermit<'static>);

impl Place {
    /// Gives back what is more than this many bytes need.
    pub fn shrink(&mut self, bytes: usize) {
        let more = self.0.num_permits().saturating_sub(mib(bytes as u64));
        drop(self.0.split(more));
    }
}

/// How many MiB that many bytes have begun.
fn mib(bytes: u64) -> usize {
    usize::try_from(bytes.div_ceil(MIB)).unwrap_or(usize::MAX)
}

/// One for the process, as its memory is one.
static LARGE: Semaphore = Semaphore::const_new(limits::BODIES_LARGE_MIB_MAX);

const MIB: u64 = 1024 * 1024;

/// Reads a body whole. One that is refused is still read to its end, within a limit: a client that sends does not
/// listen, and a connection closed on it takes the answer along.
pub(super) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    bytes_max: usize,
) -> Result<(Bytes, Option<Place>), Envelope> {
    // A client that asks first hears it at once, and sends nothing; nor is there a use in reading without an end.
    let announced = body.size_hint().lower();
    let discarded_max = limits::BODY_BYTES_DISCARDED_MAX.max(bytes_max as u64);
    let asks = headers.contains_key(header::EXPECT);
    let too_large = || Envelope::too_large(bytes_max);
    let is_too_large = |bytes: u64| bytes > bytes_max as u64;
    if announced > discarded_max || (asks && is_too_large(announced)) {
        return Err(too_large());
    }
    let mut kept = Kept::default();
    let mut place: Option<Place> = None;
    let mut refused = None;
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Envelope::parse_error("The body ended early."))?;
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        seen += bytes.len() as u64;
        if seen > discarded_max {
            break;
        }
        if is_too_large(seen) {
            refused = Some(too_large());
        } else if seen > limits::BODY_BYTES_SMALL as u64 && !claim(&mut place, seen) {
            refused = Some(Envelope::unavailable("The server is busy. Try again."));
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

/// Makes the place of a body as large as what has come of it; `false`: there is no room.
fn claim(place: &mut Option<Place>, seen: u64) -> bool {
    let held = place.as_ref().map_or(0, |place| place.0.num_permits());
    let Ok(more) = u32::try_from(mib(seen).saturating_sub(held)) else {
        return false;
    };
    if more == 0 {
        return true;
    }
    let Ok(found) = LARGE.try_acquire_many(more) else {
        return false;
    };
    match place {
        Some(place) => place.0.merge(found),
        None => *place = Some(Place(found)),
    }
    true
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
