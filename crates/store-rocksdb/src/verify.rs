//! `firekeep verify`: reads everything once, and checks what can be checked without knowing what rows mean.
//!
//! Every block and blob read is compared with its checksum, log rows stand under their time and are numbered without
//! holes, and each clock ends its log. Blocks that were read shortly before come from the cache; a check of the disk
//! is a check of a freshly opened folder. Filters are not read: RocksDB's C interface for it is not in the crate.

use firekeep_store::{ClockState, DbId, LogRow, Space, log_key, physical_key};
use rocksdb::ReadOptions;

use crate::RocksEngine;
use crate::error::read_failed;
use crate::limits::{VERIFY_PROBLEMS_MAX, VERIFY_READAHEAD_BYTES, VERIFY_ROWS_TOLD};

/// What `verify` found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Databases with commits.
    pub databases: usize,
    /// Rows read.
    pub rows: u64,
    /// Their bytes, keys included.
    pub bytes: u64,
    /// One sentence for each thing that is wrong, at most 100 of them. None: all is well.
    pub problems: Vec<String>,
}

impl RocksEngine {
    /// Reads all data and reports what is wrong with it. Commits go on meanwhile.
    #[must_use]
    pub fn verify(&self) -> Report {
        self.verify_telling(&mut |_| {})
    }

    /// The same, telling now and then what was read so far.
    pub fn verify_telling(&self, tell: &mut dyn FnMut(&Report)) -> Report {
        let mut report = Report::default();
        let view = self.db.snapshot();
        for space in Space::ALL {
            report.read_space(self, &view, space, tell);
        }
        match self.database_ids() {
            Ok(ids) => {
                report.databases = ids.len();
                for id in ids {
                    report.check_clock(self, id);
                }
            }
            Err(error) => report.problem(error.to_string()),
        }
        report
    }
}

impl Report {
    fn problem(&mut self, problem: String) {
        if self.problems.len() < VERIFY_PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }

    fn read_space(
        &mut self,
        engine: &RocksEngine,
        view: &rocksdb::Snapshot<'_>,
        space: Space,
        tell: &mut dyn FnMut(&Self),
    ) {
        let family = match engine.family(space) {
            Ok(family) => family,
            Err(error) => return self.problem(error.to_string()),
        };
        let mut options = ReadOptions::default();
        options.set_verify_checksums(true);
        // What everybody else reads stays in the cache.
        options.fill_cache(false);
        options.set_readahead_size(VERIFY_READAHEAD_BYTES);
        let mut rows = view.raw_iterator_cf_opt(family, options);
        let mut log = LogWalk::default();
        rows.seek_to_first();
        while let Some((key, value)) = rows.item() {
            self.rows += 1;
            self.bytes += u64::try_from(key.len() + value.len()).unwrap_or(0);
            if space == Space::Log
                && let Err(problem) = log.step(key, value)
            {
                self.problem(problem);
            }
            if self.rows.is_multiple_of(VERIFY_ROWS_TOLD) {
                tell(self);
            }
            rows.next();
        }
        if let Err(error) = rows.status() {
            let cause = read_failed(error);
            self.problem(format!("the space `{}`: {cause}", space.name()));
        }
    }

    fn check_clock(&mut self, engine: &RocksEngine, id: DbId) {
        let checked = engine.view(id).and_then(|view| {
            ClockState::load(
                view.clock_row()?.as_deref(),
                view.newest_log_row()?.as_deref(),
            )
        });
        if let Err(error) = checked {
            self.problem(format!("database {}: {error}", id.0));
        }
    }
}

/// The log row before, of which database.
#[derive(Default)]
struct LogWalk(Option<(DbId, u64)>);

impl LogWalk {
    fn step(&mut self, key: &[u8], value: &[u8]) -> Result<(), String> {
        let Some(id) = key.first_chunk().map(|id| DbId(u32::from_be_bytes(*id))) else {
            return Err("a log row without a database".to_owned());
        };
        let row = LogRow::decode(value).map_err(|error| format!("database {}: {error}", id.0))?;
        let before = self.0.replace((id, row.seq));
        if physical_key(id, &log_key(row.time)) != key {
            return Err(format!(
                "database {}: commit {} stands under another time",
                id.0, row.seq
            ));
        }
        match before {
            // `trim` removes the oldest, so a log may begin anywhere.
            Some((same, seq)) if same == id && row.seq != seq + 1 => Err(format!(
                "database {}: the log goes from commit {seq} to commit {}",
                id.0, row.seq
            )),
            _ => Ok(()),
        }
    }
}
