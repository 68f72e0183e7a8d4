//! What became of the answer to a query without limit and offset since a time, from the log.
//!
//! First the log is read for the names of the documents that changed, then each is looked at as it was and as it is.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use firekeep_store::{CommitTime, Feed, Key, Space, Store};

use super::Change;
use super::changed::Changed;
use super::listing::rows;
use crate::exec::Ask;
use crate::limits::{CATCH_UP_COMMITS_MAX, CATCH_UP_DOCUMENTS_MAX, CATCH_UP_ROWS, LOAD_DOCUMENTS};
use crate::query::Query;
use crate::{Budget, Error, keys};

/// A query that is brought up to date.
pub(super) struct CatchUp {
    ask: Ask,
    since: CommitTime,
    /// If it is to be known how many documents there are more than before.
    counts: bool,
    more: i64,
    commits: usize,
    stage: Stage,
}

enum Stage {
    /// The log, from where on, and what it told so far: the documents, and for those that were there, the first commit
    /// that changed them.
    Log(Option<Feed>, BTreeMap<Key, Option<CommitTime>>),
    Documents(VecDeque<(Key, Option<CommitTime>)>),
}

/// What a step comes to.
pub(super) enum Caught {
    Changes(Vec<Change>),
    /// The log is too long.
    TooMuch,
    /// That was all. There are so many documents more than before, if that was asked for.
    Up {
        more: i64,
    },
}

impl CatchUp {
    pub(super) fn new(query: Query, since: CommitTime, counts: bool) -> Self {
        Self {
            ask: Ask::new(query),
            since,
            counts,
            more: 0,
            commits: 0,
            stage: Stage::Log(None, BTreeMap::new()),
        }
    }

    /// Goes on, up to the changes of `time`.
    pub(super) fn step(
        &mut self,
        store: &Store,
        time: CommitTime,
        budget: Budget,
    ) -> Result<Caught, Error> {
        match &mut self.stage {
            Stage::Log(feed, changed) => {
                let feed = match feed {
                    Some(feed) => feed,
                    None => feed.insert(store.feed(self.since)?),
                };
                let is_read = read_log(feed, time, budget, &self.ask, changed, &mut self.commits);
                // Of a log that was trimmed meanwhile, rows may be missing.
                drop(store.read_at(self.since)?);
                let is_read = is_read?;
                if self.commits > CATCH_UP_COMMITS_MAX || changed.len() > CATCH_UP_DOCUMENTS_MAX {
                    return Ok(Caught::TooMuch);
                }
                if is_read {
                    let changed = std::mem::take(changed).into_iter().collect();
                    self.stage = Stage::Documents(changed);
                }
                Ok(Caught::Changes(Vec::new()))
            }
            Stage::Documents(rest) if rest.is_empty() => Ok(Caught::Up { more: self.more }),
            Stage::Documents(rest) => {
                let some = budget.documents.clamp(1, LOAD_DOCUMENTS).min(rest.len());
                let some = rest.drain(..some).collect();
                self.look(store, time, some).map(Caught::Changes)
            }
        }
    }

    fn look(
        &mut self,
        store: &Store,
        time: CommitTime,
        some: Vec<(Key, Option<CommitTime>)>,
    ) -> Result<Vec<Change>, Error> {
        let tx = store.read_at(time)?;
        let keys: Vec<_> = some.iter().map(|(key, _)| key.clone()).collect();
        let mut changes = Vec::new();
        for ((key, replaced_at), row) in some.into_iter().zip(rows(&tx, &keys)?) {
            let path = keys::path(&key)?;
            let changed = Changed::new(key, path, row, replaced_at);
            let is_in = match &changed.after {
                Some(image) => self.ask.judge(image)?.is_some(),
                None => false,
            };
            // Of one that is in the answer, it matters only for the count if it was there before.
            let was_in = (!is_in || self.counts)
                && match changed.before(&tx)? {
                    Some(image) => self.ask.judge(image)?.is_some(),
                    None => false,
                };
            self.more += i64::from(is_in) - i64::from(was_in);
            if is_in {
                changes.push(changed.matches()?);
            } else if was_in {
                changes.push(changed.left()?);
            }
        }
        Ok(changes)
    }
}

/// Reads the log on; true at the time.
fn read_log(
    feed: &mut Feed,
    time: CommitTime,
    budget: Budget,
    ask: &Ask,
    changed: &mut BTreeMap<Key, Option<CommitTime>>,
    commits: &mut usize,
) -> Result<bool, Error> {
    let mut rows_left = budget.rows_read.max(1);
    while rows_left > 0 {
        let rows = feed.next(CATCH_UP_ROWS, Duration::ZERO)?;
        if rows.is_empty() {
            return Ok(true);
        }
        for row in rows {
            if row.time > time {
                return Ok(true);
            }
            *commits += 1;
            rows_left = rows_left.saturating_sub(1 + row.changes.len());
            for change in row.changes {
                if change.space != Space::Docs || changed.contains_key(&change.key) {
                    continue;
                }
                if ask.query.reads(&keys::path(&change.key)?) {
                    changed.insert(change.key, change.replaced.map(|_| row.time));
                }
            }
        }
    }
    Ok(false)
}

impl std::fmt::Debug for CatchUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CatchUp")
            .field("query", &self.ask.query)
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}
