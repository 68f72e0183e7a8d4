//! What a browser does with the bytes of a back channel: text, cut into chunks by code units, arrays taken once.

use serde_json::Value;

/// The receiving side of a client.
#[derive(Default)]
pub(crate) struct Client {
    /// The highest array it has processed.
    pub(crate) aid: u64,
    /// The messages of the server, noops left out.
    pub(crate) received: Vec<Value>,
    /// Bytes of the open GET that are not a whole chunk.
    buffer: Vec<u8>,
}

impl Client {
    /// Another GET: what the old one left unfinished is gone.
    pub(crate) fn reopen(&mut self) {
        self.buffer.clear();
    }

    /// Bytes of the open GET, however they are cut.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        while let Some((text, length)) = self.whole_chunk() {
            self.process(&text);
            self.buffer.drain(..length);
        }
    }

    /// The first chunk, if it is there whole, and its length in bytes.
    fn whole_chunk(&self) -> Option<(String, usize)> {
        let valid = self.buffer.utf8_chunks().next().map_or("", |it| it.valid());
        let (length, text) = valid.split_once('\n')?;
        let wanted: usize = length.parse().unwrap();
        let units: Vec<u16> = text.encode_utf16().take(wanted).collect();
        if units.len() < wanted {
            return None;
        }
        let text = String::from_utf16(&units).expect("a chunk ends between characters");
        let bytes = length.len() + 1 + text.len();
        Some((text, bytes))
    }

    fn process(&mut self, text: &str) {
        let arrays: Vec<(u64, Vec<Value>)> = serde_json::from_str(text).expect("a list of arrays");
        for (id, payload) in arrays {
            let [content] = payload.as_slice() else {
                panic!("one content: {payload:?}");
            };
            if id <= self.aid {
                continue;
            }
            assert_eq!(id, self.aid + 1, "no array is missing");
            self.aid = id;
            if content != "noop" {
                self.received.push(content.clone());
            }
        }
    }
}
