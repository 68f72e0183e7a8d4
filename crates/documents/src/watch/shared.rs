//! One query, however many listen to it: evaluated once for each change.

use firekeep_store::Key;

use super::audience::Audience;
use super::changed::{Batch, Changed};
use super::difference::Difference;
use super::listing::Sources;
use super::route::Route;
use super::window::Window;
use super::{Change, shape};
use crate::exec::Ask;
use crate::index::Indexes;
use crate::limits::WINDOW_ROWS_MAX;
use crate::query::Query;
use crate::{Error, keys};

/// A query and who listens to it.
#[derive(Debug)]
pub(super) struct Shared {
    ask: Ask,
    cut: Cut,
    /// Where it stands; `None` where no document can be in its answer.
    pub(super) route: Option<Route>,
    pub(super) audience: Audience,
}

/// How it is found out which of the documents that fulfil the query are in its answer.
#[derive(Debug)]
enum Cut {
    /// All are.
    None,
    /// The window says so.
    Window(Window),
    /// By comparing the answers before and after: for offsets without a limit, and for what no window has room for.
    Compare,
}

/// That a changed document may matter to a query: where it stands in the answer now, but for offset and limit.
pub(super) struct Concern {
    /// Its position in the batch.
    pub(super) document: usize,
    pub(super) sort: Option<Key>,
}

impl Shared {
    /// A query that nobody listens to yet, and its shape.
    pub(super) fn new(query: &Query) -> (Key, Self) {
        let query = Query {
            select: None,
            ..query.clone()
        };
        let [offset, limit] = [Some(query.offset), query.limit].map(|rows| {
            let most = usize::MAX;
            rows.map_or(most, |rows| usize::try_from(rows).unwrap_or(most))
        });
        let cut = match (query.offset, query.limit) {
            (0, None) => Cut::None,
            _ if offset.saturating_add(limit) <= WINDOW_ROWS_MAX => {
                Cut::Window(Window::new(offset, limit))
            }
            _ => Cut::Compare,
        };
        let ask = Ask::new(query);
        let shape = shape::shape(&ask.query, &ask.orders);
        let shared = Self {
            ask,
            cut,
            route: None,
            audience: Audience::default(),
        };
        (shape, shared)
    }

    pub(super) const fn query(&self) -> &Query {
        &self.ask.query
    }

    /// If a changed document matters, and where it stands. Counts in `evaluations`.
    pub(super) fn judge(
        &self,
        batch: &Batch<'_>,
        changed: &Changed,
        evaluations: &mut u64,
    ) -> Result<Option<Option<Key>>, Error> {
        if let Some(image) = &changed.after {
            *evaluations += 1;
            if let Some(sort) = self.ask.judge(image)? {
                return Ok(Some(Some(sort)));
            }
        }
        let mattered = match &self.cut {
            Cut::Window(window) if window.is_known() => window.has(&changed.key),
            _ => match changed.before(&batch.tx)? {
                Some(image) => {
                    *evaluations += 1;
                    self.ask.judge(image)?.is_some()
                }
                None => false,
            },
        };
        Ok(mattered.then_some(None))
    }

    /// What listeners see of the documents that matter.
    pub(super) fn changes(
        &mut self,
        batch: &Batch<'_>,
        indexes: &Indexes,
        concerns: Vec<Concern>,
    ) -> Result<Vec<Change>, Error> {
        let concerns = concerns.into_iter().filter_map(|concern| {
            let changed = batch.documents.get(concern.document)?;
            Some((changed, concern.sort))
        });
        let sources = Sources {
            store: batch.store,
            indexes,
        };
        match &mut self.cut {
            Cut::None => concerns
                .map(|(changed, sort)| match sort {
                    Some(_) => changed.matches(),
                    None => changed.left(),
                })
                .collect(),
            Cut::Window(window) => {
                let changes: Vec<_> = concerns
                    .map(|(changed, sort)| (&changed.key, sort))
                    .collect();
                let times = (batch.before, batch.after);
                let moves = window.apply(sources, &self.ask, times, &changes)?;
                let mut all = batch.fetch(&moves.seen)?;
                all.extend(gone(batch, moves.left.iter().chain(&moves.fell_out))?);
                Ok(all)
            }
            Cut::Compare => compare(batch, sources, &self.ask.query),
        }
    }

    /// About what it keeps of its answer, in bytes.
    pub(super) fn window_bytes(&self) -> usize {
        match &self.cut {
            Cut::Window(window) => window.bytes(),
            Cut::None | Cut::Compare => 0,
        }
    }

    /// Keeps nothing of its answer; it is read again when it is needed.
    pub(super) fn forget(&mut self) {
        if let Cut::Window(window) = &mut self.cut {
            window.forget();
        }
    }
}

/// What listeners see of documents that are not in the answer any more.
fn gone<'k>(batch: &Batch<'_>, keys: impl Iterator<Item = &'k Key>) -> Result<Vec<Change>, Error> {
    keys.map(|key| match batch.find(key) {
        Some(changed) => changed.left(),
        None => Ok(Change::FellOut(keys::path(key)?)),
    })
    .collect()
}

/// The difference of the answers before and after a batch.
fn compare(batch: &Batch<'_>, sources: Sources<'_>, query: &Query) -> Result<Vec<Change>, Error> {
    let mut difference = Difference::new(query, batch.before, batch.after);
    let mut found = Vec::new();
    while !difference.is_over() {
        let some = difference.step(sources, usize::MAX)?;
        found.extend(some.iter().map(keys::document));
    }
    let mut changes = batch.fetch(&found)?;
    changes.extend(gone(batch, difference.gone().iter())?);
    Ok(changes)
}
