//! What is written and read: documents of 1 KiB with 12 index entries each, always the same for a number.
//!
//! Storage design, section 12. The documents are JSON with names, prose, numbers and random ids, so that they compress
//! about as far as people's documents do.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use firekeep_model::{Clock, Timestamp};
use firekeep_store::{Direction, Error, Key, KeyRange, PageLimit, Read, Space, Store, WriteTx};

/// The bytes of a document.
pub(crate) const DOCUMENT_BYTES: usize = 1_024;
/// How many rows a query gives.
pub(crate) const QUERY_ROWS: usize = 20;

/// The index entries of a kind; the kinds are random values, a few values, and times.
const ENTRIES_PER_KIND: u32 = 4;
/// How many values a low-cardinality field has.
const FEW: u64 = 20;
const ID_BYTES: usize = 20;
const COLLECTION: &[u8] = b"posts\0\x01";
/// Project, database and collection of an index entry.
const SCOPE: &[u8] = b"projects/posts\0\x01";
const TEXT_END: &[u8] = b"\0\x01";
/// Microseconds since 1970 of the first document.
const FIRST_TIME: u64 = 1_760_000_000_000_000;
const WORDS: &[&str] = &[
    "the",
    "river",
    "of",
    "meeting",
    "and",
    "order",
    "because",
    "customer",
    "to",
    "delivery",
    "in",
    "morning",
    "was",
    "question",
    "that",
    "answer",
    "with",
    "photograph",
    "for",
    "holiday",
    "is",
    "quickly",
    "on",
    "neighbour",
    "as",
    "invoice",
    "at",
    "discovered",
    "by",
    "chocolate",
];

/// A document and its index entries.
pub(crate) struct Document {
    pub(crate) key: Key,
    pub(crate) body: Bytes,
    pub(crate) entries: Vec<Key>,
}

/// The document of a number.
pub(crate) fn document(number: u64) -> Document {
    let mut random = Generator(number.wrapping_mul(0xA076_1D64_78BD_642F));
    let id = random.id();
    let time = FIRST_TIME + number * 1_000;
    let mut entries = Vec::new();
    let mut body = format!("{{\"id\":\"{id}\",\"createdAt\":{time}");
    for at in 0..ENTRIES_PER_KIND {
        let [some, few] = [random.next(), random.next() % FEW];
        let values = [some, few, time + u64::from(at)];
        for (kind, value) in (0..).zip(values) {
            entries.push(entry(kind * ENTRIES_PER_KIND + at, value, id.as_bytes()));
        }
        body.push_str(&format!(
            ",\"score{at}\":{some},\"state{at}\":\"state-{few}\""
        ));
    }
    body.push_str(",\"text\":\"");
    while body.len() < DOCUMENT_BYTES - 2 {
        body.push_str(random.pick(WORDS));
        body.push(' ');
    }
    body.truncate(DOCUMENT_BYTES - 2);
    body.push_str("\"}");
    entries.sort_unstable();
    Document {
        key: document_key(id.as_bytes()),
        body: body.into(),
        entries,
    }
}

/// Documents by number.
pub(crate) fn documents(numbers: std::ops::Range<u64>) -> Vec<Document> {
    numbers.map(document).collect()
}

/// Commits a document as the documents floor does: the old one is read, and that there is none says that it has no
/// entries.
pub(crate) fn commit(store: &Store, document: &Document) -> Result<(), Error> {
    store.write(|tx: &mut WriteTx<'_>| {
        tx.get(Space::Docs, &document.key)?;
        tx.put(Space::Docs, document.key.clone(), document.body.clone())?;
        for entry in &document.entries {
            tx.insert(Space::Idx, entry.clone(), Bytes::new())?;
        }
        Ok(())
    })
}

/// Commits the documents by that many threads, each one commit at a time.
pub(crate) fn commit_all(store: &Store, documents: &[Document], writers: usize) -> Result<()> {
    let next = AtomicU64::new(0);
    let work = || -> Result<()> {
        loop {
            let at = usize::try_from(next.fetch_add(1, Ordering::Relaxed))?;
            let Some(document) = documents.get(at) else {
                return Ok(());
            };
            commit(store, document)?;
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..writers).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().ok().context("a writer panicked")?)
    })
}

/// The entries from a value of a random field on: where a query begins, and the end of the index.
pub(crate) fn query_range(from: u64) -> KeyRange {
    let start = entry(0, from, &[]);
    let mut end = 0_u32.to_be_bytes().to_vec();
    end.push(u8::MAX);
    KeyRange::between(
        start.get(..start.len() - TEXT_END.len()).unwrap_or(&start),
        &end,
    )
}

/// All entries of a random field.
pub(crate) fn index_range() -> KeyRange {
    KeyRange::prefix(&0_u32.to_be_bytes())
}

/// How many rows a range of the index has, by pages.
pub(crate) fn count(tx: &dyn Read, range: &KeyRange) -> Result<usize> {
    let mut rest = range.clone();
    let mut count = 0;
    loop {
        let limit = PageLimit::default();
        let page = tx.scan_rows(Space::Idx, &rest, Direction::Forward, limit)?;
        count += page.rows.len();
        let Some(next) = page.next else {
            return Ok(count);
        };
        rest = rest.after(&next);
    }
}

/// The same without pages.
pub(crate) fn count_visited(tx: &dyn Read, range: &KeyRange) -> Result<usize> {
    let mut count = 0;
    let mut bytes = 0;
    let mut visit = |key: &[u8], value: &[u8]| {
        count += 1;
        bytes += key.len() + value.len();
        true
    };
    tx.visit(Space::Idx, range, Direction::Forward, &mut visit)?;
    std::hint::black_box(bytes);
    Ok(count)
}

/// The first rows of a range of the index, and then their documents; gives their bytes.
pub(crate) fn query(store: &Store, range: &KeyRange) -> Result<usize> {
    let tx = store.read()?;
    let limit = PageLimit::rows(QUERY_ROWS);
    let page = tx.scan(Space::Idx, range, Direction::Forward, limit)?;
    let keys: Vec<_> = page.rows.iter().map(|(key, _)| document_of(key)).collect();
    let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    let rows = tx.find_rows(Space::Docs, &keys)?;
    Ok(rows.into_iter().flatten().map(|row| row.value.len()).sum())
}

/// The key of the document that an index entry belongs to.
pub(crate) fn document_of(entry: &[u8]) -> Key {
    let id = entry.len().saturating_sub(ID_BYTES + TEXT_END.len());
    document_key(entry.get(id..id + ID_BYTES).unwrap_or_default())
}

fn document_key(id: &[u8]) -> Key {
    [COLLECTION, id, TEXT_END].concat()
}

fn entry(index: u32, value: u64, id: &[u8]) -> Key {
    let value = value.to_be_bytes();
    [&index.to_be_bytes(), SCOPE, &value, id, TEXT_END].concat()
}

/// SplitMix64.
pub(crate) struct Generator(pub(crate) u64);

impl Generator {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below a limit.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let at = usize::try_from(self.below(from.len() as u64)).unwrap_or_default();
        from.get(at).copied().unwrap_or_default()
    }

    /// Twenty letters and digits, as the SDKs name documents.
    fn id(&mut self) -> String {
        const LETTERS: &[u8; 62] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let letter = |_| {
            let at = usize::try_from(self.below(62)).unwrap_or_default();
            char::from(LETTERS.get(at).copied().unwrap_or(b'A'))
        };
        (0..ID_BYTES).map(letter).collect()
    }
}

/// The machine's clock.
pub(crate) struct WallClock;

impl Clock for WallClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the top of the program hands the clock down"
    )]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}
