//! The yardstick: RocksDB by itself, with the engine's settings and families, writing and reading the same bytes.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use firekeep_store::{
    Change, ClockState, CommitId, Key, KeyRange, LogRow, META_CLOCK, Space, log_key, physical_key,
    row,
};
use firekeep_store_rocksdb::{Options, open_bare};
use rocksdb::{ColumnFamily, DB, ReadOptions, WriteBatch, WriteOptions};

use crate::DATABASE;
use crate::workload::{Document, QUERY_ROWS, document_of};

/// A bare RocksDB.
pub(crate) struct Bare {
    db: DB,
    clock: ClockState,
}

/// The rows of one commit, keys and values as they are stored.
pub(crate) type Rows = Vec<(Space, Key, Bytes)>;

impl Bare {
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let db = open_bare(folder, Options::default())?;
        let clock = ClockState::default();
        Ok(Self { db, clock })
    }

    /// The rows that the store writes for these documents, log rows included.
    pub(crate) fn rows(&mut self, documents: &[Document]) -> Vec<Rows> {
        documents
            .iter()
            .map(|document| self.row(document))
            .collect()
    }

    fn row(&mut self, document: &Document) -> Rows {
        self.clock.last = self.clock.last.successor();
        self.clock.seq += 1;
        let time = self.clock.last;
        let body = row::encode(time, &document.body);
        let mut log = LogRow {
            time,
            seq: self.clock.seq,
            commit: CommitId(u128::from(self.clock.seq).to_be_bytes()),
            epoch: 0,
            changes: Vec::new(),
        };
        let mut rows = vec![(Space::Docs, document.key.clone(), body)];
        for entry in &document.entries {
            rows.push((Space::Idx, entry.clone(), row::encode(time, &[])));
        }
        for (space, key, value) in &rows {
            log.changes.push(Change {
                space: *space,
                key: key.clone(),
                deleted: false,
                replaced: None,
                after: Some(value.clone()).filter(|_| *space == Space::Docs),
            });
        }
        rows.push((Space::Log, log_key(time), log.encode()));
        for (_, key, _) in &mut rows {
            *key = physical_key(DATABASE, key);
        }
        rows
    }

    /// Commits the rows, that many commits in one synced batch.
    pub(crate) fn commit_all(&self, commits: &[Rows], group: usize) -> Result<()> {
        let mut options = WriteOptions::default();
        options.set_sync(true);
        let families = Space::ALL.map(|space| (space, self.family(space)));
        let clock_key = physical_key(DATABASE, META_CLOCK);
        let clock = self.clock.encode();
        for group in commits.chunks(group) {
            let mut batch = WriteBatch::default();
            for (space, key, value) in group.iter().flatten() {
                let family = families.iter().find(|(other, _)| other == space);
                let (_, family) = family.context("a space")?;
                batch.put_cf(family.as_ref().context("a family")?, key, value);
            }
            batch.put_cf(
                self.family(Space::Meta).context("meta")?,
                &clock_key,
                &clock,
            );
            self.db.write_opt(batch, &options)?;
        }
        Ok(())
    }

    /// Reads a document; gives its bytes.
    pub(crate) fn get(&self, key: &[u8]) -> Result<usize> {
        let family = self.family(Space::Docs).context("docs")?;
        let value = self.db.get_cf(family, physical_key(DATABASE, key))?;
        Ok(value.context("a document is missing")?.len())
    }

    /// The first rows of a range, and then their documents; gives their bytes.
    pub(crate) fn query(&self, range: &KeyRange) -> Result<usize> {
        let (low, high) = range.physical(DATABASE);
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(high);
        let index = self.family(Space::Idx).context("idx")?;
        let mut rows = self.db.raw_iterator_cf_opt(index, options);
        let mut keys = Vec::with_capacity(QUERY_ROWS);
        rows.seek(low);
        while let Some(key) = rows.key().filter(|_| keys.len() < QUERY_ROWS) {
            keys.push(document_of(key));
            rows.next();
        }
        keys.iter().map(|key| self.get(key)).sum()
    }

    /// How many rows a range of the index has.
    pub(crate) fn count(&self, range: &KeyRange) -> Result<usize> {
        let (low, high) = range.physical(DATABASE);
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(high);
        let index = self.family(Space::Idx).context("idx")?;
        let mut rows = self.db.raw_iterator_cf_opt(index, options);
        let mut count = 0;
        let mut bytes = 0;
        rows.seek(low);
        while let Some((key, value)) = rows.item() {
            count += 1;
            bytes += key.len() + value.len();
            rows.next();
        }
        std::hint::black_box(bytes);
        rows.status()?;
        Ok(count)
    }

    fn family(&self, space: Space) -> Option<&ColumnFamily> {
        self.db.cf_handle(space.name())
    }
}

/// Commits per second of `work`, which makes `count` of them.
pub(crate) fn rate(count: usize, work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let begun = Instant::now();
    work()?;
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}
