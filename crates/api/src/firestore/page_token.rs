//! Page tokens: where a list goes on, at which time it reads, and for which request.
//!
//! A token is not secret and proves nothing: it says no more than its bearer may ask for anyway.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firekeep_crypto::digest::sha256;
use firekeep_documents::codec::{self, Created};
use firekeep_model::{Map, Timestamp, Value};

use crate::Error;

const FORMAT: u8 = 1;
const DIGEST_BYTES: usize = 16;
const TIME_BYTES: usize = size_of::<i64>();

/// Where a list goes on.
pub(super) struct PageToken {
    /// The time that the first page was read at.
    pub(super) time: Timestamp,
    /// The last thing that was given.
    pub(super) after: Map,
}

impl PageToken {
    /// The token's text, for a request that is written down as `request`.
    pub(super) fn encode(&self, request: &str) -> String {
        let mut bytes = vec![FORMAT];
        bytes.extend(digest(request));
        bytes.extend(self.time.micros().to_be_bytes());
        bytes.extend(&codec::encode(&self.after, Created::ByThisRow));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token; `None` for an empty text, which begins a list.
    ///
    /// # Errors
    /// [`Error::Invalid`] for no token, or one of another request.
    pub(super) fn decode(text: &str, request: &str) -> Result<Option<Self>, Error> {
        let invalid = || Error::Invalid("the page token is not one of this request".to_owned());
        if text.is_empty() {
            return Ok(None);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let rest = bytes.strip_prefix(&[FORMAT]).ok_or_else(invalid)?;
        let rest = rest
            .strip_prefix(digest(request).as_slice())
            .ok_or_else(invalid)?;
        let (time, after) = rest.split_first_chunk::<TIME_BYTES>().ok_or_else(invalid)?;
        let after = codec::decode(after).map_err(|_| invalid())?;
        Ok(Some(Self {
            time: Timestamp::from_micros(i64::from_be_bytes(*time)),
            after: after.fields,
        }))
    }

    /// The text at a name of what was given last.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub(super) fn text(&self, name: &str) -> Result<&str, Error> {
        match self.after.get(name) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(Error::Invalid("the page token is damaged".to_owned())),
        }
    }
}

fn digest(request: &str) -> [u8; DIGEST_BYTES] {
    let whole = sha256(request.as_bytes());
    let mut cut = [0; DIGEST_BYTES];
    cut.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
    cut
}
