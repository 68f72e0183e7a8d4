//! The arrays of the server: numbered, kept until the client says that it has them. Source: WebChannel specification,
//! sections 4 and 6.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use crate::limits::{CHUNK_BYTES, OUTBOX_ARRAYS_MAX, OUTBOX_BYTES_MAX};
use crate::text::Text;

/// What stands around the content of an array, `[1,[…]]`, without its id, in bytes and in code units.
const AROUND: usize = "[,[]]".len();

/// One array: `[id,[content]]`.
#[derive(Debug)]
struct Array {
    content: Text,
    made: Instant,
}

/// Arrays that the client has not acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// INVARIANT: their ids are consecutive, and the last one's is `last`.
    arrays: VecDeque<Array>,
    last: u64,
    /// Of their contents.
    bytes: usize,
    /// How many of them, from the first on, the back channel has had.
    sent: usize,
}

impl Outbox {
    /// Adds an array.
    pub(crate) fn push(&mut self, now: Instant, content: Text) {
        self.last += 1;
        self.bytes += content.bytes();
        self.arrays.push_back(Array { content, made: now });
    }

    /// Whether there are more than can be kept.
    pub(crate) fn is_overfull(&self) -> bool {
        self.bytes > OUTBOX_BYTES_MAX || self.arrays.len() > OUTBOX_ARRAYS_MAX
    }

    /// The highest id so far.
    pub(crate) const fn last(&self) -> u64 {
        self.last
    }

    /// How many are kept.
    pub(crate) fn len(&self) -> usize {
        self.arrays.len()
    }

    /// How many bytes are kept.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether all that is kept has been sent.
    pub(crate) fn is_sent(&self) -> bool {
        self.sent == self.arrays.len()
    }

    /// The id of the last array that has been sent, or acknowledged.
    pub(crate) fn last_sent(&self) -> u64 {
        self.first() + self.sent as u64 - 1
    }

    /// When the first array was made that has not been sent.
    pub(crate) fn unsent_since(&self) -> Option<Instant> {
        self.arrays.get(self.sent).map(|array| array.made)
    }

    /// Forgets the arrays up to that id. One that was never given means all.
    pub(crate) fn acknowledge(&mut self, id: u64) {
        while self.first() <= id
            && let Some(array) = self.arrays.pop_front()
        {
            self.bytes -= array.content.bytes();
            self.sent = self.sent.saturating_sub(1);
        }
    }

    /// The id of the first array that is kept, or would be.
    fn first(&self) -> u64 {
        self.last + 1 - self.arrays.len() as u64
    }

    /// Forgets that anything was sent: there is another back channel.
    pub(crate) fn rewind(&mut self) {
        self.sent = 0;
    }

    /// The next arrays as one chunk, and then they are sent; nothing when there are none.
    pub(crate) fn next_chunk(&mut self) -> Option<Bytes> {
        let mut id = self.first() + self.sent as u64;
        let mut text = b"[".to_vec();
        let mut units = "[]".len();
        while let Some(array) = self.arrays.get(self.sent) {
            if text.len() >= CHUNK_BYTES {
                break;
            }
            if text.len() > 1 {
                text.push(b',');
                units += 1;
            }
            let number = id.to_string();
            units += AROUND + number.len() + array.content.units();
            text.push(b'[');
            text.extend_from_slice(number.as_bytes());
            text.extend_from_slice(b",[");
            array.content.write_to(&mut text);
            text.extend_from_slice(b"]]");
            self.sent += 1;
            id += 1;
        }
        if text.len() == 1 {
            return None;
        }
        text.push(b']');
        let mut chunk = format!("{units}\n").into_bytes();
        chunk.append(&mut text);
        Some(chunk.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(contents: &[&'static str]) -> Outbox {
        let mut outbox = Outbox::default();
        for content in contents {
            outbox.push(Instant::now(), Text::from(*content));
        }
        outbox
    }

    #[test]
    fn arrays_leave_together_and_once() {
        let mut outbox = filled(&["\"noop\"", "{}"]);
        assert_eq!(
            outbox.next_chunk().unwrap(),
            "23\n[[1,[\"noop\"]],[2,[{}]]]"
        );
        assert_eq!(outbox.next_chunk(), None);
        outbox.push(Instant::now(), Text::from("\"é漢😀\""));
        assert_eq!(outbox.next_chunk().unwrap(), "14\n[[3,[\"é漢😀\"]]]");
        assert!(outbox.is_sent());
    }

    #[test]
    fn what_is_not_acknowledged_is_sent_again() {
        for (id, again) in [
            (0, Some("17\n[[1,[1]],[2,[2]]]")),
            (1, Some("9\n[[2,[2]]]")),
            (2, None),
            (u64::MAX, None),
        ] {
            let mut outbox = filled(&["1", "2"]);
            outbox.next_chunk();
            outbox.acknowledge(id);
            assert_eq!(outbox.next_chunk(), None);
            outbox.rewind();
            assert_eq!(outbox.next_chunk().as_deref(), again.map(str::as_bytes));
            // An older acknowledgement means nothing.
            outbox.acknowledge(0);
            assert_eq!(
                outbox.bytes(),
                2usize.saturating_sub(usize::try_from(id).unwrap_or(2))
            );
        }
    }

    #[test]
    fn a_chunk_is_cut_where_it_is_long() {
        let mut outbox = Outbox::default();
        let large = "x".repeat(CHUNK_BYTES / 3);
        for _ in 0..5 {
            outbox.push(Instant::now(), Text::from(large.clone()));
        }
        outbox.push(Instant::now(), Text::from("y".repeat(5 * CHUNK_BYTES)));
        outbox.push(Instant::now(), Text::from("z"));
        let lengths: Vec<_> = std::iter::from_fn(|| outbox.next_chunk())
            .map(|chunk| chunk.len() / (CHUNK_BYTES / 3))
            .collect();
        // Three and a bit; two and the one that nobody can cut; the rest.
        assert_eq!(lengths, [3, 17, 0]);
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let mut outbox = Outbox::default();
        for _ in 0..OUTBOX_ARRAYS_MAX {
            outbox.push(Instant::now(), Text::default());
        }
        assert!(!outbox.is_overfull());
        outbox.push(Instant::now(), Text::default());
        assert!(outbox.is_overfull());
        outbox.acknowledge(1);
        assert!(!outbox.is_overfull());
        outbox.acknowledge(u64::MAX);
        outbox.push(Instant::now(), Text::from("x".repeat(OUTBOX_BYTES_MAX)));
        assert!(!outbox.is_overfull());
        outbox.push(Instant::now(), Text::from("x"));
        assert!(outbox.is_overfull());
    }
}
