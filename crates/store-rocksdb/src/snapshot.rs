//! A consistent view: a RocksDB snapshot, and the time of the clock row it holds.

use bytes::Bytes;
use firekeep_store::{
    ClockState, CommitTime, DbId, Direction, Error, KeyRange, Page, PageBuilder, PageLimit,
    Snapshot, Space, Visit, physical_key,
};
use rocksdb::ReadOptions;

use crate::RocksEngine;
use crate::engine::clock_key;
use crate::error::read_failed;
use crate::settings::bounded;

/// The length of a database id in front of a key.
const DB_ID_BYTES: usize = size_of::<u32>();

/// A view of one database. It borrows the engine, so it cannot outlive the folder.
pub(crate) struct RocksSnapshot<'a> {
    engine: &'a RocksEngine,
    view: rocksdb::Snapshot<'a>,
    db: DbId,
    time: CommitTime,
}

impl<'a> RocksSnapshot<'a> {
    pub(crate) fn new(engine: &'a RocksEngine, db: DbId) -> Result<Self, Error> {
        let mut snapshot = Self {
            engine,
            view: engine.db.snapshot(),
            db,
            time: CommitTime::ZERO,
        };
        // Not the clock in memory: a commit may have become visible that has not moved it yet.
        if let Some(row) = snapshot.clock_row()? {
            snapshot.time = ClockState::decode(&row)?.last;
        }
        Ok(snapshot)
    }

    pub(crate) fn clock_row(&self) -> Result<Option<Bytes>, Error> {
        self.get_physical(Space::Meta, &clock_key(self.db))
    }

    pub(crate) fn newest_log_row(&self) -> Result<Option<Bytes>, Error> {
        let page = self.scan(
            Space::Log,
            &KeyRange::all(),
            Direction::Reverse,
            PageLimit::rows(1),
        )?;
        Ok(page.rows.into_iter().next().map(|(_, value)| value))
    }

    fn get_physical(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, Error> {
        let value = self
            .view
            .get_pinned_cf(self.engine.family(space)?, key)
            .map_err(read_failed)?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }
}

impl Snapshot for RocksSnapshot<'_> {
    fn time(&self) -> CommitTime {
        self.time
    }

    fn get(&self, space: Space, keys: &[&[u8]]) -> Result<Vec<Option<Bytes>>, Error> {
        if let [key] = keys {
            return Ok(vec![self.get_physical(space, &physical_key(self.db, key))?]);
        }
        let keys: Vec<_> = keys.iter().map(|key| physical_key(self.db, key)).collect();
        let mut options = ReadOptions::default();
        options.set_snapshot(&self.view);
        self.engine
            .db
            .batched_multi_get_cf_opt(self.engine.family(space)?, &keys, false, &options)
            .into_iter()
            .map(|value| {
                let value = value.map_err(read_failed)?;
                Ok(value.map(|value| Bytes::copy_from_slice(&value)))
            })
            .collect()
    }

    fn scan(
        &self,
        space: Space,
        range: &KeyRange,
        direction: Direction,
        limit: PageLimit,
    ) -> Result<Page, Error> {
        let mut page = PageBuilder::new(limit);
        self.visit(space, range, direction, &mut |key, value| {
            page.push(key.to_vec(), Bytes::copy_from_slice(value))
        })?;
        Ok(page.finish())
    }

    fn visit(
        &self,
        space: Space,
        range: &KeyRange,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), Error> {
        let (low, high) = range.physical(self.db);
        if low >= high {
            return Ok(());
        }
        let family = self.engine.family(space)?;
        let mut rows = self.view.raw_iterator_cf_opt(family, bounded(low, high));
        match direction {
            Direction::Forward => rows.seek_to_first(),
            Direction::Reverse => rows.seek_to_last(),
        }
        while let Some((key, value)) = rows.item() {
            let key = key.get(DB_ID_BYTES..).unwrap_or_default();
            if !visit(key, value) {
                break;
            }
            match direction {
                Direction::Forward => rows.next(),
                Direction::Reverse => rows.prev(),
            }
        }
        // The end of the range and a failed read look alike until here.
        rows.status().map_err(read_failed)
    }
}
